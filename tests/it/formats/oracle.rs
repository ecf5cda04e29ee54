//! Written for others to check: every content, for the vendor's Alert model, and every expression with its result, for
//! another jq. `tests/sdk/formats.sh` (`make test`) runs these tests and then `tests/sdk/formats_check.py` on the files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::leaves::{Outcome, definition, evaluate, of_fixture};
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

fn outcome(outcome: Outcome) -> Value {
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
                let content = part.result.unwrap().content;
                lines.push(json!({"format": format, "fixture": fixture, "part": part.part, "content": content}));
            }
        }
    }
    assert!(lines.len() > FORMATS.len() * FIXTURES.len(), "a batch has more parts than one");
    write("contents.jsonl", &lines);
}

#[test]
fn every_expression_is_written_with_its_result_for_another_jq() {
    let mut lines = Vec::new();
    for format in FORMATS {
        for fixture in FIXTURES {
            let at = |field: &str, expression: &str, input: &Value, result: Outcome| {
                json!({"format": format, "fixture": fixture, "field": field, "expression": expression,
                       "input": input, "outcome": outcome(result)})
            };
            for (part, leaves) in of_fixture(format, fixture) {
                lines.extend(leaves.into_iter().map(|(leaf, result)| at(&leaf.field, &leaf.expression, &part, result)));
            }
            let definition = definition(format);
            let document: Value = serde_json::from_slice(&bytes_of(format, fixture)).unwrap();
            let whole = [("match", &definition["match"]), ("split", &definition["split"])];
            for (field, expression) in whole.into_iter().filter_map(|(f, e)| Some((f, e.as_str()?))) {
                // All results as one.
                let expression = format!("[{expression}]");
                let result = evaluate(&[&expression], None, bytes_of(format, fixture)).remove(0).remove(0);
                lines.push(at(field, &expression, &document, result));
            }
        }
    }
    write("expressions.jsonl", &lines);
}
