//! Paths that no record of a file's own tests has, while these have a name that is nearly the same: slips of the pen that
//! would be fields without a value for ever.

use serde_json::Value;

use super::File;
use crate::mapping::compiled::Mapping;
use crate::mapping::definition::Definition;
use crate::mapping::expression::{Document, Env, Expression, from_json, reads};
use crate::mapping::selftest;

pub(super) fn lint(file: &mut File<'_>, definition: &Definition, mapping: &Mapping) {
    let inputs = mapping.tests.iter().filter_map(|test| selftest::input(mapping, test).ok());
    let env = Env::default();
    let parts = |input: Value| match &mapping.split {
        Some(split) => {
            let input = from_json(&input);
            split.all(&input, &env).unwrap_or_default().into_iter().map(Document::into_owned).collect()
        }
        None => vec![from_json(&input)],
    };
    let records: Vec<Document<'_>> = inputs.flat_map(parts).collect();
    if !records.is_empty() {
        fields(file, "alert", &definition.alert, &records);
    }
}

fn fields(file: &mut File<'_>, path: &str, value: &Value, records: &[Document<'_>]) {
    match value {
        Value::String(source) => {
            for read in reads(source).iter().filter(|read| read.starts_with('.')) {
                if let Some((missing, near)) = missing(read, records) {
                    let problem = format!("`{missing}` is in no record of the tests{near}");
                    file.warn(path, problem, "rename it, or add a test whose record has it");
                }
            }
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| self::fields(file, &format!("{path}.{name}"), value, records));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| fields(file, &format!("{path}[{i}]"), item, records));
        }
        _ => {}
    }
}

/// The first part of a path that no record has, if they have one that is nearly the same.
fn missing(path: &str, records: &[Document<'_>]) -> Option<(String, String)> {
    let mut parent = String::new();
    for name in path.split('.').skip(1) {
        // Of quoted names and numbers nothing is said.
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return None;
        }
        let around = Expression::compile(if parent.is_empty() { "." } else { &parent }).ok()?;
        let env = Env::default();
        let found = records.iter().filter_map(|record| around.all(record, &env).ok());
        let mut names: Vec<String> = Vec::new();
        for around in found.flatten() {
            let fields = around.item().fields().unwrap_or_default();
            names.extend(fields.into_iter().map(|(name, _)| name.into_owned()));
        }
        parent = format!("{parent}.{name}");
        if !names.iter().any(|known| known == name) {
            // One slip of the pen; more would take `src_ip` for `dst_ip`, which is optional and not there.
            let near = names.iter().find(|known| name.len() > 3 && strsim::osa_distance(name, known) == 1)?;
            return Some((parent, format!("; did you mean `{near}`?")));
        }
    }
    None
}
