//! What documents are wrapped in: gzip, a byte order mark, `{"records": […]}`, CloudEvents (ADR 0018).
//!
//! An envelope says nothing about the alert, so it is opened before a format is looked for, and what was inside is
//! looked at like any document. Everything here is bounded: what a value inflates to, how deep envelopes nest, how many
//! parts a record has. What cannot be opened costs a dead letter that says what was seen, and never its content.

pub(super) mod cloud_event;
mod gzip;
mod looks;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use self::gzip::is_gzip;
use super::expression::Item;
use super::json::{self, Shape, Tree};
use super::mapper::MapFailure;
use crate::domain::{Data, DeadLetterClass, FailureReason};

/// How deep envelopes may nest, gzip and arrays at the root aside.
pub(super) const MAX_LEVELS: u8 = 4;
/// The most parts of one record. A record of the largest size holds some ten thousand alerts of one KiB.
pub(super) const MAX_PARTS: u32 = 10_000;
/// What all alerts of a record may take in memory, roughly: a `split` that puts the whole batch into each part makes the
/// square of it, and a mapping may put the whole record into each field.
pub(super) const MAX_BYTES_OF_PARTS: usize = 64 << 20;

/// What a value takes in memory, roughly: each node, and the texts.
pub(super) fn weight(value: &Data) -> usize {
    const NODE: usize = 64;
    NODE + match value {
        Data::Text(text) => text.len(),
        Data::Number(digits) => digits.as_str().len(),
        Data::List(items) => items.iter().map(weight).sum(),
        Data::Object(fields) => fields.iter().map(|(name, value)| name.len() + weight(value)).sum(),
        Data::Null | Data::Bool(_) => 0,
    }
}

pub(super) fn malformed(reason: FailureReason, message: impl Into<String>) -> MapFailure {
    MapFailure { class: DeadLetterClass::Malformed, reason, message: message.into() }
}

/// The text in a record's value: inflated, without byte order mark, at most `limit` bytes.
///
/// # Errors
/// When the value or what it inflates to is larger, and when it is gzip that is cut or damaged.
pub fn text(value: &Bytes, limit: usize) -> Result<Bytes, MapFailure> {
    if value.len() > limit {
        let message = format!("the value has {} bytes, {limit} are allowed", value.len());
        return Err(malformed(FailureReason::RecordTooLarge, message));
    }
    let text = if is_gzip(value) {
        gzip::inflate(value, limit).map_err(|error| {
            let reason = match error {
                gzip::GzipError::TooLarge(_) => FailureReason::RecordTooLarge,
                gzip::GzipError::Damaged => FailureReason::BadEnvelope,
            };
            malformed(reason, error.to_string())
        })?
    } else {
        value.clone()
    };
    Ok(match text.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => text.slice_ref(rest),
        None => text,
    })
}

/// Reads a text as a document.
///
/// # Errors
/// When it has too many values. When it is not JSON: then with what it looks like, so that nobody has to open the dead letter to learn it.
pub(super) fn document(text: &[u8]) -> Result<(Tree<'_>, Shape), MapFailure> {
    json::read(text).map_err(|error| {
        if error.is_of_size() {
            return malformed(FailureReason::RecordTooLarge, error.to_string());
        }
        let message = match looks::like(text) {
            Some(what) => format!("the value looks like {what}, not JSON: {error}"),
            None => error.to_string(),
        };
        malformed(FailureReason::NotJson, message)
    })
}

/// The elements of a list, or as many as show that they are too many.
pub(super) fn elements<'d>(item: &Item<'d>) -> Option<Vec<Item<'d>>> {
    item.first_elements(usize::try_from(MAX_PARTS + 1).unwrap_or(usize::MAX))
}

/// The list in `{"records": […]}`, as Azure's services write to Event Hubs: an object of that one member.
pub(super) fn records<'d>(item: &Item<'d>) -> Option<Vec<Item<'d>>> {
    if item.len() == Some(1) { elements(&item.field("records")?) } else { None }
}
