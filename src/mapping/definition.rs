//! The mapping file as it is written (YAML, docs/mappings.md), before anything is compiled.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::error::MappingError;

/// A mapping file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    /// The format's name.
    pub(super) name: String,
    /// A jq predicate over the document.
    #[serde(rename = "match")]
    pub(super) matches: String,
    /// Whether `alert` and `skip` see keys with dots as nested objects too.
    #[serde(default)]
    pub(super) nest_dotted_keys: bool,
    /// jq that gives the parts of a batch document.
    pub(super) split: Option<String>,
    /// Which of its alerts start nothing.
    pub(super) skip: Option<SkipDefinition>,
    #[serde(default)]
    pub(super) data_class: DataClassDefinition,
    /// Top-level fields without which there is no alert.
    #[serde(default)]
    pub(super) required: Vec<String>,
    #[serde(default)]
    pub(super) severity: SeverityDefinition,
    /// The fields: every text is a jq expression, other scalars stand for themselves. A text at the top gives all.
    pub(super) alert: Value,
    #[serde(default)]
    pub(super) tests: Vec<TestDefinition>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DataClassDefinition {
    pub(super) id: Option<String>,
    pub(super) name: String,
}

/// Alerts that start no workflow, whatever the routes say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SkipDefinition {
    /// A jq predicate over the document, or the part of it.
    pub(super) when: String,
    /// Why, in a few words for the log line.
    pub(super) reason: String,
}

impl Default for DataClassDefinition {
    fn default() -> Self {
        Self { id: None, name: "Alert".to_owned() }
    }
}

/// How the source's severity becomes one of ours.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeverityDefinition {
    /// Words of the source, compared without case.
    #[serde(default)]
    pub(super) words: BTreeMap<String, String>,
    /// Lower borders for numbers.
    #[serde(default)]
    pub(super) bands: Vec<(f64, String)>,
    /// For what is neither.
    pub(super) default: Option<String>,
}

/// One test inside the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestDefinition {
    pub(super) name: String,
    /// The document.
    pub(super) input: Option<Value>,
    /// Or a file that holds it, relative to the mapping file.
    pub(super) file: Option<PathBuf>,
    /// The whole content, or a list of contents where the document is split; `{skip: REASON}` for an alert
    /// that is skipped.
    pub(super) expect: Value,
}

/// Reads a mapping file's text; `file` is for the error.
pub(super) fn parse(file: &str, text: &str) -> Result<Definition, MappingError> {
    serde_saphyr::from_str(text).map_err(|e| {
        let told = e.to_string();
        let advice = HINTS.iter().find(|(part, _)| told.contains(part)).map(|(_, advice)| format!("\n{advice}"));
        let problem = told.replace("<input>", file);
        MappingError::of_file(file, problem.trim_end_matches(['\n', ' ', '|']).to_owned() + &advice.unwrap_or_default())
    })
}

/// What to do about what YAML says of expressions without quotes, or within the wrong ones.
const HINTS: &[(&str, &str)] = &[
    ("mapping values are not allowed", "an expression with `: ` or ` #` in it needs single quotes around it"),
    (
        "unknown escape character",
        r#"in double quotes YAML reads the backslash itself: put single quotes around the whole, as in '"\(.a) on \(.b)"'"#,
    ),
    ("while parsing a flow", IN_FLOW),
    ("unexpected character", IN_FLOW),
];
const IN_FLOW: &str =
    "inside of `{…}` and `[…]`, and where it begins with one of these, an expression needs single quotes around it";

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_expression_that_yaml_takes_apart_is_told_what_quotes_it_needs() {
        let told = |line: &str| {
            let text = format!("name: x\nmatch: .x\nalert:\n  title: .t\n  {line}\n  count: 1\n");
            parse("x.yaml", &text).err().unwrap().to_string()
        };
        for line in [
            r"description: .a + {b: .c}",
            r"user_info: [.actors[] | {user_name: .login}]",
            r"network_list: [{src_ip: .ips[0]}]",
            r#"system_info: {user: $record.headers["user"]}"#,
        ] {
            let told = told(line);
            assert!(told.starts_with("x.yaml: ") && told.contains(line), "{told}");
            assert!(told.lines().last().unwrap().ends_with("needs single quotes around it"), "{line}: {told}");
        }
        let double = told(r#"description: "Rule \(.r) on \(.h)""#);
        assert!(double.ends_with(r#"put single quotes around the whole, as in '"\(.a) on \(.b)"'"#), "{double}");
        assert!(!told("nothing: [1").is_empty());
    }
}
