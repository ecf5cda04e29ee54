//! One partition under one assignment: what was given to us, what has settled, and the frontier between.
//!
//! What settles above the frontier travels in the commit's metadata, which has little room. So the ledger takes a
//! record only where whatever may settle from then on fits (promise 3, in its cheaper half).

use std::collections::VecDeque;
use std::ops::Range;

use super::{CompletedOffsets, room};
use crate::domain::{Offset, TopicPartition};

/// Which assignment of a partition something belongs to. A later assignment has a greater epoch.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Epoch(pub u64);

/// The right to settle one record, once. Losing one stops the frontier, which the age metric shows.
#[must_use = "a claim that is not settled holds the partition's frontier for ever"]
#[derive(Debug, Eq, PartialEq)]
pub struct Claim {
    pub(super) partition: TopicPartition,
    pub(super) offset: Offset,
    pub(super) epoch: Epoch,
}

impl Claim {
    /// The partition that the record was read from.
    #[must_use]
    pub fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The record's offset.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.offset
    }
}

/// A call that does not fit the ledger. None of them changes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LedgerError {
    /// The record lies below what has been read: it was given twice.
    #[error("offset {offset} was already passed, reading goes on at {end}")]
    AlreadyRead {
        /// The record's offset.
        offset: Offset,
        /// The next offset that can be new.
        end: Offset,
    },
    /// Were it taken, what settles above the frontier might not fit into a commit: it has to wait.
    #[error("offset {0} has to wait until older records settle")]
    NoRoom(Offset),
    /// The partition is not assigned, or the claim belongs to an earlier assignment.
    #[error("the partition is not assigned any more")]
    Fenced,
    /// No such record is open.
    #[error("offset {0} is not open")]
    NotOpen(Offset),
}

#[derive(Debug)]
struct Entry {
    offset: Offset,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Open,
    /// Open, and entries between it and the next open one have settled and were dropped.
    OpenBeforeSettled,
    Settled,
}

/// So many settled entries are kept in any case; of more only as many as there are open ones.
const SETTLED_KEPT: usize = 64;

/// The ledger of one partition under one assignment.
///
/// Records are tracked in the order of their offsets, with gaps (transaction markers, aborted and compacted records),
/// and settle in any order. The frontier is the lowest offset that has not settled: exactly what may be committed.
#[derive(Debug)]
pub struct PartitionLedger {
    epoch: Epoch,
    /// Open records, and the latest of those settled above an open one, by offset. The first is always open.
    entries: VecDeque<Entry>,
    /// How many of the entries have settled.
    settled: usize,
    /// The end of what was tracked.
    tracked: Offset,
    /// Nothing below this is still to come.
    end: Offset,
    /// What had settled above the frontier when the assignment began.
    completed: CompletedOffsets,
}

impl PartitionLedger {
    /// Opens a ledger at the first offset that will be read; `completed` has settled before.
    #[must_use]
    pub fn new(epoch: Epoch, start: Offset, completed: CompletedOffsets) -> Self {
        Self { epoch, entries: VecDeque::new(), settled: 0, tracked: start, end: start, completed }
    }

    /// Which assignment this is.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The next offset to commit: every record below it that was given to us has settled.
    #[must_use]
    pub fn frontier(&self) -> Offset {
        self.entries.front().map_or(self.end, |first| first.offset)
    }

    /// The next offset that can be new.
    #[must_use]
    pub fn position(&self) -> Offset {
        self.end
    }

    /// How many records are open.
    fn open(&self) -> usize {
        self.entries.len() - self.settled
    }

    /// How many entries are in memory.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.entries.len()
    }

    /// Notes that a record was given to us; says whether it is open. If it is not, it has settled in an earlier
    /// assignment.
    ///
    /// # Errors
    /// [`LedgerError::AlreadyRead`] if it does not lie beyond all that was read before; [`LedgerError::NoRoom`] if it
    /// has to wait, which it never has to where nothing is open.
    pub fn track(&mut self, offset: Offset) -> Result<bool, LedgerError> {
        if offset < self.end {
            return Err(LedgerError::AlreadyRead { offset, end: self.end });
        }
        let settled = !self.completed.is_empty() && self.completed.contains(offset);
        if !settled && !self.has_room(offset, 1) {
            return Err(LedgerError::NoRoom(offset));
        }
        self.end = offset.next();
        self.tracked = self.end;
        // A settled record at the front is passed at once.
        if !(settled && self.entries.is_empty()) {
            self.entries.push_back(Entry { offset, state: if settled { State::Settled } else { State::Open } });
            if settled {
                self.settled += 1;
                self.compact();
            }
        }
        Ok(!settled)
    }

    /// Whether a good deal more could be tracked: twice of all.
    #[must_use]
    pub fn is_roomy(&self) -> bool {
        self.has_room(self.end, 2)
    }

    /// Whether whatever settles of what is open and of this offset fits into a commit; `times` for some distance.
    ///
    /// Each run of settled offsets lies behind an open record, or was known when the assignment began.
    fn has_room(&self, offset: Offset, times: u32) -> bool {
        let Some(first) = self.entries.front() else { return true };
        let end = self.completed.end().map_or(offset, |end| end.max(offset)).next();
        let span = end.0.abs_diff(first.offset.0).saturating_mul(times.into());
        let runs = || (self.open() + 1 + self.completed.runs_above(self.end)).saturating_mul(times as usize);
        room::suffices(span, runs)
    }

    /// Drops settled entries once there are more of them than open ones: behind a record that stays open for long,
    /// millions may settle. What is dropped is remembered by the open entry before it.
    fn compact(&mut self) {
        if self.settled <= SETTLED_KEPT.max(self.open()) {
            return;
        }
        let mut kept: VecDeque<Entry> = VecDeque::with_capacity(self.open() + SETTLED_KEPT);
        for entry in self.entries.drain(..) {
            match kept.back_mut() {
                Some(before) if entry.state == State::Settled => before.state = State::OpenBeforeSettled,
                _ => kept.push_back(entry),
            }
        }
        self.entries = kept;
        self.settled = 0;
    }

    /// What has settled above the frontier: what was read, and what an earlier assignment knew and is not read yet. Gaps
    /// beside settled records count as settled, so that runs are few: nothing will fill them.
    #[must_use]
    pub fn completed(&self) -> CompletedOffsets {
        let mut runs = Vec::new();
        let mut after = self.frontier();
        let mut any_settled = false;
        for entry in &self.entries {
            if entry.state == State::Settled {
                any_settled = true;
                continue;
            }
            if any_settled {
                runs.push(after..entry.offset);
            }
            after = entry.offset.next();
            any_settled = entry.state == State::OpenBeforeSettled;
        }
        if any_settled {
            runs.push(after..self.tracked);
        }
        CompletedOffsets::from_runs(runs).followed_by(&self.completed, self.end)
    }

    /// Notes that nothing below `position` is still to come: a gap at the end is passed.
    pub fn advance_to(&mut self, position: Offset) {
        self.end = self.end.max(position);
    }

    /// Notes that what was not read below `position` is gone. It counts as settled: while the frontier is lower, the
    /// commits say so, and whoever begins there does not take it for lost once more.
    pub fn pass_gone(&mut self, position: Offset) {
        if position <= self.end {
            return;
        }
        if let Some(last) = self.entries.back_mut().filter(|last| last.state == State::Open) {
            last.state = State::OpenBeforeSettled;
        }
        self.tracked = position;
        self.end = position;
    }

    /// How many offsets of a range an earlier assignment had settled.
    #[must_use]
    pub fn settled_before(&self, within: Range<Offset>) -> u64 {
        self.completed.count_within(within)
    }

    /// Settles a record; says whether the frontier moved.
    ///
    /// # Errors
    /// [`LedgerError::NotOpen`] if the offset was never tracked or has settled before.
    pub fn settle(&mut self, offset: Offset) -> Result<bool, LedgerError> {
        let found = self.entries.binary_search_by(|entry| entry.offset.cmp(&offset));
        let entry = found.ok().and_then(|index| self.entries.get_mut(index));
        match entry {
            // What it remembers of the entries behind it is theirs and its own now.
            Some(entry) if entry.state != State::Settled => entry.state = State::Settled,
            _ => return Err(LedgerError::NotOpen(offset)),
        }
        self.settled += 1;
        let before = self.entries.len();
        while self.entries.front().is_some_and(|first| first.state == State::Settled) {
            let _settled = self.entries.pop_front();
            self.settled -= 1;
        }
        let moved = self.entries.len() < before;
        self.compact();
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{CompletedOffsets, Epoch, LedgerError, PartitionLedger};
    use crate::domain::Offset;

    fn ledger(start: i64, offsets: &[i64]) -> PartitionLedger {
        let mut ledger = PartitionLedger::new(Epoch(1), Offset(start), CompletedOffsets::default());
        for offset in offsets {
            ledger.track(Offset(*offset)).unwrap();
        }
        ledger
    }

    #[test]
    fn an_empty_ledger_stands_where_reading_begins() {
        assert_eq!(ledger(7, &[]).frontier(), Offset(7));
    }

    #[test]
    fn out_of_order_settling_does_not_move_the_frontier_past_an_open_record() {
        let mut ledger = ledger(0, &[0, 1, 2]);
        assert_eq!(ledger.settle(Offset(1)), Ok(false));
        assert_eq!(ledger.settle(Offset(2)), Ok(false));
        assert_eq!(ledger.frontier(), Offset(0));
        assert_eq!(ledger.settle(Offset(0)), Ok(true));
        assert_eq!(ledger.frontier(), Offset(3));
    }

    #[test]
    fn gaps_are_passed_in_the_middle_and_at_the_end() {
        let mut ledger = ledger(0, &[3, 9]);
        assert_eq!(ledger.frontier(), Offset(3), "nothing below 3 will come");
        ledger.settle(Offset(3)).unwrap();
        assert_eq!(ledger.frontier(), Offset(9));
        ledger.advance_to(Offset(12));
        assert_eq!(ledger.frontier(), Offset(9), "a position never passes an open record");
        ledger.settle(Offset(9)).unwrap();
        assert_eq!(ledger.frontier(), Offset(12));
        ledger.advance_to(Offset(5));
        assert_eq!(ledger.frontier(), Offset(12), "a position never goes back");
    }

    #[test]
    fn a_record_settles_once_and_is_tracked_once() {
        let mut ledger = ledger(0, &[0, 1]);
        ledger.settle(Offset(1)).unwrap();
        assert_eq!(ledger.settle(Offset(1)), Err(LedgerError::NotOpen(Offset(1))));
        assert_eq!(ledger.settle(Offset(5)), Err(LedgerError::NotOpen(Offset(5))));
        assert_eq!(ledger.track(Offset(1)), Err(LedgerError::AlreadyRead { offset: Offset(1), end: Offset(2) }));
    }

    #[test]
    fn what_settled_in_an_earlier_assignment_is_not_open_and_is_not_forgotten_before_it_is_read() {
        let completed = CompletedOffsets::from_sorted([6, 7, 9].map(Offset));
        let mut ledger = PartitionLedger::new(Epoch(2), Offset(5), completed.clone());
        assert_eq!(ledger.completed(), completed, "nothing is read yet");
        assert_eq!(ledger.track(Offset(5)), Ok(true));
        assert_eq!(ledger.track(Offset(6)), Ok(false));
        assert_eq!(ledger.completed(), completed, "6 was read, 7 and 9 were not");
        assert_eq!(ledger.track(Offset(7)), Ok(false));
        assert_eq!(ledger.settle(Offset(6)), Err(LedgerError::NotOpen(Offset(6))));
        ledger.settle(Offset(5)).unwrap();
        assert_eq!(ledger.frontier(), Offset(8), "the frontier passes what had settled");
        assert_eq!(ledger.track(Offset(8)), Ok(true));
        assert_eq!(ledger.completed(), CompletedOffsets::from_sorted([Offset(9)]));
    }

    #[test]
    fn what_is_gone_counts_as_settled_for_whoever_begins_at_the_frontier() {
        let mut ledger = ledger(0, &[0, 1]);
        ledger.settle(Offset(1)).unwrap();
        ledger.pass_gone(Offset(9));
        ledger.pass_gone(Offset(4));
        ledger.track(Offset(9)).unwrap();
        ledger.pass_gone(Offset(20));
        let runs = [Offset(1)..Offset(9), Offset(10)..Offset(20)];
        assert_eq!((ledger.frontier(), ledger.completed()), (Offset(0), CompletedOffsets::from_runs(runs)));
        ledger.settle(Offset(0)).unwrap();
        assert_eq!(ledger.frontier(), Offset(9));
        ledger.settle(Offset(9)).unwrap();
        assert_eq!((ledger.frontier(), ledger.completed()), (Offset(20), CompletedOffsets::default()));

        let completed = CompletedOffsets::from_sorted([2, 3, 7].map(Offset));
        let ledger = PartitionLedger::new(Epoch(1), Offset(5), completed);
        assert_eq!(ledger.settled_before(Offset(3)..Offset(8)), 2);
        assert_eq!(ledger.settled_before(Offset(8)..Offset(3)), 0);
    }

    proptest! {
        /// Any gaps, any order of completion: the frontier is always the least open offset, or the read position.
        #[test]
        fn the_frontier_is_the_least_open_offset(
            gaps in prop::collection::vec(0_i64..4, 1..60),
            order in any::<prop::sample::Index>().prop_perturb(|_, rng| rng),
            start in 0_i64..1000,
        ) {
            let mut rng = order;
            let mut next = start;
            let offsets: Vec<i64> = gaps.iter().map(|gap| { next += gap; let offset = next; next += 1; offset }).collect();
            let mut ledger = ledger(start, &offsets);
            let mut open: BTreeSet<i64> = offsets.iter().copied().collect();
            let mut shuffled = offsets;
            for i in (1..shuffled.len()).rev() {
                shuffled.swap(i, rng.random_range(0..=i));
            }
            for offset in shuffled {
                let before = ledger.frontier();
                let moved = ledger.settle(Offset(offset)).unwrap();
                open.remove(&offset);
                let expected = open.first().copied().unwrap_or(next);
                prop_assert_eq!(ledger.frontier(), Offset(expected));
                prop_assert_eq!(moved, ledger.frontier() > before);
                prop_assert_eq!(ledger.open(), open.len());
            }
        }
    }
}
