//! What a sample's value may be.

use std::net::IpAddr;

use serde_json::Value;

use crate::mapping::attack;
use crate::mapping::time;

pub(super) fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

/// A text or a number that may name one thing among many.
pub(super) fn is_id(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty() && text.len() <= 256) || value.is_u64()
}

pub(super) fn is_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok())
}

pub(super) fn is_port(value: &Value) -> bool {
    whole(value).is_some_and(|n| n <= 65_535)
}

pub(super) fn is_count(value: &Value) -> bool {
    whole(value).is_some_and(|n| n <= 0x7fff_ffff)
}

pub(super) fn is_process_id(value: &Value) -> bool {
    whole(value).is_some_and(|n| n <= 0xffff_ffff)
}

pub(super) fn is_percent(value: &Value) -> bool {
    whole(value).is_some_and(|n| n <= 100)
}

/// A whole number, or a text that is one.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit())),
        _ => None,
    }
}

pub(super) fn is_address_of_a_page(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("https://") || text.starts_with("http://"))
}

/// A severity: a short word, or a number.
pub(super) fn is_severity(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| !text.trim().is_empty() && text.len() <= 24)
}

/// How a time is written; nothing for what is none. Numbers are times from the year 2001 to the year 2100 only.
pub(super) fn time(value: &Value) -> Option<&'static str> {
    let epoch = |number: f64| match number {
        _ if (1e9..4.2e9).contains(&number) => Some("seconds since the epoch"),
        _ if (1e12..4.2e12).contains(&number) => Some("milliseconds since the epoch"),
        _ if (1e15..4.2e15).contains(&number) => Some("microseconds since the epoch"),
        _ if (1e18..4.2e18).contains(&number) => Some("nanoseconds since the epoch"),
        _ => None,
    };
    match value {
        Value::Number(number) => epoch(number.as_f64()?),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => epoch(number),
            Err(_) => time::from_text(text, 0).map(|_| {
                if time::from_text(text, 0) == time::from_text(text, 60) {
                    "a text with its zone"
                } else {
                    "a text without a zone"
                }
            }),
        },
        _ => None,
    }
}

/// Whether there is an ATT&CK id or tactic in it.
pub(super) fn has_attack(value: &Value) -> bool {
    match value {
        Value::String(text) => text.split([',', ';']).any(|word| attack::technique(word).is_some() || is_tactic(word)),
        Value::Array(items) => items.iter().any(has_attack),
        _ => false,
    }
}

/// Only ids, and names behind a prefix: `impact` and `discovery` are words of everyday language.
fn is_tactic(word: &str) -> bool {
    let word = word.trim();
    (word.starts_with("TA") || word.starts_with("attack.")) && attack::tactic(word).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{has_attack, is_address, is_port, time};

    #[test]
    fn a_time_is_told_from_other_numbers_and_texts() {
        assert_eq!(time(&json!("2026-11-20T08:14:52Z")), Some("a text with its zone"));
        assert_eq!(time(&json!("2026-11-20 08:14:52")), Some("a text without a zone"));
        assert_eq!(time(&json!(1_795_169_045)), Some("seconds since the epoch"));
        assert_eq!(time(&json!("1795169045123")), Some("milliseconds since the epoch"));
        for none in [json!(12), json!("12"), json!("yesterday"), json!(true), json!(1e300)] {
            assert_eq!(time(&none), None, "{none}");
        }
    }

    #[test]
    fn other_values_are_what_they_look_like() {
        assert!(is_address(&json!("2001:db8::1")) && !is_address(&json!("web-1")));
        assert!(is_port(&json!("22")) && is_port(&json!(0)) && !is_port(&json!(70_000)) && !is_port(&json!(-1)));
        assert!(has_attack(&json!(["x", "attack.t1059.001"])) && has_attack(&json!("TA0002, T1071")));
        assert!(!has_attack(&json!(["discovery", "Tier1"])));
    }
}
