//! The names that dashboards, alerts and searches are built on, pinned; and the pages that describe them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use alertbridge::telemetry::{CATALOGUE, CLIENT_EVENTS, Kind, logging_reference, metrics_reference};

use crate::support::pages::assert_page;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_metric_is_renamed_only_on_purpose() {
    let names: String = CATALOGUE
        .iter()
        .map(|metric| format!("{} {} {}\n", metric.kind.as_str(), metric.name, metric.labels.join(",")))
        .map(|line| line.replace(" \n", "\n"))
        .collect();
    let pinned = fs::read_to_string(root().join("tests/fixtures/metrics.txt")).unwrap();
    assert!(names == pinned, "tests/fixtures/metrics.txt pins other names than these:\n{names}");
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for metric in CATALOGUE {
        assert!(metric.name.starts_with("alertbridge_"), "{}", metric.name);
        assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        assert_eq!(metric.kind == Kind::Histogram, !metric.buckets.is_empty(), "{}", metric.name);
        assert!(metric.kind != Kind::Histogram || metric.name.ends_with("_seconds"), "{}", metric.name);
        assert!(metric.buckets.is_sorted(), "{}", metric.name);
        assert!(metric.help.ends_with('.'), "{}", metric.name);
    }
}

#[test]
fn every_event_that_is_written_outside_of_telemetry_is_documented_with_its_fields() {
    let mut written = BTreeMap::new();
    for room in ["kafka", "oauth.rs", "secmaster", "tls.rs", "pipeline", "server", "app", "mapping", "routing"] {
        collect_events(&root().join("src").join(room), &mut written);
    }
    let set = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<BTreeSet<_>>();
    let documented: BTreeMap<String, BTreeSet<String>> =
        CLIENT_EVENTS.iter().map(|(name, _, fields)| ((*name).to_owned(), set(fields))).collect();
    assert_eq!(written, documented);
}

/// Every event with the fields between its name and the line's message: `name = value`, `%name` or `name`.
fn collect_events(path: &Path, written: &mut BTreeMap<String, BTreeSet<String>>) {
    if path.is_dir() {
        return fs::read_dir(path).unwrap().for_each(|entry| collect_events(&entry.unwrap().path(), written));
    }
    let text = fs::read_to_string(path).unwrap();
    for statement in text.split("event = \"").skip(1) {
        let (name, rest) = statement.split_once('"').unwrap();
        let fields = rest.split('"').next().unwrap().split(',').map(str::trim);
        let names = fields.filter_map(|field| field.split(" = ").next()).map(|name| name.trim_start_matches('%'));
        let of_event = written.entry(name.to_owned()).or_default();
        of_event.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    }
}

#[test]
fn the_page_of_metrics_is_what_the_code_says() {
    assert_page("docs/metrics.md", &metrics_reference());
}

#[test]
fn the_page_of_log_events_is_what_the_code_says() {
    assert_page("docs/logging.md", &logging_reference());
}
