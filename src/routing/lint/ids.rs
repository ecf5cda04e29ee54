//! Workflow ids that SecMaster would hardly have given out. They are taken, since the API's page says UUID and is not
//! strict about it; a slip would show only as a pause at the first alert.

use crate::domain::is_uuid;
use crate::mapping::Finding;
use crate::routing::settings::RouteSettings;

const REMEDY: &str =
    "SecMaster's look like 909494e3-558e-46b6-a9eb-07a8e18ca62f (`alertbridge secmaster workflow list` shows them)";

/// The findings, each under its key in the configuration, in the order of the rules.
#[must_use]
pub fn lint_ids(settings: &RouteSettings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look = |key: &str, by: &str, id: &str| {
        if !is_uuid(id) {
            findings.push(Finding::warning(
                "",
                key,
                format!("{by}`{id}` as a workflow's id, which is no UUID"),
                REMEDY,
            ));
        }
    };
    for (i, rule) in settings.rules.iter().enumerate() {
        let (key, by) = (format!("routing.rules[{i}]"), format!("`{}` has ", rule.name));
        if let Some(id) = &rule.workflow_id {
            look(&format!("{key}.workflow_id"), &by, id);
        }
        for (j, id) in rule.workflow_ids.iter().enumerate() {
            look(&format!("{key}.workflow_ids[{j}]"), &by, id);
        }
    }
    if let Some(id) = &settings.default_workflow_id {
        look("routing.default_workflow_id", "has ", id);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::lint_ids;
    use crate::routing::{RouteSettings, RuleSettings};

    #[test]
    fn a_workflow_id_that_is_no_uuid_is_told_with_its_key_and_rule() {
        let good = "909494e3-558e-46b6-a9eb-07a8e18ca62f".to_owned();
        let rule = |name: &str, one: Option<&str>, several: Vec<String>| RuleSettings {
            name: name.to_owned(),
            workflow_id: one.map(str::to_owned),
            workflow_ids: several,
            ..RuleSettings::default()
        };
        let rules = vec![
            rule("urgent", Some("contain-host"), Vec::new()),
            rule("two", None, vec![good.clone(), good.replacen('9', "", 1)]),
            rule("good", Some(&good.replace('-', "")), Vec::new()),
        ];
        let settings =
            RouteSettings { rules, default_workflow_id: Some("rest".to_owned()), ..RouteSettings::default() };
        let told: Vec<String> = lint_ids(&settings).iter().map(|f| format!("{}: {}", f.field, f.problem)).collect();
        assert_eq!(
            told,
            [
                "routing.rules[0].workflow_id: `urgent` has `contain-host` as a workflow's id, which is no UUID",
                "routing.rules[1].workflow_ids[1]: `two` has `09494e3-558e-46b6-a9eb-07a8e18ca62f` as a workflow's id, \
                 which is no UUID",
                "routing.default_workflow_id: has `rest` as a workflow's id, which is no UUID",
            ]
        );
    }
}
