//! A canary for every secret that the configuration can hold: the keys are those of its schema, so that a new one is
//! covered by itself.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

/// Names of what is secret; a key of such a name that the schema does not mark is a fault.
const WORDS: [&str; 4] = ["password", "secret", "token", "private"];
/// These hold no secret though they are called like one: where a token comes from.
const HARMLESS: [&str; 1] = ["token_url"];

/// A key that holds a secret, or the name of a file with one.
#[derive(Clone, Debug)]
pub(super) struct SecretKey {
    /// `secmaster.credentials.password`.
    pub(super) path: String,
    /// The key that names a file instead, or the only one.
    file: Option<String>,
    /// Whether the secret itself can stand in the configuration.
    pub(super) as_text: bool,
    pub(super) canary: String,
}

/// All of them.
pub(super) fn all() -> Vec<SecretKey> {
    let mut found = Vec::new();
    walk(&alertbridge::config::schema(), "", &mut found);
    found
}

fn walk(schema: &Value, path: &str, found: &mut Vec<SecretKey>) {
    let Some(keys) = schema["properties"].as_object() else { return };
    for (key, schema) in keys {
        let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let called_secret = WORDS.iter().any(|word| key.contains(word)) && !HARMLESS.contains(&key.as_str());
        let (file, as_text) = match key.strip_suffix("_file") {
            // The secret's own key has it.
            Some(stem) if keys.contains_key(stem) => continue,
            // A private key is a secret as a whole.
            Some(stem) if called_secret || stem == "key" => (Some(full.clone()), false),
            _ if schema["writeOnly"] == true => {
                let file = format!("{key}_file");
                assert!(keys.contains_key(&file), "{full}: a secret can be given as a file, too");
                (Some(format!("{full}_file")), true)
            }
            _ => {
                assert!(!called_secret || schema["properties"].is_object(), "{full} is not marked as a secret");
                walk(schema, &full, found);
                continue;
            }
        };
        let canary = format!("canary-{:02}-{}", found.len(), uuid::Uuid::new_v4().simple());
        found.push(SecretKey { path: full, file, as_text, canary });
    }
}

impl SecretKey {
    /// Puts the canary into a configuration: as text where that can be, or in a file.
    pub(super) fn put(&self, config: &mut Value, folder: &Path, in_file: bool) {
        if self.as_text && !in_file {
            return set(config, &self.path, json!(self.canary));
        }
        let file = folder.join(&self.path);
        fs::write(&file, format!("{}\n", self.canary)).unwrap();
        set(config, self.file.as_ref().unwrap(), json!(file));
    }
}

/// Sets a key by its path.
pub(super) fn set(config: &mut Value, path: &str, value: Value) {
    let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
    let mut at = config;
    for name in table.split('.').filter(|name| !name.is_empty()) {
        let keys = at.as_object_mut().unwrap();
        at = keys.entry(name).or_insert_with(|| Value::Object(Map::new()));
    }
    at[key] = value;
}

/// Asserts that none of the canaries is in a text.
pub(super) fn assert_silent(keys: &[SecretKey], what: impl Debug, said: &str) {
    for SecretKey { path, canary, .. } in keys {
        assert!(!said.contains(canary), "{what:?} shows {path}:\n{said}");
        // In parts, as an error may quote the rest of a line.
        let part = canary.get(..20).unwrap();
        assert!(!said.contains(part), "{what:?} shows a part of {path}:\n{said}");
    }
}
