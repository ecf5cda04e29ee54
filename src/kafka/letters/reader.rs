//! A topic read by hand, up to an end that is fixed at the start: no group is joined, nothing is committed.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};
use tokio::time::Instant;

use crate::domain::{Record, TopicPartition};
use crate::kafka::by_hand::{self, Consumer};
use crate::kafka::{ClientError, KafkaSettings, client, record};

/// The longest that a question to the brokers may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// The longest that nothing may come while more is known to be there.
const SILENCE: Duration = Duration::from_secs(60);
/// Between two looks at whether the reading is to end.
const SLICE: Duration = Duration::from_millis(100);

/// The offsets of a partition that are read: from the first, up to the last and without it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span {
    /// The first offset.
    pub from: i64,
    /// The offset after the last.
    pub to: i64,
}

/// Reads a topic, with `read_committed`.
pub struct TopicReader {
    consumer: Consumer,
    topic: String,
    spans: BTreeMap<i32, Span>,
    /// Where each partition that is not at its end stands.
    open: BTreeMap<i32, i64>,
}

impl std::fmt::Debug for TopicReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopicReader").field("topic", &self.topic).field("open", &self.open).finish_non_exhaustive()
    }
}

/// The properties of a reader under this group id.
pub(super) fn reading(settings: &KafkaSettings, group: &str) -> Result<ClientConfig, ClientError> {
    let mut config = ClientConfig::new();
    client::common(&mut config, settings)?;
    let _ = config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        .set("queued.max.messages.kbytes", "16384")
        .set("isolation.level", "read_committed");
    Ok(config)
}

/// An error in words, with what was being done.
pub(super) fn failed(what: &str, error: &KafkaError) -> ClientError {
    ClientError(format!("{what}: {error}"))
}

impl TopicReader {
    /// Finds out what each partition holds now; [`Self::read_from`] narrows it.
    ///
    /// # Errors
    ///
    /// The topic does not exist, or the brokers do not answer.
    pub fn open(settings: &KafkaSettings, topic: &str) -> Result<Self, ClientError> {
        let config = reading(settings, &format!("{}-reader", settings.group_id))?;
        let consumer = by_hand::consumer(&config, settings)?;
        let spans = spans(&consumer, topic).map_err(|error| failed(&format!("the topic {topic}"), &error))?;
        Ok(Self { consumer, topic: topic.to_owned(), spans, open: BTreeMap::new() })
    }

    /// What is read of each partition.
    #[must_use]
    pub fn spans(&self) -> &BTreeMap<i32, Span> {
        &self.spans
    }

    /// How many offsets there are to read, and how many of them are past.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let all: i64 = self.spans.values().map(|span| span.to - span.from).sum();
        let left: i64 = self.open.iter().filter_map(|(p, at)| self.spans.get(p).map(|span| span.to - at)).sum();
        let count = |n: i64| u64::try_from(n).unwrap_or_default();
        (count(all), count(all - left))
    }

    /// Begins to read these spans. Partitions that are not named are not read.
    ///
    /// # Errors
    ///
    /// librdkafka does not accept the assignment.
    pub fn read_from(&mut self, spans: BTreeMap<i32, Span>) -> Result<(), ClientError> {
        self.spans = spans;
        self.spans.retain(|_, span| span.from < span.to);
        self.open = self.spans.iter().map(|(p, span)| (*p, span.from)).collect();
        let mut list = TopicPartitionList::new();
        let added = self.spans.iter().try_for_each(|(partition, span)| {
            list.add_partition_offset(&self.topic, *partition, ListOffset::Offset(span.from))
        });
        added.and_then(|()| self.consumer.assign(&list)).map_err(|error| failed(&self.topic, &error))
    }

    /// The next record; `None` once all ends are reached. Blocks.
    ///
    /// # Errors
    ///
    /// The brokers refuse, or nothing has come for a minute.
    pub fn read(&mut self) -> Result<Option<Record>, ClientError> {
        let deadline = Instant::now() + SILENCE;
        while !self.open.is_empty() {
            match self.consumer.poll(SLICE) {
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    let Some(span) = self.spans.get(&partition) else { continue };
                    if offset + 1 >= span.to {
                        let _last = self.open.remove(&partition);
                    } else if let Some(at) = self.open.get_mut(&partition) {
                        *at = offset + 1;
                    }
                    if offset < span.to {
                        let at = TopicPartition::new(self.topic.as_str(), partition);
                        return Ok(Some(record::to_record(&message, at)));
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(self.open.remove(&partition)),
                Some(Err(error)) if is_final(&error) || Instant::now() >= deadline => {
                    return Err(failed(&self.topic, &error));
                }
                None if Instant::now() >= deadline => {
                    return Err(ClientError(format!("{}: nothing has come for a minute", self.topic)));
                }
                Some(Err(_)) | None => {}
            }
        }
        Ok(None)
    }
}

fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code();
    matches!(code, Some(Code::TopicAuthorizationFailed | Code::UnknownTopicOrPartition | Code::UnknownTopic))
}

/// What each partition of a topic holds now.
fn spans(consumer: &Consumer, topic: &str) -> KafkaResult<BTreeMap<i32, Span>> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let found = metadata.topics().iter().find(|t| t.name() == topic);
    if let Some(error) = found.and_then(|t| t.error()) {
        return Err(KafkaError::MetadataFetch(error.into()));
    }
    let ids = found.map(|t| t.partitions().iter().map(|p| p.id()).collect::<Vec<_>>()).unwrap_or_default();
    let span = |id: i32| {
        let (from, to) = consumer.fetch_watermarks(topic, id, PATIENCE)?;
        Ok((id, Span { from, to }))
    };
    ids.into_iter().map(span).collect()
}
