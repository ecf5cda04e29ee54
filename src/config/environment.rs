//! The environment: `ALERTBRIDGE__SECTION__KEY`. The names that the vendor's SDK reads are in `vendor.rs`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::Problem;
use super::schema::{self, Kind as SchemaKind};
use super::yaml::{self, Entry, Kind, Node};

/// The process's environment, as a value.
pub type Environment = BTreeMap<String, String>;

const PREFIX: &str = "ALERTBRIDGE__";

/// One variable as a tree: the value is YAML, the sections and the key come from the name.
#[derive(Debug)]
pub(super) struct Variable<'a> {
    pub(super) name: &'a str,
    pub(super) tree: Node,
}

/// The variables that set keys, in the order of their names: a section's before those of its keys.
pub(super) fn variables<'a>(
    environment: &'a Environment,
    schema: &Value,
) -> impl Iterator<Item = Result<Variable<'a>, Problem>> {
    environment.iter().filter_map(|(name, text)| Some(variable(name, name.strip_prefix(PREFIX)?, text, schema)))
}

fn variable<'a>(name: &'a str, keys: &str, text: &str, schema: &Value) -> Result<Variable<'a>, Problem> {
    let problem = |message| Problem { path: String::new(), message, place: None };
    let keys: Vec<String> = keys.split("__").map(str::to_ascii_lowercase).collect();
    if keys.iter().any(String::is_empty) {
        return Err(problem(format!("the variable {name} names no key: expected {PREFIX}SECTION__KEY")));
    }
    let takes_text = schema::at(schema, &keys)
        .is_some_and(|shape| matches!(shape.kind(), SchemaKind::Text { .. } | SchemaKind::Scalar));
    let value = match yaml::parse(text) {
        Ok(node) if !takes_text || is_scalar(&node, text) => node,
        _ if takes_text => Node { line: 1, kind: Kind::Text(text.to_owned()) },
        // The parser's own words are left out: they may quote the text.
        _ => {
            return Err(problem(format!(
                "the value of the variable {name} is not valid YAML: check quotes and brackets"
            )));
        }
    };
    let nest = |value, key| Node { line: 1, kind: Kind::Table(vec![Entry { key, line: 1, value }]) };
    Ok(Variable { name, tree: keys.into_iter().rev().fold(value, nest) })
}

/// Whether a text is one YAML scalar and nothing else. A password such as `a #b` or `a: b` is not: YAML would cut it
/// or make a table of it, so a key that takes text gets it as it is.
fn is_scalar(node: &Node, text: &str) -> bool {
    let text = text.trim();
    match &node.kind {
        Kind::Null => true,
        Kind::Text(value) => value == text || text.starts_with(['\'', '"']),
        Kind::List(_) | Kind::Table(_) => false,
    }
}

/// What is in the environment and is not read, though it looks as if it were.
pub(super) fn hints(environment: &Environment) -> Vec<String> {
    [("CLOUD_SDK_AK", "HUAWEICLOUD_SDK_AK"), ("CLOUD_SDK_SK", "HUAWEICLOUD_SDK_SK")]
        .into_iter()
        .filter(|(name, _)| environment.contains_key(*name))
        .map(|(name, right)| format!("{name} is set but not read: the name is {right}"))
        .collect()
}
