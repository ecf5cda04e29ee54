//! `$record`: what expressions see of a record beside its value.

use bytes::Bytes;
use jaq_json::{Map, Val};

use crate::domain::{Origin, Record};

/// `{topic, partition, offset, timestamp, key, headers}`. Key and header values are text, null where they are not
/// UTF-8 or not there; of a repeated header the last counts.
pub(super) fn value(record: &Record) -> Val {
    let headers = record.headers.iter().map(|h| (Val::utf8_str(h.name.clone()), text(h.value.as_ref())));
    let number = |n: i64| <Val as jaq_core::ValT>::from_num(&n.to_string()).unwrap_or_default();
    let fields = [
        ("topic", Val::utf8_str(record.partition.topic.to_string())),
        ("partition", number(i64::from(record.partition.partition))),
        ("offset", number(record.offset.0)),
        ("timestamp", record.timestamp_ms.map_or(Val::Null, number)),
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
