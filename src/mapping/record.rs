//! `$record`: what expressions see of a record beside its value.

use bytes::Bytes;
use jaq_json::{Map, Val};

use crate::domain::{HEADER_PREFIX, Origin, Record};

/// The names of what it has.
pub(super) const FIELDS: [&str; 6] = ["topic", "partition", "offset", "timestamp", "key", "headers"];

/// `{topic, partition, offset, timestamp, key, headers}`. Key and header values are text, null where they are not
/// UTF-8 or not there; of a repeated header the last counts.
///
/// The coordinates are those of the origin, and the bridge's own headers are left out: a record that was dead-lettered
/// and redriven is mapped to the same bytes as before (promise 3).
pub(super) fn value(record: &Record, origin: &Origin) -> Val {
    let headers = record.headers.iter().filter(|h| !h.name.starts_with(HEADER_PREFIX));
    let headers = headers.map(|h| (Val::utf8_str(h.name.clone()), text(h.value.as_ref())));
    let number = |n: i64| isize::try_from(n).map_or(Val::Null, Val::from);
    let fields = [
        ("topic", Val::utf8_str(origin.partition.topic.to_string())),
        ("partition", number(i64::from(origin.partition.partition))),
        ("offset", number(origin.offset.0)),
        ("timestamp", origin.timestamp_ms.map_or(Val::Null, number)),
        ("key", text(record.key.as_ref())),
        ("headers", Val::obj(headers.collect::<Map>())),
    ];
    Val::obj(fields.into_iter().map(|(name, value)| (Val::utf8_str(name), value)).collect())
}

fn text(bytes: Option<&Bytes>) -> Val {
    match bytes.filter(|b| std::str::from_utf8(b).is_ok()) {
        Some(bytes) => Val::utf8_str(bytes.clone()),
        None => Val::Null,
    }
}

/// A record without key and headers that stands at its origin.
pub(super) fn of_test(origin: &Origin) -> Record {
    Record {
        partition: origin.partition.clone(),
        offset: origin.offset,
        timestamp_ms: origin.timestamp_ms,
        key: None,
        value: None,
        headers: Vec::new(),
    }
}
