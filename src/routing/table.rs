//! The compiled rules, and the decision for one alert.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::destinations::DEFAULT_ROUTE;
use super::settings::{RouteSettings, RuleSettings};
use crate::domain::{Alert, Destination};
use crate::mapping::{Content, Env, Expression};

/// What is wrong with a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct RouteError {
    /// The rule's name, or its place where it has none.
    pub rule: String,
    /// The expression, where that is what is wrong.
    pub expression: Option<String>,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "routing.rules: `{}`: {}", self.rule, self.problem)?;
        match &self.expression {
            Some(expression) => write!(f, " (in `{expression}`)"),
            None => Ok(()),
        }
    }
}

/// What an alert is to start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// These workflows; at least one, none twice.
    Run(Vec<Destination>),
    /// None, because a rule or the format's mapping says so.
    Skip {
        /// The rule's name; none where it is the mapping.
        route: Option<Arc<str>>,
        /// The own words of the rule or the mapping.
        reason: Arc<str>,
    },
    /// None, because no rule matches and there is no default workflow.
    Unroutable,
}

/// All rules, compiled.
#[derive(Debug)]
pub struct RouteTable {
    pub(super) rules: Vec<Rule>,
    default: Option<Destination>,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) when: Option<Expression>,
    pub(super) action: Action,
    pub(super) stop: bool,
}

#[derive(Debug)]
pub(super) enum Action {
    Run(Vec<Destination>),
    Skip { route: Arc<str>, reason: Arc<str> },
}

impl RouteTable {
    /// Compiles the rules.
    ///
    /// # Errors
    /// All faults of all rules at once.
    pub fn new(settings: &RouteSettings) -> Result<Self, Vec<RouteError>> {
        let mut errors = Vec::new();
        let mut names = HashSet::new();
        let mut rules = Vec::new();
        for (index, rule) in settings.rules.iter().enumerate() {
            let shown = if rule.name.is_empty() { format!("#{}", index + 1) } else { rule.name.clone() };
            let mut fault = |problem: &str, expression: Option<&str>| {
                let expression = expression.map(str::to_owned);
                errors.push(RouteError { rule: shown.clone(), expression, problem: problem.to_owned() });
            };
            if rule.name.is_empty() {
                fault("has no name; give it one, it is the route's name in logs and metrics", None);
            } else if rule.name == DEFAULT_ROUTE {
                fault("has the name of the default route; choose another one", None);
            } else if !names.insert(rule.name.as_str()) {
                fault("is the name of two rules; names have to differ", None);
            }
            let when = rule.when.as_deref().and_then(|source| match Expression::compile(source) {
                Ok(expression) if expression.uses_record() => {
                    fault("`when` sees the mapped alert only; `$record` is for mapping files", Some(source));
                    None
                }
                Ok(expression) => Some(expression),
                Err(error) => {
                    fault(&error.to_string(), Some(source));
                    None
                }
            });
            match action(rule, settings) {
                Ok(action) => rules.push(Rule { when, action, stop: rule.stop }),
                Err(problem) => fault(problem, None),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self { rules, default: settings.by_default() })
    }

    /// Decides what an alert starts: the first matching rule, and those after it as long as they say `stop: false`.
    /// An error in `when` is no match. What the format's mapping skips no rule sees.
    #[must_use]
    pub fn decide(&self, alert: &Alert) -> Decision {
        if let Some(reason) = &alert.skip {
            return Decision::Skip { route: None, reason: Arc::clone(reason) };
        }
        let mut content: Option<Content<'_>> = None;
        let mut chosen: Vec<Destination> = Vec::new();
        for rule in &self.rules {
            let matches = rule.when.as_ref().is_none_or(|when| {
                let content = content.get_or_insert_with(|| Content::of(&alert.content));
                when.holds(&content.document(), &Env::default())
            });
            if !matches {
                continue;
            }
            match &rule.action {
                Action::Run(destinations) => {
                    for destination in destinations {
                        if !chosen.iter().any(|c| same_workflow(c, destination)) {
                            chosen.push(destination.clone());
                        }
                    }
                }
                Action::Skip { route, reason } if chosen.is_empty() => {
                    return Decision::Skip { route: Some(Arc::clone(route)), reason: Arc::clone(reason) };
                }
                // What rules above have chosen runs; the skip only ends the search.
                Action::Skip { .. } => return Decision::Run(chosen),
            }
            if rule.stop {
                return Decision::Run(chosen);
            }
        }
        match &self.default {
            _ if !chosen.is_empty() => Decision::Run(chosen),
            Some(default) => Decision::Run(vec![default.clone()]),
            None => Decision::Unroutable,
        }
    }
}

fn same_workflow(a: &Destination, b: &Destination) -> bool {
    a.workflow_id == b.workflow_id && a.workspace_id == b.workspace_id && a.project_id == b.project_id
}

fn action(rule: &RuleSettings, settings: &RouteSettings) -> Result<Action, &'static str> {
    let named = usize::from(rule.workflow_id.is_some())
        + usize::from(!rule.workflow_ids.is_empty())
        + usize::from(rule.skip.is_some());
    if named != 1 {
        return Err("needs exactly one of `workflow_id`, `workflow_ids` and `skip`");
    }
    if let Some(reason) = &rule.skip {
        if !rule.stop {
            return Err("skips the alert, so `stop: false` has no meaning");
        }
        if rule.create_alert {
            return Err("skips the alert, so `create_alert` has no meaning");
        }
        return Ok(Action::Skip { route: rule.name.as_str().into(), reason: reason.as_str().into() });
    }
    let destinations: Vec<Destination> = settings.of_rule(rule).collect();
    if destinations.iter().any(|destination| destination.workflow_id.is_empty()) {
        return Err("names an empty workflow id");
    }
    Ok(Action::Run(destinations))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Decision, RouteTable};
    use crate::domain::Alert;
    use crate::routing::{RouteSettings, RuleSettings, alert_of as alert};

    fn rule(name: &str, when: &str) -> RuleSettings {
        RuleSettings { name: name.to_owned(), when: Some(when.to_owned()), ..RuleSettings::default() }
    }

    fn runs(name: &str, when: &str, workflow: &str) -> RuleSettings {
        RuleSettings { workflow_id: Some(workflow.to_owned()), ..rule(name, when) }
    }

    fn table(rules: Vec<RuleSettings>, default: Option<&str>) -> RouteTable {
        let settings = RouteSettings {
            default_workflow_id: default.map(str::to_owned),
            workspace_id: "ws".to_owned(),
            project_id: "p".to_owned(),
            rules,
        };
        RouteTable::new(&settings).unwrap()
    }

    fn told(decision: Decision) -> String {
        match decision {
            Decision::Run(all) => all
                .iter()
                .map(|d| format!("{}:{}/{}/{}", d.route, d.project_id, d.workspace_id, d.workflow_id))
                .collect::<Vec<_>>()
                .join(" "),
            Decision::Skip { route, reason } => {
                format!("{} skips: {reason}", route.as_deref().unwrap_or("the mapping"))
            }
            Decision::Unroutable => "unroutable".to_owned(),
        }
    }

    #[test]
    fn what_its_mapping_skips_no_rule_starts() {
        let table = table(vec![runs("all", "true", "wf")], Some("default"));
        let skipped = Alert { skip: Some("resolved".into()), ..alert(&json!({})) };
        assert_eq!(told(table.decide(&skipped)), "the mapping skips: resolved");
        assert_eq!(told(table.decide(&alert(&json!({})))), "all:p/ws/wf");
    }

    #[test]
    fn the_first_matching_rule_decides_and_an_error_is_no_match() {
        let table = table(
            vec![
                runs("broken", ".title | .x", "w0"),
                runs("fatal", ".severity == \"Fatal\"", "w1"),
                RuleSettings { workspace_id: Some("other".to_owned()), ..runs("high", ".severity == \"High\"", "w2") },
                runs("also", "true", "w3"),
            ],
            None,
        );
        assert_eq!(told(table.decide(&alert(&json!({"title": "t", "severity": "Fatal"})))), "fatal:p/ws/w1");
        assert_eq!(told(table.decide(&alert(&json!({"title": "t", "severity": "High"})))), "high:p/other/w2");
        assert_eq!(told(table.decide(&alert(&json!({"title": "t"})))), "also:p/ws/w3");
    }

    #[test]
    fn a_rule_that_does_not_stop_adds_its_workflows_and_none_runs_twice() {
        let several = RuleSettings {
            workflow_ids: vec!["w1".to_owned(), "w2".to_owned()],
            stop: false,
            ..rule("several", "true")
        };
        let table = table(vec![several, runs("again", ".again", "w2"), runs("more", ".more", "w3")], Some("d"));
        assert_eq!(told(table.decide(&alert(&json!({})))), "several:p/ws/w1 several:p/ws/w2");
        assert_eq!(told(table.decide(&alert(&json!({"again": true})))), "several:p/ws/w1 several:p/ws/w2");
        let more = told(table.decide(&alert(&json!({"more": true}))));
        assert_eq!(more, "several:p/ws/w1 several:p/ws/w2 more:p/ws/w3");
    }

    #[test]
    fn a_skip_tells_its_reason_and_does_not_take_back_what_was_chosen() {
        let skip = RuleSettings { skip: Some("test host".to_owned()), ..rule("lab", ".lab") };
        let first = RuleSettings { stop: false, ..runs("first", ".both", "w") };
        let table = table(vec![first, skip], None);
        assert_eq!(told(table.decide(&alert(&json!({"lab": true})))), "lab skips: test host");
        assert_eq!(told(table.decide(&alert(&json!({"lab": true, "both": true})))), "first:p/ws/w");
    }

    #[test]
    fn without_a_match_the_default_runs_or_the_alert_is_unroutable() {
        assert_eq!(told(table(vec![], Some("d")).decide(&alert(&json!({})))), "default:p/ws/d");
        assert_eq!(told(table(vec![], None).decide(&alert(&json!({})))), "unroutable");
    }

    #[test]
    fn every_fault_of_the_rules_names_rule_and_expression() {
        let settings = RouteSettings {
            rules: vec![
                runs("a", "env.X", "w"),
                runs("a", ".x |", "w"),
                runs("r", "$record.key", "w"),
                rule("none", "true"),
                RuleSettings { skip: Some("s".to_owned()), ..runs("two", "true", "w") },
                RuleSettings { skip: Some("s".to_owned()), stop: false, ..rule("on", "true") },
                runs("", "true", ""),
                runs("default", "true", "w"),
            ],
            ..RouteSettings::default()
        };
        let errors = RouteTable::new(&settings).unwrap_err();
        insta::assert_snapshot!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
}
