//! The chart's values and alert rules agree with the program and with the runbook.

use std::collections::BTreeSet;
use std::fs;

use alertbridge::telemetry::{CATALOGUE, Kind};
use regex::Regex;
use serde_json::Value;

use crate::support::pages::{assert_page, in_package, page};

const CHART: &str = "deploy/helm/alertbridge";

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&page(&format!("{CHART}/{path}"))).unwrap()
}

fn rules() -> Vec<Value> {
    yaml("files/rules.yaml")["groups"][0]["rules"].as_array().unwrap().clone()
}

#[test]
fn the_charts_version_is_the_programs() {
    let chart = yaml("Chart.yaml");
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
}

/// Without the keys that hold a secret: what the chart is given becomes a ConfigMap, so that files are named.
fn without_secrets(schema: &mut Value) {
    if let Some(items) = schema.get_mut("items") {
        without_secrets(items);
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let secrets: Vec<String> =
            properties.keys().filter_map(|key| key.strip_suffix("_file")).map(str::to_owned).collect();
        for secret in secrets {
            // In order: the page is compared as text.
            drop(properties.shift_remove(&secret));
        }
        properties.values_mut().for_each(without_secrets);
    }
    // docs/configuration.md has the meanings and the defaults.
    if let Some(object) = schema.as_object_mut() {
        for key in ["default", "description", "examples", "x-form", "$schema", "title"] {
            drop(object.shift_remove(key));
        }
    }
}

/// `make docs` writes it anew.
#[test]
fn the_page_of_the_charts_values_knows_every_key_of_the_configuration() {
    let path = format!("{CHART}/values.schema.json");
    let mut schema: Value = serde_json::from_str(&page(&path)).unwrap();
    let mut config = alertbridge::config::schema();
    without_secrets(&mut config);
    schema["properties"]["config"] = config;
    assert_page(&path, &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()));
}

#[test]
fn every_threshold_is_a_rules_and_every_rules_is_a_threshold() {
    let text = page(&format!("{CHART}/files/rules.yaml"));
    let token = Regex::new(r"\$([a-z][A-Za-z]+)").unwrap();
    let mut tokens: BTreeSet<String> = token.captures_iter(&text).map(|found| found[1].to_owned()).collect();
    for other in ["selector", "runbooks", "labels", "value", "name"] {
        assert!(tokens.remove(other), "{other}");
    }
    let thresholds = yaml("values.yaml")["prometheusRule"]["thresholds"].clone();
    let thresholds: BTreeSet<String> = thresholds.as_object().unwrap().keys().cloned().collect();
    assert_eq!(tokens, thresholds);
}

#[test]
fn every_alert_has_its_page_and_every_page_its_alert() {
    let mut alerts = BTreeSet::new();
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        assert_eq!(rule["annotations"]["runbook_url"], format!("$runbooks/{name}.md"));
        assert!(["warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
        alerts.insert(name.to_owned());
    }
    let pages = fs::read_dir(in_package("docs/operations")).unwrap();
    let pages: BTreeSet<String> =
        pages.map(|page| page.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(alerts, pages);
    let overview = page("docs/operations.md");
    for alert in alerts {
        let text = page(&format!("docs/operations/{alert}.md"));
        assert!(text.starts_with(&format!("# {alert}\n")));
        for heading in ["## What it means", "## What you see", "## What to do", "## Whom to wake"] {
            assert!(text.contains(&format!("\n{heading}\n")), "{alert}: {heading}");
        }
        assert!(overview.contains(&format!("(operations/{alert}.md)")), "docs/operations.md has no link to {alert}");
    }
}

#[test]
fn the_rules_and_their_pages_ask_for_metrics_and_labels_that_exist() {
    for rule in rules() {
        assert_known(rule["expr"].as_str().unwrap(), &["$selector"]);
        let page = page(&format!("docs/operations/{}.md", rule["alert"].as_str().unwrap()));
        assert_known(&page, &[]);
    }
}

/// Every metric that a query or text names is in the catalogue, and so are the labels that it selects or groups by.
/// Those that Prometheus adds, and the chart's placeholders, may be selected, too.
pub(super) fn assert_known(text: &str, placeholders: &[&str]) {
    const TARGET: [&str; 3] = ["job", "pod", "le"];
    let name = Regex::new(r"(?-u:\b)(alertbridge_[a-z_]+)(?:\{([^}]*)\})?").unwrap();
    let mut labels: BTreeSet<&str> = TARGET.into();
    for found in name.captures_iter(text) {
        let metric = CATALOGUE.iter().find(|metric| {
            let suffixes: &[&str] =
                if metric.kind == Kind::Histogram { &["", "_bucket", "_sum", "_count"] } else { &[""] };
            suffixes.iter().any(|suffix| found[1] == format!("{}{suffix}", metric.name))
        });
        let Some(metric) = metric else { panic!("{} does not exist: {text}", &found[1]) };
        labels.extend(metric.labels);
        for matcher in found.get(2).into_iter().flat_map(|m| m.as_str().split(", ")).filter(|m| !m.is_empty()) {
            let label = matcher.split(['=', '!']).next().unwrap();
            let is_known = metric.labels.contains(&label) || TARGET.contains(&label) || placeholders.contains(&label);
            assert!(is_known, "{} has no label {label}: {text}", metric.name);
        }
    }
    let grouping = Regex::new(r"(?-u:\b)(?:by|without) \(([^)]*)\)").unwrap();
    for label in
        grouping.captures_iter(text).flat_map(|found| found[1].split(", ").map(str::to_owned).collect::<Vec<_>>())
    {
        assert!(labels.contains(label.as_str()), "no label {label}: {text}");
    }
}
