//! The alert rules as Prometheus would load them: accepted, and each fires when it is to and only then.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::render::{chart, of_kind, template, tool};

/// The rule file of the defaults.
fn rules() -> Value {
    let rendered = template(None, &["--set", "prometheusRule.enabled=true"]);
    of_kind(&rendered, "PrometheusRule").unwrap()["spec"].clone()
}

fn promtool(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(tool("bin/promtool")).current_dir(folder).args(arguments).output().unwrap()
}

/// A folder with these rules and the chart's tests of them.
fn folder(rules: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rules.yaml"), rules.to_string()).unwrap();
    fs::copy(chart().join("tests/rules.yaml"), folder.path().join("tests.yaml")).unwrap();
    folder
}

fn hold(rules: &Value) -> bool {
    promtool(folder(rules).path(), &["test", "rules", "tests.yaml"]).status.success()
}

#[test]
fn each_rule_fires_and_does_not() {
    let rules = rules();
    let folder = folder(&rules);
    for arguments in [&["check", "rules", "rules.yaml"][..], &["test", "rules", "tests.yaml"]] {
        let output = promtool(folder.path(), arguments);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
    }
    // The tests are worth something: they fail without a rule, and with one that always fires.
    let count = rules["groups"][0]["rules"].as_array().unwrap().len();
    assert!(count >= 14);
    for place in 0..count {
        let mut without = rules.clone();
        let rule = without["groups"][0]["rules"].as_array_mut().unwrap().remove(place);
        assert!(!hold(&without), "{} fires in no test", rule["alert"]);
        let mut always = rules.clone();
        always["groups"][0]["rules"][place]["expr"] = json!("vector(1)");
        always["groups"][0]["rules"][place]["for"] = json!("0s");
        assert!(!hold(&always), "{} is quiet in no test", rule["alert"]);
    }
}

#[test]
fn thresholds_selector_and_what_is_not_wanted_are_the_users() {
    let rendered = template(Some("full-values.yaml"), &[]);
    let rules = of_kind(&rendered, "PrometheusRule").unwrap()["spec"].to_string();
    assert!(rules.contains("> 0.25 * 2592000") && rules.contains("> 300"), "{rules}");
    assert!(rules.contains("https://wiki.example.com/soc/alertbridge/AlertbridgeRetention.md"));
    assert!(!rules.contains("AlertbridgeDeadLetters"));
    assert!(
        promtool(folder(&serde_json::from_str(&rules).unwrap()).path(), &["check", "rules", "rules.yaml"])
            .status
            .success()
    );
    let other = template(None, &["--set", "prometheusRule.enabled=true", "--set", "prometheusRule.selector=app=\"x\""]);
    let rules = of_kind(&other, "PrometheusRule").unwrap()["spec"].to_string();
    assert!(rules.contains(r#"alertbridge_ready{app=\"x\"} == 0"#), "{rules}");
}
