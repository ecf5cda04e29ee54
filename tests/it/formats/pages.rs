//! Makes the tables of `docs/formats`: what recognises a format, its scale, and each field with its expression and what
//! the example gives. What is written by hand around them stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use regex::Regex;
use serde_json::Value;

use super::leaves::{Evaluator, Leaf, Outcome, definition, leaves, parts};
use super::{FORMATS, alert, document};
use crate::support::pages::{assert_page, in_package, page};

const BEGIN: &str = "<!-- Made of the mapping and the example by tests/it/formats; `make docs` writes it anew. -->\n";
const END: &str = "<!-- The end of what is made. -->\n";
const INDEX: &str = "docs/formats/README.md";

/// A page with what is made put between the two marks.
fn assert_made(path: &str, made: &str) {
    let page = page(path);
    let (before, rest) = page.split_once(BEGIN).unwrap_or_else(|| panic!("{path} has no mark where it begins"));
    let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("{path} has no mark where it ends"));
    assert_page(path, &format!("{before}{BEGIN}\n{made}\n{END}{after}"));
}

/// Text in code within a cell of a table.
fn code(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// A value in a cell, its end cut off where it is long.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 64;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} …", code(text.get(..at).unwrap())),
        None => code(&text),
    }
}

/// The paths from the top of the document that an expression begins with.
fn paths(expression: &str) -> Vec<String> {
    let name = r#"(?:"[^"\\]+"|[A-Za-z_]\w*)"#;
    let path = Regex::new(&format!(r#"(?:^|[^\w\])"$.])(\.{name}(?:\.{name}|\[\d+\])*)"#)).unwrap();
    let beginning = expression.split('|').next().unwrap_or_default();
    let mut seen = BTreeSet::new();
    let found = path.captures_iter(beginning).map(|found| found[1].to_owned());
    found.filter(|path| seen.insert(path.clone())).collect()
}

/// What the example has where an expression looks: at the first place that has something, or at all that a text is
/// made of.
fn sources(leaf: &Leaf, at_paths: &BTreeMap<String, Outcome>) -> String {
    let value = |path: &String| match &at_paths[path] {
        Outcome::Value(value) => Some(shown(value)),
        _ => None,
    };
    let most = if leaf.expression.contains("\\(") { 3 } else { 1 };
    let found: Vec<String> = paths(&leaf.expression).iter().filter_map(value).take(most).collect();
    found.join(", ")
}

/// What stands in the content under a field's name, such as `alert_type.category`.
fn in_content<'c>(content: &'c Value, field: &str) -> Option<&'c Value> {
    let mut names = field.split('.');
    let first = content.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

fn fields(format: &str) -> String {
    let leaves = leaves(format);
    let part = parts(format, "example").remove(0);
    let expressions: Vec<&str> = leaves.iter().map(|leaf| leaf.expression.as_str()).collect();
    let results = Evaluator::new(&expressions).evaluate(&part);
    let all: BTreeSet<String> = leaves.iter().flat_map(|leaf| paths(&leaf.expression)).collect();
    let at_paths = Evaluator::new(&all.iter().map(String::as_str).collect::<Vec<_>>()).evaluate(&part);
    let at_paths: BTreeMap<String, Outcome> = all.into_iter().zip(at_paths).collect();
    let content = Value::from(alert(&document(format, "example")).content);
    let mut out = "| field | expression | in the example | becomes |\n|---|---|---|---|\n".to_owned();
    for (leaf, result) in leaves.iter().zip(&results) {
        let becomes = match (leaf.field.as_str(), result) {
            // The time at the broker: the example has none.
            ("arrive_time", _) => "the record's timestamp".to_owned(),
            (field, Outcome::Fault(fault)) => panic!("{format}: {field}: {fault}"),
            // Which place in a list it has depends on what else is there.
            (field, Outcome::Value(value)) if field.contains('[') => shown(value),
            (field, Outcome::Nothing) if field.contains('[') => "—".to_owned(),
            (field, _) => in_content(&content, field).map_or_else(|| "—".to_owned(), shown),
        };
        let source = sources(leaf, &at_paths);
        out.push_str(&format!("| `{}` | {} | {source} | {becomes} |\n", leaf.field, code(&leaf.expression)));
    }
    out
}

fn scale(definition: &Value) -> String {
    let words = definition["severity"]["words"].as_object().into_iter().flatten();
    let mut rows: Vec<String> =
        words.map(|(word, to)| format!("| `{word}` | `{}` |\n", to.as_str().unwrap())).collect();
    let bands = definition["severity"]["bands"].as_array().into_iter().flatten();
    rows.extend(bands.map(|band| format!("| from {} | `{}` |\n", band[0], band[1].as_str().unwrap())));
    if rows.is_empty() {
        return "The source has no scale: every alert takes `mapping.default_severity`.\n".to_owned();
    }
    format!("| source | severity |\n|---|---|\n{}", rows.concat())
}

fn made(format: &str) -> String {
    let definition = definition(format);
    let mut out = "## How it is recognised\n\n".to_owned();
    out.push_str(&format!("```jq\n{}\n```\n", definition["match"].as_str().unwrap()));
    if let Some(split) = definition["split"].as_str() {
        out.push_str(&format!("\nThe parts of a record, of which each becomes an alert:\n\n```jq\n{split}\n```\n"));
    }
    if let Some(when) = definition["skip"]["when"].as_str() {
        let reason = definition["skip"]["reason"].as_str().unwrap();
        out.push_str(&format!("\nWhat starts nothing, because it is {reason}:\n\n```jq\n{when}\n```\n"));
    }
    out.push_str(&format!("\n## Severity\n\n{}", scale(&definition)));
    out.push_str(
        "\nThe Alert's own words stand for themselves. What is none of these takes `mapping.default_severity`,",
    );
    out.push_str(" and is counted.\n");
    if definition["alert"].is_object() {
        out.push_str(&format!("\n## Fields\n\n{}", fields(format)));
    }
    out
}

#[test]
fn the_page_of_each_format_is_what_its_mapping_and_its_example_say() {
    for format in FORMATS {
        assert_made(&format!("docs/formats/{format}.md"), &made(format));
    }
}

#[test]
fn the_page_of_the_formats_lists_them_in_their_order() {
    let mut out = "| | format | recognised by |\n|---|---|---|\n".to_owned();
    for (i, format) in FORMATS.iter().enumerate() {
        let matches = definition(format)["match"].as_str().unwrap().to_owned();
        out.push_str(&format!("| {} | [`{format}`]({format}.md) | {} |\n", i + 1, code(&matches)));
    }
    assert_made(INDEX, &out);
}

#[test]
fn every_trap_names_a_test_that_exists() {
    let mut functions = BTreeSet::new();
    let mut folders = vec![in_package("src"), in_package("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(path).unwrap();
                let lines = source.lines().map(|line| line.trim_start().trim_start_matches("async "));
                let names = lines.filter_map(|line| line.strip_prefix("fn "));
                functions.extend(names.filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
            }
        }
    }
    let page = page(INDEX);
    let section = page.split("\n## Traps\n").nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    assert!(rows.len() > 15, "each trap has a row");
    for row in rows {
        let tests: Vec<&str> = row.split('|').nth(3).unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{row}");
        for test in tests {
            assert!(functions.contains(test), "there is no test `{test}`");
        }
    }
}
