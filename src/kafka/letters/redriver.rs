//! Redriven records and how far the redrive has come, in one transaction: an interrupt, SIGKILL too, neither repeats
//! nor skips (promise 3).
//!
//! How far it has come is committed to a group of its own that nobody joins, as offsets of the dead-letter topic. Each
//! commit's metadata says where the run ends, so that a run that goes on ends where it was to end when it began: letters
//! that were written meanwhile are not caught in a loop.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};

use super::reader::{PATIENCE, failed, reading};
use crate::domain::Header;
use crate::kafka::by_hand::{self, Consumer, Producer};
use crate::kafka::{ClientError, KafkaSettings, client, sink};

/// What the ids of redrives begin with: their groups' and their transactions'. Rights are given by it
/// (docs/operations.md).
pub const REDRIVE_IDS: &str = "alertbridge-redrive.";

/// What commit metadata begins with: version 1.
const METADATA: &str = "redrive-1 end=";

/// How far a redrive has come in a partition of the dead-letter topic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// The next offset to look at.
    pub next: i64,
    /// Where the run ends that has come here.
    pub end: i64,
}

/// A record to write to the redrive topic.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its own headers, then the mark.
    pub headers: Vec<Header>,
}

/// Writes to the redrive topic. One at a time for each id: a second one takes over, and the first fails.
pub struct Redriver {
    producer: Producer,
    consumer: Consumer,
    from: String,
    to: String,
}

impl std::fmt::Debug for Redriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redriver").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// How far the redrive of this id has come; partitions in which it has not begun are absent.
///
/// # Errors
///
/// The brokers do not answer.
pub fn progress(
    settings: &KafkaSettings,
    id: &str,
    partitions: impl IntoIterator<Item = i32>,
) -> Result<BTreeMap<i32, Progress>, ClientError> {
    let consumer = by_hand::consumer(&reading(settings, id)?, settings)?;
    committed(&consumer, &settings.dead_letter_topic, partitions)
}

fn committed(
    consumer: &Consumer,
    topic: &str,
    partitions: impl IntoIterator<Item = i32>,
) -> Result<BTreeMap<i32, Progress>, ClientError> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        let _element = list.add_partition(topic, partition);
    }
    let list = consumer
        .committed_offsets(list, PATIENCE)
        .map_err(|error| failed("how far the redrive has come cannot be read", &error))?;
    let mut found = BTreeMap::new();
    for element in list.elements() {
        element.error().map_err(|error| failed("how far the redrive has come cannot be read", &error))?;
        if let ListOffset::Offset(next) = element.offset() {
            // rust-rdkafka 0.39 panics where the metadata is not UTF-8, which another tool may have written.
            let metadata = catch_unwind(AssertUnwindSafe(|| element.metadata().to_owned())).unwrap_or_default();
            let end = metadata.strip_prefix(METADATA).and_then(|end| end.parse().ok()).unwrap_or(next);
            let _none = found.insert(element.partition(), Progress { next, end });
        }
    }
    Ok(found)
}

impl Redriver {
    /// Takes the id over: whoever redrives under it fails from now on, and what it has not committed is void.
    ///
    /// # Errors
    ///
    /// The settings hold a property that is not accepted, or the brokers refuse or do not answer.
    pub fn open(settings: &KafkaSettings, id: &str) -> Result<Self, ClientError> {
        let mut config = client::producer(settings)?;
        let _ = config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", "60000")
            .set("linger.ms", "5")
            .set("batch.num.messages", "10000");
        let producer = by_hand::producer(&config, settings)?;
        let consumer = by_hand::consumer(&reading(settings, id)?, settings)?;
        producer.init_transactions(PATIENCE * 4).map_err(|error| failed("transactions cannot begin", &error))?;
        Ok(Self { producer, consumer, from: settings.dead_letter_topic.clone(), to: settings.redrive_topic.clone() })
    }

    /// Writes records and how far this comes, both or none. Blocks.
    ///
    /// # Errors
    ///
    /// Nothing was written: the brokers refuse a record or do not answer, or another run has taken over.
    pub fn write(&self, records: &[Outgoing], come: &BTreeMap<i32, Progress>) -> Result<(), ClientError> {
        self.transact(records, come).map_err(|error| {
            // What is left of it is void in any case, at the latest by its time-out.
            let _aborted = self.producer.abort_transaction(PATIENCE);
            failed(&format!("nothing more is written to {}", self.to), &error)
        })
    }

    fn transact(&self, records: &[Outgoing], come: &BTreeMap<i32, Progress>) -> Result<(), KafkaError> {
        self.producer.begin_transaction()?;
        for outgoing in records {
            let mut record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(&self.to).headers(sink::native(&outgoing.headers));
            record.key = outgoing.key.as_deref();
            record.payload = outgoing.value.as_deref();
            self.producer.send(record).map_err(|(error, _record)| error)?;
        }
        let mut offsets = TopicPartitionList::new();
        for (partition, Progress { next, end }) in come {
            let mut element = offsets.add_partition(&self.from, *partition);
            element.set_offset(ListOffset::Offset(*next))?;
            element.set_metadata(format!("{METADATA}{end}"));
        }
        let group = self.consumer.group_metadata().ok_or(KafkaError::Canceled)?;
        self.producer.send_offsets_to_transaction(&offsets, &group, PATIENCE)?;
        self.producer.commit_transaction(PATIENCE * 2)
    }
}
