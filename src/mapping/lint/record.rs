//! What expressions ask `$record` for that it never has.

use serde_json::Value;

use super::File;
use crate::mapping::definition::Definition;
use crate::mapping::error::suggestion;
use crate::mapping::expression::reads;
use crate::mapping::record;

pub(super) fn lint(file: &mut File<'_>, definition: &Definition) {
    let skip = definition.skip.as_ref().map(|skip| ("skip.when", &skip.when));
    let split = definition.split.as_ref().map(|split| ("split", split));
    for (field, source) in [("match", &definition.matches)].into_iter().chain(split).chain(skip) {
        expression(file, field, source);
    }
    fields(file, "alert", &definition.alert);
}

fn fields(file: &mut File<'_>, path: &str, value: &Value) {
    match value {
        Value::String(source) => expression(file, path, source),
        Value::Object(fields) => fields.iter().for_each(|(name, v)| self::fields(file, &format!("{path}.{name}"), v)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| fields(file, &format!("{path}[{i}]"), item));
        }
        _ => {}
    }
}

fn expression(file: &mut File<'_>, field: &str, source: &str) {
    for read in reads(source) {
        let name = read.strip_prefix("$record.").and_then(|rest| rest.split(['.', '[']).next());
        if let Some(name) = name.filter(|name| !record::FIELDS.contains(name)) {
            let problem = format!("`$record` has no `{name}`{}", suggestion(name, record::FIELDS));
            file.warn(field, problem, format!("it has {}", record::FIELDS.join(", ")));
        }
    }
}
