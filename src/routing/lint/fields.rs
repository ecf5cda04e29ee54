//! Fields that a rule's condition looks at and no alert has: it sees the mapped alert, not the record.

use crate::mapping::{
    Finding, Given, Level, alert_words, is_alert_field, near_alert_path, reads, suggest, words_compared_with,
};
use crate::routing::settings::RuleSettings;

/// The data class whose fields and words are known.
const ALERT: &str = "Alert";

/// What the alerts are that the rules see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// What the formats in force give; empty where that is not known.
    given: &'a [Given],
    /// Whether fields that the data class does not know are left out.
    strict: bool,
}

impl<'a> Seen<'a> {
    pub(super) const fn new(given: &'a [Given], strict: bool) -> Self {
        Self { given, strict }
    }

    /// Whether a mapping writes this field.
    fn is_written(&self, name: &str) -> bool {
        self.given.iter().filter_map(|given| given.fields.as_ref()).flatten().any(|field| field == name)
    }

    /// The formats that take what the record has, whatever that is.
    fn passing(&self) -> Vec<&str> {
        let passing = self.given.iter().filter(|given| given.fields.is_none());
        passing.filter(|given| !(self.strict && &*given.data_class == ALERT)).map(|given| &*given.format).collect()
    }

    fn only_alerts(&self) -> bool {
        self.given.iter().all(|given| &*given.data_class == ALERT)
    }
}

/// The findings about one condition.
pub(super) fn lint(key: &str, rule: &RuleSettings, condition: &str, seen: Seen<'_>) -> Vec<Finding> {
    let mut told: Vec<Finding> = Vec::new();
    for path in reads(condition) {
        let Some(name) = root(&path) else { continue };
        let finding = of_path(key, rule, &path, &name, seen);
        told.extend(finding.filter(|finding| !told.contains(finding)));
    }
    if seen.only_alerts() {
        told.extend(words(key, condition));
    }
    told
}

fn of_path(key: &str, rule: &RuleSettings, path: &str, name: &str, seen: Seen<'_>) -> Option<Finding> {
    // Of a field of the Alert, what it looks at inside may be a slip, whoever writes it.
    if !is_alert_field(name) && seen.is_written(name) {
        return None;
    }
    if let Some((wrong, near)) = near_alert_path(path) {
        let problem =
            format!("`{}` looks at `{wrong}`, which is no field of the Alert; did you mean `{near}`?", rule.name);
        return Some(Finding::warning("", key, problem, "rename it, unless a mapping of yours writes this field"));
    }
    if seen.given.is_empty() || is_alert_field(name) {
        return None;
    }
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let shown = if plain { format!(".{name}") } else { format!(".{}", serde_json::Value::from(name)) };
    let problem =
        format!("`{}` looks at `{shown}`, which is no field of the Alert, and no mapping writes it", rule.name);
    let remedy =
        "a rule sees the mapped alert, not the record: take one of its fields, or let the mapping write this one";
    let passing = seen.passing();
    if passing.is_empty() {
        return Some(Finding::warning("", key, problem, remedy));
    }
    let problem = format!("{problem}; only records of {} could bring it", passing.join(", "));
    Some(Finding { level: Level::Note, ..Finding::warning("", key, problem, remedy) })
}

/// The name at the top that a path begins with.
fn root(path: &str) -> Option<String> {
    let rest = path.strip_prefix('.')?;
    if rest.starts_with('"') {
        return serde_json::Deserializer::from_str(rest).into_iter::<String>().next()?.ok();
    }
    rest.split(['.', '[']).next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Words that a field is compared with and never has, beside the severity's.
fn words(key: &str, condition: &str) -> Vec<Finding> {
    let mut told = Vec::new();
    for (field, known) in alert_words().filter(|(field, _)| *field != "severity") {
        let compared = words_compared_with(condition, field).into_iter();
        told.extend(compared.filter(|word| !known.contains(&word.as_str())).map(|word| {
            let near = suggest(&word, known.iter().copied());
            let problem = format!("compares `.{field}` with `{word}`, which no mapped alert has{near}");
            Finding::warning("", key, problem, format!("it is one of {}", known.join(", ")))
        }));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::root;

    #[test]
    fn a_path_begins_with_a_name() {
        let names = [".a.b", ".\"x.y\".z", ".a[0]", ".", ".[0]", "$record.key"].map(root);
        assert_eq!(names, [Some("a"), Some("x.y"), Some("a"), None, None, None].map(|name| name.map(str::to_owned)));
    }
}
