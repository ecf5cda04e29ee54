//! The tests inside mapping files, run by `alertbridge check`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::compiled::Mapping;
use super::definition::TestDefinition;
use super::mapper::Mapper;
use super::places::{At, Places};
use crate::domain::{Alert, Offset, Origin, TopicPartition};

/// A test inside a mapping file that did not hold.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{file}{}: test `{test}`: {problem}", at.map_or_else(String::new, |at| format!(":{at}")))]
pub struct TestFailure {
    /// The mapping file.
    pub file: String,
    /// Where in the file, where that is known.
    pub at: Option<At>,
    /// The test's name.
    pub test: String,
    /// What differs. Shows the test's own data.
    pub problem: String,
}

impl Mapper {
    /// Runs the tests inside all mapping files in force: the user's under the settings in force, the shipped ones'
    /// under the default settings.
    #[must_use]
    pub fn run_tests(&self) -> Vec<TestFailure> {
        let mut failures = Vec::new();
        for mapping in self.mappings() {
            for (i, test) in mapping.tests.iter().enumerate() {
                if let Err(problem) = self.run_test(mapping, test) {
                    // Those inside the binary have no file.
                    let text = fs::read_to_string(&mapping.file).unwrap_or_default();
                    let at = Places::of(&text).find(&format!("tests[{i}]"));
                    failures.push(TestFailure { file: mapping.file.clone(), at, test: test.name.clone(), problem });
                }
            }
        }
        failures
    }

    /// How many tests there are inside all mapping files in force.
    #[must_use]
    pub fn count_tests(&self) -> usize {
        self.mappings().iter().map(|mapping| mapping.tests.len()).sum()
    }

    /// The files that hold the records of tests.
    pub fn test_files(&self) -> impl Iterator<Item = PathBuf> {
        self.mappings().iter().flat_map(|mapping| {
            mapping.tests.iter().filter_map(|test| test.file.as_ref()).map(|file| beside(mapping, file))
        })
    }

    fn run_test(&self, mapping: &Mapping, test: &TestDefinition) -> Result<(), String> {
        let input = input(mapping, test)?;
        let origin = origin();
        if !self.matches(mapping, &input, &origin) {
            return Err("the mapping's `match` does not hold for the input".to_owned());
        }
        let parts = self.map_value(mapping, &input, &origin);
        let contents: Result<Vec<Value>, String> =
            parts.into_iter().map(|p| p.result.map(content).map_err(|failure| failure.to_string())).collect();
        let expected: &[Value] = match &test.expect {
            Value::Array(contents) => contents,
            content => std::slice::from_ref(content),
        };
        compare(&contents?, expected)
    }
}

/// What a test compares: the content, or `{skip: REASON}`.
fn content(alert: Alert) -> Value {
    match alert.skip {
        Some(reason) => json!({"skip": &*reason}),
        None => Value::Object(alert.content),
    }
}

/// The document of a test.
pub(super) fn input(mapping: &Mapping, test: &TestDefinition) -> Result<Value, String> {
    match (&test.input, &test.file) {
        (Some(input), _) => Ok(input.clone()),
        (None, Some(file)) => {
            let file = beside(mapping, file);
            let text = fs::read(&file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
            serde_json::from_slice(&text).map_err(|e| format!("{} is not JSON: {e}", file.display()))
        }
        (None, None) => Err("has neither `input` nor `file`".to_owned()),
    }
}

/// A file that a mapping file names.
fn beside(mapping: &Mapping, file: &Path) -> PathBuf {
    Path::new(&mapping.file).parent().unwrap_or_else(|| Path::new("")).join(file)
}

/// Where the records of tests stand.
pub(super) fn origin() -> Origin {
    Origin {
        cluster_id: "test".into(),
        partition: TopicPartition::new("test", 0),
        offset: Offset(0),
        timestamp_ms: Some(0),
    }
}

fn compare(contents: &[Value], expected: &[Value]) -> Result<(), String> {
    if contents.len() != expected.len() {
        return Err(format!("expected {} parts, found {}", expected.len(), contents.len()));
    }
    for (content, expected) in contents.iter().zip(expected) {
        if let Some(difference) = difference("", content, expected) {
            return Err(difference);
        }
    }
    Ok(())
}

/// The first place where two values differ.
fn difference(path: &str, found: &Value, expected: &Value) -> Option<String> {
    match (found, expected) {
        (Value::Object(f), Value::Object(e)) => {
            let names = e.keys().chain(f.keys().filter(|name| !e.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match (f.get(name), e.get(name)) {
                    (Some(f), Some(e)) => difference(&path, f, e),
                    (None, _) => Some(format!("{path} is missing")),
                    (Some(f), None) => Some(format!("{path} is not expected, but there: {f}")),
                }
            })
        }
        (Value::Array(f), Value::Array(e)) if f.len() == e.len() => {
            f.iter().zip(e).enumerate().find_map(|(i, (f, e))| difference(&format!("{path}[{i}]"), f, e))
        }
        _ if found == expected => None,
        _ => Some(format!("{path} is {found}, expected {expected}")),
    }
}
