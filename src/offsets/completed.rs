//! The completed offsets above the frontier: after a crash only what was in flight is repeated (promise 3, in its
//! cheaper half; promise 2 does not depend on it). How they travel is in `metadata`.

use std::ops::Range;

use super::varint;
use crate::domain::Offset;

const BIT_MAP: u8 = 0;
const RUN_LENGTHS: u8 = 1;

/// Offsets that have settled above a partition's frontier.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CompletedOffsets {
    /// Sorted, disjoint, none empty, none touching the next.
    pub(super) ranges: Vec<Range<i64>>,
}

impl CompletedOffsets {
    /// Collects offsets that come in order.
    #[must_use]
    pub fn from_sorted(offsets: impl IntoIterator<Item = Offset>) -> Self {
        let mut ranges: Vec<Range<i64>> = Vec::new();
        for Offset(offset) in offsets {
            match ranges.last_mut() {
                Some(last) if last.end == offset => last.end += 1,
                _ => ranges.push(offset..offset.saturating_add(1)),
            }
        }
        Self { ranges }
    }

    /// These, and of the others those from `from` on; none of these may be as high.
    #[must_use]
    pub fn followed_by(mut self, others: &Self, from: Offset) -> Self {
        for range in &others.ranges {
            let start = range.start.max(from.0);
            if start >= range.end {
                continue;
            }
            match self.ranges.last_mut() {
                Some(last) if last.end == start => last.end = range.end,
                _ => self.ranges.push(start..range.end),
            }
        }
        self
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|range| range.end.abs_diff(range.start)).sum()
    }

    /// How many lie in a range.
    #[must_use]
    pub fn count_within(&self, within: Range<Offset>) -> u64 {
        let overlap = |range: &Range<i64>| range.end.min(within.end.0).saturating_sub(range.start.max(within.start.0));
        self.ranges.iter().filter_map(|range| u64::try_from(overlap(range)).ok()).sum()
    }

    /// Whether an offset is among them.
    #[must_use]
    pub fn contains(&self, Offset(offset): Offset) -> bool {
        let index = self.ranges.partition_point(|range| range.end <= offset);
        self.ranges.get(index).is_some_and(|range| range.contains(&offset))
    }

    /// The shorter of a bit map and run lengths, in at most `room` bytes, and how many offsets it covers. What does not
    /// fit is left out, the highest first. Empty if nothing is covered.
    pub(super) fn to_bytes(&self, base: Offset, room: usize) -> (Vec<u8>, u64) {
        let room = room.saturating_sub(1);
        let bit_map = self.bit_map(base, room);
        let run_lengths = self.run_lengths(base, room);
        // What covers more wins, then what is shorter.
        let (kind, (payload, covered)) = if (run_lengths.1, bit_map.0.len()) > (bit_map.1, run_lengths.0.len()) {
            (RUN_LENGTHS, run_lengths)
        } else {
            (BIT_MAP, bit_map)
        };
        if payload.is_empty() {
            return (payload, 0);
        }
        let mut bytes = vec![kind];
        bytes.extend(payload);
        (bytes, covered)
    }

    /// Reads what [`CompletedOffsets::to_bytes`] wrote.
    pub(super) fn from_bytes(base: Offset, bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            None => Some(Self::default()),
            Some((&BIT_MAP, bits)) => Some(Self::from_bit_map(base, bits)),
            Some((&RUN_LENGTHS, runs)) => Self::from_run_lengths(base, runs),
            Some(_) => None,
        }
    }

    /// Bit n of the map is offset base + n. Says how many offsets it covers.
    fn bit_map(&self, base: Offset, room: usize) -> (Vec<u8>, u64) {
        let mut bits: Vec<u8> = Vec::new();
        let mut covered = 0;
        for offset in self.ranges.iter().flat_map(Clone::clone) {
            let Ok(distance) = usize::try_from(offset.saturating_sub(base.0)) else { continue };
            if distance / 8 >= room {
                break;
            }
            bits.resize(bits.len().max(distance / 8 + 1), 0);
            bits[distance / 8] |= 1 << (distance % 8);
            covered += 1;
        }
        (bits, covered)
    }

    fn from_bit_map(base: Offset, bits: &[u8]) -> Self {
        let set = |(index, byte): (usize, &u8)| {
            let byte = *byte;
            (0..8_usize).filter(move |bit| byte & (1 << bit) != 0).map(move |bit| index * 8 + bit)
        };
        let distances = bits.iter().enumerate().flat_map(set);
        let offsets = distances.filter_map(|distance| base.0.checked_add(i64::try_from(distance).ok()?));
        Self::from_sorted(offsets.map(Offset))
    }

    /// Pairs of lengths, from the base on: so many open, so many completed. Says how many offsets it covers.
    fn run_lengths(&self, base: Offset, room: usize) -> (Vec<u8>, u64) {
        let mut bytes = Vec::new();
        let mut covered = 0;
        let mut from = base.0;
        for range in self.ranges.iter().filter(|range| range.start >= base.0) {
            let mut pair = Vec::new();
            varint::push(&mut pair, range.start.abs_diff(from));
            varint::push(&mut pair, range.end.abs_diff(range.start));
            if bytes.len() + pair.len() > room {
                break;
            }
            bytes.extend(pair);
            covered += range.end.abs_diff(range.start);
            from = range.end;
        }
        (bytes, covered)
    }

    fn from_run_lengths(base: Offset, mut bytes: &[u8]) -> Option<Self> {
        let mut ranges = Vec::new();
        let mut from = base.0;
        while !bytes.is_empty() {
            let start = from.checked_add_unsigned(varint::take(&mut bytes)?)?;
            let end = start.checked_add_unsigned(varint::take(&mut bytes)?)?;
            if end == start || (start == from && !ranges.is_empty()) {
                return None;
            }
            ranges.push(start..end);
            from = end;
        }
        Some(Self { ranges })
    }
}
