//! What tells the samples from other records: a constant that names their kind, and keys that only they may have.

use serde_json::{Map, Value};

use super::leaves::words;
use crate::mapping::expression::{path, quoted};

/// What constants are called that name a kind of record.
const KINDS: &[&str] = &[
    "vendor",
    "product",
    "system",
    "feed",
    "stream",
    "schema",
    "type",
    "kind",
    "source",
    "module",
    "provider",
    "dataset",
    "category",
    "class",
    "sourcetype",
    "format",
    "app",
    "application",
    "log",
    "producer",
    "service",
    "engine",
    "tool",
    "event",
];
/// What such a name may say of the record before it names the kind.
const WHOLES: &[&str] = &["event", "record", "log", "alert", "message", "data", "schema", "odata", "source", "device"];
/// Keys that many kinds of records have.
const COMMON: &[&str] = &[
    "id",
    "uuid",
    "title",
    "name",
    "message",
    "msg",
    "time",
    "timestamp",
    "date",
    "ts",
    "severity",
    "level",
    "priority",
    "host",
    "hostname",
    "user",
    "source",
    "src",
    "dst",
    "dest",
    "description",
    "type",
    "status",
    "tags",
    "rule",
    "event",
    "data",
    "version",
    "count",
    "created",
    "labels",
    "url",
];

/// A condition, and what it rests on.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) expression: String,
    pub(super) notes: Vec<String>,
    /// The paths that it looks at.
    pub(super) paths: Vec<String>,
}

/// A condition that holds for all samples; none where they have no key in common.
pub(super) fn of(samples: &[&Map<String, Value>]) -> Option<Condition> {
    let (first, others) = samples.split_first()?;
    let everywhere = |name: &String| others.iter().all(|sample| sample.contains_key(name));
    let keys: Vec<&String> = first.keys().filter(|name| everywhere(name)).collect();
    let mut terms = Vec::new();
    let mut paths = Vec::new();
    let mut notes = Vec::new();
    if let Some((key, value)) = kind(&keys, samples) {
        let at = path([key.as_str()]);
        terms.push(format!("{at} == {}", quoted(value)));
        notes.push(match samples.len() {
            1 => format!("a guess from one sample: {at} may have other values in other records of this kind"),
            count => format!("a guess: {at} is the same in all {count} samples, and may not be in other records"),
        });
        paths.push(at);
    }
    let mut rare: Vec<&String> = keys.into_iter().filter(|key| !paths.contains(&path([key.as_str()]))).collect();
    let structural = |key: &String| {
        let whole =
            |value: &Value| value.is_object() || value.as_array().is_some_and(|i| i.iter().any(Value::is_object));
        samples.iter().all(|sample| sample.get(key).is_some_and(whole))
    };
    rare.sort_by_key(|key| (rank(key, structural(key)), std::cmp::Reverse(key.len().min(40))));
    let wanted = 2_usize.saturating_sub(terms.len());
    for key in rare.into_iter().take(wanted) {
        terms.push(format!("has({})", quoted(key)));
        notes.push(match samples.len() {
            1 => format!("a guess from one sample: other records of this kind may have no {}", quoted(key)),
            count => format!("a guess: all {count} samples have {}", quoted(key)),
        });
    }
    if terms.is_empty() {
        return None;
    }
    Some(Condition { expression: terms.join(" and "), notes, paths })
}

/// A short text that is the same everywhere, under a name that such texts have.
fn kind<'a>(keys: &[&'a String], samples: &[&'a Map<String, Value>]) -> Option<(&'a String, &'a str)> {
    let constant = |key: &&&'a String| {
        let value = samples.first()?.get(**key)?.as_str()?;
        let short = !value.trim().is_empty() && value.len() <= 64;
        (short && samples.iter().all(|sample| sample.get(**key).and_then(Value::as_str) == Some(value)))
            .then_some((**key, value))
    };
    // `event_type` is a kind of record, `risk_object_type` is not.
    let ranked = |(key, _): &(&String, &str)| {
        let words = words(key);
        let last = words.last()?;
        let of_record = words.len() == 1 || words.len() == 2 && WHOLES.contains(&words.first()?.as_str());
        KINDS.iter().position(|kind| of_record && kind == last)
    };
    let found = keys.iter().filter_map(|key| constant(&key)).filter(|found| ranked(found).is_some());
    found.min_by_key(|found| ranked(found))
}

/// Rare names first: long ones, then objects, which are seldom left out, then what is no everyday word.
fn rank(key: &str, structural: bool) -> usize {
    let all = words(key);
    match all.as_slice() {
        [] => 5,
        [one] if COMMON.contains(&one.as_str()) => 4,
        [_, _, _, ..] => 0,
        _ if structural => 1,
        [_] => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of;

    fn condition(samples: &[Value]) -> Option<String> {
        let samples: Vec<_> = samples.iter().map(|sample| sample.as_object().unwrap()).collect();
        of(&samples).map(|condition| condition.expression)
    }

    #[test]
    fn a_constant_kind_and_the_rarest_key_that_all_have_tell_records_apart() {
        let samples = [
            json!({"vendor": "acme", "id": 1, "threat_score": 1, "a_long_key_of_one": 1}),
            json!({"vendor": "acme", "id": 2, "threat_score": 2}),
        ];
        assert_eq!(condition(&samples).as_deref(), Some(".vendor == \"acme\" and has(\"threat_score\")"));
        let samples = [json!({"id": 1, "x-y": 1, "zeta": null}), json!({"id": 2, "x-y": 2, "zeta": 1})];
        assert_eq!(condition(&samples).as_deref(), Some("has(\"x-y\") and has(\"zeta\")"));
        assert_eq!(condition(&[json!({"a": 1}), json!({"b": 1})]), None);
        let samples = [json!({"risk_object_type": "user", "verdict": {"x": 1}, "mail_from": "a"})];
        assert_eq!(condition(&samples).as_deref(), Some("has(\"risk_object_type\") and has(\"verdict\")"));
    }
}
