//! What is written by hand under `docs/` and in the README, held against the code: lists are complete, names exist,
//! links lead somewhere, examples work.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use alertbridge::domain::{
    AttemptReport, AttemptedCall, DeadLetter, DeadLetterClass, FailureClass, FailureReason, HEADER_PREFIX, Offset,
    Origin, Record, RedriveMark, Severity, Shape, TopicPartition,
};
use alertbridge::mapping::{Mapped, Mapper, MappingSettings};
use bytes::Bytes;
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::pages::{assert_page, code_blocks, in_package, page};

const FAILURES: &str = "docs/failure-classes.md";
const MAPPINGS: &str = "docs/mappings.md";

/// What stands in code in the first cells of the table below this heading.
fn first_cells(page: &str, heading: &str) -> BTreeSet<String> {
    let section = page.split(&format!("\n{heading}\n")).nth(1).unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    lines.filter_map(|line| line.split('`').nth(1)).map(str::to_owned).collect()
}

fn labels(labels: impl IntoIterator<Item = &'static str>) -> BTreeSet<String> {
    labels.into_iter().map(str::to_owned).collect()
}

fn origin() -> Origin {
    Origin { cluster_id: "c".into(), partition: TopicPartition::new("t", 0), offset: Offset(0), timestamp_ms: Some(0) }
}

fn record(value: impl Into<Bytes>) -> Record {
    Record {
        partition: TopicPartition::new("t", 0),
        offset: Offset(0),
        timestamp_ms: Some(0),
        key: None,
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

/// A dead letter to which every header applies.
fn dead_letter() -> DeadLetter {
    let text = || Some("x".to_owned());
    DeadLetter {
        record: Arc::new(record("{}")),
        origin: origin(),
        part: 0,
        class: DeadLetterClass::Rejected,
        reason: FailureReason::RequestRefused,
        error: "x".to_owned(),
        attempts: vec![AttemptReport {
            call: AttemptedCall::StartWorkflow,
            at: "x".to_owned(),
            reason: FailureReason::RequestRefused,
            http_status: Some(400),
            error_code: text(),
            request_id: text(),
            message: "x".to_owned(),
        }],
        attempt_count: 1,
        workflow_id: Some("x".into()),
        action_instance_id: text(),
        alert_id: text(),
        created_alert_id: text(),
        severity: Some(Severity::High),
        format: Some("x".into()),
        route: Some("x".into()),
        mapping_version: "x".into(),
        consumer_group: "x".into(),
        instance: "x".into(),
        redrive_count: 0,
    }
}

#[test]
fn every_class_and_reason_is_documented_and_no_other() {
    let page = page(FAILURES);
    let classes = first_cells(&page, "## What a class leads to");
    assert_eq!(classes, labels(FailureClass::ALL.map(FailureClass::as_str)));
    let dead_letters = first_cells(&page, "## Dead-letter classes");
    assert_eq!(dead_letters, labels(DeadLetterClass::ALL.map(DeadLetterClass::as_str)));
    let reasons = first_cells(&page, "## Reasons");
    assert_eq!(reasons, labels(FailureReason::ALL.iter().map(|reason| reason.as_str())));
}

#[test]
fn every_header_of_a_dead_letter_is_documented_and_no_other() {
    let letter = dead_letter();
    let headers = Shape::ALL.into_iter().flat_map(|shape| letter.headers(shape)).map(|header| header.name);
    assert_eq!(first_cells(&page(FAILURES), "## A dead letter"), headers.collect());
    assert!(
        page(FAILURES).contains(&format!("\n{HEADER_PREFIX}failure-class:rejected\n")),
        "the example is one of ours"
    );
}

#[test]
fn every_header_of_a_redriven_record_is_documented_and_no_other() {
    let mark = RedriveMark {
        group: "x".into(),
        origin: origin(),
        part: Some(0),
        workflow_id: Some("x".into()),
        count: 1,
        created_alert_id: Some("x".into()),
    };
    let headers = mark.headers().into_iter().map(|header| header.name);
    assert_eq!(first_cells(&page("docs/dead-letters.md"), "### A redriven record"), headers.collect());
}

#[test]
fn the_tests_that_the_documentation_names_exist() {
    let mut functions = BTreeSet::new();
    for file in files("src", "rs").into_iter().chain(files("tests", "rs")) {
        let source = fs::read_to_string(file).unwrap();
        let names =
            source.lines().filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn "));
        functions.extend(names.filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
    }
    let sentence = Regex::new(r"`([a-z0-9]+(?:_[a-z0-9]+){3,})`").unwrap();
    for (name, at_least) in [("docs/ARCHITECTURE.md", 20), ("docs/guarantees.md", 20), ("docs/upgrades.md", 6)] {
        let page = page(name);
        let named: Vec<&str> = sentence.captures_iter(&page).map(|found| found.get(1).unwrap().as_str()).collect();
        assert!(named.len() > at_least, "{name} says which test proves what");
        let is_metric = |name: &&str| name.starts_with("alertbridge_");
        let missing: Vec<&str> =
            named.into_iter().filter(|name| !is_metric(name) && !functions.contains(*name)).collect();
        assert!(missing.is_empty(), "{name} names tests that do not exist: {missing:?}");
    }
}

#[test]
fn every_promise_is_stated_with_a_bound_and_a_proof() {
    let page = page("docs/guarantees.md");
    let promised = page.split("\n## What is promised\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let promises: Vec<&str> = promised.split("\n### ").skip(1).collect();
    assert_eq!(promises.len(), 7);
    for promise in promises {
        assert!(promise.contains("\n- **Bound**: ") && promise.contains("\n- **Proof**: `"), "{promise}");
    }
}

#[test]
fn every_link_and_every_named_file_of_the_documentation_is_there() {
    let link = Regex::new(r"\]\(([^)#\s]+)(?:#[^)]*)?\)").unwrap();
    let path = Regex::new(r"`((?:src|tests|docs|config|deploy)/[A-Za-z0-9_./-]+)`").unwrap();
    let mut missing = Vec::new();
    for file in files("docs", "md").into_iter().chain([in_package("README.md"), in_package("CHANGELOG.md")]) {
        let text = fs::read_to_string(&file).unwrap();
        let folder = file.parent().unwrap();
        let links = link.captures_iter(&text).map(|found| found.get(1).unwrap().as_str());
        let targets = links.filter(|target| !target.contains("://")).map(|target| folder.join(target));
        let paths = path.captures_iter(&text).map(|found| in_package(found.get(1).unwrap().as_str()));
        missing.extend(targets.chain(paths).filter(|target| !target.exists()).map(|target| (file.clone(), target)));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_readmes_configuration_is_valid() {
    let directory = TempDir::new().unwrap();
    let blocks = code_blocks(&page("README.md"), "yaml");
    fs::write(directory.path().join("alertbridge.yaml"), &blocks[0]).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_alertbridge"))
        .current_dir(directory.path())
        .arg("check")
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_simulators_page_sets_everything_that_run_needs() {
    let directory = TempDir::new().unwrap();
    let block = code_blocks(&page("docs/simulator.md"), "sh").remove(0);
    let exports = block.lines().filter_map(|line| line.strip_prefix("export ")).flat_map(str::split_whitespace);
    let output = Command::new(env!("CARGO_BIN_EXE_alertbridge"))
        .current_dir(directory.path())
        .arg("check")
        .env_clear()
        .envs(exports.map(|export| export.split_once('=').unwrap()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(block.contains("START_FROM="), "a new group needs it, and only the broker knows that it is new");
}

#[test]
fn the_example_of_the_mappings_page_compiles_and_its_tests_hold() {
    let directory = TempDir::new().unwrap();
    let page = page(MAPPINGS);
    fs::write(directory.path().join("example.yaml"), &code_blocks(&page, "yaml")[0]).unwrap();
    let settings = MappingSettings { directories: vec![directory.path().to_owned()], ..MappingSettings::default() };
    let mapper = Mapper::load(&settings).unwrap();
    assert_eq!(mapper.run_tests(), Vec::new());
    let batch = code_blocks(&page, "json").remove(0);
    let Mapped::Parts(parts) = mapper.map(&record(batch), &origin()) else { panic!("the batch has parts") };
    assert_eq!(parts.len(), 2);
    for part in parts {
        assert_eq!(part.format.as_deref(), Some("acme_firewall"));
        assert!(part.faults.is_empty() && part.result.is_ok(), "{part:?}");
    }
}

#[test]
fn the_examples_of_the_own_functions_hold() {
    let example = Regex::new(r"(?m)`([^`]+)` is `([^`]+)` \|$").unwrap();
    let page = page(MAPPINGS).replace("\\|", "|");
    let examples: Vec<(String, Value)> = example
        .captures_iter(&page)
        .map(|found| (found[1].to_owned(), serde_json::from_str(&found[2]).unwrap()))
        .collect();
    assert_eq!(examples.len(), first_cells(&page, "### Own functions").len(), "each function has an example");
    let names = (0..examples.len()).map(|n| format!("e{n}"));
    let fields: BTreeMap<String, &String> =
        names.clone().zip(examples.iter().map(|(expression, _)| expression)).collect();
    let mapping = serde_json::json!({"name": "examples", "match": "true", "alert": {"system_info": fields}});

    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("examples.yaml"), mapping.to_string()).unwrap();
    let settings = MappingSettings { directories: vec![directory.path().to_owned()], ..MappingSettings::default() };
    let mapper = Mapper::load(&settings).unwrap();
    let Mapped::Parts(mut parts) = mapper.map(&record("{}"), &origin()) else { panic!("the record has a part") };
    let alert = parts.remove(0).result.unwrap();
    for (name, (expression, expected)) in names.zip(&examples) {
        assert_eq!(&Value::from(alert.content.clone())["system_info"][&name], expected, "{expression}");
    }
}

#[test]
fn the_page_of_the_alerts_fields_is_what_they_are_checked_against() {
    let mut written =
        "<!-- Made of src/mapping/schema.rs by tests/it/documentation.rs; `make docs` writes it anew. -->\n\n\
                       # Fields of an alert\n\n\
                       What `alert` in a [mapping file](mappings.md) may give, and what the typed check lets through.\n\
                       `alertbridge map --fields` prints the same.\n\
                       `id` and `severity` are translated before they are checked.\n\n\
                       | field | type | takes |\n|---|---|---|\n"
            .to_owned();
    for field in alertbridge::mapping::alert_fields() {
        let takes = field.takes.replace(" | ", ", ");
        written.push_str(&format!("| `{}` | {} | {takes} |\n", field.path, field.kind));
    }
    assert_page("docs/alert-fields.md", &written);
}

/// The files below a folder of the package that end so.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&in_package(folder), extension, &mut found);
    found
}
