//! The Kafka adapters on a real Apache Kafka.

mod churn;
mod embedded;
mod outage;
mod reading;
mod rebalance;
mod recreated;
mod single;
mod sink;
mod start;

use std::time::Duration;

use alertbridge::domain::{Offset, Record, TopicPartition};
use alertbridge::kafka::plain::PlainProducer;
use alertbridge::kafka::{KafkaSettings, KafkaSource};
use alertbridge::offsets::{CompletedOffsets, Epoch, Frontier};
use alertbridge::ports::{RecordSource as _, SourceEvent, Start};

use crate::support::kafka::{self, KafkaBroker, unique};

/// Longer than anything here takes on a busy machine; a test that waits for it has failed.
const BOUND: Duration = Duration::from_secs(60);

/// A topic of its own on the shared broker, and a group that has never read it.
struct Scene {
    broker: &'static KafkaBroker,
    topic: String,
    group: String,
}

impl Scene {
    async fn new(name: &str, partitions: i32) -> Self {
        let (broker, topic, group) = (kafka::shared(), unique(name), unique("g"));
        broker.create_topic(&topic, partitions, &[]).await;
        Self { broker, topic, group }
    }
}

/// Writes a record without a key to each of these partitions.
async fn write(producer: &PlainProducer, topic: &str, partitions: impl IntoIterator<Item = i32>, value: &[u8]) {
    for partition in partitions {
        producer.produce(topic, Some(partition), None, Some(value), &[]).await.unwrap();
    }
}

/// Takes events until one of them gives a value; all that were seen on the way are kept.
struct Feed {
    source: KafkaSource,
    seen: Vec<SourceEvent>,
}

impl Feed {
    fn start(settings: KafkaSettings) -> Self {
        Self { source: KafkaSource::start(settings).unwrap(), seen: Vec::new() }
    }

    async fn until<T>(&mut self, mut found: impl FnMut(&SourceEvent) -> Option<T>) -> T {
        let searched = async {
            loop {
                let event = self.source.next().await;
                let value = found(&event);
                self.seen.push(event);
                if let Some(value) = value {
                    return value;
                }
            }
        };
        match tokio::time::timeout(BOUND, searched).await {
            Ok(value) => value,
            Err(_) => panic!("it did not come; seen: {:#?}", self.seen),
        }
    }

    async fn assigned(&mut self) -> Vec<(TopicPartition, Offset)> {
        let mut partitions = self
            .until(|event| match event {
                SourceEvent::Assigned { partitions, .. } => Some(places(partitions)),
                _ => None,
            })
            .await;
        partitions.sort();
        partitions
    }

    /// The first partition of the next assignment, with all that is known of where it begins.
    async fn first_start(&mut self) -> Start {
        self.until(|event| match event {
            SourceEvent::Assigned { partitions, .. } => partitions.first().cloned(),
            _ => None,
        })
        .await
    }

    /// Waits for this many records.
    async fn records(&mut self, count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        self.until(|event| {
            if let SourceEvent::Records(more) = event {
                records.extend(more.iter().cloned());
            }
            (records.len() >= count).then_some(())
        })
        .await;
        assert_eq!(records.len(), count, "more than was asked for");
        records
    }

    async fn committed(&mut self) -> Vec<(TopicPartition, Offset)> {
        self.until(|event| match event {
            SourceEvent::Committed(frontiers) => {
                Some(frontiers.iter().map(|f| (f.partition.clone(), f.offset)).collect())
            }
            SourceEvent::CommitFailed { error, .. } => panic!("the commit failed: {error}"),
            _ => None,
        })
        .await
    }

    async fn close(self) {
        self.source.close(Vec::new()).await.unwrap();
    }
}

fn places(starts: &[Start]) -> Vec<(TopicPartition, Offset)> {
    starts.iter().map(|start| (start.partition.clone(), start.offset)).collect()
}

/// A frontier with nothing settled above it.
fn frontier((partition, offset): (TopicPartition, Offset)) -> Frontier {
    Frontier { partition, offset, completed: CompletedOffsets::default(), mark: None, epoch: Epoch(1) }
}

fn at(topic: &str, partition: i32, offset: i64) -> (TopicPartition, Offset) {
    (TopicPartition::new(topic, partition), Offset(offset))
}
