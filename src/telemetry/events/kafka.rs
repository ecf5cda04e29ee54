//! The consumer group: what is ours, what is committed, what is gone.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::{Telemetry, as_gauge, emit};
use crate::domain::{Offset, TopicPartition};
use crate::telemetry::{catalogue, log_events};

impl Telemetry {
    /// Records were read.
    pub fn records_consumed(&self, count: u64) {
        let _before = self.inner.counts.records_consumed.fetch_add(count, Ordering::Relaxed);
        self.metrics().records_consumed.increment(count);
    }

    /// Partitions are ours, each from the given offset on.
    pub fn assigned(&self, partitions: &[(TopicPartition, Offset)]) {
        self.metrics().assigned.increment(1);
        emit!(log_events::PARTITIONS_ASSIGNED, count = partitions.len(), partitions = frontiers(partitions));
    }

    /// Partitions are to be handed back.
    pub fn revoked(&self, partitions: &[TopicPartition]) {
        self.metrics().revoked.increment(1);
        emit!(log_events::PARTITIONS_REVOKED, count = partitions.len(), partitions = list(partitions));
    }

    /// Partitions were handed back; their series end.
    pub fn released(&self, partitions: &[TopicPartition]) {
        emit!(log_events::PARTITIONS_RELEASED, count = partitions.len(), partitions = list(partitions));
        partitions.iter().for_each(|partition| self.forget_partition(partition));
    }

    /// Partitions were taken from us; their series end.
    pub fn lost(&self, partitions: &[TopicPartition]) {
        self.metrics().lost.increment(1);
        emit!(log_events::PARTITIONS_LOST, count = partitions.len(), partitions = list(partitions));
        partitions.iter().for_each(|partition| self.forget_partition(partition));
    }

    /// Reading of a partition rests although the buffer has room for it: its frontier has to move first.
    pub fn held_back(&self, partition: &TopicPartition, frontier: Offset) {
        if self.admits(&log_events::PARTITION_HELD_BACK, &partition.to_string()) {
            let TopicPartition { topic, partition } = partition;
            emit!(log_events::PARTITION_HELD_BACK, topic = &**topic, partition, next_offset = frontier.0);
        }
    }

    /// Frontiers were committed.
    pub fn committed(&self, partitions: &[(TopicPartition, Offset)]) {
        self.metrics().commits_ok.increment(1);
        for (partition, offset) in partitions {
            self.partition_gauge(&catalogue::COMMITTED_OFFSET, partition, as_gauge(offset.0));
        }
        if tracing::enabled!(target: "alertbridge", log_events::OFFSETS_COMMITTED.level) {
            emit!(log_events::OFFSETS_COMMITTED, count = partitions.len(), partitions = frontiers(partitions));
        }
    }

    /// A commit failed; the next one makes good for it.
    pub fn commit_failed(&self, error: &str) {
        self.metrics().commits_failed.increment(1);
        if self.admits(&log_events::COMMIT_FAILED, "") {
            emit!(log_events::COMMIT_FAILED, error);
        }
    }

    /// Records from `wanted` up to `resumed_at` were deleted before they were read; so many of them had settled before.
    pub fn out_of_range(&self, partition: &TopicPartition, wanted: Offset, resumed_at: Offset, settled: u64) {
        // A recreated topic goes on at a lower offset: nothing can be said of what was lost.
        let gone = u64::try_from(resumed_at.0.saturating_sub(wanted.0)).unwrap_or(0);
        let lost = gone.saturating_sub(settled);
        self.metrics().lost_records.increment(lost);
        emit!(
            log_events::OUT_OF_RANGE,
            topic = &*partition.topic,
            partition = partition.partition,
            wanted = wanted.0,
            resumed_at = resumed_at.0,
            lost,
        );
    }

    /// No broker can be reached, or the group cannot be joined.
    pub fn kafka_unavailable(&self, error: &str) {
        if self.admits(&log_events::KAFKA_UNAVAILABLE, "") {
            emit!(log_events::KAFKA_UNAVAILABLE, error);
        }
    }

    /// The group was joined.
    pub fn kafka_available(&self) {
        emit!(log_events::KAFKA_AVAILABLE);
    }

    /// How many records lie between the committed frontier and the partition's end.
    pub fn lag(&self, partition: &TopicPartition, records: i64) {
        self.partition_gauge(&catalogue::CONSUMER_LAG, partition, as_gauge(records));
    }

    /// The partition's series end: another process shows them now.
    pub fn forget_partition(&self, partition: &TopicPartition) {
        // NaN marks a series as gone; see `Metrics::render`.
        self.partition_gauge(&catalogue::CONSUMER_LAG, partition, f64::NAN);
        self.partition_gauge(&catalogue::COMMITTED_OFFSET, partition, f64::NAN);
    }

    fn partition_gauge(&self, definition: &catalogue::Definition, partition: &TopicPartition, value: f64) {
        let number = partition.partition.to_string();
        self.metrics().gauge(definition, &[&partition.topic, &number]).set(value);
    }
}

/// Partitions as one text: `topic/0 topic/1`.
fn list(partitions: &[TopicPartition]) -> String {
    partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Partitions with the next offset to read, as one text: `topic/0@17 topic/1@4`.
fn frontiers(partitions: &[(TopicPartition, Offset)]) -> String {
    partitions.iter().enumerate().fold(String::new(), |mut text, (index, (partition, offset))| {
        // Writing to a String does not fail.
        let _infallible = write!(text, "{}{partition}@{offset}", if index == 0 { "" } else { " " });
        text
    })
}
