//! How answers are printed: a table for people, JSON or YAML as the service told it.

use std::io::{self, Write};

use anyhow::Context as _;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::{Map, Number, Value};

use crate::secmaster::api::{Flag, Item, Text};

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

/// One column: its head, and its cell of an item.
pub(super) type Column<T> = (&'static str, fn(&T) -> String);

/// A text for a cell: one line, without what a terminal would obey.
pub(super) fn cell(text: &Text) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Yes, no or nothing.
pub(super) fn yes(flag: Flag) -> String {
    flag.0.map(|flag| if flag { "yes" } else { "no" }).unwrap_or_default().to_owned()
}

/// Prints a list.
pub(super) fn list<T>(output: Output, items: &[Item<T>], columns: &[Column<T>]) -> anyhow::Result<()> {
    if output != Output::Table {
        return document(output, &items.iter().map(|item| item.document.clone()).collect());
    }
    let mut table = Table::new();
    let _same = table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let _same = table.set_header(columns.iter().map(|(head, _)| *head));
    for item in items {
        let _same = table.add_row(columns.iter().map(|(_, cell)| cell(&item.is)));
    }
    let mut out = io::stdout().lock();
    for line in table.lines() {
        writeln!(out, "{}", line.strip_prefix(' ').unwrap_or(&line).trim_end())?;
    }
    Ok(())
}

/// Prints one thing: a line for each member that a column shows.
pub(super) fn one<T>(output: Output, item: &Item<T>, columns: &[Column<T>]) -> anyhow::Result<()> {
    if output != Output::Table {
        return document(output, &item.document);
    }
    let width = columns.iter().map(|(head, _)| head.len()).max().unwrap_or(0);
    let mut out = io::stdout().lock();
    for (head, cell) in columns {
        writeln!(out, "{}", format!("{head:width$}  {}", cell(&item.is)).trim_end())?;
    }
    Ok(())
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
