//! How commands print what programs may want to read: for people, or the same as one JSON or YAML document.

use std::io::{self, Write};

use anyhow::Context as _;
use clap::ValueEnum;
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::{Map, Number, Value};

/// How to print.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Output {
    /// Columns for people
    Table,
    /// JSON: a list as an array
    Json,
    /// YAML
    Yaml,
}

/// Prints a document.
pub(super) fn document(output: Output, document: &Value) -> anyhow::Result<()> {
    let text = match output {
        Output::Yaml => serde_saphyr::to_string(&Plain(document)).context("the answer cannot be written as YAML")?,
        Output::Json | Output::Table => format!("{document:#}"),
    };
    writeln!(io::stdout().lock(), "{}", text.trim_end())?;
    Ok(())
}

/// A document whose numbers are numbers: `serde_json`'s own, of any length, are something else to other formats.
struct Plain<'a>(&'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::String(text) => serializer.serialize_str(text),
            Value::Number(number) => plain_number(number, serializer),
            Value::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(&Plain(item))?;
                }
                sequence.end()
            }
            Value::Object(members) => plain_members(members, serializer),
        }
    }
}

fn plain_members<S: Serializer>(members: &Map<String, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(members.len()))?;
    for (name, member) in members {
        map.serialize_entry(name, &Plain(member))?;
    }
    map.end()
}

fn plain_number<S: Serializer>(number: &Number, serializer: S) -> Result<S::Ok, S::Error> {
    if let Some(whole) = number.as_i64() {
        return serializer.serialize_i64(whole);
    }
    match number.as_f64() {
        Some(float) => serializer.serialize_f64(float),
        None => serializer.serialize_str(&number.to_string()),
    }
}
