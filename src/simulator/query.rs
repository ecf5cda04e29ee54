//! Query parameters and body members, judged by the API's pages.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::answer::Refusal;

/// The parameters of a request.
pub(super) type Parameters = BTreeMap<String, String>;

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Number(usize, usize),
    Flag,
    Words(&'static [&'static str]),
}

/// Reads a query: each parameter has a value, and none comes twice.
pub(super) fn parameters(query: &str) -> Result<Parameters, Refusal> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut parameters = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name);
        if value.is_empty() {
            return Err(malformed(&name));
        }
        if parameters.insert(name.clone(), decoded(value)).is_some() {
            return Err(Refusal::invalid(format!("The parameter {name} is given twice.")));
        }
    }
    Ok(parameters)
}

/// Reads a query that may have these parameters and no others.
pub(super) fn judged(query: &str, known: &[(&str, Kind)]) -> Result<Parameters, Refusal> {
    let parameters = parameters(query)?;
    for (name, value) in &parameters {
        let Some((_, kind)) = known.iter().find(|(known, _)| known == name) else { return Err(unknown(name)) };
        match kind {
            Kind::Text => {}
            Kind::Number(least, most) => drop(number(name, value, *least, *most)?),
            Kind::Flag => one_of(name, value, &["true", "false"])?,
            Kind::Words(words) => one_of(name, value, words)?,
        }
    }
    Ok(parameters)
}

/// The page that is asked for: what comes before it, and its length.
pub(super) fn page(parameters: &Parameters) -> (usize, usize) {
    let number = |name: &str, usual| parameters.get(name).and_then(|value| value.parse().ok()).unwrap_or(usual);
    (number("offset", 0), number("limit", 10))
}

pub(super) fn number(name: &str, value: &str, least: usize, most: usize) -> Result<usize, Refusal> {
    value.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| malformed(name))
}

pub(super) fn one_of(name: &str, value: &str, words: &[&str]) -> Result<(), Refusal> {
    if words.contains(&value) { Ok(()) } else { Err(malformed(name)) }
}

pub(super) fn unknown(name: &str) -> Refusal {
    Refusal::invalid(format!("Unknown parameter: {name}."))
}

pub(super) fn malformed(name: &str) -> Refusal {
    Refusal::invalid(format!("Invalid parameter: {name}."))
}

/// A body that is an object.
pub(super) fn object_body(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(Refusal::invalid("The body is not an object.")),
        Err(_) => Err(Refusal::invalid("The body is not JSON.")),
    }
}

/// A mandatory text.
pub(super) fn needed<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    text(object, name)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
}

/// A mandatory text out of these.
pub(super) fn word<'a>(object: &'a Map<String, Value>, name: &str, words: &[&str]) -> Result<&'a str, Refusal> {
    let word = needed(object, name)?;
    if words.contains(&word) {
        return Ok(word);
    }
    Err(Refusal::invalid(format!("{name} must be {}.", words.join(" or "))))
}

pub(super) fn missing(name: &str) -> Refusal {
    Refusal::invalid(format!("{name} is missing."))
}

/// A text member; null counts as absent.
pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::invalid(format!("{name} is not a string."))),
    }
}

/// An object member; null counts as absent.
pub(super) fn object<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner)),
        Some(_) => Err(Refusal::invalid(format!("{name} is not an object."))),
    }
}
