//! A replica's share of a quota that all replicas of the consumer group use together (promise 5). Pure.
//!
//! Replicas do not talk to one another; what they agree on is which partition is whose. So the quota N is divided among
//! the P partitions, and a replica has what its partitions have. A partition's part counts for its new owner only one
//! window after the assignment: by then what its old owner sent with it has left every window.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::domain::TopicPartition;

/// How much of a quota is ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Share {
    /// So many requests in each window.
    Whole(u32),
    /// The same, not a whole number: the quota is smaller than the number of partitions.
    Part(f64),
}

impl Share {
    /// Requests in a window.
    pub(super) fn requests(self) -> f64 {
        match self {
            Self::Whole(requests) => f64::from(requests),
            Self::Part(requests) => requests,
        }
    }
}

/// A partition's part of a quota: `numerator / denominator` requests in each window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Part {
    numerator: u32,
    denominator: u32,
}

impl Part {
    const NOTHING: Self = Self { numerator: 0, denominator: 1 };

    /// The part of partition j of P: `floor((j+1)*N/P) - floor(j*N/P)`, which add up to N; where N is below P, the
    /// fraction N/P.
    fn of(quota: u32, index: u32, partitions: u32) -> Self {
        if quota < partitions {
            return Self { numerator: quota, denominator: partitions };
        }
        let up_to = |index: u64| index * u64::from(quota) / u64::from(partitions.max(1));
        let part = up_to(u64::from(index) + 1) - up_to(u64::from(index));
        Self { numerator: u32::try_from(part).unwrap_or(quota), denominator: 1 }
    }

    fn is_above(self, other: Self) -> bool {
        u64::from(self.numerator) * u64::from(other.denominator)
            > u64::from(other.numerator) * u64::from(self.denominator)
    }
}

/// What a partition of ours counts.
#[derive(Clone, Copy, Debug)]
struct Held {
    now: Part,
    /// What it counts from a time on, where that is more.
    later: Option<(Part, Instant)>,
}

/// The share of one limit that belongs to the partitions of this replica.
#[derive(Debug)]
pub(super) struct GroupShare {
    quota: u32,
    window: Duration,
    held: BTreeMap<TopicPartition, Held>,
}

impl GroupShare {
    /// A share without partitions: nothing.
    pub(super) fn new(quota: u32, window: Duration) -> Self {
        Self { quota, window, held: BTreeMap::new() }
    }

    /// Partitions were added to ours; `all` are those of all subscribed topics, as they are now. What gives more than
    /// before counts after a window, what gives less at once.
    pub(super) fn assign(&mut self, added: &[TopicPartition], all: &[TopicPartition], now: Instant) {
        // What is ours exists, even where the list has not heard of it yet.
        let all: BTreeSet<TopicPartition> = all.iter().chain(added).chain(self.held.keys()).cloned().collect();
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        for partition in added {
            let _before = self.held.insert(partition.clone(), Held { now: Part::NOTHING, later: None });
        }
        for (index, partition) in (0_u32..).zip(&all) {
            if let Some(held) = self.held.get_mut(partition) {
                held.set(Part::of(self.quota, index, count), now + self.window);
            }
        }
    }

    /// Partitions go: they count no more from now on.
    pub(super) fn remove(&mut self, gone: &[TopicPartition]) {
        self.held.retain(|partition, _| !gone.contains(partition));
    }

    /// Lets what has waited its window count.
    pub(super) fn advance(&mut self, now: Instant) {
        for held in self.held.values_mut() {
            if let Some((part, _)) = held.later.take_if(|(_, at)| *at <= now) {
                held.now = part;
            }
        }
    }

    /// When the share grows next, if it is to.
    pub(super) fn next_raise(&self) -> Option<Instant> {
        self.held.values().filter_map(|held| held.later).map(|(_, at)| at).min()
    }

    /// The share as it counts now.
    pub(super) fn share(&self) -> Share {
        let parts = || self.held.values().map(|held| held.now);
        let whole = parts().filter(|part| part.denominator == 1).map(|part| part.numerator).sum();
        let rest: f64 = parts()
            .filter(|part| part.denominator != 1)
            .map(|part| f64::from(part.numerator) / f64::from(part.denominator))
            .sum();
        if rest > 0.0 { Share::Part(f64::from(whole) + rest) } else { Share::Whole(whole) }
    }
}

impl Held {
    /// This is its part from now on: at `raise_at` where it is more than what it counts.
    fn set(&mut self, part: Part, raise_at: Instant) {
        if !part.is_above(self.now) {
            *self = Self { now: part, later: None };
            return;
        }
        self.later = match self.later {
            // What it waits for is enough: another rebalance meanwhile does not begin the wait anew.
            Some((waiting, at)) if !part.is_above(waiting) => Some((part, at)),
            _ => Some((part, raise_at)),
        };
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{GroupShare, Share};
    use crate::domain::TopicPartition;

    const WINDOW: Duration = Duration::from_secs(1);

    fn partitions(numbers: std::ops::Range<i32>) -> Vec<TopicPartition> {
        numbers.map(|number| TopicPartition::new("t", number)).collect()
    }

    #[test]
    fn a_partition_counts_one_window_after_it_was_assigned_and_no_more_when_it_goes() {
        let start = Instant::now();
        let mut share = GroupShare::new(50, WINDOW);
        share.assign(&partitions(0..2), &partitions(0..4), start);
        assert_eq!((share.share(), share.next_raise()), (Share::Whole(0), Some(start + WINDOW)));
        share.advance(start + WINDOW);
        assert_eq!((share.share(), share.next_raise()), (Share::Whole(25), None));
        share.remove(&partitions(0..1));
        assert_eq!(share.share(), Share::Whole(13));
    }

    #[test]
    fn a_partition_that_goes_before_its_window_is_over_never_counts() {
        let start = Instant::now();
        let mut share = GroupShare::new(50, WINDOW);
        share.assign(&partitions(0..1), &partitions(0..1), start);
        share.remove(&partitions(0..1));
        share.assign(&partitions(0..1), &partitions(0..1), start + WINDOW / 2);
        share.advance(start + WINDOW);
        assert_eq!(share.share(), Share::Whole(0), "it was assigned anew");
        share.advance(start + WINDOW * 3 / 2);
        assert_eq!(share.share(), Share::Whole(50));
    }

    #[test]
    fn more_partitions_lower_the_share_at_once_and_fewer_raise_it_after_a_window() {
        let start = Instant::now();
        let mut share = GroupShare::new(60, WINDOW);
        share.assign(&partitions(0..1), &partitions(0..2), start);
        share.advance(start + WINDOW);
        assert_eq!(share.share(), Share::Whole(30));
        share.assign(&[], &partitions(0..6), start + WINDOW);
        assert_eq!(share.share(), Share::Whole(10), "others have theirs now");
        share.assign(&[], &partitions(0..3), start + WINDOW * 2);
        assert_eq!(share.share(), Share::Whole(10));
        share.advance(start + WINDOW * 3);
        assert_eq!(share.share(), Share::Whole(20));
    }

    #[test]
    fn an_assignment_that_changes_nothing_changes_nothing() {
        let start = Instant::now();
        let mut share = GroupShare::new(60, WINDOW);
        share.assign(&partitions(0..1), &partitions(0..2), start);
        share.assign(&[], &partitions(0..2), start + WINDOW / 2);
        assert_eq!(share.next_raise(), Some(start + WINDOW), "the wait does not begin anew");
        share.advance(start + WINDOW);
        share.assign(&[], &[], start + WINDOW);
        assert_eq!(share.share(), Share::Whole(30));
        share.advance(start + WINDOW * 2);
        assert_eq!(share.share(), Share::Whole(60), "what is ours exists, whatever the list says");
    }

    #[test]
    fn a_quota_smaller_than_the_number_of_partitions_is_divided_in_fractions() {
        let start = Instant::now();
        let mut share = GroupShare::new(3, WINDOW);
        share.assign(&partitions(0..2), &partitions(0..12), start);
        share.advance(start + WINDOW);
        assert_eq!(share.share(), Share::Part(0.5));
    }

    proptest! {
        /// However the partitions are dealt out, the shares of all replicas together are the quota.
        #[test]
        fn the_shares_add_up_to_the_quota(quota in 1_u32..1_000, owners in prop::collection::vec(0_usize..5, 1..40)) {
            let start = Instant::now();
            let all = partitions(0..i32::try_from(owners.len()).unwrap());
            let mut sum = 0.0;
            let mut whole = 0;
            for replica in 0..5 {
                let ours: Vec<_> = all.iter().zip(&owners).filter(|(_, owner)| **owner == replica).map(|(p, _)| p.clone()).collect();
                let mut share = GroupShare::new(quota, WINDOW);
                share.assign(&ours, &all, start);
                share.advance(start + WINDOW);
                sum += share.share().requests();
                whole += if let Share::Whole(requests) = share.share() { requests } else { 0 };
            }
            prop_assert!((sum - f64::from(quota)).abs() < 1e-9, "{} of {}", sum, quota);
            if quota as usize >= owners.len() {
                prop_assert_eq!(whole, quota, "exactly");
            }
        }
    }
}
