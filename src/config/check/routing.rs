//! Checks of `routing` and `mapping` that need no mapping file.

use std::collections::BTreeMap;

use super::{Faults, delivery};
use crate::config::{Config, Routing, Rule};
use crate::mapping::Expression;

pub(super) fn check(config: &Config, faults: &mut Faults) {
    if let Some(id) = &config.routing.default_workflow_id {
        faults.workflow("routing.default_workflow_id", id);
    }
    let mut names = BTreeMap::new();
    for (i, rule) in config.routing.rules.iter().enumerate() {
        let path = format!("routing.rules[{i}]");
        check_rule(&path, rule, faults);
        if let Some(first) = names.insert(rule.name.as_str(), i) {
            faults.add(
                format!("{path}.name"),
                format!("`{path}.name`: `{}` is also the name of `routing.rules[{first}]`: rename one", rule.name),
            );
        }
    }
    faults.unless(config.mapping.max_record_bytes.get() >= 1, "mapping.max_record_bytes", || {
        "`mapping.max_record_bytes` must be more than nothing, e.g. `12MiB`".to_owned()
    });
}

fn check_rule(path: &str, rule: &Rule, faults: &mut Faults) {
    faults.unless(!rule.name.trim().is_empty(), &format!("{path}.name"), || {
        format!("`{path}.name` is empty: logs and metrics tell routes apart by it")
    });
    if let Some(when) = &rule.when {
        match Expression::compile(when) {
            Err(why) => faults.add(format!("{path}.when"), format!("`{path}.when`: {why} (in `{when}`)")),
            Ok(expression) => faults.unless(!expression.uses_record(), &format!("{path}.when"), || {
                format!("`{path}.when` sees the mapped alert only; `$record` is for mapping files")
            }),
        }
    }
    let ways = [rule.workflow_id.is_some(), !rule.workflow_ids.is_empty(), rule.skip.is_some()];
    faults.unless(ways.into_iter().filter(|given| *given).count() == 1, path, || {
        format!("`{path}` (`{}`) needs exactly one of `workflow_id`, `workflow_ids` and `skip`", rule.name)
    });
    if let Some(id) = &rule.workflow_id {
        faults.workflow(&format!("{path}.workflow_id"), id);
    }
    for (i, id) in rule.workflow_ids.iter().enumerate() {
        faults.workflow(&format!("{path}.workflow_ids[{i}]"), id);
        faults.unless(
            !rule.workflow_ids.iter().take(i).any(|earlier| earlier == id),
            &format!("{path}.workflow_ids"),
            || format!("`{path}.workflow_ids` has `{id}` twice: one of them would never run"),
        );
    }
    faults.unless(rule.skip.as_ref().is_none_or(|reason| !reason.trim().is_empty()), &format!("{path}.skip"), || {
        format!("`{path}.skip` is empty: give the reason, it is what logs and metrics show")
    });
    if let Some(id) = &rule.workspace_id {
        faults.uuid(&format!("{path}.workspace_id"), id);
    }
    if let Some(id) = &rule.project_id {
        faults.project(&format!("{path}.project_id"), id);
    }
    faults.unless(rule.skip.is_none() || rule.rate_limits.is_empty(), &format!("{path}.rate_limits"), || {
        format!("`{path}.rate_limits` limits nothing, since the rule skips: leave it out")
    });
    faults.unless(rule.skip.is_none() || !rule.create_alert, &format!("{path}.create_alert"), || {
        format!("`{path}.create_alert` creates nothing, since the rule skips: leave it out")
    });
    delivery::rate_limits(&format!("{path}.rate_limits"), &rule.rate_limits, faults);
}

pub(super) fn hint(routing: &Routing) -> Option<String> {
    (routing.default_workflow_id.is_none() && routing.rules.is_empty()).then(|| {
        "routing: no rule and no default_workflow_id, so every alert becomes a dead letter (unroutable)".to_owned()
    })
}
