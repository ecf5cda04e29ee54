//! Which dead letters are meant.

use super::{Letter, summary};
use crate::mapping::{Document, Env, Expression, from_json};

/// What is asked for: of each list any entry, of the lists all. An empty list asks for nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FilterSettings {
    /// Dead-letter classes.
    pub classes: Vec<String>,
    /// Failure reasons.
    pub reasons: Vec<String>,
    /// Codes of the service, e.g. `SecMaster.20030025`.
    pub codes: Vec<String>,
    /// Workflow ids.
    pub workflows: Vec<String>,
    /// Severities, in any case.
    pub severities: Vec<String>,
    /// Formats.
    pub formats: Vec<String>,
    /// Consumer groups that gave them up.
    pub groups: Vec<String>,
    /// Written at this time or later, in milliseconds since the epoch.
    pub since_ms: Option<i64>,
    /// Written before this time, likewise.
    pub until_ms: Option<i64>,
    /// A jq predicate over what [`summary`] gives.
    pub expression: Option<String>,
}

/// The expression cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(String);

/// The compiled filter.
#[derive(Debug)]
pub struct Filter {
    settings: FilterSettings,
    expression: Option<Expression>,
}

impl Filter {
    /// Compiles the expression.
    ///
    /// # Errors
    ///
    /// It is not jq, or uses what expressions must not use here.
    pub fn new(settings: FilterSettings) -> Result<Self, FilterError> {
        let compiled = settings.expression.as_deref().map(Expression::compile).transpose();
        let expression = compiled.map_err(|error| FilterError(error.to_string()))?;
        if expression.as_ref().is_some_and(Expression::uses_record) {
            return Err(FilterError("`$record` is for mapping files".to_owned()));
        }
        Ok(Self { settings, expression })
    }

    /// Whether this letter is meant.
    #[must_use]
    pub fn admits(&self, letter: &Letter) -> bool {
        let asked = &self.settings;
        let lists = [
            ("failure-class", &asked.classes),
            ("failure-reason", &asked.reasons),
            ("error-code", &asked.codes),
            ("workflow-id", &asked.workflows),
            ("severity", &asked.severities),
            ("format", &asked.formats),
            ("consumer-group", &asked.groups),
        ];
        let of_list = |(name, list): (&str, &Vec<String>)| {
            list.is_empty()
                || letter.field(name).is_some_and(|value| list.iter().any(|entry| entry.eq_ignore_ascii_case(value)))
        };
        let time = letter.record.timestamp_ms;
        let in_time = asked.since_ms.is_none_or(|since| time.is_some_and(|time| time >= since))
            && asked.until_ms.is_none_or(|until| time.is_some_and(|time| time < until));
        in_time && lists.into_iter().all(of_list) && self.holds(letter)
    }

    fn holds(&self, letter: &Letter) -> bool {
        self.expression.as_ref().is_none_or(|expression| {
            let document: Document<'_> = from_json(&summary(letter));
            expression.holds(&document, &Env::default())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Shape;
    use crate::letters::testing;

    fn admits(settings: FilterSettings) -> bool {
        let letter = Letter::read(testing::on_topic(&testing::dead_letter(42), 7, Shape::Full)).unwrap();
        Filter::new(settings).unwrap().admits(&letter)
    }

    fn one(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[test]
    fn nothing_asked_for_admits_everything() {
        assert!(admits(FilterSettings::default()));
    }

    #[test]
    fn each_list_admits_its_entries_and_nothing_else() {
        let none = FilterSettings::default;
        type With = fn(Vec<String>) -> FilterSettings;
        let of: [(&str, With); 7] = [
            ("rejected", |classes| FilterSettings { classes, ..FilterSettings::default() }),
            ("request_refused", |reasons| FilterSettings { reasons, ..FilterSettings::default() }),
            ("SecMaster.20030025", |codes| FilterSettings { codes, ..FilterSettings::default() }),
            ("wf", |workflows| FilterSettings { workflows, ..FilterSettings::default() }),
            ("high", |severities| FilterSettings { severities, ..FilterSettings::default() }),
            ("ecs_nested_alert", |formats| FilterSettings { formats, ..FilterSettings::default() }),
            ("g", |groups| FilterSettings { groups, ..FilterSettings::default() }),
        ];
        for (value, with) in of {
            assert!(admits(with(one(value))), "{value}");
            assert!(admits(with(vec!["x".to_owned(), value.to_owned()])), "any of {value}");
            assert!(!admits(with(one("x"))), "not {value}");
        }
        assert!(!admits(FilterSettings { classes: one("rejected"), reasons: one("x"), ..none() }), "all lists hold");
    }

    #[test]
    fn times_are_those_of_writing_and_the_end_is_excluded() {
        let span = |since_ms, until_ms| admits(FilterSettings { since_ms, until_ms, ..FilterSettings::default() });
        assert!(span(Some(1_000), Some(1_001)) && span(None, None));
        assert!(!span(Some(1_001), None) && !span(None, Some(1_000)));
    }

    #[test]
    fn an_expression_sees_the_report_and_an_error_is_no_match() {
        let holds =
            |text: &str| admits(FilterSettings { expression: Some(text.to_owned()), ..FilterSettings::default() });
        assert!(holds(".attempt_reports[0].http_status == 400 and .error_code != null"));
        assert!(!holds(".error | test(\"other\")") && !holds(".error + 1"));
        let refused = Filter::new(FilterSettings { expression: Some("(".to_owned()), ..FilterSettings::default() });
        assert!(refused.is_err());
    }
}
