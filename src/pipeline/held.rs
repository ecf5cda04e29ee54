//! Partitions that are held back: what has settled above the frontier must fit into a commit's metadata, and with more
//! read it might not (promise 3, in its cheaper half).
//!
//! The source is paused, and what it had read before waits here, so that the bound holds however much that is.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::flow::Flow;
use crate::domain::{Offset, Record, TopicPartition};
use crate::offsets::LedgerError;
use crate::ports::{DeadLetterSink, WorkflowApi};

#[derive(Debug)]
enum Item {
    Record(Record),
    /// Nothing below is still to come.
    Position(Offset),
}

/// What waits, by partition. A partition without anything that waits is held until there is room for a good deal more.
#[derive(Debug, Default)]
pub(super) struct Held {
    partitions: BTreeMap<TopicPartition, VecDeque<Item>>,
}

impl Held {
    /// Whether no partition is held back.
    pub(super) fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Whether a partition is held back.
    pub(super) fn contains(&self, partition: &TopicPartition) -> bool {
        !self.partitions.is_empty() && self.partitions.contains_key(partition)
    }

    /// Whether records of it wait, so that later ones have to wait, too.
    pub(super) fn has_records(&self, partition: &TopicPartition) -> bool {
        !self.partitions.is_empty() && self.partitions.get(partition).is_some_and(|items| !items.is_empty())
    }

    /// Keeps a position for later if it comes behind records that wait; says whether it does.
    pub(super) fn pass_later(&mut self, partition: &TopicPartition, position: Offset) -> bool {
        match self.partitions.get_mut(partition) {
            Some(items) if !items.is_empty() => {
                items.push_back(Item::Position(position));
                true
            }
            _ => false,
        }
    }
}

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Holds back a record, and with it its partition. It is charged to the budgets: it takes memory like any other.
    pub(super) fn hold(&mut self, record: Record) {
        let partition = record.partition.clone();
        if !self.held.contains(&partition)
            && !self.budget.rests(&partition)
            && let Some(frontier) = self.book.frontier(&partition)
        {
            self.telemetry.held_back(&partition, frontier);
        }
        self.budget.charge(&partition, record.size());
        self.held.partitions.entry(partition).or_default().push_back(Item::Record(record));
    }

    /// Takes in what was held back and may go on.
    pub(super) fn take_in_held(&mut self, now: Instant) {
        if self.held.partitions.is_empty() || self.is_draining {
            return;
        }
        for (partition, mut items) in std::mem::take(&mut self.held.partitions) {
            self.take_in_items(&partition, &mut items, now);
            if !items.is_empty() || !self.book.is_roomy(&partition) {
                let _none = self.held.partitions.insert(partition, items);
            }
        }
    }

    fn take_in_items(&mut self, partition: &TopicPartition, items: &mut VecDeque<Item>, now: Instant) {
        while let Some(item) = items.pop_front() {
            let record = match item {
                Item::Position(position) => {
                    self.book.advance_to(partition, position);
                    continue;
                }
                Item::Record(record) => record,
            };
            let claim = match self.book.track(partition, record.offset) {
                Err(LedgerError::NoRoom(_)) => return items.push_front(Item::Record(record)),
                claim => claim,
            };
            // It waits no more; what is opened is charged anew, with its requests.
            self.budget.give_back(partition, record.size());
            if let Ok(Some(claim)) = claim {
                self.open(record, claim, now);
            }
        }
    }
}

impl<A, D> Flow<A, D> {
    /// Forgets what waits: the partitions go, and it comes again elsewhere.
    pub(super) fn drop_held(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            for item in self.held.partitions.remove(partition).into_iter().flatten() {
                if let Item::Record(record) = item {
                    self.budget.give_back(partition, record.size());
                }
            }
        }
    }
}
