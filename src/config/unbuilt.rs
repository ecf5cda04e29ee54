//! What the configuration can already say and this version cannot do yet: the one list.
//!
//! Set to another value than its default, such a key is refused: nobody shall believe in what does not happen. At its
//! default it is inactive, and `config show` says so.

use serde_json::Value;

use super::Config;
use super::error::Problem;

struct Unbuilt {
    /// The key; `[]` stands for each item of a list.
    path: &'static str,
    /// The values that are not built; empty: all of them.
    values: &'static [&'static str],
    /// What happens instead.
    instead: &'static str,
}

const UNBUILT: &[Unbuilt] = &[Unbuilt {
    path: "secmaster.credentials.kind",
    values: &["instance_agency", "oidc", "pod_identity"],
    instead: "use access_key, password or token",
}];

/// The keys that are set to something that is not built.
pub(super) fn refused(config: &Config) -> Vec<Problem> {
    let (set, default) = (value_of(config), value_of(&Config::default()));
    let mut problems = Vec::new();
    for entry in UNBUILT {
        for (path, value) in select(&set, entry.path) {
            if !entry.covers(value) || value == default_of(&default, entry.path) {
                continue;
            }
            let what = value.as_str().map(|word| format!(": {word}")).unwrap_or_default();
            let message = format!("`{path}{what}` is not built yet ({}): leave it out", entry.instead);
            problems.push(Problem { path, message, place: None });
        }
    }
    problems
}

/// What the schema adds to the descriptions of these keys, each with its path.
pub(super) fn descriptions() -> impl Iterator<Item = (&'static str, String)> {
    UNBUILT.iter().map(|entry| {
        let values: Vec<String> = entry.values.iter().map(|value| format!("`{value}`")).collect();
        let what = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
        (entry.path, format!("Not built yet{what}: {}.", entry.instead))
    })
}

/// What `config show` says about a key at its present value, if it does not do what it says.
pub(super) fn remark(path: &str, value: &Value) -> Option<String> {
    let unbuilt = UNBUILT.iter().find(|entry| generic(path) == entry.path && entry.covers(value));
    unbuilt.map(|entry| format!("inactive, not built yet: {}", entry.instead))
}

impl Unbuilt {
    fn covers(&self, value: &Value) -> bool {
        let word = match value {
            Value::String(word) => word.as_str(),
            Value::Bool(true) => "true",
            _ => "",
        };
        self.values.is_empty() || self.values.contains(&word)
    }
}

fn value_of(config: &Config) -> Value {
    // Only a map whose keys are not texts could fail.
    serde_json::to_value(config).unwrap_or_default()
}

/// `routing.rules[3].rate_limits` as `routing.rules[].rate_limits`.
fn generic(path: &str) -> String {
    path.split_inclusive('[').map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect()
}

/// The default of a key; of a key in a list's items, nothing: an empty list.
fn default_of<'a>(default: &'a Value, path: &str) -> &'a Value {
    const EMPTY: &Value = &Value::Array(Vec::new());
    if path.contains("[]") { EMPTY } else { select(default, path).pop().map_or(EMPTY, |(_, value)| value) }
}

/// All values at a path, each with its own path.
fn select<'a>(root: &'a Value, path: &str) -> Vec<(String, &'a Value)> {
    let mut found = vec![(String::new(), root)];
    for part in path.split('.') {
        let key = part.trim_end_matches("[]");
        found = found
            .into_iter()
            .filter_map(|(at, value)| Some((super::reader::join(&at, key), value.get(key)?)))
            .collect();
        if part.ends_with("[]") {
            found = found
                .into_iter()
                .flat_map(|(at, value)| {
                    let items = value.as_array().into_iter().flatten().enumerate();
                    items.map(move |(i, item)| (format!("{at}[{i}]"), item))
                })
                .collect();
        }
    }
    found
}
