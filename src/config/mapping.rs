//! `mapping`: how a SIEM's record becomes SecMaster's alert.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::Severity;

use super::units::ByteSize;
use super::words;

/// Which formats are known and how strictly they are read.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// Directories with mapping files of your own (`*.yaml`, `*.yml`); they come before the shipped ones. A relative path
    /// is taken from the working directory of the process, not from where the configuration stands.
    pub directories: Vec<PathBuf>,
    /// The formats to try, in this order. Empty: all of them.
    pub formats: Vec<String>,
    /// What becomes of a record that no format matches: `dead_letter`, `skip`, or the name of a format to read it as.
    pub on_unmatched: OnUnmatched,
    /// What becomes of an optional field without a valid value: it is left out, or the record is dead-lettered.
    pub on_invalid_field: OnInvalidField,
    /// Whether fields that the Alert data class does not know are faults.
    pub strict: bool,
    /// The severity of an alert whose own word is unknown.
    #[serde(with = "words::severity")]
    #[schemars(with = "words::SeverityWord")]
    pub default_severity: Severity,
    /// The zone of times that name none, as an offset from UTC such as `+08:00`. Names of zones are not taken.
    #[schemars(extend("x-form" = "time_zone"))]
    pub default_time_zone: String,
    /// Records with a larger value, or one that inflates to more, are dead-lettered unread.
    pub max_record_bytes: ByteSize,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            directories: Vec::new(),
            formats: Vec::new(),
            on_unmatched: OnUnmatched::DeadLetter,
            on_invalid_field: OnInvalidField::Drop,
            strict: false,
            default_severity: Severity::Medium,
            default_time_zone: "+08:00".to_owned(),
            max_record_bytes: ByteSize::from_mib(12),
        }
    }
}

/// What becomes of an optional field without a valid value.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum OnInvalidField {
    /// It is left out, with a warning counted.
    Drop,
    /// The record is dead-lettered.
    DeadLetter,
}

/// What becomes of a record that no format matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OnUnmatched {
    /// A dead letter of class `unmapped`.
    DeadLetter,
    /// Skipped on purpose.
    Skip,
    /// Read as this format.
    Format(String),
}

impl fmt::Display for OnUnmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DeadLetter => "dead_letter",
            Self::Skip => "skip",
            Self::Format(name) => name,
        })
    }
}

impl FromStr for OnUnmatched {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "dead_letter" => Self::DeadLetter,
            "skip" => Self::Skip,
            name => Self::Format(name.to_owned()),
        })
    }
}

impl Serialize for OnUnmatched {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OnUnmatched {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Ok(value) = Cow::<'de, str>::deserialize(deserializer)?.parse();
        Ok(value)
    }
}

impl JsonSchema for OnUnmatched {
    fn schema_name() -> Cow<'static, str> {
        "OnUnmatched".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "examples": ["dead_letter"]})
    }
}
