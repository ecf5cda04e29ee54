//! One record by its place, for `map --from`: partitions are assigned by hand, so that no group is joined, nothing is
//! committed and no topic is made. Blocks, for a bounded time.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::Instant;

use super::{ClientError, KafkaSettings, by_hand, client, queries, record};
use crate::domain::{Offset, Record, TopicPartition};

/// How long one poll may take.
const POLL: Duration = Duration::from_millis(200);

/// Why there is no such record, or why it cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The client could not be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody answered in time.
    #[error("{servers} did not answer within {} s{}", bound.as_secs(), cause(reason))]
    Unreachable {
        /// `host:port`, comma separated.
        servers: String,
        /// How long was waited.
        bound: Duration,
        /// librdkafka's last words.
        reason: Option<String>,
    },
    /// There is no such topic.
    #[error("there is no topic `{0}`")]
    NoTopic(String),
    /// The topic has no such partition.
    #[error("`{topic}` has no partition {partition}; it has 0 to {last}")]
    NoPartition {
        /// The topic.
        topic: String,
        /// The partition that was asked for.
        partition: i32,
        /// Its last partition.
        last: i32,
    },
    /// The partition does not reach to this offset, or no more.
    #[error("{at} has no record {offset}: {}", range(*low, *high))]
    OutOfRange {
        /// The partition.
        at: TopicPartition,
        /// The offset that was asked for.
        offset: Offset,
        /// Its first offset.
        low: i64,
        /// The offset after its last.
        high: i64,
    },
    /// Its place is empty: compacted away, a transaction's marker, or of a transaction that was aborted.
    #[error("{at} has no record {offset}: it was compacted away, or is of a transaction{}", following(next))]
    Gap {
        /// The partition.
        at: TopicPartition,
        /// The offset that was asked for.
        offset: Offset,
        /// The offset of the record that follows.
        next: Option<Offset>,
    },
    /// The brokers refuse.
    #[error("the brokers refuse: {0}")]
    Refused(String),
}

fn cause(reason: &Option<String>) -> String {
    reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"))
}

fn range(low: i64, high: i64) -> String {
    match high - low {
        0 if high == 0 => "it is empty".to_owned(),
        0 => format!("it holds none any more; the next will be {high}"),
        _ => format!("it has {low} to {}", high - 1),
    }
}

fn following(next: &Option<Offset>) -> String {
    next.map_or_else(String::new, |next| format!("; the next record is {next}"))
}

/// Reads the record at an offset, and tells the cluster's id (empty where the brokers do not tell), within `bound`.
///
/// # Errors
///
/// [`ReadError`] says which places there are.
pub fn read_record(
    settings: &KafkaSettings,
    at: &TopicPartition,
    offset: Offset,
    bound: Duration,
) -> Result<(Record, String), ReadError> {
    let mut config = ClientConfig::new();
    client::common(&mut config, settings)?;
    let _ = config
        // Never joined: partitions are assigned by hand. librdkafka wants a name.
        .set("group.id", &settings.group_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("allow.auto.create.topics", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed");
    let consumer = by_hand::consumer(&config, settings)?;
    Reading { consumer, settings, deadline: Instant::now() + bound, bound }.record(at, offset)
}

struct Reading<'a> {
    consumer: by_hand::Consumer,
    settings: &'a KafkaSettings,
    deadline: Instant,
    bound: Duration,
}

impl Reading<'_> {
    fn record(&self, at: &TopicPartition, offset: Offset) -> Result<(Record, String), ReadError> {
        self.partition(at)?;
        let (low, high) = self
            .consumer
            .fetch_watermarks(&at.topic, at.partition, self.left())
            .map_err(|error| self.failed(&error))?;
        if !(low..high).contains(&offset.0) {
            return Err(ReadError::OutOfRange { at: at.clone(), offset, low, high });
        }
        let cluster_id = self.consumer.client().fetch_cluster_id(self.left()).unwrap_or_default();
        let list = queries::list([(at, offset)]).map_err(|error| self.failed(&error))?;
        self.consumer.assign(&list).map_err(|error| self.failed(&error))?;
        loop {
            match self.consumer.poll(POLL) {
                Some(Ok(message)) if message.offset() == offset.0 => {
                    return Ok((record::to_record(&message, at.clone()), cluster_id));
                }
                Some(Ok(message)) => {
                    let next = Some(Offset(message.offset()));
                    return Err(ReadError::Gap { at: at.clone(), offset, next });
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    return Err(ReadError::Gap { at: at.clone(), offset, next: None });
                }
                Some(Err(error)) if Instant::now() >= self.deadline => return Err(self.failed(&error)),
                None if Instant::now() >= self.deadline => return Err(self.unreachable()),
                // librdkafka goes on by itself.
                Some(Err(_)) | None => {}
            }
        }
    }

    /// Whether there is such a partition.
    fn partition(&self, at: &TopicPartition) -> Result<(), ReadError> {
        let metadata =
            self.consumer.fetch_metadata(Some(&at.topic), self.left()).map_err(|error| self.failed(&error))?;
        let found = metadata.topics().iter().find(|topic| topic.name() == &*at.topic);
        let no_topic = || ReadError::NoTopic(at.topic.to_string());
        let topic = found.ok_or_else(no_topic)?;
        match topic.error().map(RDKafkaErrorCode::from) {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => return Err(no_topic()),
            Some(code) => return Err(ReadError::Refused(format!("topic `{}`: {code}", at.topic))),
            None => {}
        }
        let mut ids = topic.partitions().iter().map(|partition| partition.id());
        if ids.clone().any(|id| id == at.partition) {
            return Ok(());
        }
        let last = ids.by_ref().max().ok_or_else(no_topic)?;
        Err(ReadError::NoPartition { topic: at.topic.to_string(), partition: at.partition, last })
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()).max(POLL)
    }

    fn failed(&self, error: &KafkaError) -> ReadError {
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::Authentication,
            ) => self.unreachable(),
            _ => ReadError::Refused(error.to_string()),
        }
    }

    fn unreachable(&self) -> ReadError {
        let reason = self.consumer.client().context().take_trouble();
        ReadError::Unreachable { servers: self.settings.bootstrap_servers.clone(), bound: self.bound, reason }
    }
}
