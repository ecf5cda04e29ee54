//! What the tests inside a file show beside whether they hold: fields that are left out as faulty, and fields that no
//! test's record gives a value.

use serde_json::Value;

use super::File;
use crate::mapping::compiled::{Mapping, Node};
use crate::mapping::expression::{Document, Env, Roots, from_json, guarded};
use crate::mapping::finding::{Finding, Level};
use crate::mapping::mapper::Mapper;
use crate::mapping::nested::nested;
use crate::mapping::record;
use crate::mapping::selftest;

pub(super) fn lint(file: &mut File<'_>, mapper: &Mapper, mapping: &Mapping) {
    if mapping.tests.is_empty() {
        let remedy = "add one: a sample as `input`, and what `alertbridge map --expect` prints as `expect`";
        file.warn("tests", "there are none", remedy);
        return;
    }
    let origin = selftest::origin();
    let mut documents = Vec::new();
    for test in &mapping.tests {
        let Ok(input) = selftest::input(mapping, test) else { continue };
        faults(file, mapper, mapping, &test.name, &input);
        match &mapping.split {
            Some(split) => {
                let (input, env) = (from_json(&input), Env::default());
                documents.extend(split.all(&input, &env).unwrap_or_default().into_iter().map(Document::into_owned));
            }
            None => documents.push(from_json(&input)),
        }
    }
    if mapping.nested.is_some() {
        for document in &mut documents {
            if let Ok(Some(nested)) = guarded(document, || nested(document, &Roots::All)) {
                *document = nested.into_owned();
            }
        }
    }
    let env = Env { record: record::value(&record::of_test(&origin), &origin), zone_offset: 0 };
    let mut silent = Vec::new();
    if !documents.is_empty() {
        nothing(&mapping.alert, "", &documents, &env, &mut silent);
    }
    if !silent.is_empty() {
        let problem = format!("their records give no value to {}", silent.join(", "));
        let remedy = "look at these expressions, or add a test whose record has what they read";
        file.add(Finding { level: Level::Note, ..Finding::warning("", "tests", problem, remedy) });
    }
}

/// Fields that a test's record leaves without a value that the data class takes.
fn faults(file: &mut File<'_>, mapper: &Mapper, mapping: &Mapping, test: &str, input: &Value) {
    for part in mapper.map_value(mapping, input, &selftest::origin()) {
        for fault in part.faults.iter().filter(|fault| fault.left_out) {
            let problem = format!("the test `{test}` is without it: {}", fault.message);
            file.warn(
                &format!("alert.{}", fault.field),
                problem,
                "mend the expression; `map --explain` shows what it reads",
            );
        }
    }
}

/// The fields of a node that none of the documents gives a value, or a fault.
fn nothing(node: &Node, path: &str, documents: &[Document<'_>], env: &Env, silent: &mut Vec<String>) {
    match node {
        Node::Expression(expression) => {
            // What reads the record's key or headers has them in no test.
            let reads_record = expression.uses_record();
            if !reads_record && documents.iter().all(|document| matches!(expression.one(document, env), Ok(None))) {
                silent.push(path.to_owned());
            }
        }
        Node::Object(fields) => fields.iter().for_each(|(name, node)| {
            let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            nothing(node, &path, documents, env, silent);
        }),
        Node::List(nodes) => nodes
            .iter()
            .enumerate()
            .for_each(|(i, node)| nothing(node, &format!("{path}[{i}]"), documents, env, silent)),
        Node::Constant(_) => {}
    }
}
