//! The completed offsets above the frontier, as text that travels in a commit's metadata: after a crash only what was
//! in flight is repeated (promise 3, in its cheaper half; promise 2 does not depend on it).
//!
//! Base64 of: version, checksum, whose it is, base offset, then the shorter of a bit map and run lengths. What does not
//! read as exactly that is dropped: repeats are safe, skips are not.

use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD as BASE64;
use sha2::{Digest, Sha256};

use crate::domain::{Offset, TopicPartition};

/// The first byte of every map.
const VERSION: u8 = 1;

/// How long the text may be, in bytes. Brokers take 4,096 by default (`offset.metadata.max.bytes`).
const MAX_TEXT: usize = 3_500;

/// How many bytes fit into [`MAX_TEXT`] characters of base64.
pub(super) const MAX_BYTES: usize = MAX_TEXT / 4 * 3;

const CHECKSUM: usize = 4;
const OWNER: usize = 4;
pub(super) const HEAD: usize = 1 + CHECKSUM + OWNER + 8 + 1;

const BIT_MAP: u8 = 0;
const RUN_LENGTHS: u8 = 1;

/// Offsets that have settled above a partition's frontier.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CompletedOffsets {
    /// Sorted, disjoint, none empty, none touching the next.
    pub(super) ranges: Vec<Range<i64>>,
}

/// Why a commit's metadata was not understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CompletedError {
    /// It is not ours, or was cut or changed.
    #[error("it is not a map of this program, or was changed")]
    Foreign,
    /// Another version of this program wrote it.
    #[error("it was written by version {0} of the format")]
    Version(u8),
    /// It belongs to another group or partition.
    #[error("it belongs to another group or partition")]
    Owner,
    /// It belongs to another committed offset.
    #[error("it belongs to the offset {0}")]
    Base(i64),
    /// It claims offsets that the partition does not have.
    #[error("it claims offsets beyond the partition's end")]
    BeyondEnd,
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

    /// Whether an offset is among them.
    #[must_use]
    pub fn contains(&self, Offset(offset): Offset) -> bool {
        let index = self.ranges.partition_point(|range| range.end <= offset);
        self.ranges.get(index).is_some_and(|range| range.contains(&offset))
    }

    /// The text for a commit of `base`. Empty if there is nothing to say. What does not fit is left out, the highest
    /// first: it is repeated.
    #[must_use]
    pub fn encode(&self, group: &str, partition: &TopicPartition, base: Offset) -> String {
        let bit_map = self.bit_map(base);
        let run_lengths = self.run_lengths(base);
        // What covers more wins, then what is shorter.
        let (kind, (payload, _)) = if (run_lengths.1, bit_map.0.len()) > (bit_map.1, run_lengths.0.len()) {
            (RUN_LENGTHS, run_lengths)
        } else {
            (BIT_MAP, bit_map)
        };
        if payload.is_empty() {
            return String::new();
        }
        let mut body = owner(group, partition).to_vec();
        body.extend(base.0.to_be_bytes());
        body.push(kind);
        body.extend(payload);
        let mut bytes = vec![VERSION];
        bytes.extend(checksum(&body));
        bytes.extend(body);
        BASE64.encode(bytes)
    }

    /// Reads what [`CompletedOffsets::encode`] wrote for a commit of `base`; `end` is the partition's end offset.
    ///
    /// # Errors
    /// [`CompletedError`] for anything else: nothing of it may be believed.
    pub fn decode(
        text: &str,
        group: &str,
        partition: &TopicPartition,
        base: Offset,
        end: Offset,
    ) -> Result<Self, CompletedError> {
        let bytes = BASE64.decode(text).map_err(|_| CompletedError::Foreign)?;
        let (&version, rest) = bytes.split_first().ok_or(CompletedError::Foreign)?;
        if bytes.len() < HEAD {
            return Err(CompletedError::Foreign);
        }
        let (sum, body) = rest.split_at(CHECKSUM);
        if sum != checksum(body) {
            return Err(CompletedError::Foreign);
        }
        if version != VERSION {
            return Err(CompletedError::Version(version));
        }
        let (whose, body) = body.split_at(OWNER);
        if whose != owner(group, partition) {
            return Err(CompletedError::Owner);
        }
        let (their_base, body) = body.split_first_chunk::<8>().ok_or(CompletedError::Foreign)?;
        let their_base = i64::from_be_bytes(*their_base);
        if their_base != base.0 {
            return Err(CompletedError::Base(their_base));
        }
        let completed = match body.split_first() {
            Some((&BIT_MAP, bits)) => Self::from_bit_map(base, bits),
            Some((&RUN_LENGTHS, runs)) => Self::from_run_lengths(base, runs).ok_or(CompletedError::Foreign)?,
            _ => return Err(CompletedError::Foreign),
        };
        if completed.ranges.last().is_some_and(|last| last.end > end.0) {
            return Err(CompletedError::BeyondEnd);
        }
        Ok(completed)
    }

    /// Bit n of the map is offset base + n. Says how many offsets it covers.
    fn bit_map(&self, base: Offset) -> (Vec<u8>, u64) {
        let mut bits: Vec<u8> = Vec::new();
        let mut covered = 0;
        for offset in self.ranges.iter().flat_map(Clone::clone) {
            let Ok(distance) = usize::try_from(offset.saturating_sub(base.0)) else { continue };
            if distance / 8 >= MAX_BYTES - HEAD {
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
    fn run_lengths(&self, base: Offset) -> (Vec<u8>, u64) {
        let mut bytes = Vec::new();
        let mut covered = 0;
        let mut from = base.0;
        for range in self.ranges.iter().filter(|range| range.start >= base.0) {
            let mut pair = Vec::new();
            push_varint(&mut pair, range.start.abs_diff(from));
            push_varint(&mut pair, range.end.abs_diff(range.start));
            if bytes.len() + pair.len() > MAX_BYTES - HEAD {
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
            let start = from.checked_add_unsigned(take_varint(&mut bytes)?)?;
            let end = start.checked_add_unsigned(take_varint(&mut bytes)?)?;
            if end == start || (start == from && !ranges.is_empty()) {
                return None;
            }
            ranges.push(start..end);
            from = end;
        }
        Some(Self { ranges })
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    first_four(&Sha256::digest(body))
}

/// A fingerprint of group and partition: metadata that was copied with its offsets to another group says nothing there.
fn owner(group: &str, partition: &TopicPartition) -> [u8; OWNER] {
    first_four(&Sha256::digest(format!("{group}\0{partition}")))
}

fn first_four(digest: &[u8]) -> [u8; 4] {
    digest.first_chunk().copied().unwrap_or_default()
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push((value & 0x7f) as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CompletedError, CompletedOffsets, MAX_TEXT};
    use crate::domain::{Offset, TopicPartition};

    const END: Offset = Offset(i64::MAX);

    fn partition() -> TopicPartition {
        TopicPartition::new("soc.alerts", 3)
    }

    fn completed(offsets: &[i64]) -> CompletedOffsets {
        CompletedOffsets::from_sorted(offsets.iter().copied().map(Offset))
    }

    fn read(text: &str, base: i64) -> Result<CompletedOffsets, CompletedError> {
        CompletedOffsets::decode(text, "g", &partition(), Offset(base), END)
    }

    #[test]
    fn nothing_completed_is_an_empty_text() {
        assert_eq!(completed(&[]).encode("g", &partition(), Offset(5)), "");
    }

    #[test]
    fn a_map_is_believed_by_its_own_group_partition_and_offset_only() {
        let text = completed(&[7, 9, 10]).encode("g", &partition(), Offset(5));
        assert_eq!(read(&text, 5), Ok(completed(&[7, 9, 10])));
        assert_eq!(read(&text, 6), Err(CompletedError::Base(5)));
        let of = |group: &str, partition: &TopicPartition, end: i64| {
            CompletedOffsets::decode(&text, group, partition, Offset(5), Offset(end))
        };
        assert_eq!(of("h", &partition(), 100), Err(CompletedError::Owner));
        assert_eq!(of("g", &TopicPartition::new("soc.alerts", 4), 100), Err(CompletedError::Owner));
        assert_eq!(of("g", &partition(), 10), Err(CompletedError::BeyondEnd));
        assert_eq!(of("g", &partition(), 11), Ok(completed(&[7, 9, 10])));
    }

    #[test]
    fn what_other_clients_write_is_foreign() {
        for text in ["", "consumer-1", "AQ", "ü", "eyJhIjoxfQ"] {
            assert_eq!(read(text, 5), Err(CompletedError::Foreign), "{text:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_from_the_end() {
        let scattered: Vec<i64> = (0..200_000).map(|n| n * 3 + 1).collect();
        let all = completed(&scattered);
        let text = all.encode("g", &partition(), Offset(0));
        assert!(text.len() <= MAX_TEXT, "{}", text.len());
        let read = read(&text, 0).unwrap();
        assert!(read.count() > 6_000, "{}", read.count());
        assert!(scattered.iter().take(6_000).all(|offset| read.contains(Offset(*offset))));
    }

    proptest! {
        /// Any set above any base comes back as it was, and contains what it contains.
        #[test]
        fn a_map_reads_back_as_it_was_written(
            base in 0_i64..1_000_000,
            distances in prop::collection::btree_set(0_i64..5_000, 0..400),
            runs in prop::collection::vec((1_i64..1_000_000, 1_i64..1_000_000), 0..100),
            in_runs in any::<bool>(),
        ) {
            let completed = if in_runs {
                let mut from = base;
                let mut ranges = Vec::new();
                for (open, done) in runs {
                    ranges.push(from + open..from + open + done);
                    from += open + done;
                }
                CompletedOffsets { ranges }
            } else {
                CompletedOffsets::from_sorted(distances.iter().map(|distance| Offset(base + distance)))
            };
            let text = completed.encode("g", &partition(), Offset(base));
            prop_assert!(text.is_ascii() && text.len() <= MAX_TEXT);
            if completed.is_empty() {
                prop_assert_eq!(text, "");
            } else {
                prop_assert_eq!(read(&text, base), Ok(completed));
            }
            for distance in 0..5_000 {
                let expected = !in_runs && distances.contains(&distance);
                if !in_runs {
                    prop_assert_eq!(
                        CompletedOffsets::from_sorted(distances.iter().map(|d| Offset(base + d)))
                            .contains(Offset(base + distance)),
                        expected
                    );
                }
                if distance > 50 { break; }
            }
        }

        /// A text that was cut or changed anywhere is never believed.
        #[test]
        fn a_changed_map_is_dropped(
            distances in prop::collection::btree_set(0_i64..500, 1..40),
            position in any::<prop::sample::Index>(),
            change in 1_u8..255,
            cut in any::<bool>(),
        ) {
            let text = CompletedOffsets::from_sorted(distances.into_iter().map(Offset)).encode("g", &partition(), Offset(0));
            let mut bytes = text.into_bytes();
            let at = position.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = bytes[at].wrapping_add(change) }
            if let Ok(changed) = String::from_utf8(bytes) {
                prop_assert!(read(&changed, 0).is_err());
            }
        }

        /// Whatever the metadata holds: an answer, no panic.
        #[test]
        fn any_text_is_an_answer(text in ".{0,300}", base in any::<i64>()) {
            let _answer = read(&text, base);
        }
    }
}
