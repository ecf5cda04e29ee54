//! A dead letter as JSON: what is known of it, and all of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::Letter;

/// What is known of a dead letter, without key and value: the report, and where the letter itself stands. Numbers are
/// texts, as in the headers, but for `size` (bytes of the value) and what is under `attempt_reports`.
#[must_use]
pub fn summary(letter: &Letter) -> Value {
    let mut document = Map::new();
    let written = letter.record.timestamp_ms.and_then(|time| Timestamp::from_millisecond(time).ok());
    let mut put = |name: &str, value: Value| drop(document.insert(name.to_owned(), value));
    put("place", letter.place().into());
    put("written_at", written.map(|time| time.to_string()).into());
    put("first_place", letter.first_place().into());
    for (name, value) in letter.fields() {
        put(&name.replace('-', "_"), value.into());
    }
    put("size", letter.record.value.as_ref().map(Bytes::len).into());
    let report = letter.field("report").and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(attempts) = report.as_ref().and_then(|report| report.get("attempt_reports")) {
        put("attempt_reports", attempts.clone());
    }
    Value::Object(document)
}

/// All of a dead letter, so that nothing is lost: bytes are `{"text": …}` where they are UTF-8, else `{"base64": …}`.
#[must_use]
pub fn export(letter: &Letter) -> Value {
    let record = &letter.record;
    let headers =
        record.headers.iter().map(|header| json!({"name": header.name, "value": bytes(header.value.as_ref())}));
    json!({
        "topic": &*record.partition.topic,
        "partition": record.partition.partition,
        "offset": record.offset.0,
        "timestamp_ms": record.timestamp_ms,
        "key": bytes(record.key.as_ref()),
        "value": bytes(record.value.as_ref()),
        "headers": headers.collect::<Vec<_>>(),
    })
}

/// The members of an [`export`], by name.
const MEMBERS: [&str; 7] = ["headers", "key", "offset", "partition", "timestamp_ms", "topic", "value"];

/// Whether this text is what [`export`] gives.
#[must_use]
pub fn is_export(text: &[u8]) -> bool {
    let members: Result<BTreeMap<Cow<'_, str>, IgnoredAny>, _> = serde_json::from_slice(text);
    members.is_ok_and(|members| members.keys().eq(MEMBERS.iter()))
}

fn bytes(bytes: Option<&Bytes>) -> Value {
    let Some(bytes) = bytes else { return Value::Null };
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({"text": text}),
        Err(_) => json!({"base64": STANDARD.encode(bytes)}),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{bytes, export, is_export, summary};
    use crate::domain::Shape;
    use crate::letters::{Letter, testing};

    #[test]
    fn a_summary_has_the_fields_the_attempts_and_no_content() {
        let letter = Letter::read(testing::on_topic(&testing::dead_letter(42), 7, Shape::Full)).unwrap();
        let document = summary(&letter);
        assert_eq!(document["first_place"], "soc.alerts/3/42");
        assert_eq!(document["written_at"], "1970-01-01T00:00:01Z");
        assert_eq!(document["failure_class"], "rejected");
        assert_eq!(document["attempt_reports"][0]["http_status"], 400);
        assert!(document.get("report").is_none() && document.get("value").is_none());
        let without = Letter::read(testing::on_topic(&testing::dead_letter(42), 7, Shape::WithoutReport)).unwrap();
        assert_eq!(summary(&without)["failure_class"], "rejected");
    }

    #[test]
    fn an_export_loses_nothing() {
        let letter = Letter::read(testing::on_topic(&testing::dead_letter(42), 7, Shape::Full)).unwrap();
        let document = export(&letter);
        assert_eq!((&document["key"]["text"], &document["value"]["text"]), (&"key".into(), &"{}".into()));
        assert_eq!(document["headers"].as_array().unwrap().len(), letter.record.headers.len());
        assert!(is_export(document.to_string().as_bytes()) && !is_export(b"{\"topic\": \"t\"}") && !is_export(b"[]"));
        assert_eq!(bytes(None), serde_json::Value::Null);
        assert_eq!(bytes(Some(&Bytes::new()))["text"], "");
        assert_eq!(bytes(Some(&Bytes::from_static(b"\xff\x00")))["base64"], "/wA=");
    }
}
