//! Written for others to check: every content, for the vendor's Alert model, and every expression with its result, for
//! another jq. `tests/sdk/formats.sh` (in `make test`) runs these tests, then `tests/sdk/formats_check.py` on the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::leaves::{Evaluator, Leaf, Outcome, definition, leaves, parts};
use super::{FIXTURES, FORMATS, bytes_of, mapper, parts_of};

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("formats");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn write(name: &str, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(folder().join(name), text).unwrap();
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Nothing => json!({}),
        Outcome::Value(value) => json!({"value": value}),
        Outcome::Fault(fault) => json!({"fault": fault}),
    }
}

#[test]
fn every_content_is_written_for_the_vendors_model() {
    let mut lines = Vec::new();
    for format in FORMATS {
        for fixture in FIXTURES {
            for part in parts_of(mapper(), bytes_of(format, fixture)) {
                let content = Value::from(part.result.unwrap().content);
                lines.push(json!({"format": format, "fixture": fixture, "part": part.part, "content": content}));
            }
        }
    }
    assert!(lines.len() > FORMATS.len() * FIXTURES.len(), "a batch has more parts than one");
    write("contents.jsonl", &lines);
}

#[test]
fn every_expression_is_written_with_its_results_for_another_jq() {
    let mut documents: Vec<(String, Value)> = Vec::new();
    for format in FORMATS {
        for fixture in FIXTURES {
            documents.extend(parts(format, fixture).into_iter().map(|part| (format!("{format}/{fixture}"), part)));
        }
    }

    // An expression that stands in several places is looked at once.
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for format in FORMATS {
        let definition = definition(format);
        let whole = |field: &str, expression: &Value| {
            // All results as one.
            Some(Leaf { field: field.to_owned(), expression: format!("[{}]", expression.as_str()?) })
        };
        let others = [whole("match", &definition["match"]), whole("split", &definition["split"])];
        for leaf in leaves(format).into_iter().chain(others.into_iter().flatten()) {
            places.entry(leaf.expression).or_default().push(format!("{format}: {}", leaf.field));
        }
    }

    let expressions: Vec<&str> = places.keys().map(String::as_str).collect();
    let evaluator = Evaluator::new(&expressions);
    let results: Vec<Vec<Outcome>> = documents.iter().map(|(_, document)| evaluator.evaluate(document)).collect();
    let lines: Vec<Value> = places
        .iter()
        .enumerate()
        .map(|(i, (expression, places))| {
            let outcomes: Vec<Value> = results.iter().map(|of_document| outcome(&of_document[i])).collect();
            json!({"expression": expression, "places": places, "outcomes": outcomes})
        })
        .collect();
    let named: Vec<Value> =
        documents.iter().map(|(name, document)| json!({"name": name, "document": document})).collect();
    write("documents.jsonl", &named);
    write("expressions.jsonl", &lines);
}
