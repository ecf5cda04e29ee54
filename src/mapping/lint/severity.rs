//! Words and bands of a severity's scale that nothing leads to.

use serde_json::Value;

use super::{File, fields};
use crate::mapping::compiled::Mapping;
use crate::mapping::definition::Definition;

pub(super) fn lint(file: &mut File<'_>, definition: &Definition) {
    let scale = &definition.severity;
    let unused = |fields: &serde_json::Map<_, _>| !fields.contains_key("severity");
    if definition.alert.as_object().is_some_and(unused) && !(scale.words.is_empty() && scale.bands.is_empty()) {
        let problem = "is not used: there is no `alert.severity` whose value it could translate";
        file.warn("severity", problem, "add `alert.severity`, or keep `severity.default` only");
    }
    for (i, word) in scale.words.keys().enumerate() {
        let field = format!("severity.words.{word}");
        if word.trim() != word {
            let problem = "begins or ends with a space, and the source's words are compared without";
            file.warn(&field, problem, "take the space away");
        }
        let mut before = scale.words.keys().take(i);
        if let Some(first) = before.find(|before| before.to_lowercase() == word.to_lowercase()) {
            let problem = format!("is never reached: it is `{first}` without case");
            file.warn(&field, problem, "keep one of the two");
        }
    }
    for (i, (from, _)) in scale.bands.iter().enumerate() {
        let field = format!("severity.bands[{i}]");
        let before = || scale.bands.iter().take(i).map(|(from, _)| *from);
        if from.is_nan() {
            file.warn(&field, "is never reached: its border is no number", "give the lowest number of the band");
        } else if before().any(|before| before.total_cmp(from).is_eq()) {
            let problem = format!("has the border of an earlier band, {from}, and one of the two is never reached");
            file.warn(&field, problem, "keep one of the two");
        } else if before().any(|before| before > *from) {
            let problem = format!(
                "begins at {from}, below an earlier one; each band reaches up to the next border, whatever the order"
            );
            file.warn(&field, problem, "sort the bands by their borders");
        }
    }
}

/// A severity that is always the same, and none that the scale knows.
pub(super) fn constant(file: &mut File<'_>, definition: &Definition, mapping: &Mapping) {
    let Some(constant) = definition.alert.get("severity").and_then(|value| match value {
        Value::String(source) => fields::constant(source),
        Value::Number(_) => Some(value.clone().into()),
        _ => None,
    }) else {
        return;
    };
    if mapping.severity.read(&constant).is_none() {
        let constant = Value::from(constant);
        let problem = format!("the constant {constant} is no word of the scale, so every alert takes the default");
        file.warn("alert.severity", problem, "write Tips, Low, Medium, High or Fatal, or add it to `severity.words`");
    }
}
