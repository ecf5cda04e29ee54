//! What in the rules is hardly meant: conditions that never hold, and rules that no alert reaches. For
//! `alertbridge check`.

use super::settings::{RouteSettings, RuleSettings};
use crate::domain::Severity;
use crate::mapping::{
    Finding, certain, lint_predicate, near_alert_field, reads, suggest, words_compared_with, words_ordered_with,
};

/// The findings, each under its key in the configuration (`routing.rules[2].when`), in the order of the rules.
#[must_use]
pub fn lint(settings: &RouteSettings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut takes_all: Option<&RuleSettings> = None;
    for (i, rule) in settings.rules.iter().enumerate() {
        let key = format!("routing.rules[{i}]");
        let when = format!("{key}.when");
        let before = settings.rules.get(..i).unwrap_or_default();
        let warning = |field: &str, problem: String, remedy: &str| Finding::warning("", field, problem, remedy);
        if let Some(first) = takes_all {
            let problem = format!("`{}` is never reached: `{}` takes every alert before it", rule.name, first.name);
            findings.push(warning(&key, problem, "move it up, or give that one a condition"));
            continue;
        }
        let Some(condition) = &rule.when else {
            takes_all = ends(rule).then_some(rule);
            continue;
        };
        findings.extend(lint_predicate("", &when, condition));
        findings.extend(words(&when, condition));
        findings.extend(order(&when, rule, condition));
        findings.extend(slips(&when, rule, condition));
        let certain = certain(condition);
        match certain.holds {
            Some(true) => {
                // `true` alone is meant so, and an assignment has been told.
                if condition.trim() != "true" && !certain.assigns {
                    let problem = format!("always holds, so `{}` takes every alert", rule.name);
                    let remedy = "write each comparison in full (`.severity == \"High\" or .severity == \"Fatal\"`)";
                    findings.push(warning(&when, problem, remedy));
                }
                takes_all = ends(rule).then_some(rule);
            }
            Some(false) => {
                let problem = format!("never holds, so `{}` takes no alert", rule.name);
                findings.push(warning(&when, problem, "write the condition that is meant, or take the rule away"));
            }
            None => {}
        }
        if let Some(first) = before.iter().find(|before| ends(before) && same(before, condition)) {
            let problem = format!("`{}` is never reached: `{}` has the same condition", rule.name, first.name);
            findings.push(warning(&key, problem, "keep one of the two"));
        }
    }
    if let (Some(rule), Some(_)) = (takes_all, &settings.default_workflow_id) {
        let problem = format!("is never used: `{}` takes every alert", rule.name);
        let remedy = "take one of the two away";
        findings.push(Finding::warning("", "routing.default_workflow_id", problem, remedy));
    }
    findings
}

/// Whether the rules after it are not tried once it has matched.
const fn ends(rule: &RuleSettings) -> bool {
    rule.stop || rule.skip.is_some()
}

fn same(rule: &RuleSettings, condition: &str) -> bool {
    rule.when.as_ref().is_some_and(|when| when.split_whitespace().eq(condition.split_whitespace()))
}

/// Severities compared by order, which is not that of their weight.
fn order(field: &str, rule: &RuleSettings, condition: &str) -> Vec<Finding> {
    let told = |word: String| {
        let problem = format!("`{}` compares `.severity` with `{word}` by the order of the letters", rule.name);
        let remedy = "name the severities that are meant (`.severity == \"High\" or .severity == \"Fatal\"`)";
        Finding::warning("", field, problem, remedy)
    };
    words_ordered_with(condition, "severity").into_iter().map(told).collect()
}

/// Names that are nearly those of fields of the Alert. Of others nothing is said: a mapping may write any.
fn slips(field: &str, rule: &RuleSettings, condition: &str) -> Vec<Finding> {
    let names = reads(condition).into_iter().filter_map(|path| {
        let name = path.strip_prefix('.')?.split(['.', '[']).next()?.to_owned();
        near_alert_field(&name).map(|near| (name, near))
    });
    let told = |(name, near): (String, &str)| {
        let problem =
            format!("`{}` looks at `.{name}`, which is no field of the Alert; did you mean `{near}`?", rule.name);
        Finding::warning("", field, problem, "rename it, unless a mapping of yours writes this field")
    };
    names.map(told).collect()
}

/// Severities that a mapped alert never has.
fn words(field: &str, condition: &str) -> Vec<Finding> {
    let known = Severity::ALL.map(Severity::as_str);
    let wrong = words_compared_with(condition, "severity").into_iter().filter(|word| !known.contains(&word.as_str()));
    wrong
        .map(|word| {
            let near = suggest(&word, known);
            let problem = format!("compares `.severity` with `{word}`, which no mapped alert has{near}");
            Finding::warning("", field, problem, "it is one of Tips, Low, Medium, High and Fatal")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::lint;
    use crate::routing::{RouteSettings, RuleSettings};

    fn rule(name: &str, when: Option<&str>) -> RuleSettings {
        RuleSettings {
            name: name.to_owned(),
            when: when.map(str::to_owned),
            workflow_id: Some("w".to_owned()),
            ..RuleSettings::default()
        }
    }

    fn told(rules: Vec<RuleSettings>) -> String {
        let settings = RouteSettings { rules, default_workflow_id: Some("d".to_owned()), ..RouteSettings::default() };
        lint(&settings)
            .iter()
            .map(|finding| format!("{}: {}", finding.field, finding.problem))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn rules_as_they_are_meant_have_no_findings() {
        let more = RuleSettings { stop: false, ..rule("more", None) };
        let again = RuleSettings { stop: false, ..rule("again", Some(".severity == \"High\"")) };
        assert_eq!(told(vec![more, again, rule("high", Some(".severity == \"High\""))]), "");
    }

    #[test]
    fn a_condition_that_is_hardly_meant_is_told_with_its_rule() {
        insta::assert_snapshot!(told(vec![
            rule("order", Some(".severity > \"Medium\"")),
            rule("not", Some(".severity != \"high\"")),
            rule("slip", Some(".titel | startswith(\"Test\")")),
            rule("inside", Some("(.title = \"x\") and .severity == \"High\"")),
            rule("or", Some(".severity == \"High\" or \"Fatal\"")),
        ]));
        assert_eq!(told(vec![RuleSettings { stop: false, ..rule("all", Some("true")) }]), "");
    }

    #[test]
    fn a_rule_that_no_alert_reaches_is_told() {
        insta::assert_snapshot!(told(vec![
            rule("never", Some(".x and false")),
            rule("assigns not", Some(".severity == \"critical\" or .severity == \"hihg\"")),
            rule("a", Some(".title == \"x\"")),
            rule("b", Some(".title  == \"x\"")),
            rule("all", Some(".title = \"x\"")),
            rule("after", Some(".y")),
        ]));
    }
}
