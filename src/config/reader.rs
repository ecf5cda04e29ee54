//! From text to typed values by the schema, collecting every fault on the way.
//!
//! A value that is wrong is left out, so that its default stands in and the rest can still be checked.

use std::net::SocketAddr;

use serde_json::{Map, Number, Value};

use super::error::Problem;
use super::kafka::StartFrom;
use super::schema::{Kind, Shape};
use super::units::{ByteSize, TimeSpan};
use crate::mapping::is_zone_offset;

/// Two keys this similar (1: the same) may be the same key misspelt.
const SIMILAR: f64 = 0.6;

/// Turns a tree whose scalars are all texts into what `Config` is deserialised from.
pub(super) fn read(root: &Value, tree: &Value) -> (Value, Vec<Problem>) {
    let mut reader = Reader { root, problems: Vec::new() };
    let value = reader.value(Shape::of(root), tree, "").unwrap_or_else(|| Value::Object(Map::new()));
    (value, reader.problems)
}

struct Reader<'a> {
    root: &'a Value,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn value(&mut self, shape: Shape<'_>, value: &Value, path: &str) -> Option<Value> {
        if value.is_null() && shape.nullable {
            return Some(Value::Null);
        }
        let found = match (shape.kind(), value) {
            (Kind::Table { properties }, Value::Object(table)) => {
                return Some(self.table(properties, table, path));
            }
            (Kind::Map { values }, Value::Object(table)) => {
                let entries = table.iter();
                let entries = entries.filter_map(|(key, value)| {
                    Some((key.clone(), self.value(Shape::of(values), value, &join(path, key))?))
                });
                return Some(entries.collect());
            }
            (Kind::List { items }, Value::Array(list)) => {
                let items = list.iter().enumerate().map(|(i, item)| self.item(items, item, &format!("{path}[{i}]")));
                let items: Vec<Option<Value>> = items.collect();
                // What follows a faulty item is left out too, so that no item stands at another's place.
                return Some(items.into_iter().map_while(|item| item).collect());
            }
            (kind, Value::String(text)) => match scalar(&kind, text) {
                Ok(value) => return Some(value),
                Err(Some(reason)) => {
                    let shown = if shape.is_secret() { String::new() } else { format!(", found `{text}`") };
                    self.problem(path, format!("`{path}`: {reason}{shown}"));
                    return None;
                }
                Err(None) if shape.is_secret() => "a text".to_owned(),
                Err(None) => format!("`{text}`"),
            },
            (_, Value::Null) => "nothing; leave the key out for its default".to_owned(),
            (_, Value::Array(_)) => "a list".to_owned(),
            (_, _) => "a table of keys and values".to_owned(),
        };
        self.problem(path, format!("`{path}`: expected {}, found {found}", expected(shape)));
        None
    }

    /// An item with a fault is left out as a whole: half an item means something else.
    fn item(&mut self, schema: &Value, item: &Value, path: &str) -> Option<Value> {
        let before = self.problems.len();
        let shape = Shape::of(schema);
        let value = self.value(shape, item, path);
        if let Value::Object(table) = item {
            for key in shape.required().filter(|key| !table.contains_key(*key)) {
                self.problem(path, format!("`{path}` has no `{key}`, which it needs"));
            }
        }
        value.filter(|_| self.problems.len() == before)
    }

    fn table(&mut self, known: &Map<String, Value>, table: &Map<String, Value>, path: &str) -> Value {
        let mut out = Map::new();
        for (key, value) in table {
            let full = join(path, key);
            match known.get(key) {
                Some(schema) => {
                    if let Some(value) = self.value(Shape::of(schema), value, &full) {
                        let _previous = out.insert(key.clone(), value);
                    }
                }
                None => {
                    let advice = self.advice(key, known, path);
                    self.problem(&full, format!("unknown key `{full}`: {advice}"));
                }
            }
        }
        Value::Object(out)
    }

    /// The nearest valid key: in the same table, else the same key elsewhere, else what there is.
    fn advice(&self, key: &str, known: &Map<String, Value>, path: &str) -> String {
        let plain = |key: &str| key.to_lowercase().replace(['-', '.', '_'], "");
        let similar = known
            .keys()
            .map(|other| (strsim::normalized_damerau_levenshtein(&plain(key), &plain(other)), other))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        match similar {
            Some((similarity, other)) if similarity >= SIMILAR => format!("did you mean `{}`?", join(path, other)),
            _ => match find(self.root, key, "") {
                Some(other) => format!("did you mean `{other}`?"),
                None => format!("the keys here are {}", list(known.keys().map(String::as_str))),
            },
        }
    }

    fn problem(&mut self, path: &str, message: String) {
        self.problems.push(Problem { path: path.to_owned(), message, place: None });
    }
}

/// The value, or why not; `None` where the text is of another type altogether.
fn scalar(kind: &Kind<'_>, text: &str) -> Result<Value, Option<String>> {
    match kind {
        Kind::Scalar | Kind::Text { form: None } => Ok(text.into()),
        Kind::Text { form: Some(form) } => check_form(form, text).map(|()| text.into()).map_err(Some),
        Kind::Words(words) if words.contains(&text) => Ok(text.into()),
        Kind::Integer { min, max } => {
            let number = text.parse().ok().filter(|number| (min..=max).contains(&number));
            number.map(|number: u64| number.into()).ok_or(None)
        }
        Kind::Number => text.parse().ok().and_then(Number::from_f64).map(Value::Number).ok_or(None),
        Kind::Bool => match text {
            "true" | "True" | "TRUE" => Ok(true.into()),
            "false" | "False" | "FALSE" => Ok(false.into()),
            _ => Err(None),
        },
        Kind::Words(_) | Kind::Table { .. } | Kind::Map { .. } | Kind::List { .. } => Err(None),
    }
}

fn check_form(form: &str, text: &str) -> Result<(), String> {
    match form {
        "duration" => text.parse::<TimeSpan>().map(drop).map_err(|error| error.to_string()),
        "size" => text.parse::<ByteSize>().map(drop).map_err(|error| error.to_string()),
        "start_from" => text.parse::<StartFrom>().map(drop).map_err(|error| error.to_string()),
        "socket_address" => text
            .parse::<SocketAddr>()
            .map(drop)
            .map_err(|_| "expected an IP address and a port, e.g. `0.0.0.0:9464` or `[::]:9464`".to_owned()),
        "time_zone" if !is_zone_offset(text) => Err("expected an offset from UTC such as `+08:00`".to_owned()),
        _ => Ok(()),
    }
}

fn expected(shape: Shape<'_>) -> String {
    let what = match shape.kind() {
        Kind::Table { properties } => {
            return format!("a table with the keys {}", list(properties.keys().map(String::as_str)));
        }
        Kind::Map { .. } => return "a table of keys and values, e.g. `{key: value}`".to_owned(),
        Kind::List { .. } => return "a list, e.g. `[a, b]`, or one item a line after `- `".to_owned(),
        Kind::Words(words) => return format!("one of {}", list(words.into_iter())),
        Kind::Bool => return "`true` or `false`".to_owned(),
        Kind::Text { .. } | Kind::Scalar => "a text".to_owned(),
        Kind::Integer { min, max: u64::MAX } => format!("a whole number of at least {min}"),
        Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Number => "a number".to_owned(),
    };
    match shape.example() {
        Some(example) => format!("{what}, e.g. `{example}`"),
        None => what,
    }
}

/// Where a key of this name stands, if anywhere.
fn find(schema: &Value, key: &str, path: &str) -> Option<String> {
    let Kind::Table { properties } = Shape::of(schema).kind() else { return None };
    if properties.contains_key(key) {
        return Some(join(path, key));
    }
    properties.iter().find_map(|(name, schema)| find(schema, key, &join(path, name)))
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
