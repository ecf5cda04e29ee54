//! The layers that the `config` crate lays over one another, and which of them set what.

use std::collections::BTreeMap;

use config::{ConfigError as SourceError, Map, Source, Value, ValueKind};

use super::reader::join;
use super::schema::{Kind as SchemaKind, Shape};
use super::yaml::{Entry, Kind, Node};

/// The key that all layers stand under. The `config` crate reads top-level keys as paths (`a.b[1]`); ours are names.
pub(super) const ROOT: &str = "configuration";

/// One file, or the environment: a table of values.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer(Map<String, Value>);

impl Layer {
    /// A layer of this tree; `None` if it is not a table.
    ///
    /// A section without a value (all its keys commented out) is no value: it does not undo what earlier layers say.
    pub(super) fn new(node: &Node, schema: &serde_json::Value) -> Option<Self> {
        match lower(node, Some(schema))?.kind {
            ValueKind::Table(table) => Some(Self(table)),
            _ => None,
        }
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, SourceError> {
        Ok(Map::from([(ROOT.to_owned(), Value::new(None, ValueKind::Table(self.0.clone())))]))
    }
}

fn lower(node: &Node, schema: Option<&serde_json::Value>) -> Option<Value> {
    let kind = schema.map(|schema| Shape::of(schema).kind());
    let value = match &node.kind {
        Kind::Null => match kind {
            Some(SchemaKind::Table { .. } | SchemaKind::Map { .. }) => return None,
            _ => ValueKind::Nil,
        },
        Kind::Text(text) => ValueKind::String(text.clone()),
        Kind::List(items) => {
            let schema = match kind {
                Some(SchemaKind::List { items }) => Some(items),
                _ => None,
            };
            let item = |item| lower(item, schema).unwrap_or_else(|| Value::new(None, ValueKind::Nil));
            ValueKind::Array(items.iter().map(item).collect())
        }
        Kind::Table(entries) => {
            let value = |entry: &Entry| {
                let schema = match &kind {
                    Some(SchemaKind::Table { properties }) => properties.get(&entry.key),
                    _ => None,
                };
                Some((entry.key.clone(), lower(&entry.value, schema)?))
            };
            ValueKind::Table(entries.iter().filter_map(value).collect())
        }
    };
    Some(Value::new(None, value))
}

/// Where each key was set last: `alertbridge.yaml:12`, or the name of an environment variable.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    places: BTreeMap<String, Place>,
    count: usize,
}

/// Places compare in the order in which they were read.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    order: usize,
    pub(super) name: String,
}

impl Places {
    /// Notes the places of all keys of a tree; `name` makes one of a line.
    pub(super) fn record(&mut self, path: &str, node: &Node, name: &dyn Fn(usize) -> String) {
        match &node.kind {
            Kind::Table(entries) => {
                for entry in entries {
                    let path = join(path, &entry.key);
                    self.set(path.clone(), name(entry.line));
                    self.record(&path, &entry.value, name);
                }
            }
            Kind::List(items) => {
                // A list replaces the list of an earlier layer, item by item or not.
                let below = format!("{path}[");
                self.places.retain(|key, _| !key.starts_with(&below));
                for (i, item) in items.iter().enumerate() {
                    let path = format!("{path}[{i}]");
                    self.set(path.clone(), name(item.line));
                    self.record(&path, item, name);
                }
            }
            Kind::Null | Kind::Text(_) => {}
        }
    }

    /// Notes the place of one key.
    pub(super) fn set(&mut self, path: String, name: String) {
        self.count += 1;
        let _earlier = self.places.insert(path, Place { order: self.count, name });
    }

    /// Where a key was set; for a key of a list's item that is not set, where the item begins.
    pub(super) fn of(&self, path: &str) -> Option<&Place> {
        let item = || path.rsplit_once(']').map(|(item, _)| format!("{item}]"));
        self.places.get(path).or_else(|| self.places.get(&item()?))
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use crate::config::yaml;

    #[test]
    fn a_key_that_a_later_list_does_not_set_stands_where_its_item_does() {
        let mut places = Places::default();
        places.record("", &yaml::parse("a:\n  - {b: 1}\n").unwrap(), &|line| format!("first:{line}"));
        places.record("", &yaml::parse("a:\n\n  - {c: 1}\n").unwrap(), &|line| format!("second:{line}"));
        assert_eq!(places.of("a[0].b").unwrap().name, "second:3");
        assert_eq!(places.of("b"), None);
    }
}
