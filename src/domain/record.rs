//! A Kafka record as the program sees it: bytes and coordinates, nothing decoded.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// A position in a partition. Committing an offset means "the next record to read is this one".
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Offset(pub i64);

impl Offset {
    /// The offset of the record that follows this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A partition of a topic. Cheap to clone.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number within the topic.
    pub partition: i32,
}

impl TopicPartition {
    /// Names a partition.
    #[must_use]
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// One record header. Kafka allows names to repeat and values to be null.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// The header's name.
    pub name: String,
    /// The header's value; `None` is Kafka's null, not an empty value.
    pub value: Option<Bytes>,
}

/// A record as it came from Kafka, byte for byte.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Where it was read.
    pub partition: TopicPartition,
    /// Its offset there.
    pub offset: Offset,
    /// The record's timestamp in milliseconds since the epoch, if the topic has one.
    pub timestamp_ms: Option<i64>,
    /// The key. `None` means "no order asked for"; empty bytes are a key.
    pub key: Option<Bytes>,
    /// The value. `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The headers in their order.
    pub headers: Vec<Header>,
}

impl Record {
    /// What this record costs in memory, in bytes: key, value and headers. The unit of the byte budgets.
    #[must_use]
    pub fn size(&self) -> usize {
        let bytes = |b: &Option<Bytes>| b.as_ref().map_or(0, Bytes::len);
        let headers: usize = self.headers.iter().map(|h| h.name.len() + bytes(&h.value)).sum();
        bytes(&self.key) + bytes(&self.value) + headers
    }

    /// The value of the last header of this name, as Kafka's own clients read repeated headers.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().rev().find(|h| h.name == name).and_then(|h| h.value.as_ref())
    }

    /// The coordinates by which this record is known for ever: its own, on the given cluster.
    #[must_use]
    pub fn origin(&self, cluster_id: &Arc<str>) -> Origin {
        Origin {
            cluster_id: Arc::clone(cluster_id),
            partition: self.partition.clone(),
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
        }
    }
}

/// Where a record first stood. Ids are derived from it, so it survives dead letter and redrive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The Kafka cluster's id; empty where the broker does not tell.
    pub cluster_id: Arc<str>,
    /// Topic and partition.
    pub partition: TopicPartition,
    /// The offset.
    pub offset: Offset,
    /// The record's timestamp in milliseconds since the epoch.
    pub timestamp_ms: Option<i64>,
}
