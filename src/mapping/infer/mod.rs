//! A first draft of a mapping file from sample records (`map --infer`): which field may be which, by name and by value,
//! and how sure that is. A draft is no answer: it says of each line what it rests on.
//!
//! Pure and deterministic. What is handed out loads, and its test holds: it is loaded and run first, and a field that is a
//! fault of any sample is left out again.

mod draft;
mod leaves;
mod matching;
mod names;
mod priorities;
mod roles;
mod scale;
mod values;
mod yaml;

use serde_json::{Map, Value};

use self::draft::Parts;
use self::leaves::Leaf;
use super::expression::path;
use super::mapper::{MappedPart, Mapper};
use super::selftest;
use super::settings::MappingSettings;

/// What batches call their lists.
const LISTS: &[&str] = &[
    "alerts",
    "events",
    "records",
    "results",
    "items",
    "detections",
    "findings",
    "hits",
    "data",
    "entries",
    "notables",
    "values",
    "offenses",
    "messages",
    "incidents",
];
/// How often a draft is tried with less.
const MOST_TRIES: usize = 64;

/// Why no draft can be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct NoDraft(String);

/// Drafts a mapping file for records like these. `settings` are those under which its test is to hold, `notes` stand at
/// its top.
///
/// # Errors
/// When a sample is no JSON object (or list of such), the samples have nothing in common, or what they hold cannot be
/// written as YAML.
pub fn infer(samples: &[Value], name: &str, settings: &MappingSettings, notes: &[String]) -> Result<String, NoDraft> {
    let (documents, mut notes) = (documents(samples)?, notes.to_vec());
    if samples.iter().any(Value::is_array) {
        notes.push("The samples are lists; the bridge takes each element as a record of its own.".to_owned());
    }
    if samples.iter().flat_map(items).any(|item| in_records(item).is_some()) {
        let note =
            "The samples are batches, `{\"records\": [...]}`; the bridge takes each element as a record of its own.";
        notes.push(note.to_owned());
    }
    let name = format_name(name);
    if super::shipped::is_name(&name) {
        notes.push(format!(
            "The shipped format `{name}` has this name: this file replaces it. Choose another, unless that is meant."
        ));
    }
    let condition = matching::of(&documents);
    let condition = condition
        .ok_or_else(|| NoDraft("the samples have no key in common: give those of one format only".to_owned()))?;
    let list = batch(&documents);
    let elements: Vec<&Map<String, Value>> = match &list {
        Some(name) => {
            let items = documents.iter().filter_map(|sample| sample.get(name)?.as_array());
            items.flatten().filter_map(Value::as_object).collect()
        }
        None => documents.clone(),
    };
    let leaves = leaves::of(&elements);
    let guesses = roles::guess(&leaves, elements.len());
    let mut parts = Parts {
        name,
        samples: elements.len(),
        split: list.map(|name| path([name.as_str()])),
        condition,
        scale: None,
        guesses,
        unused: Vec::new(),
        notes,
    };
    let inputs: Vec<Value> = documents.into_iter().map(|document| Value::Object(document.clone())).collect();
    for _ in 0..MOST_TRIES {
        parts.scale = parts.guess("severity").map(|guess| scale::of(&guess.path, &guess.values));
        parts.unused = unused(&leaves, &parts);
        match attempt(&parts, &inputs, settings) {
            Attempt::Good(text) => return Ok(text),
            Attempt::Without(target) if parts.guesses.iter().any(|guess| guess.target == target) => {
                parts.guesses.retain(|guess| guess.target != target);
            }
            Attempt::Without(target) => return Err(NoDraft(format!("the draft's `{target}` does not work out"))),
            Attempt::Bad(why) => return Err(NoDraft(why)),
        }
    }
    Err(NoDraft("no choice of fields works out".to_owned()))
}

fn items(sample: &Value) -> &[Value] {
    match sample {
        Value::Array(items) => items,
        other => std::slice::from_ref(other),
    }
}

/// What the bridge takes out of `{"records": [...]}` before it looks for a format (see [`super::envelope`]).
fn in_records(item: &Value) -> Option<&[Value]> {
    match (item.as_object()?.len(), item.get("records")?) {
        (1, Value::Array(items)) => Some(items),
        _ => None,
    }
}

/// A value as YAML that begins at some indentation.
pub(super) fn yaml_value(value: &Value, indent: usize) -> String {
    yaml::value(value, indent)
}

/// The objects that the samples are.
fn documents(samples: &[Value]) -> Result<Vec<&Map<String, Value>>, NoDraft> {
    let mut documents = Vec::new();
    for (i, sample) in samples.iter().enumerate() {
        let wrong = || NoDraft(format!("sample {} is no JSON object", i + 1));
        for item in items(sample).iter().flat_map(|item| in_records(item).unwrap_or_else(|| std::slice::from_ref(item)))
        {
            documents.push(item.as_object().ok_or_else(wrong)?);
        }
    }
    if documents.is_empty() { Err(NoDraft("there is no sample".to_owned())) } else { Ok(documents) }
}

/// The list that holds the parts, where the samples are batches: objects that have an alert's fields, and more of them than
/// what is around the list.
fn batch(documents: &[&Map<String, Value>]) -> Option<String> {
    let first = documents.first()?;
    let is_list = |name: &&String| {
        documents.iter().all(|document| {
            let items = document.get(*name).and_then(Value::as_array);
            items.is_some_and(|items| {
                !items.is_empty() && items.iter().all(|i| i.as_object().is_some_and(|o| !o.is_empty()))
            })
        })
    };
    let named = |name: &&String| {
        let last = leaves::words(name).pop().unwrap_or_default();
        LISTS.contains(&last.as_str())
    };
    let list = first.keys().filter(is_list).find(named)?;
    let outside: Vec<Map<String, Value>> = documents.iter().map(|document| (*document).clone()).collect();
    let outside = roles::guess(&leaves::of(&outside.iter().collect::<Vec<_>>()), documents.len());
    let has_title = outside.iter().any(|g| g.target == "title") && outside.iter().any(|g| g.target == "severity");
    (!has_title).then(|| list.clone())
}

/// A name from a file's: small letters, digits and underlines.
fn format_name(name: &str) -> String {
    let words = leaves::words(name);
    let ascii = words.join("_").chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let name = ascii.trim_matches('_');
    // A name of digits, or a word of YAML's, would be no text.
    match name {
        "" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" => "my_format".to_owned(),
        name if name.starts_with(|c: char| c.is_ascii_digit()) => format!("format_{name}"),
        name => name.to_owned(),
    }
}

fn unused(leaves: &[Leaf], parts: &Parts) -> Vec<String> {
    let used = |path: &String| {
        parts.guesses.iter().any(|guess| guess.path == *path)
            || parts.split.is_none() && parts.condition.paths.contains(path)
    };
    let has_used = |list: &String| leaves.iter().any(|l| l.path_of_list().as_ref() == Some(list) && used(&l.path()));
    // A list stands for its elements, until one of their fields is used.
    let is_told = |leaf: &Leaf| match leaf.path_of_list() {
        Some(list) => has_used(&list),
        None => !has_used(&leaf.path()),
    };
    let told = leaves.iter().filter(|leaf| is_told(leaf) && !used(&leaf.path()));
    let of_some = |leaf: &Leaf| match leaf.values.len() {
        have if have < parts.samples => format!("{} ({have} of {})", leaf.path(), parts.samples),
        _ => leaf.path(),
    };
    told.map(of_some).collect()
}

enum Attempt {
    /// It loads, no sample has a fault, and its test holds.
    Good(String),
    /// This field is a fault of a sample.
    Without(String),
    Bad(String),
}

fn attempt(parts: &Parts, inputs: &[Value], settings: &MappingSettings) -> Attempt {
    let text = parts.text();
    let Some(first) = inputs.first() else { return Attempt::Bad("there is no sample".to_owned()) };
    // With the input as it reads back from the file: YAML may read a number in another way.
    let with_input = format!("{text}{}", Parts::test(first, &Value::Null));
    let mapper = match Mapper::of_text(settings, "the draft", &with_input) {
        Ok(mapper) => mapper,
        Err(errors) => {
            let why = errors.first().map(ToString::to_string).unwrap_or_default();
            return Attempt::Bad(format!("the samples cannot be written as a mapping file: {why}"));
        }
    };
    let Some(mapping) = mapper.mappings().first() else { return Attempt::Bad("the draft is empty".to_owned()) };
    let Some(read) = mapping.tests.first().and_then(|test| test.input.as_ref()) else {
        return Attempt::Bad("the draft has no test".to_owned());
    };
    let origin = selftest::origin();
    let mut expect = Vec::new();
    for (i, input) in std::iter::once(read).chain(inputs.iter().skip(1)).enumerate() {
        for part in mapper.map_value(mapping, input, &origin) {
            if let Some(target) = faulty(&part) {
                return Attempt::Without(target);
            }
            match part.result {
                Ok(alert) if i == 0 => expect.push(alert.content.into()),
                Ok(_) => {}
                Err(failure) => return Attempt::Bad(failure.message),
            }
        }
    }
    let expect = match (expect.len(), &parts.split) {
        (1, None) => expect.remove(0),
        _ => Value::Array(expect),
    };
    let text = format!("{text}{}", Parts::test(read, &expect));
    match Mapper::of_text(settings, "the draft", &text).map(|mapper| mapper.run_tests()) {
        Ok(failures) => match failures.first() {
            None => Attempt::Good(text),
            Some(failure) => Attempt::Bad(format!("the draft's test does not hold: {}", failure.problem)),
        },
        Err(_) => Attempt::Bad("the samples cannot be written as a mapping file".to_owned()),
    }
}

/// The field of the draft that is a fault of this part.
fn faulty(part: &MappedPart) -> Option<String> {
    let target = |field: &str| {
        let (list, rest) = field.split_once("[0]").unwrap_or((field, ""));
        format!("{list}{rest}")
    };
    let left_out = part.faults.iter().find(|fault| fault.left_out).map(|fault| target(&fault.field));
    let required = part.result.as_ref().err().and_then(|failure| {
        let named = failure.message.split('`').nth(1).map(str::to_owned);
        named.or_else(|| failure.message.split(':').next().map(str::to_owned))
    });
    left_out.or(required)
}

#[cfg(test)]
mod tests;
