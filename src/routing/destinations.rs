//! Every workflow that the rules name.

use super::settings::RouteSettings;
use super::table::DEFAULT_ROUTE;
use crate::domain::Destination;

impl RouteSettings {
    /// Where requests may go, in the order of the rules, the default last.
    #[must_use]
    pub fn destinations(&self) -> Vec<Destination> {
        let of_rules = self.rules.iter().flat_map(|rule| {
            let ids = rule.workflow_id.iter().chain(&rule.workflow_ids);
            ids.map(|workflow_id| Destination {
                route: rule.name.as_str().into(),
                project_id: rule.project_id.as_ref().unwrap_or(&self.project_id).as_str().into(),
                workspace_id: rule.workspace_id.as_ref().unwrap_or(&self.workspace_id).as_str().into(),
                workflow_id: workflow_id.as_str().into(),
            })
        });
        let default = self.default_workflow_id.iter().map(|workflow_id| Destination {
            route: DEFAULT_ROUTE.into(),
            project_id: self.project_id.as_str().into(),
            workspace_id: self.workspace_id.as_str().into(),
            workflow_id: workflow_id.as_str().into(),
        });
        of_rules.chain(default).collect()
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
