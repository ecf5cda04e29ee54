//! Values as loosely as the services write them: a `code` of 0 or "00000000", a `total` of 12.0, nulls everywhere.

use std::fmt;
use std::ops::Deref;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A text; empty where the member is missing or null, a number's digits where it is a number.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        }))
    }
}

/// A whole number, if the member is one in any spelling.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Count(pub Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        // `12.0` is what a model with a float sends.
        let digits = text.split_once('.').map_or(
            &*text,
            |(whole, rest)| {
                if rest.bytes().all(|b| b == b'0') { whole } else { "" }
            },
        );
        Ok(Self(digits.parse().ok()))
    }
}

/// Yes or no, if the member says either: a boolean, 0 or 1, or the word.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Flag(pub Option<bool>);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Text::deserialize(deserializer)?.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }))
    }
}

/// Reads a member that may be null as its default.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_str, from_value, json};

    use super::{Count, Flag, Text};

    #[test]
    fn each_spelling_is_read_and_none_is_an_error() {
        for (value, text) in [(json!("a"), "a"), (json!(0), "0"), (Value::Null, ""), (json!(true), "true")] {
            assert_eq!(&*from_value::<Text>(value).unwrap(), text);
        }
        for (text, count) in [("12", Some(12)), ("12.0", Some(12)), (r#""7""#, Some(7)), ("1.5", None), ("null", None)]
        {
            assert_eq!(from_str::<Count>(text).unwrap().0, count, "{text}");
        }
        for (text, flag) in [("true", Some(true)), ("0", Some(false)), (r#""True""#, Some(true)), ("{}", None)] {
            assert_eq!(from_str::<Flag>(text).unwrap().0, flag, "{text}");
        }
    }
}
