//! Why an alert takes its route: each rule that was tried, and how its condition came out.

use super::table::{Action, RouteTable};
use crate::domain::Alert;
use crate::mapping::{Content, Env, Verdict};

/// A rule, and what it did for an alert.
#[derive(Clone, Debug)]
pub struct RuleTrace {
    /// Its name.
    pub name: String,
    /// Its condition; none: every alert.
    pub when: Option<String>,
    /// How the condition came out; none where the rule was not tried, because one before it ended the search.
    pub verdict: Option<Verdict>,
}

impl RouteTable {
    /// The rules in their order, with how they came out for this alert. [`RouteTable::decide`] tells the decision.
    #[must_use]
    pub fn explain(&self, alert: &Alert) -> Vec<RuleTrace> {
        let content = Content::of(&alert.content);
        let content = content.document();
        let mut ended = false;
        let mut traces = Vec::new();
        for rule in &self.rules {
            let name = match &rule.action {
                Action::Run(destinations) => destinations.first().map(|d| d.route.to_string()).unwrap_or_default(),
                Action::Skip { route, .. } => route.to_string(),
            };
            let when = rule.when.as_ref().map(|when| when.source().to_owned());
            let judge = || rule.when.as_ref().map_or(Verdict::Holds, |when| when.verdict(&content, &Env::default()));
            let verdict = (!ended).then(judge);
            let matched = verdict == Some(Verdict::Holds);
            ended |= matched && (rule.stop || matches!(rule.action, Action::Skip { .. }));
            traces.push(RuleTrace { name, when, verdict });
        }
        traces
    }
}
