//! A producer and a reader without the bridge's promises: for the demo, the bench and tests.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};
use tokio::time::Instant;

use super::{ClientError, client, record, sink};
use crate::domain::{Header, Offset, Record, TopicPartition};

/// The longest that a question to the brokers may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes records. Cheap to clone.
#[derive(Clone)]
pub struct PlainProducer {
    producer: FutureProducer,
}

impl std::fmt::Debug for PlainProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainProducer")
    }
}

impl PlainProducer {
    /// A producer to these brokers (`host:port`, comma separated), without transport security.
    ///
    /// # Errors
    ///
    /// librdkafka does not accept the address.
    pub fn new(bootstrap_servers: &str) -> Result<Self, ClientError> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("message.max.bytes", "1000000000")
            .set("linger.ms", "5")
            .create()
            .map_err(|error| client::refused(&error))?;
        Ok(Self { producer })
    }

    /// Writes one record and waits for the acknowledgement; says where it stands.
    ///
    /// # Errors
    ///
    /// The brokers did not take it.
    pub async fn produce(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
    ) -> Result<(TopicPartition, Offset), ClientError> {
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic).headers(sink::native(headers));
        record.partition = partition;
        record.key = key;
        record.payload = value;
        match self.producer.send(record, PATIENCE).await {
            Ok(delivery) => Ok((TopicPartition::new(topic, delivery.partition), Offset(delivery.offset))),
            Err((error, _record)) => Err(ClientError(error.to_string())),
        }
    }
}

/// Reads what a topic holds now, all partitions, in the order of each. Blocks; ends when all ends are reached.
///
/// # Errors
///
/// The topic does not exist, or the brokers do not answer within `bound`.
pub fn read_topic(bootstrap_servers: &str, topic: &str, bound: Duration) -> Result<Vec<Record>, ClientError> {
    read(bootstrap_servers, topic, bound).map_err(|error| ClientError(error.to_string()))
}

fn read(bootstrap_servers: &str, topic: &str, bound: Duration) -> Result<Vec<Record>, KafkaError> {
    let deadline = Instant::now() + bound;
    // The group is never joined: partitions are assigned by hand and nothing is committed.
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap_servers)
        .set("group.id", "alertbridge-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let found = metadata.topics().iter().find(|t| t.name() == topic && t.error().is_none());
    let mut assignment = TopicPartitionList::new();
    for partition in found.map(|t| t.partitions()).unwrap_or_default() {
        assignment.add_partition_offset(topic, partition.id(), ListOffset::Beginning)?;
    }
    let mut open = assignment.count();
    consumer.assign(&assignment)?;
    let mut records = Vec::new();
    while open > 0 {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let partition = TopicPartition::new(topic, message.partition());
                records.push(record::to_record(&message, partition));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) if Instant::now() >= deadline => return Err(error),
            None if Instant::now() >= deadline => return Err(KafkaError::NoMessageReceived),
            Some(Err(_)) | None => {}
        }
    }
    Ok(records)
}
