//! The metadata's round trip, its versions, and what is not believed.

use base64::Engine;
use proptest::prelude::*;

use super::{BASE64, CommitMetadata, MAX_TEXT, MetadataError, OWNER, VERSION, WITHOUT_MARK, checksum};
use crate::domain::{Offset, TopicPartition};
use crate::offsets::CompletedOffsets;

const END: Offset = Offset(i64::MAX);

fn partition() -> TopicPartition {
    TopicPartition::new("soc.alerts", 3)
}

fn completed(offsets: impl IntoIterator<Item = i64>) -> CompletedOffsets {
    CompletedOffsets::from_sorted(offsets.into_iter().map(Offset))
}

fn metadata(offsets: &[i64], mark: Option<i64>) -> CommitMetadata {
    CommitMetadata { completed: completed(offsets.iter().copied()), mark: mark.map(Offset) }
}

fn write(metadata: &CommitMetadata, base: i64) -> String {
    metadata.encode("g", &partition(), Offset(base))
}

fn read(text: &str, base: i64) -> Result<CommitMetadata, MetadataError> {
    CommitMetadata::decode(text, "g", &partition(), Offset(base), END)
}

#[test]
fn nothing_to_say_is_an_empty_text() {
    assert_eq!(write(&metadata(&[], None), 5), "");
    assert_eq!(write(&metadata(&[], Some(5)), 5), "", "a mark at the offset itself covers nothing");
}

#[test]
fn metadata_is_believed_by_its_own_group_partition_and_offset_only() {
    let all = metadata(&[7, 9, 10], Some(12));
    let text = write(&all, 5);
    assert_eq!(read(&text, 5), Ok(all.clone()));
    assert_eq!(read(&text, 6), Err(MetadataError::Base(5)));
    let of = |group: &str, partition: &TopicPartition, end: i64| {
        CommitMetadata::decode(&text, group, partition, Offset(5), Offset(end))
    };
    assert_eq!(of("h", &partition(), 100), Err(MetadataError::Owner));
    assert_eq!(of("g", &TopicPartition::new("soc.alerts", 4), 100), Err(MetadataError::Owner));
    assert_eq!(of("g", &partition(), 10), Err(MetadataError::BeyondEnd));
    assert_eq!(of("g", &partition(), 11), Ok(all), "a mark may lie above the end");
}

/// What versions before the mark wrote.
fn first_version(base: i64, offsets: &[i64]) -> String {
    let (payload, _) = completed(offsets.iter().copied()).to_bytes(Offset(base), 1_000);
    let mut body = super::owner("g", &partition())[..OWNER].to_vec();
    body.extend(base.to_be_bytes());
    body.extend(payload);
    let mut bytes = vec![WITHOUT_MARK];
    bytes.extend(checksum(WITHOUT_MARK, &body));
    bytes.extend(body);
    BASE64.encode(bytes)
}

#[test]
fn the_first_version_is_read_and_has_no_mark() {
    assert_eq!(read(&first_version(5, &[7, 9]), 5), Ok(metadata(&[7, 9], None)));
    // As it was written when there was no other, so that this is not this code's own idea of it.
    assert_eq!(read("AUkb+WRK2Iu0AAAAAAAAAAUANA", 5), Ok(metadata(&[7, 9, 10], None)));
}

#[test]
fn a_version_to_come_is_told_from_what_is_foreign() {
    let mut bytes = BASE64.decode(write(&metadata(&[7], Some(9)), 5)).unwrap();
    bytes[0] = VERSION + 1;
    let sum = checksum(VERSION + 1, &bytes[5..]);
    bytes[1..5].copy_from_slice(&sum);
    assert_eq!(read(&BASE64.encode(bytes), 5), Err(MetadataError::Version(VERSION + 1)));
}

#[test]
fn what_other_clients_write_is_foreign() {
    for text in ["", "consumer-1", "AQ", "ü", "eyJhIjoxfQ"] {
        assert_eq!(read(text, 5), Err(MetadataError::Foreign), "{text:?}");
    }
}

#[test]
fn what_does_not_fit_is_left_out_from_the_end_and_the_mark_covers_it() {
    let scattered: Vec<i64> = (0..200_000).map(|n| n * 3 + 1).collect();
    let text = write(&metadata(&scattered, Some(40)), 0);
    assert!(text.len() <= MAX_TEXT, "{}", text.len());
    let found = read(&text, 0).unwrap();
    assert!(found.completed.count() > 6_000, "{}", found.completed.count());
    assert!(scattered.iter().take(6_000).all(|offset| found.completed.contains(Offset(*offset))));
    assert_eq!(found.mark, Some(Offset(199_999 * 3 + 2)));
    assert_eq!(read(&write(&metadata(&scattered, None), 0), 0).unwrap().mark, None, "no marks are kept");
}

#[test]
fn where_there_is_little_room_the_mark_alone_is_written() {
    let text = metadata(&[7, 9, 100], Some(12)).encode_mark("g", &partition(), Offset(5));
    assert!(text.len() < 40, "{text}");
    assert_eq!(read(&text, 5), Ok(metadata(&[], Some(101))));
    assert_eq!(metadata(&[7], None).encode_mark("g", &partition(), Offset(5)), "");
}

proptest! {
    /// Anything above any base comes back as it was.
    #[test]
    fn metadata_reads_back_as_it_was_written(
        base in 0_i64..1_000_000,
        distances in prop::collection::btree_set(0_i64..5_000, 0..400),
        mark in prop::option::of(1_i64..1_000_000_000),
    ) {
        let written = CommitMetadata {
            completed: completed(distances.iter().map(|distance| base + distance)),
            mark: mark.map(|distance| Offset(base + distance)),
        };
        let text = write(&written, base);
        prop_assert!(text.is_ascii() && text.len() <= MAX_TEXT);
        if written == CommitMetadata::default() {
            prop_assert_eq!(text, "");
        } else {
            prop_assert_eq!(read(&text, base), Ok(written));
        }
    }

    /// Long runs, too, which a bit map could not hold.
    #[test]
    fn long_runs_read_back_as_they_were_written(
        base in 0_i64..1_000_000,
        runs in prop::collection::vec((1_i64..1_000, 1_i64..1_000), 1..60),
    ) {
        let mut from = base;
        let mut offsets = Vec::new();
        for (open, done) in runs {
            offsets.extend(from + open..from + open + done);
            from += open + done;
        }
        let written = CommitMetadata { completed: completed(offsets), mark: None };
        prop_assert_eq!(read(&write(&written, base), base), Ok(written));
    }

    /// A text that was cut or changed anywhere is never believed.
    #[test]
    fn changed_metadata_is_dropped(
        distances in prop::collection::btree_set(0_i64..500, 0..40),
        position in any::<prop::sample::Index>(),
        change in 1_u8..255,
        cut in any::<bool>(),
    ) {
        let text = write(&CommitMetadata { completed: completed(distances), mark: Some(Offset(600)) }, 0);
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
