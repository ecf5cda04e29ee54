//! The effective configuration as YAML: secrets hidden.

use serde_json::Value;

use super::Config;
use super::reader::join;

/// Names of librdkafka properties whose values are not shown.
const SECRET_WORDS: [&str; 6] = ["password", "secret", "token", "pem", "jaas", "oauthbearer.config"];

/// The whole configuration as YAML that can be read back, except for what it hides.
#[must_use]
pub fn show(config: &Config) -> String {
    // Only a map whose keys are not texts could fail.
    let mut tree = serde_json::to_value(config).unwrap_or_default();
    if let Some(Value::Object(client)) = tree.pointer_mut("/kafka/client") {
        for (_, value) in client.iter_mut().filter(|(name, _)| SECRET_WORDS.iter().any(|word| name.contains(word))) {
            *value = "<hidden>".into();
        }
    }
    let mut out = String::new();
    if let Value::Object(sections) = &tree {
        for (key, value) in sections {
            entry(&mut out, key, value, "", 0);
        }
    }
    out
}

/// `key: value`, or the key and its block below.
fn entry(out: &mut String, key: &str, value: &Value, path: &str, indent: usize) {
    let path = join(path, key);
    let mut line = |rest: &str| out.push_str(&format!("{:indent$}{}:{rest}\n", "", text(key)));
    match value {
        Value::Object(table) if !table.is_empty() => {
            line("");
            for (key, value) in table {
                entry(out, key, value, &path, indent + 2);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            line("");
            for (i, item) in items.iter().enumerate() {
                block_item(out, item, &format!("{path}[{i}]"), indent + 2);
            }
        }
        value => line(&format!(" {}", flow(value))),
    }
}

/// A table as an item of a list: its first key stands after the dash.
fn block_item(out: &mut String, item: &Value, path: &str, indent: usize) {
    let mut block = String::new();
    for (key, value) in item.as_object().into_iter().flatten() {
        entry(&mut block, key, value, path, indent + 2);
    }
    out.push_str(&" ".repeat(indent));
    out.push_str("- ");
    out.push_str(block.trim_start());
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(word) => text(word),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A text plain where nothing could read it as something else, in quotes otherwise.
fn text(word: &str) -> String {
    let plain = word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'))
        && !matches!(word.to_ascii_lowercase().as_str(), "null" | "true" | "false" | "yes" | "no" | "on" | "off")
        && word.parse::<f64>().is_err();
    if plain { word.to_owned() } else { Value::from(word).to_string() }
}
