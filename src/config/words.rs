//! The domain's closed lists of words as configuration values.
//!
//! The domain stays free of serde; each module here is what `#[serde(with)]` and `#[schemars(with)]` need.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serializer, de};

use crate::domain::{FailureClass, Severity};

macro_rules! words {
    ($module:ident, $marker:ident, $type:ty, $from:path) => {
        pub(super) mod $module {
            use super::{$marker, Cow, Deserialize, Deserializer, JsonSchema, Schema, SchemaGenerator, Serializer};
            use super::{de, json_schema};

            pub(in crate::config) fn serialize<S: Serializer>(value: &$type, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(value.as_str())
            }

            pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let word = Cow::<'de, str>::deserialize(deserializer)?;
                $from(&word).ok_or_else(|| de::Error::custom(format!("unknown word `{word}`")))
            }

            impl JsonSchema for $marker {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($marker).into()
                }

                fn inline_schema() -> bool {
                    true
                }

                fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                    let words: Vec<&str> = <$type>::ALL.iter().map(|w| w.as_str()).collect();
                    json_schema!({"type": "string", "enum": words})
                }
            }
        }
    };
}

/// The schema of [`Severity`].
pub(super) struct SeverityWord;
/// The schema of [`FailureClass`].
pub(super) struct FailureClassWord;

words!(severity, SeverityWord, super::Severity, super::Severity::from_word);
words!(failure_class, FailureClassWord, super::FailureClass, super::FailureClass::from_label);
