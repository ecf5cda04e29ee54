//! The names that dashboards, alerts and searches are built on, pinned; and the pages that describe them.

use std::fs;
use std::path::Path;

use alertbridge::telemetry::{CATALOGUE, Kind, logging_reference, metrics_reference};

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
fn the_page_of_metrics_is_what_the_code_says() {
    assert_page("docs/metrics.md", &metrics_reference());
}

#[test]
fn the_page_of_log_events_is_what_the_code_says() {
    assert_page("docs/logging.md", &logging_reference());
}
