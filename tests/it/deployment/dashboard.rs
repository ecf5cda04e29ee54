//! Grafana's dashboard asks for what exists. `make proof SHOW=dashboard` sees its queries answered.

use std::collections::BTreeSet;

use alertbridge::telemetry::CATALOGUE;
use serde_json::Value;

use super::chart::assert_known;
use crate::support::pages::page;

fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&page("deploy/helm/alertbridge/files/dashboard.json")).unwrap();
    dashboard["panels"].as_array().unwrap().clone()
}

fn queries(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().into_iter().flatten();
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_query_of_the_dashboard_asks_for_metrics_and_labels_that_exist() {
    let queries: Vec<String> = panels().iter().flat_map(queries).collect();
    assert!(queries.len() > 30);
    for query in &queries {
        assert!(query.contains(r#"job=~"$job", pod=~"$pod""#), "{query} is of all releases");
        assert_known(query, &[]);
    }
    // Nothing that is counted is left out.
    let missing: BTreeSet<&str> = CATALOGUE
        .iter()
        .map(|metric| metric.name)
        .filter(|name| !queries.iter().any(|query| query.contains(name)))
        .collect();
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn the_panels_lie_side_by_side_and_have_ids_of_their_own() {
    let panels = panels();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let place = |panel: &Value| ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
    for (n, panel) in panels.iter().enumerate() {
        let [x, y, w, h] = place(panel);
        assert!(x + w <= 24, "{}", panel["title"]);
        for other in panels.iter().skip(n + 1) {
            let [ox, oy, ow, oh] = place(other);
            let apart = x + w <= ox || ox + ow <= x || y + h <= oy || oy + oh <= y;
            assert!(apart, "{} lies on {}", panel["title"], other["title"]);
        }
    }
}
