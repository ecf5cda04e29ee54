//! Values that are gzip (RFC 1952): some producers compress each value by themselves.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

/// Why a value was not inflated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum GzipError {
    /// A bomb, or an honest value over the limit. No more than the limit is ever inflated.
    #[error("the value is gzip and inflates to more than {0} bytes")]
    TooLarge(usize),
    /// Cut off, a wrong checksum, or something behind its end.
    #[error("the value is gzip, but cut off or damaged")]
    Damaged,
}

/// Whether a value begins as gzip does: its magic number, and deflate as method. JSON never begins so.
#[must_use]
pub fn is_gzip(value: &[u8]) -> bool {
    value.starts_with(b"\x1f\x8b\x08")
}

/// Inflates a value, all its members, to at most `limit` bytes.
pub(super) fn inflate(value: &[u8], limit: usize) -> Result<Bytes, GzipError> {
    let mut text = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read: io::Result<usize> = MultiGzDecoder::new(value).take(most).read_to_end(&mut text);
    match read {
        Ok(_) if text.len() > limit => Err(GzipError::TooLarge(limit)),
        Ok(_) => Ok(text.into()),
        Err(_) => Err(GzipError::Damaged),
    }
}
