//! The mark of a redriven record: which part and workflow of it are to run, and for whom (promise 3: under the place
//! where the record first stood, so that its ids are the same as before).

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{HEADER_PREFIX, Header, Offset, Origin, Record, TopicPartition};

/// What a record of the redrive topic asks for. In headers: `-original-cluster`, `-original-topic`,
/// `-original-partition`, `-original-offset`, `-original-timestamp-ms`, and `-redrive-group`, `-redrive-part`,
/// `-redrive-workflow-id`, `-redrive-count`, and `-created-alert-id`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RedriveMark {
    /// The only consumer group that runs it.
    pub group: Arc<str>,
    /// Where the record first stood.
    pub origin: Origin,
    /// The part that runs; `None`: all of them.
    pub part: Option<u32>,
    /// The workflow that runs; `None`: those that the routes choose.
    pub workflow_id: Option<Arc<str>>,
    /// How often this has been redriven, this time included: at least 1.
    pub count: u32,
    /// The id under which SecMaster has the alert already: it is not created again.
    pub created_alert_id: Option<Arc<str>>,
}

impl RedriveMark {
    /// Reads the mark of a record; `None` where there is none, or none that can be understood.
    #[must_use]
    pub fn read(record: &Record) -> Option<Self> {
        let text = |name: &str| our_header(record, name);
        let part = text("redrive-part").map(|part| part.parse().ok());
        Some(Self {
            group: text("redrive-group")?.into(),
            origin: read_origin(record)?,
            part: match part {
                None => None,
                Some(part) => Some(part?),
            },
            workflow_id: text("redrive-workflow-id").map(Arc::from),
            count: text("redrive-count")?.parse().ok().filter(|count| *count > 0)?,
            created_alert_id: text("created-alert-id").filter(|id| is_id(id)).map(Arc::from),
        })
    }

    /// The headers that say it.
    #[must_use]
    pub fn headers(&self) -> Vec<Header> {
        let origin = &self.origin;
        let fields = [
            ("original-cluster", Some(origin.cluster_id.to_string())),
            ("original-topic", Some(origin.partition.topic.to_string())),
            ("original-partition", Some(origin.partition.partition.to_string())),
            ("original-offset", Some(origin.offset.to_string())),
            ("original-timestamp-ms", origin.timestamp_ms.map(|time| time.to_string())),
            ("redrive-group", Some(self.group.to_string())),
            ("redrive-part", self.part.map(|part| part.to_string())),
            ("redrive-workflow-id", self.workflow_id.as_ref().map(ToString::to_string)),
            ("redrive-count", Some(self.count.to_string())),
            ("created-alert-id", self.created_alert_id.as_ref().map(ToString::to_string)),
        ];
        let header = |(name, value): (&str, Option<String>)| {
            Some(Header { name: format!("{HEADER_PREFIX}{name}"), value: Some(Bytes::from(value?)) })
        };
        fields.into_iter().filter_map(header).collect()
    }

    /// Whether this part of the record runs.
    #[must_use]
    pub fn names_part(&self, part: u32) -> bool {
        self.part.is_none_or(|named| named == part)
    }

    /// Whether this workflow runs, if the routes lead to it.
    #[must_use]
    pub fn names_workflow(&self, workflow_id: &str) -> bool {
        self.workflow_id.as_deref().is_none_or(|named| named == workflow_id)
    }

    /// What is wrong where mappings and routes give nothing any more of what it names. `has_part`: they do give the part.
    #[must_use]
    pub fn names_nothing(&self, has_part: bool) -> String {
        if has_part {
            let workflow = self.workflow_id.as_deref().unwrap_or_default();
            format!(
                "no rule leads to the workflow {workflow} of the redrive mark any more: redrive with --any-workflow"
            )
        } else {
            format!("the record has no part {} any more", self.part.unwrap_or_default())
        }
    }

    /// The same for each mark that asks for the same thing: two dead letters that a crash has made of one failure have
    /// one, whatever either knows of the alert.
    #[must_use]
    pub fn identity(&self) -> Uuid {
        let Origin { cluster_id, partition, offset, timestamp_ms } = &self.origin;
        let name = format!(
            "{}\n{cluster_id}\n{partition}\n{offset}\n{timestamp_ms:?}\n{:?}\n{:?}\n{}",
            self.group, self.part, self.workflow_id, self.count
        );
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }
}

/// Where the record of a dead letter, or a redriven record, first stood; `None` where its headers do not say.
#[must_use]
pub fn read_origin(record: &Record) -> Option<Origin> {
    let text = |name: &str| our_header(record, name);
    let partition = text("original-partition")?.parse().ok()?;
    Some(Origin {
        cluster_id: text("original-cluster").unwrap_or_default().into(),
        partition: TopicPartition::new(text("original-topic")?, partition),
        offset: Offset(text("original-offset")?.parse().ok()?),
        timestamp_ms: match text("original-timestamp-ms") {
            None => None,
            Some(time) => Some(time.parse().ok()?),
        },
    })
}

/// Whether a record of an alert topic is a dead letter that somebody copied there: running it would loop.
#[must_use]
pub fn is_dead_letter_copy(record: &Record) -> bool {
    let is_ours = |name: &str| name.strip_prefix(HEADER_PREFIX).is_some_and(|rest| rest.starts_with("original-"));
    record.headers.iter().any(|header| is_ours(&header.name))
}

/// Longer than any name or id that a mark holds, in bytes; what they say goes into log lines.
const LONGEST_TEXT: usize = 1_024;

/// Whether a service could have given this id: it goes into requests.
fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// One of the bridge's own headers as text, named without the prefix.
fn our_header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let value = record.header(&format!("{HEADER_PREFIX}{name}")).filter(|value| value.len() <= LONGEST_TEXT)?;
    std::str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> RedriveMark {
        RedriveMark {
            group: "g".into(),
            origin: Origin {
                cluster_id: "c".into(),
                partition: TopicPartition::new("soc.alerts", 3),
                offset: Offset(42),
                timestamp_ms: Some(7),
            },
            part: Some(2),
            workflow_id: Some("wf".into()),
            count: 1,
            created_alert_id: Some("alert".into()),
        }
    }

    fn record(headers: Vec<Header>) -> Record {
        Record {
            partition: TopicPartition::new("soc.alerts.redrive", 0),
            offset: Offset(0),
            timestamp_ms: None,
            key: None,
            value: None,
            headers,
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bare = RedriveMark { part: None, workflow_id: None, created_alert_id: None, ..mark() };
        let timeless = RedriveMark { origin: Origin { timestamp_ms: None, ..mark().origin }, ..mark() };
        for mark in [mark(), bare, timeless] {
            assert_eq!(RedriveMark::read(&record(mark.headers())), Some(mark));
        }
    }

    #[test]
    fn a_mark_that_is_not_whole_is_none() {
        for missing in ["redrive-group", "redrive-count", "original-topic", "original-offset"] {
            let mut headers = mark().headers();
            headers.retain(|header| header.name != format!("{HEADER_PREFIX}{missing}"));
            assert_eq!(RedriveMark::read(&record(headers)), None, "{missing}");
        }
        let long = RedriveMark {
            origin: Origin { partition: TopicPartition::new("t".repeat(1_025), 0), ..mark().origin },
            ..mark()
        };
        assert_eq!(RedriveMark::read(&record(long.headers())), None, "no topic has such a name");
        for (name, wrong) in [("redrive-count", "0"), ("redrive-part", "all"), ("original-timestamp-ms", "x")] {
            let mut headers = mark().headers();
            headers.push(Header { name: format!("{HEADER_PREFIX}{name}"), value: Some(Bytes::from(wrong)) });
            assert_eq!(RedriveMark::read(&record(headers)), None, "{name}");
        }
    }

    #[test]
    fn marks_that_ask_for_the_same_have_one_identity_and_others_have_not() {
        assert_eq!(mark().identity(), mark().identity());
        let others = [
            RedriveMark { part: None, ..mark() },
            RedriveMark { workflow_id: None, ..mark() },
            RedriveMark { count: 2, ..mark() },
            RedriveMark { group: "h".into(), ..mark() },
            RedriveMark { origin: Origin { offset: Offset(43), ..mark().origin }, ..mark() },
        ];
        assert!(others.iter().all(|other| other.identity() != mark().identity()));
    }
}
