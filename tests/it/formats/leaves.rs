//! The expressions of a mapping file one by one, evaluated by the engine.
//!
//! Each becomes a field of `system_info` in a mapping made for it, which passes on any value as it is.

use std::collections::BTreeMap;
use std::fs;

use alertbridge::mapping::{Mapper, MappingSettings};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{document, parts_of};
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

/// A mapping made of expressions.
pub(super) struct Evaluator {
    mapper: Mapper,
    count: usize,
}

impl Evaluator {
    pub(super) fn new(expressions: &[&str]) -> Self {
        let fields: Map<String, Value> =
            expressions.iter().enumerate().map(|(i, expression)| (format!("e{i}"), json!(expression))).collect();
        let alert = json!({"title": "\"t\"", "system_info": fields});
        let mapping = json!({"name": "leaves", "match": "true", "alert": alert});
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("leaves.yaml"), mapping.to_string()).unwrap();
        let settings = MappingSettings {
            directories: vec![directory.path().to_owned()],
            formats: vec!["leaves".to_owned()],
            ..MappingSettings::default()
        };
        Self { mapper: Mapper::load(&settings).unwrap(), count: expressions.len() }
    }

    /// What each of the expressions gives for a document.
    pub(super) fn evaluate(&self, document: &Value) -> Vec<Outcome> {
        let part = parts_of(&self.mapper, document.to_string()).remove(0);
        let faults: BTreeMap<&str, &str> =
            part.faults.iter().map(|fault| (fault.field.as_str(), fault.message.as_str())).collect();
        let content = Value::from(part.result.unwrap().content)["system_info"].take();
        let outcome = |i: usize| match (faults.get(format!("system_info.e{i}").as_str()), &content[format!("e{i}")]) {
            (Some(fault), _) => Outcome::Fault((*fault).to_owned()),
            (None, Value::Null) => Outcome::Nothing,
            (None, value) => Outcome::Value(value.clone()),
        };
        (0..self.count).map(outcome).collect()
    }
}

/// The documents that a mapping's expressions see of a fixture: the parts, where it is split.
pub(super) fn parts(format: &str, fixture: &str) -> Vec<Value> {
    let document = document(format, fixture);
    let Some(split) = definition(format)["split"].as_str().map(|split| format!("[{split}]")) else {
        return vec![document];
    };
    match Evaluator::new(&[&split]).evaluate(&document).remove(0) {
        Outcome::Value(Value::Array(parts)) => parts,
        other => panic!("{format}/{fixture} has parts: {other:?}"),
    }
}

#[test]
fn an_expression_gives_a_value_nothing_or_a_fault() {
    let evaluator = Evaluator::new(&[".a", ".b", ".a.c", ".a, .b"]);
    let shown = [json!({"a": 1}), json!({"b": {}})].map(|document| format!("{:?}", evaluator.evaluate(&document)));
    insta::assert_snapshot!(shown.join("\n"));
}
