//! The tests inside mapping files, run by `alertbridge check`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::check::FieldFault;
use super::compiled::Mapping;
use super::definition::TestDefinition;
use super::mapper::{MappedPart, Mapper};
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
        if test.expect.as_object().is_some_and(|expect| expect.len() == 1 && expect.contains_key("expect")) {
            return Err("`expect:` stands twice: what `alertbridge map --expect` prints begins with it".to_owned());
        }
        let input = input(mapping, test)?;
        let origin = origin();
        if !self.matches(mapping, &input, &origin) {
            return Err("the mapping's `match` does not hold for the input".to_owned());
        }
        let parts = self.map_value(mapping, &input, &origin);
        let expected: &[Value] = match &test.expect {
            Value::Array(contents) => contents,
            content => std::slice::from_ref(content),
        };
        let mut problems = compare(parts, expected);
        if test.expect.as_object().is_some_and(serde_json::Map::is_empty) {
            // Somebody has begun with the input.
            let (all, nothing) =
                (problems.len(), "expects nothing; `alertbridge map --expect` prints what to write here");
            problems.retain(|problem| !problem.contains(NOT_EXPECTED));
            problems.extend((problems.len() < all).then(|| nothing.to_owned()));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }
}

impl Mapper {
    /// What a test of a mapping file is to expect of a record's value, as YAML; as one format where that is named.
    ///
    /// # Errors
    /// When the value is no JSON object, no format matches, or a part is no alert.
    pub fn expectation(&self, format: Option<&str>, value: &[u8]) -> Result<String, String> {
        let input: Value = serde_json::from_slice(value).map_err(|e| format!("the record is not JSON: {e}"))?;
        let origin = origin();
        let mapping = match format {
            Some(name) => self.mappings().iter().find(|mapping| &*mapping.name == name),
            None => self.mappings().iter().find(|mapping| self.matches(mapping, &input, &origin)),
        };
        let mapping = mapping.ok_or("no format matches the record")?;
        let parts = self.map_value(mapping, &input, &origin).into_iter();
        let mut contents: Vec<Value> =
            parts.map(|part| part.result.map(content).map_err(|why| why.to_string())).collect::<Result<_, _>>()?;
        let expect =
            if mapping.split.is_none() && contents.len() == 1 { contents.remove(0) } else { Value::Array(contents) };
        Ok(format!("    expect: {}\n", super::infer::yaml_value(&expect, 4)))
    }
}

/// What a test compares: the content, or `{skip: REASON}`.
fn content(alert: Alert) -> Value {
    match alert.skip {
        Some(reason) => json!({"skip": &*reason}),
        None => alert.content.into(),
    }
}

const NOT_EXPECTED: &str = "is not expected, but there";

/// The document of a test.
pub(super) fn input(mapping: &Mapping, test: &TestDefinition) -> Result<Value, String> {
    match (&test.input, &test.file) {
        (Some(input), _) => Ok(input.clone()),
        (None, Some(file)) => {
            let file = beside(mapping, file);
            let text = fs::read(&file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
            serde_json::from_slice(&text).map_err(|e| format!("{} is not one JSON record: {e}", file.display()))
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

/// Everything in which the parts differ from what is expected, with each part's number where there are several.
fn compare(parts: Vec<MappedPart>, expected: &[Value]) -> Vec<String> {
    let mut problems = Vec::new();
    let (found, several) = (parts.len(), parts.len() > 1 || expected.len() > 1);
    if found != expected.len() {
        problems.push(format!("expected {} parts, found {found}", expected.len()));
    }
    for (i, part) in parts.into_iter().enumerate() {
        let before = problems.len();
        match (part.result.map(content), expected.get(i)) {
            (Err(failure), _) => problems.push(failure.to_string()),
            (Ok(content), Some(expected)) => differences("", &content, expected, &part.faults, &mut problems),
            (Ok(_), None) => {}
        }
        if several {
            problems.iter_mut().skip(before).for_each(|problem| *problem = format!("part {i}: {problem}"));
        }
    }
    problems
}

/// The places where two values differ.
fn differences(path: &str, found: &Value, expected: &Value, faults: &[FieldFault], problems: &mut Vec<String>) {
    match (found, expected) {
        (Value::Object(f), Value::Object(e)) => {
            for name in e.keys().chain(f.keys().filter(|name| !e.contains_key(*name))) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match (f.get(name), e.get(name)) {
                    (Some(f), Some(e)) => differences(&path, f, e, faults, problems),
                    (None, _) => problems.push(format!("{path} is missing{}", why(&path, faults))),
                    (Some(f), None) => problems.push(format!("{path} {NOT_EXPECTED}: {f}")),
                }
            }
        }
        (Value::Array(f), Value::Array(e)) if f.len() == e.len() => {
            for (i, (f, e)) in f.iter().zip(e).enumerate() {
                differences(&format!("{path}[{i}]"), f, e, faults, problems);
            }
        }
        _ if found == expected => {}
        _ => problems.push(format!("{path} is {found}, expected {expected}{}", why(path, faults))),
    }
}

/// The fault of a field, or of what is in it.
fn why(path: &str, faults: &[FieldFault]) -> String {
    let of_field = |fault: &&FieldFault| {
        let rest = fault.field.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    faults.iter().find(of_field).map_or_else(String::new, |fault| format!(" ({}: {})", fault.field, fault.message))
}
