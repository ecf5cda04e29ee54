//! A librdkafka message into a record, byte for byte.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::Message as _;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers as _};

use crate::domain::{Header, Offset, Record, TopicPartition};

/// Copies a message out of librdkafka's memory, so that its prefetch budget is free again.
pub(super) fn to_record(message: &BorrowedMessage<'_>, partition: TopicPartition) -> Record {
    Record {
        partition,
        offset: Offset(message.offset()),
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers: message.headers().map(headers).unwrap_or_default(),
    }
}

fn headers(headers: &BorrowedHeaders) -> Vec<Header> {
    (0..headers.count()).filter_map(|index| header(headers, index)).collect()
}

/// rust-rdkafka panics on a header name that is not UTF-8 (Kafka's protocol says it is, the broker does not check).
/// One such record must not end the process at every start: that header is given without name and value.
fn header(headers: &BorrowedHeaders, index: usize) -> Option<Header> {
    match catch_unwind(AssertUnwindSafe(|| {
        headers.try_get(index).map(|h| Header { name: h.key.to_owned(), value: h.value.map(Bytes::copy_from_slice) })
    })) {
        Ok(header) => header,
        Err(_unreadable_name) => Some(Header { name: char::REPLACEMENT_CHARACTER.to_string(), value: None }),
    }
}
