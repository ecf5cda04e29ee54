//! What in the rules is hardly meant: conditions that never hold, and rules that no alert reaches. For
//! `alertbridge check`.

mod fields;
mod ids;

use self::fields::Seen;
pub use self::ids::lint_ids;
use super::settings::{RouteSettings, RuleSettings};
use crate::domain::Severity;
use crate::mapping::{Finding, Given, certain, lint_predicate, suggest, words_compared_with, words_ordered_with};

/// The findings, each under its key in the configuration (`routing.rules[2].when`), in the order of the rules. `given`
/// is what the formats in force give, empty where that is not known; `strict` whether fields that the data class does not
/// know are left out of that.
#[must_use]
pub fn lint(settings: &RouteSettings, given: &[Given], strict: bool) -> Vec<Finding> {
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
        findings.extend(fields::lint(&when, rule, condition, Seen::new(given, strict)));
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
                let why = certain.excluded.map(|why| format!(": {why}")).unwrap_or_default();
                let problem = format!("never holds, so `{}` takes no alert{why}", rule.name);
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
    use crate::mapping::Given;
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
        told_of(rules, &[])
    }

    fn told_of(rules: Vec<RuleSettings>, given: &[Given]) -> String {
        let settings = RouteSettings { rules, default_workflow_id: Some("d".to_owned()), ..RouteSettings::default() };
        lint(&settings, given, false)
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
    fn a_word_that_a_field_never_has_is_told_however_it_is_compared() {
        insta::assert_snapshot!(told(vec![
            rule("pipe", Some(".severity | IN(\"High\", \"critical\")")),
            rule("call", Some("IN(.severity; \"Fatal\", \"hihg\") and .title")),
            rule("commas", Some("any(.labels == (\"x\", \"y\"); .) or .severity == (\"low\", \"Low\")")),
            rule("selected", Some("select(.severity == \"loud\")")),
            rule(
                "status",
                Some(".handle_status == \"open\" or (.verification_state | IN(\"False_Positive\", \"maybe\"))")
            ),
            rule("type", Some(".title | type == \"text\"")),
        ]));
    }

    #[test]
    fn a_field_that_no_alert_has_is_told_where_it_is_known_what_alerts_have() {
        let of = |format: &str, fields: Option<&[&str]>| Given {
            format: format.into(),
            data_class: "Alert".into(),
            fields: fields.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        };
        let rules = || {
            vec![
                rule("own", Some(".shift == \"night\" and .handle_staus == \"x\"")),
                rule("record", Some(".vendor == \"acme\" or .\"event.kind\" == \"alert\" or .vendor == \"b\"")),
                rule("inside", Some(".data_source.produkt_name == \"x\" and .network_list[0].scr_ip")),
                rule("known", Some(".close_reason == \"x\" and .system_info.anything and .malware.own")),
            ]
        };
        let own = || of("own", Some(&["id", "severity", "shift", "handle_staus", "data_source"]));
        insta::assert_snapshot!(told_of(rules(), &[own()]));
        insta::assert_snapshot!(told_of(rules(), &[own(), of("secmaster_alert", None)]));
        let settings = RouteSettings { rules: rules(), ..RouteSettings::default() };
        assert_eq!(
            lint(&settings, &[own(), of("all", None)], true),
            lint(&settings, &[own()], true),
            "none is passed on"
        );
        let another = Given { data_class: "Asset".into(), ..own() };
        let settings = RouteSettings { rules: vec![rule("a", Some(".handle_status == \"up\""))], ..settings };
        assert_eq!(lint(&settings, &[another], false), [], "the words of other classes are not known");
    }

    #[test]
    fn a_rule_that_no_alert_reaches_is_told() {
        insta::assert_snapshot!(told(vec![
            rule("never", Some(".x and false")),
            rule("both", Some(".severity == \"High\" and .severity == \"Low\"")),
            rule("between", Some(".title and .confidence > 5 and .confidence < 3")),
            rule("assigns not", Some(".severity == \"critical\" or .severity == \"hihg\"")),
            rule("a", Some(".title == \"x\"")),
            rule("b", Some(".title  == \"x\"")),
            rule("all", Some(".title = \"x\"")),
            rule("after", Some(".y")),
        ]));
    }
}
