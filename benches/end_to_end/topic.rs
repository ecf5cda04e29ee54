//! The topic with the alerts, on a real Apache Kafka, and how far groups have got in it.

use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::alerts;
use super::kafka::KafkaBroker;

/// The topic's name.
pub(crate) const ALERTS: &str = "soc.alerts";

/// How many records wait for their acknowledgement at once.
const CHUNK: usize = 5_000;

const PATIENCE: Duration = Duration::from_secs(30);

/// Writes the alerts, evenly over the partitions.
pub(crate) async fn write(broker: &KafkaBroker, events: usize, partitions: i32) -> anyhow::Result<()> {
    create(broker, partitions).await;
    let producer: FutureProducer = broker.client().set("linger.ms", "5").set("log_level", "3").create()?;
    for begin in (0..events).step_by(CHUNK) {
        let chunk = begin..events.min(begin + CHUNK);
        let alerts: Vec<(usize, String, Vec<u8>)> =
            chunk.map(|n| Ok((n, alerts::key(n), alerts::value(n)?))).collect::<anyhow::Result<_>>()?;
        let sends = alerts.iter().map(|(n, key, value)| {
            let record = FutureRecord::to(ALERTS).partition(partition(*n, partitions)).key(key).payload(value);
            producer.send(record, PATIENCE)
        });
        let _delivered = try_join_all(sends).await.map_err(|(error, _)| error).context("an alert was not written")?;
    }
    Ok(())
}

/// Makes the topic, and the one for dead letters.
pub(crate) async fn create(broker: &KafkaBroker, partitions: i32) {
    broker.create_topic(ALERTS, partitions, &[]).await;
    broker.create_topic(&format!("{ALERTS}.dead-letter"), 1, &[]).await;
}

/// Keys stay with their partition, as a producer that hashes them keeps them.
pub(crate) fn partition(n: usize, partitions: i32) -> i32 {
    i32::try_from(n % alerts::HOSTS).unwrap_or_default() % partitions
}

/// Whether a group has committed every record.
pub(crate) struct Progress {
    consumer: BaseConsumer,
    ends: Vec<i64>,
}

impl Progress {
    pub(crate) fn of(broker: &KafkaBroker, group: &str, partitions: i32) -> anyhow::Result<Self> {
        let consumer: BaseConsumer = broker.client().set("group.id", group).set("log_level", "3").create()?;
        let end = |p| Ok(consumer.fetch_watermarks(ALERTS, p, PATIENCE)?.1);
        let ends = (0..partitions).map(end).collect::<anyhow::Result<_>>()?;
        Ok(Self { consumer, ends })
    }

    /// How many records the topic holds.
    pub(crate) fn records(&self) -> i64 {
        self.ends.iter().sum()
    }

    /// Asks the broker whether the committed offsets are the end offsets.
    pub(crate) fn is_complete(&self) -> anyhow::Result<bool> {
        let mut list = TopicPartitionList::new();
        for (partition, _) in (0..).zip(&self.ends) {
            let _element = list.add_partition(ALERTS, partition);
        }
        let committed = self.consumer.committed_offsets(list, PATIENCE)?;
        let is_end = |p: i32, end: i64| {
            committed.find_partition(ALERTS, p).is_some_and(|element| element.offset() == Offset::Offset(end))
        };
        Ok((0..).zip(&self.ends).all(|(p, end)| is_end(p, *end)))
    }
}
