//! Partitions that go: drained and handed back when revoked, fenced at once when lost, abandoned at a shutdown.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::flow::Flow;
use crate::domain::TopicPartition;
use crate::offsets::Frontier;
use crate::scheduler::DeliveryId;
use crate::telemetry::PauseReason;

/// Partitions that are to be handed back once what is in flight for them has ended, or at the deadline.
#[derive(Debug)]
pub(super) struct Revocation {
    partitions: Vec<TopicPartition>,
    deadline: Instant,
}

/// A revocation that is ready to be answered.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) partitions: Vec<TopicPartition>,
    pub(super) frontiers: Vec<Frontier>,
}

impl<A, D> Flow<A, D> {
    /// Begins to hand partitions back: what has not been sent is given up, what is in flight may finish.
    pub(super) fn revoke(&mut self, partitions: Vec<TopicPartition>, now: Instant) {
        self.telemetry.revoked(&partitions);
        self.drop_held(&partitions);
        self.abandon_waiting(Some(&partitions));
        let deadline = now + self.settings.revoke_timeout;
        self.revocations.push(Revocation { partitions, deadline });
    }

    /// The revocations that can be answered now. Their partitions are fenced from here on.
    pub(super) fn releases(&mut self, now: Instant) -> Vec<Release> {
        if self.revocations.is_empty() {
            return Vec::new();
        }
        let busy = self.busy_partitions();
        let (ready, waiting) = std::mem::take(&mut self.revocations)
            .into_iter()
            .partition(|r: &Revocation| r.deadline <= now || !r.partitions.iter().any(|p| busy.contains(p)));
        self.revocations = waiting;
        ready
            .into_iter()
            .map(|Revocation { partitions, .. }| {
                let frontiers = self.book.last_frontiers(&partitions);
                self.fence(&partitions);
                self.telemetry.released(&partitions);
                Release { partitions, frontiers }
            })
            .collect()
    }

    /// The next time at which a revocation is answered, ready or not.
    pub(super) fn next_release(&self) -> Option<Instant> {
        self.revocations.iter().map(|revocation| revocation.deadline).min()
    }

    /// Partitions are not ours any more: nothing of them may be committed.
    pub(super) fn lose(&mut self, partitions: &[TopicPartition]) {
        self.telemetry.lost(partitions);
        self.fence(partitions);
        for revocation in &mut self.revocations {
            revocation.partitions.retain(|partition| !partitions.contains(partition));
        }
        self.revocations.retain(|revocation| !revocation.partitions.is_empty());
    }

    /// Whether a delivery is not to be tried again here.
    pub(super) fn is_given_up(&self, id: DeliveryId) -> bool {
        let Some(partition) = self.partition_of(id) else { return true };
        self.is_draining || self.revocations.iter().any(|revocation| revocation.partitions.contains(partition))
    }

    /// Gives up every delivery that is not in flight and every dead letter that is held: of these partitions, or of all.
    pub(super) fn abandon_waiting(&mut self, partitions: Option<&[TopicPartition]>) {
        let concerns = |partition: &TopicPartition| partitions.is_none_or(|some| some.contains(partition));
        let waiting: Vec<DeliveryId> = self
            .deliveries
            .iter()
            .filter(|(id, delivery)| !delivery.in_flight && self.partition_of(**id).is_none_or(concerns))
            .map(|(id, _)| *id)
            .collect();
        self.abandon(&waiting);
        self.abandon_held(partitions);
    }

    /// Gives deliveries up. Their records stay open and are never committed: they come again.
    pub(super) fn abandon(&mut self, ids: &[DeliveryId]) {
        let mut counts: HashMap<TopicPartition, u64> = HashMap::new();
        for id in ids {
            if let Some(partition) = self.partition_of(*id) {
                *counts.entry(partition.clone()).or_default() += 1;
            }
            drop(self.remove_delivery(*id));
        }
        for (partition, count) in counts {
            self.telemetry.partition_abandoned(&partition, count);
        }
    }

    /// Partitions with a request or a dead letter on its way. One that waits for its topic may wait for ever.
    fn busy_partitions(&self) -> HashSet<TopicPartition> {
        let in_flight = self.deliveries.values().filter(|delivery| delivery.in_flight).map(|delivery| delivery.record);
        let records = in_flight.chain(self.letters.under_way()).filter_map(|id| self.records.get(&id));
        records.map(|open| open.record.partition.clone()).collect()
    }

    /// Ends everything of these partitions: what has not ended is abandoned, its results are worth nothing.
    pub(super) fn fence(&mut self, partitions: &[TopicPartition]) {
        let is_gone = |id: &super::delivery::RecordId, records: &HashMap<_, Box<super::delivery::OpenRecord>>| {
            records.get(id).is_none_or(|open| partitions.contains(&open.record.partition))
        };
        let gone: Vec<DeliveryId> =
            self.deliveries.iter().filter(|(_, d)| is_gone(&d.record, &self.records)).map(|(id, _)| *id).collect();
        self.abandon(&gone);
        self.abandon_held(Some(partitions));
        self.letters.pending.retain(|_, pending| {
            let gone = is_gone(&pending.record, &self.records);
            if gone && let Some(open) = self.records.get(&pending.record) {
                self.telemetry.partition_abandoned(&open.record.partition, 1);
            }
            !gone
        });
        if let Some(since) = self.letters.end_idle_failure() {
            let lasted = tokio::time::Instant::now().into_std().saturating_duration_since(since);
            self.telemetry.resumed(PauseReason::DeadLetterTopic, None, lasted, true);
        }
        self.records.retain(|_, open| {
            let gone = partitions.contains(&open.record.partition);
            if gone {
                self.budget.give_back(&open.record.partition, open.bytes);
            }
            !gone
        });
        self.drop_held(partitions);
        for partition in partitions {
            self.book.forget(partition);
            self.verify.forget(partition);
            self.budget.forget_pause(partition);
            self.report.forget(partition);
        }
    }

    fn partition_of(&self, id: DeliveryId) -> Option<&TopicPartition> {
        let delivery = self.deliveries.get(&id)?;
        self.records.get(&delivery.record).map(|open| &open.record.partition)
    }
}
