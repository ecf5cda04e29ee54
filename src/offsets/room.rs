//! How much room a commit's metadata has for what has settled above the frontier: the ledger takes a record only where
//! whatever settles from then on will fit, so that the map of a commit never leaves anything out.

use std::ops::Range;

use super::CompletedOffsets;
use super::metadata::{HEAD, MAX_BYTES, MAX_VARINT};
use crate::domain::Offset;

/// What the format may still add to the head without a map that was promised to fit growing too long.
const RESERVE: usize = 5;

/// The bytes of a map's payload that are counted on, without the byte that says its kind.
const PAYLOAD: usize = MAX_BYTES - HEAD - MAX_VARINT - 1 - RESERVE;

/// Offsets that a bit map of these bytes holds.
const BITS: u64 = PAYLOAD as u64 * 8;

/// Whether any set of at most `runs` runs (asked for only where they count), all less than `span` above the base, is
/// encoded in full: as a bit map, or as two lengths for each run, none of them longer than the span.
pub(super) fn suffices(span: u64, runs: impl FnOnce() -> usize) -> bool {
    span <= BITS || runs().saturating_mul(2 * varint_length(span)) <= PAYLOAD
}

/// How many bytes a length takes, seven bits in each.
fn varint_length(value: u64) -> usize {
    (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

impl CompletedOffsets {
    /// Collects runs that come in order, none empty, none touching the next.
    pub(super) fn from_runs(runs: impl IntoIterator<Item = Range<Offset>>) -> Self {
        Self { ranges: runs.into_iter().map(|run| run.start.0..run.end.0).collect() }
    }

    /// The end of the highest run, if there is one.
    pub(super) fn end(&self) -> Option<Offset> {
        self.ranges.last().map(|last| Offset(last.end))
    }

    /// How many runs end above an offset.
    pub(super) fn runs_above(&self, from: Offset) -> usize {
        self.ranges.len() - self.ranges.partition_point(|range| range.end <= from.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use proptest::prelude::*;

    use super::{BITS, varint_length};
    use crate::domain::{Offset, TopicPartition};
    use crate::offsets::{CommitMetadata, CompletedOffsets, Epoch, LedgerError, PartitionLedger};

    fn partition() -> TopicPartition {
        TopicPartition::new("soc.alerts", 3)
    }

    fn over_the_wire(completed: &CompletedOffsets, base: Offset) -> CompletedOffsets {
        let mark = Some(Offset(base.0 + i64::from(u32::MAX)));
        let text = CommitMetadata { completed: completed.clone(), mark }.encode("g", &partition(), base);
        CommitMetadata::decode(&text, "g", &partition(), base, Offset(i64::MAX)).unwrap().completed
    }

    #[test]
    fn a_length_takes_a_byte_for_each_seven_bits() {
        assert_eq!([0, 127, 128, 16_383, 16_384, u64::MAX].map(varint_length), [1, 1, 2, 2, 3, 10]);
    }

    #[test]
    fn millions_that_settle_behind_a_stuck_head_cost_neither_memory_nor_room() {
        let mut ledger = PartitionLedger::new(Epoch(1), Offset(0), CompletedOffsets::default());
        ledger.track(Offset(0)).unwrap();
        for offset in (1..3_000_000).step_by(10) {
            assert_eq!(ledger.track(Offset(offset)), Ok(true));
            ledger.settle(Offset(offset)).unwrap();
        }
        assert!(ledger.kept() < 200, "{}", ledger.kept());
        let said = over_the_wire(&ledger.completed(), ledger.frontier());
        assert!((1..3_000_000).step_by(10).all(|offset| said.contains(Offset(offset))));
        ledger.settle(Offset(0)).unwrap();
        assert_eq!(ledger.frontier(), Offset(2_999_992));
    }

    #[test]
    fn a_partition_whose_records_settle_here_and_there_is_held_back_and_goes_on() {
        let mut ledger = PartitionLedger::new(Epoch(1), Offset(0), CompletedOffsets::default());
        let held = (0..).find(|offset| ledger.track(Offset(*offset)) == Err(LedgerError::NoRoom(Offset(*offset))));
        let held = held.unwrap();
        assert_eq!(held.unsigned_abs(), BITS, "all open: as many as a bit map holds");
        ledger.settle(Offset(0)).unwrap();
        assert!(!ledger.is_roomy());
        assert_eq!(ledger.track(Offset(held)), Ok(true), "the next one fits again");
        for offset in 1..held / 2 + 10 {
            ledger.settle(Offset(offset)).unwrap();
        }
        assert!(ledger.is_roomy(), "well below");
    }

    #[derive(Clone, Debug)]
    struct Schedule {
        /// The gap before each record.
        gaps: Vec<i64>,
        /// Which open record settles next, and how many do after each record.
        settles: Vec<(prop::sample::Index, usize)>,
        /// Those that never settle.
        stuck: usize,
    }

    fn schedule() -> impl Strategy<Value = Schedule> {
        let gap = prop_oneof![8 => Just(0_i64), 4 => 0_i64..4, 1 => 0_i64..20_000];
        let settle = (any::<prop::sample::Index>(), prop_oneof![Just(0), Just(1), 0_usize..4]);
        (prop::collection::vec(gap, 2_000), prop::collection::vec(settle, 2_000), 0_usize..600)
            .prop_map(|(gaps, settles, stuck)| Schedule { gaps, settles, stuck })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, ..ProptestConfig::default() })]

        /// Any order of completion, any gaps, some of the oldest stuck for ever, and another assignment in between:
        /// what is committed says every settled offset above the frontier, and no open one.
        #[test]
        fn nothing_that_has_settled_is_ever_left_out(schedule in schedule(), again_at in 0_usize..2_000) {
            let mut ledger = PartitionLedger::new(Epoch(1), Offset(0), CompletedOffsets::default());
            let (mut open, mut settled): (Vec<i64>, BTreeSet<i64>) = Default::default();
            let mut waiting: VecDeque<i64> = VecDeque::new();
            let mut next = 0;
            for (step, (gap, (which, count))) in schedule.gaps.iter().zip(&schedule.settles).enumerate() {
                next += gap;
                waiting.push_back(next);
                next += 1;
                while let Some(offset) = waiting.front().copied() {
                    match ledger.track(Offset(offset)) {
                        Ok(true) => open.push(offset),
                        Ok(false) => prop_assert!(settled.contains(&offset)),
                        Err(error) => {
                            prop_assert_eq!(error, LedgerError::NoRoom(Offset(offset)));
                            break;
                        }
                    }
                    waiting.pop_front();
                }
                for _ in 0..*count {
                    // Where all is stuck and one waits, the oldest settles after all.
                    let from = if waiting.is_empty() { schedule.stuck } else { 0 };
                    if open.len() <= from { break }
                    let offset = open.remove(from + which.index(open.len() - from));
                    ledger.settle(Offset(offset)).unwrap();
                    settled.insert(offset);
                }
                if step % 50 == 0 || step == again_at {
                    let frontier = ledger.frontier();
                    let said = over_the_wire(&ledger.completed(), frontier);
                    let above = settled.range(frontier.0..);
                    prop_assert!(above.into_iter().all(|offset| said.contains(Offset(*offset))), "at {frontier}");
                    prop_assert!(!open.iter().any(|offset| said.contains(Offset(*offset))), "at {frontier}");
                    prop_assert!(!waiting.iter().any(|offset| said.contains(Offset(*offset))), "at {frontier}");
                    if step == again_at {
                        ledger = PartitionLedger::new(Epoch(2), frontier, said);
                        waiting.extend(std::mem::take(&mut open));
                        waiting.extend(settled.range(frontier.0..));
                        waiting.make_contiguous().sort_unstable();
                    }
                }
            }
        }
    }
}
