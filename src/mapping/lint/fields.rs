//! Fields that the data class does not know or cannot take, and required ones that nothing gives.

use serde_json::{Map, Value};

use super::File;
use crate::domain::{Data, Fields};
use crate::mapping::check::{Check, Place};
use crate::mapping::definition::Definition;
use crate::mapping::error::suggestion;
use crate::mapping::expression::{Document, Env, Expression, certain, from_json, reads};
use crate::mapping::finding::{Finding, Level};
use crate::mapping::schema::{ALERT, Field, Kind};

pub(super) fn lint(file: &mut File<'_>, definition: &Definition, strict: bool) {
    let Value::Object(fields) = &definition.alert else { return };
    for name in definition.required.iter().filter(|name| !fields.contains_key(*name)) {
        let problem = format!("`{name}` is required, and nothing gives it: every record would be a dead letter");
        let remedy = format!("add `alert.{name}`, or take it off the list");
        file.add(Finding { level: Level::Error, ..Finding::warning("", "required", problem, remedy) });
    }
    if definition.data_class.name == "Alert" {
        object(file, "alert", ALERT, fields, strict);
    }
}

fn object(file: &mut File<'_>, path: &str, known: &'static [Field], fields: &Map<String, Value>, strict: bool) {
    for (name, value) in fields {
        let path = format!("{path}.{name}");
        match known.iter().find(|field| field.name == name) {
            Some(field) => self::value(file, &path, field, value, strict),
            None => unknown(file, &path, name, known, strict),
        }
    }
}

fn unknown(file: &mut File<'_>, path: &str, name: &str, known: &'static [Field], strict: bool) {
    let near = suggestion(name, known.iter().map(|field| field.name));
    let problem = format!("the data class has no field `{name}`{near}");
    let (level, remedy) = match (strict, near.is_empty()) {
        (true, _) => (
            Level::Error,
            "`mapping.strict` leaves it out of every alert: rename it, or put it under `alert.system_info`",
        ),
        (false, false) => (Level::Warning, "rename it"),
        (false, true) => (Level::Warning, "put it under `alert.system_info`, unless the workspace has such a field"),
    };
    file.add(Finding { level, ..Finding::warning("", path, problem, remedy) });
}

fn value(file: &mut File<'_>, path: &str, field: &'static Field, value: &Value, strict: bool) {
    match (field.kind, value) {
        (Kind::Object(known), Value::Object(fields)) => object(file, path, known, fields, strict),
        (Kind::List(known), Value::Array(items)) => {
            for (i, item) in items.iter().enumerate() {
                if let Value::Object(fields) = item {
                    object(file, &format!("{path}[{i}]"), known, fields, strict);
                }
            }
        }
        (Kind::List(_), Value::Object(_)) => {
            let remedy = "put a dash in front: it is a list of such tables";
            file.warn(path, "is a table, where the data class has a list", remedy);
        }
        (Kind::Any | Kind::Tags, Value::Object(_) | Value::Array(_)) => {}
        (Kind::Object(_), Value::Array(_)) | (_, Value::Object(_) | Value::Array(_)) => {
            let problem =
                format!("is an {}, which the data class does not take here", Data::from(value.clone()).type_name());
            file.warn(path, problem, "write one expression or value");
        }
        (_, Value::String(source)) => {
            if let Some(constant) = constant(source) {
                check(file, path, field, constant);
            }
        }
        (_, constant) => check(file, path, field, constant.clone().into()),
    }
}

/// The value of an expression that is nothing but a text or a number.
pub(super) fn constant(source: &str) -> Option<Data> {
    if !reads(source).is_empty() || certain(source).holds.is_none() {
        return None;
    }
    let nothing: Document<'_> = from_json(&Value::Null);
    Expression::compile(source).ok()?.one(&nothing, &Env::default()).ok()?
}

/// What the typed check says of a constant, it says of every alert.
fn check(file: &mut File<'_>, path: &str, field: &'static Field, constant: Data) {
    // Translated before it is checked.
    if matches!(field.name, "id" | "severity") {
        return;
    }
    let mut faults = Vec::new();
    let mut whole = Fields::default();
    whole.set(field.name, constant);
    let known = std::slice::from_ref(field);
    Check { strict: false, zone_offset: 0, faults: &mut faults }.object(&Place::Root, known, &mut whole);
    for fault in faults {
        let problem = format!("the constant does not fit ({}), so every alert is without it", fault.message);
        file.warn(path, problem, "write a value that the data class takes");
    }
}
