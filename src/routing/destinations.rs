//! Where the rules lead: every workflow that they name, with its workspace.

use super::settings::{RouteSettings, RuleSettings};
use crate::domain::Destination;

/// The route's name where no rule chose the workflow.
pub(super) const DEFAULT_ROUTE: &str = "default";

impl RouteSettings {
    /// Where requests may go, in the order of the rules, the default last.
    #[must_use]
    pub fn destinations(&self) -> Vec<Destination> {
        self.rules.iter().flat_map(|rule| self.of_rule(rule)).chain(self.by_default()).collect()
    }

    /// Where a rule leads; nowhere if it skips.
    pub(super) fn of_rule(&self, rule: &RuleSettings) -> impl Iterator<Item = Destination> {
        rule.workflow_id.iter().chain(&rule.workflow_ids).map(|workflow_id| Destination {
            route: rule.name.as_str().into(),
            project_id: rule.project_id.as_ref().unwrap_or(&self.project_id).as_str().into(),
            workspace_id: rule.workspace_id.as_ref().unwrap_or(&self.workspace_id).as_str().into(),
            workflow_id: workflow_id.as_str().into(),
            creates_alert: rule.create_alert,
        })
    }

    /// Where alerts go that no rule matches.
    pub(super) fn by_default(&self) -> Option<Destination> {
        self.default_workflow_id.as_ref().map(|workflow_id| Destination {
            route: DEFAULT_ROUTE.into(),
            project_id: self.project_id.as_str().into(),
            workspace_id: self.workspace_id.as_str().into(),
            workflow_id: workflow_id.as_str().into(),
            creates_alert: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::routing::{RouteSettings, RuleSettings};

    #[test]
    fn every_workflow_of_every_rule_and_the_default_is_named_with_its_workspace() {
        let rule = |name: &str| RuleSettings { name: name.to_owned(), ..RuleSettings::default() };
        let settings = RouteSettings {
            default_workflow_id: Some("d".to_owned()),
            workspace_id: "w".to_owned(),
            project_id: "p".to_owned(),
            rules: vec![
                RuleSettings { skip: Some("noise".to_owned()), ..rule("skipped") },
                RuleSettings {
                    workflow_ids: vec!["a".to_owned(), "b".to_owned()],
                    workspace_id: Some("v".to_owned()),
                    ..rule("two")
                },
            ],
        };
        let named: Vec<String> = settings
            .destinations()
            .iter()
            .map(|to| format!("{} {} {} {}", to.route, to.project_id, to.workspace_id, to.workflow_id))
            .collect();
        assert_eq!(named, ["two p v a", "two p v b", "default p w d"]);
    }
}
