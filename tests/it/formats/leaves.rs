//! The expressions of a mapping file one by one, evaluated by the engine.
//!
//! Each becomes a field of `system_info` in a mapping made for it, which passes on any value as it is.

use std::collections::BTreeMap;
use std::fs;

use alertbridge::mapping::{Mapped, Mapper, MappingSettings};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{bytes_of, origin, record};
use crate::support::pages::page;

/// An expression and the field that it gives, such as `network_list[0].src_ip`.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) field: String,
    pub(super) expression: String,
}

/// What an expression gives.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// `null`, nothing, an empty object or an empty list.
    Nothing,
    Value(Value),
    Fault(String),
}

/// A shipped mapping file as it is written.
pub(super) fn definition(format: &str) -> Value {
    serde_saphyr::from_str(&page(&format!("config/mappings/{format}.yaml"))).unwrap()
}

/// The expressions below `alert`, in the order of the file.
pub(super) fn leaves(format: &str) -> Vec<Leaf> {
    fn walk(field: &str, value: &Value, found: &mut Vec<Leaf>) {
        match value {
            Value::String(text) => {
                found.push(Leaf { field: field.to_owned(), expression: text.clone() });
            }
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                let field = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                walk(&field, value, found);
            }),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, item)| walk(&format!("{field}[{i}]"), item, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", &definition(format)["alert"], &mut found);
    found
}

/// What each of the expressions gives for each part of a record.
pub(super) fn evaluate(expressions: &[&str], split: Option<&str>, value: Vec<u8>) -> Vec<Vec<Outcome>> {
    let fields: Map<String, Value> =
        expressions.iter().enumerate().map(|(i, expression)| (format!("e{i}"), json!(expression))).collect();
    let mut mapping = json!({"name": "leaves", "match": "true", "alert": {"title": "\"t\"", "system_info": fields}});
    if let Some(split) = split {
        mapping["split"] = json!(split);
    }
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("leaves.yaml"), mapping.to_string()).unwrap();
    let settings = MappingSettings {
        directories: vec![directory.path().to_owned()],
        formats: vec!["leaves".to_owned()],
        ..MappingSettings::default()
    };
    let mapper = Mapper::load(&settings).unwrap();
    let record = record(value);
    let Mapped::Parts(parts) = mapper.map(&record, &origin(&record)) else { panic!("the record has parts") };
    let outcomes = |part: alertbridge::mapping::MappedPart| {
        let faults: BTreeMap<&str, &str> =
            part.faults.iter().map(|fault| (fault.field.as_str(), fault.message.as_str())).collect();
        let content = part.result.as_ref().unwrap().content.get("system_info").cloned().unwrap_or_default();
        let outcome = |i: usize| match (faults.get(format!("system_info.e{i}").as_str()), &content[format!("e{i}")]) {
            (Some(fault), _) => Outcome::Fault((*fault).to_owned()),
            (None, Value::Null) => Outcome::Nothing,
            (None, value) => Outcome::Value(value.clone()),
        };
        (0..expressions.len()).map(outcome).collect()
    };
    parts.into_iter().map(outcomes).collect()
}

/// The parts of a fixture, and what each expression of its mapping gives for them.
pub(super) fn of_fixture(format: &str, fixture: &str) -> Vec<(Value, Vec<(Leaf, Outcome)>)> {
    let split = definition(format)["split"].as_str().map(str::to_owned);
    let leaves = leaves(format);
    let mut expressions: Vec<&str> = leaves.iter().map(|leaf| leaf.expression.as_str()).collect();
    expressions.push(".");
    let parts = evaluate(&expressions, split.as_deref(), bytes_of(format, fixture));
    let told = |mut outcomes: Vec<Outcome>| {
        let Some(Outcome::Value(part)) = outcomes.pop() else { panic!("a part is an object") };
        (part, leaves.iter().cloned().zip(outcomes).collect())
    };
    parts.into_iter().map(told).collect()
}

#[test]
fn an_expression_gives_a_value_nothing_or_a_fault() {
    let parts = evaluate(&[".a", ".b", ".a.c", ".[]"], Some(".p[]"), br#"{"p": [{"a": 1}, {"b": {}}]}"#.to_vec());
    let shown: Vec<String> = parts.iter().map(|outcomes| format!("{outcomes:?}")).collect();
    insta::assert_snapshot!(shown.join("\n"));
}
