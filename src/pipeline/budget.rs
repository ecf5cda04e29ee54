//! How much may be read before it has settled; what is over it pauses fetching, while polling goes on.

use std::collections::{HashMap, HashSet};

use crate::domain::TopicPartition;

/// The budgets. One record may pass the byte budget, so that an over-size one is not stuck for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BudgetLimits {
    /// Records in all.
    pub records: usize,
    /// Records of one partition.
    pub records_per_partition: usize,
    /// Bytes in all: keys, values and headers, the requests made of them, and what it takes to keep both.
    pub bytes: usize,
}

/// What keeping a record takes beside its content: its places in the tables of records, keys and allocations. An estimate,
/// on the high side.
const OF_RECORD: usize = 1 << 10;
/// The same of a delivery: its places among deliveries and in the scheduler, ids and facts for the log.
pub(super) const OF_DELIVERY: usize = 1 << 10;

/// What is to be done at the source.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct FetchChange {
    pub(super) pause: Vec<TopicPartition>,
    pub(super) resume: Vec<TopicPartition>,
}

/// What has been read and has not settled.
#[derive(Debug)]
pub(super) struct Budget {
    limits: BudgetLimits,
    records: usize,
    bytes: usize,
    by_partition: HashMap<TopicPartition, usize>,
    paused: HashSet<TopicPartition>,
    spent: bool,
    /// Whether partitions have to be looked at one by one: with many of them that is dear, and it is asked each turn.
    look: bool,
}

/// librdkafka drops what it has prefetched when a partition is paused, so fetching goes on only when there is room for
/// a good deal more: at half the budget.
const fn low_mark(limit: usize) -> usize {
    limit / 2
}

impl Budget {
    pub(super) fn new(limits: BudgetLimits) -> Self {
        Self {
            limits,
            records: 0,
            bytes: 0,
            by_partition: HashMap::new(),
            paused: HashSet::new(),
            spent: false,
            look: true,
        }
    }

    pub(super) fn charge(&mut self, partition: &TopicPartition, bytes: usize) {
        self.records += 1;
        self.bytes += bytes + OF_RECORD;
        let count = match self.by_partition.get_mut(partition) {
            Some(count) => count,
            None => self.by_partition.entry(partition.clone()).or_default(),
        };
        *count += 1;
        self.look |= *count >= self.limits.records_per_partition;
    }

    pub(super) fn give_back(&mut self, partition: &TopicPartition, bytes: usize) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes + OF_RECORD);
        if let Some(count) = self.by_partition.get_mut(partition) {
            *count = count.saturating_sub(1);
            self.look |= *count == low_mark(self.limits.records_per_partition);
        }
    }

    /// Forgets that a partition was paused: it is not ours any more, or it is ours anew.
    pub(super) fn forget_pause(&mut self, partition: &TopicPartition) {
        let _was_paused = self.paused.remove(partition);
        self.look = true;
        if self.by_partition.get(partition) == Some(&0) {
            let _count = self.by_partition.remove(partition);
        }
    }

    /// Whether fetching of all partitions rests.
    pub(super) fn is_spent(&self) -> bool {
        self.spent
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a partition rests because of its own records, or all do.
    pub(super) fn rests(&self, partition: &TopicPartition) -> bool {
        self.spent || self.by_partition.get(partition).is_some_and(|count| *count >= self.limits.records_per_partition)
    }

    /// Says which of the assigned partitions are to be paused or resumed now. Those that are held rest, whatever the
    /// budgets say; `any_is_held` tells whether there are such.
    pub(super) fn changes<'a>(
        &mut self,
        assigned: impl Iterator<Item = &'a TopicPartition>,
        any_is_held: bool,
        is_held: impl Fn(&TopicPartition) -> bool,
    ) -> FetchChange {
        let BudgetLimits { records, bytes, records_per_partition } = self.limits;
        let was_spent = self.spent;
        self.spent = if was_spent {
            self.records > low_mark(records) || self.bytes > low_mark(bytes)
        } else {
            self.records >= records || self.bytes >= bytes
        };
        if self.spent == was_spent && !self.look && !any_is_held {
            return FetchChange::default();
        }
        // What is held now may not be the next time.
        self.look = any_is_held;
        let mut change = FetchChange::default();
        for partition in assigned {
            let count = self.by_partition.get(partition).copied().unwrap_or(0);
            let is_paused = self.paused.contains(partition);
            let mark = if is_paused { low_mark(records_per_partition) + 1 } else { records_per_partition };
            match (is_paused, self.spent || count >= mark || is_held(partition)) {
                (false, true) => change.pause.push(partition.clone()),
                (true, false) => change.resume.push(partition.clone()),
                _ => {}
            }
        }
        self.paused.extend(change.pause.iter().cloned());
        self.paused.retain(|partition| !change.resume.contains(partition));
        change
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, BudgetLimits, FetchChange};
    use crate::domain::TopicPartition;

    fn nobody(_: &TopicPartition) -> bool {
        false
    }

    fn budget() -> (Budget, TopicPartition, TopicPartition) {
        let limits = BudgetLimits { records: 10, records_per_partition: 6, bytes: 1_000_000 };
        (Budget::new(limits), TopicPartition::new("t", 0), TopicPartition::new("t", 1))
    }

    #[test]
    fn a_partition_over_its_share_is_paused_alone_and_resumed_at_half() {
        let (mut budget, a, b) = budget();
        for _ in 0..6 {
            budget.charge(&a, 1);
        }
        let change = budget.changes([&a, &b].into_iter(), false, nobody);
        assert_eq!(change, FetchChange { pause: vec![a.clone()], resume: vec![] });
        budget.give_back(&a, 1);
        budget.give_back(&a, 1);
        assert_eq!(
            budget.changes([&a, &b].into_iter(), false, nobody),
            FetchChange::default(),
            "four are more than half"
        );
        budget.give_back(&a, 1);
        assert_eq!(budget.changes([&a, &b].into_iter(), false, nobody), FetchChange { pause: vec![], resume: vec![a] });
    }

    #[test]
    fn spent_bytes_pause_all_partitions() {
        let (mut budget, a, b) = budget();
        budget.charge(&a, 5_000_000);
        assert_eq!(budget.changes([&a, &b].into_iter(), false, nobody).pause, vec![a.clone(), b.clone()]);
        budget.give_back(&a, 5_000_000);
        assert_eq!(budget.changes([&a, &b].into_iter(), false, nobody).resume, vec![a, b]);
        assert_eq!(budget.bytes(), 0);
    }

    #[test]
    fn a_held_partition_rests_alone_for_as_long_as_it_is_held() {
        let (mut budget, a, b) = budget();
        let change = budget.changes([&a, &b].into_iter(), true, |partition| *partition == a);
        assert_eq!(change, FetchChange { pause: vec![a.clone()], resume: vec![] });
        assert_eq!(budget.changes([&a, &b].into_iter(), false, nobody), FetchChange { pause: vec![], resume: vec![a] });
    }

    #[test]
    fn a_partition_that_comes_back_is_paused_again_if_the_budget_is_still_spent() {
        let (mut budget, a, b) = budget();
        budget.charge(&b, 5_000_000);
        budget.changes([&a, &b].into_iter(), false, nobody);
        budget.forget_pause(&a);
        assert_eq!(budget.changes([&a, &b].into_iter(), false, nobody).pause, vec![a]);
    }
}
