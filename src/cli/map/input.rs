//! Where `map` gets its records from: files, standard input, or a place in Kafka.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use bytes::Bytes;

use super::MapArgs;
use super::standing::{Standing, Topics};
use crate::app;
use crate::cli::Failure;
use crate::config::Config;
use crate::domain::{Offset, Origin, Record, TopicPartition};
use crate::mapping::is_gzip;

/// A record, where it first stood, and what of it would run.
pub(super) struct Input {
    pub(super) record: Record,
    pub(super) origin: Origin,
    pub(super) standing: Standing,
}

impl Input {
    fn of(record: Record, cluster_id: &Arc<str>, topics: &Topics<'_>) -> Self {
        let standing = topics.standing(&record);
        let origin = standing.origin(record.origin(cluster_id));
        Self { record, origin, standing }
    }
}

/// A record's place in Kafka: `TOPIC/PARTITION/OFFSET`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct At {
    partition: TopicPartition,
    offset: Offset,
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let wrong = || "write it as TOPIC/PARTITION/OFFSET, such as soc.alerts/3/42".to_owned();
        let [topic, partition, offset] = parts.as_slice() else { return Err(wrong()) };
        let partition = partition.parse().ok().filter(|p: &i32| *p >= 0).ok_or_else(wrong)?;
        let offset = offset.parse().ok().filter(|o: &i64| *o >= 0).ok_or_else(wrong)?;
        if topic.is_empty() {
            return Err(wrong());
        }
        Ok(Self { partition: TopicPartition::new(*topic, partition), offset: Offset(offset) })
    }
}

/// The records that the command line names.
pub(super) fn records(args: &MapArgs, config: &Config) -> Result<Vec<Input>, Failure> {
    let topics = Topics::of(config);
    match &args.from {
        Some(at) => {
            let (record, cluster_id) = app::read_record(config, &at.partition, at.offset, args.timeout)?;
            Ok(vec![Input::of(record, &cluster_id.into(), &topics)])
        }
        None => {
            let mut remarks = Vec::new();
            let inputs = from_files(args, &topics, &mut remarks)?;
            remarks.iter().for_each(|remark| super::warn(&mut io::stderr(), remark));
            Ok(inputs)
        }
    }
}

/// The records of the files. What is hardly meant of these is added to `remarks`.
pub(super) fn from_files(args: &MapArgs, topics: &Topics<'_>, remarks: &mut Vec<String>) -> anyhow::Result<Vec<Input>> {
    let cluster_id: Arc<str> = args.cluster.as_str().into();
    let values = values(args, remarks)?.into_iter().map(|(_, value)| value);
    let records = values.zip(args.offset.unwrap_or(0)..).map(|(value, offset)| {
        let record = Record {
            partition: TopicPartition::new(args.topic.as_str(), args.partition),
            offset: Offset(offset),
            timestamp_ms: args.timestamp,
            key: args.key.clone().map(Bytes::from),
            // An empty input stands for Kafka's null.
            value: Some(value).filter(|v| !v.is_empty()),
            headers: args.headers.clone(),
        };
        Input::of(record, &cluster_id, topics)
    });
    Ok(records.collect())
}

/// The values in the files, each with the file's name. What is hardly meant of these is added to `remarks`.
pub(super) fn values(args: &MapArgs, remarks: &mut Vec<String>) -> anyhow::Result<Vec<(String, Bytes)>> {
    let mut values = Vec::new();
    for file in &args.records {
        let (name, text) = (named(file), read(file)?);
        if args.lines {
            // Inside of a compressed file a line break is a byte as any.
            ensure!(!is_gzip(&text), "{name} is gzip: unpack it (`zcat FILE | alertbridge map --lines -`)");
            let before = values.len();
            let lines = text.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
            values.extend(lines.map(|line| (name.clone(), text.slice_ref(line))));
            if values.len() == before {
                remarks.push(format!("no line in {name}"));
            }
        } else {
            if text.is_empty() {
                remarks.push(format!("{name} is empty: taken for a record without a value"));
            }
            values.push((name, text));
        }
    }
    Ok(values)
}

fn named(file: &Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() }
}

fn read(file: &Path) -> anyhow::Result<Bytes> {
    if file.as_os_str() != "-" {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        return Ok(bytes.into());
    }
    let mut bytes = Vec::new();
    let _count = io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::At;

    #[test]
    fn a_place_is_a_topic_a_partition_and_an_offset() {
        let at: At = "soc.alerts/3/42".parse().unwrap();
        assert_eq!((at.partition.to_string().as_str(), at.offset.0), ("soc.alerts/3", 42));
        for wrong in ["soc.alerts", "t/1", "/1/2", "t/-1/2", "t/1/-2", "t/x/1", "t/1/2/3", "t/1/end"] {
            assert!(wrong.parse::<At>().unwrap_err().contains("TOPIC/PARTITION/OFFSET"), "{wrong}");
        }
    }
}
