//! What a commit says besides its offset, as text in its metadata: the completed offsets above it, and how far attempts
//! may have gone (promise 3, in its cheaper half; promise 2 does not depend on it).
//!
//! Base64 of: version, checksum, whose it is, base offset, the mark's distance from it (0: no mark), then the completed
//! offsets. Version 1 had no mark and is still read. What does not read as exactly that is dropped: repeats are safe,
//! skips are not.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD as BASE64;
use sha2::{Digest, Sha256};

use super::{CompletedOffsets, varint};
use crate::domain::{Offset, TopicPartition};

/// The first byte of what is written.
const VERSION: u8 = 2;

/// The version without a mark.
const WITHOUT_MARK: u8 = 1;

/// How long the text may be, in bytes. Brokers take 4,096 by default (`offset.metadata.max.bytes`).
const MAX_TEXT: usize = 3_500;

/// How many bytes fit into [`MAX_TEXT`] characters of base64.
pub(super) const MAX_BYTES: usize = MAX_TEXT / 4 * 3;

const CHECKSUM: usize = 4;
const OWNER: usize = 4;
pub(super) const HEAD: usize = 1 + CHECKSUM + OWNER + 8;

/// The longest that a mark's distance can be.
pub(super) const MAX_VARINT: usize = 10;

/// What was found in a commit's metadata.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CommitMetadata {
    /// What had settled above the committed offset.
    pub completed: CompletedOffsets,
    /// No attempt was made for an offset at or above this one; `None`: nor is any outcome unknown below it.
    pub mark: Option<Offset>,
}

/// Why a commit's metadata was not understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MetadataError {
    /// It is not ours, or was cut or changed.
    #[error("it is not of this program, or was changed")]
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

impl CommitMetadata {
    /// The text for a commit of `base`. Empty if there is nothing to say. Completed offsets that do not fit are left
    /// out, the highest first: they are repeated; a mark, where there is one, then covers them.
    #[must_use]
    pub fn encode(&self, group: &str, partition: &TopicPartition, base: Offset) -> String {
        self.encode_in(MAX_BYTES, group, partition, base)
    }

    /// The same in a few bytes, for brokers that take little metadata: the mark alone, which then covers all that is
    /// completed.
    #[must_use]
    pub fn encode_mark(&self, group: &str, partition: &TopicPartition, base: Offset) -> String {
        self.encode_in(0, group, partition, base)
    }

    fn encode_in(&self, bytes: usize, group: &str, partition: &TopicPartition, base: Offset) -> String {
        let (completed, covered) = self.completed.to_bytes(base, bytes.saturating_sub(HEAD + MAX_VARINT));
        let is_cut = covered < self.completed.count();
        let mark = self.mark.filter(|mark| *mark > base || is_cut);
        let mark = mark.map(|mark| self.completed.end().filter(|_| is_cut).map_or(mark, |end| end.max(mark)));
        if completed.is_empty() && mark.is_none() {
            return String::new();
        }
        let mut body = owner(group, partition).to_vec();
        body.extend(base.0.to_be_bytes());
        varint::push(&mut body, mark.map_or(0, |mark| u64::try_from(mark.0.saturating_sub(base.0)).unwrap_or(0)));
        body.extend(completed);
        let mut bytes = vec![VERSION];
        bytes.extend(checksum(VERSION, &body));
        bytes.extend(body);
        BASE64.encode(bytes)
    }

    /// Reads what [`CommitMetadata::encode`] wrote for a commit of `base`; `end` is the partition's end offset. A mark
    /// may lie above it.
    ///
    /// # Errors
    /// [`MetadataError`] for anything else: nothing of it may be believed.
    pub fn decode(
        text: &str,
        group: &str,
        partition: &TopicPartition,
        base: Offset,
        end: Offset,
    ) -> Result<Self, MetadataError> {
        let bytes = BASE64.decode(text).map_err(|_| MetadataError::Foreign)?;
        let (&version, rest) = bytes.split_first().ok_or(MetadataError::Foreign)?;
        if bytes.len() < HEAD {
            return Err(MetadataError::Foreign);
        }
        let (sum, body) = rest.split_at(CHECKSUM);
        if sum != checksum(version, body) {
            return Err(MetadataError::Foreign);
        }
        if !matches!(version, VERSION | WITHOUT_MARK) {
            return Err(MetadataError::Version(version));
        }
        let (whose, body) = body.split_at(OWNER);
        if whose != owner(group, partition) {
            return Err(MetadataError::Owner);
        }
        let (their_base, mut body) = body.split_first_chunk::<8>().ok_or(MetadataError::Foreign)?;
        let their_base = i64::from_be_bytes(*their_base);
        if their_base != base.0 {
            return Err(MetadataError::Base(their_base));
        }
        let distance =
            if version == WITHOUT_MARK { 0 } else { varint::take(&mut body).ok_or(MetadataError::Foreign)? };
        let mark = (distance > 0).then(|| base.0.checked_add_unsigned(distance).map(Offset));
        let mark = mark.map(|mark| mark.ok_or(MetadataError::Foreign)).transpose()?;
        let completed = CompletedOffsets::from_bytes(base, body).ok_or(MetadataError::Foreign)?;
        if completed.end().is_some_and(|highest| highest > end) {
            return Err(MetadataError::BeyondEnd);
        }
        Ok(Self { completed, mark })
    }
}

/// Of the version, too, from the second one on: the first did not count itself in.
fn checksum(version: u8, body: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::new();
    let digest = if version == WITHOUT_MARK { digest } else { digest.chain_update([version]) };
    first_four(&digest.chain_update(body).finalize())
}

/// A fingerprint of group and partition: metadata that was copied with its offsets to another group says nothing there.
fn owner(group: &str, partition: &TopicPartition) -> [u8; OWNER] {
    first_four(&Sha256::digest(format!("{group}\0{partition}")))
}

fn first_four(digest: &[u8]) -> [u8; 4] {
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
