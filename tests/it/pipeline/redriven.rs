//! Redriven records: only what the mark names runs, under its first ids, and what fails again counts up.

use std::time::SystemTime;

use alertbridge::domain::{Header, Offset, Origin, Record, RedriveMark, Shape, TopicPartition, instance_id};
use alertbridge::ports::SourceEvent;
use alertbridge::ports::Start;
use alertbridge::routing::{RouteSettings, RuleSettings};
use bytes::Bytes;

use super::fakes::FakeApi;
use super::harness::{Bench, alert, one_route, settings};

fn origin() -> Origin {
    Origin {
        cluster_id: "first-cluster".into(),
        partition: TopicPartition::new("soc.alerts", 3),
        offset: Offset(42),
        timestamp_ms: Some(1_600_000_000_000),
    }
}

fn mark() -> RedriveMark {
    let (part, workflow_id) = (Some(0), Some("wf-default".into()));
    RedriveMark { group: "group".into(), origin: origin(), part, workflow_id, count: 1, created_alert_id: None }
}

fn redriven(offset: i64, title: &str, headers: Vec<Header>) -> Record {
    let partition = TopicPartition::new("soc.alerts.redrive", 0);
    Record { partition, headers, ..alert(offset, title, "High", None) }
}

/// With the redrive topic assigned as well.
fn start(api: std::sync::Arc<FakeApi>, routes: RouteSettings) -> Bench {
    let bench = Bench::start_with(api, settings(), routes);
    let partition = TopicPartition::new("soc.alerts.redrive", 0);
    bench.assign_start(Start::without_memory(partition, Offset(0), Offset(0)));
    bench
}

fn two_routes() -> RouteSettings {
    let rule = |name: &str, workflow: &str| RuleSettings {
        name: name.into(),
        workflow_id: Some(workflow.into()),
        stop: false,
        ..RuleSettings::default()
    };
    RouteSettings { rules: vec![rule("one", "wf-default"), rule("two", "wf-other")], ..one_route() }
}

fn requested(bench: &Bench) -> Vec<(String, Option<String>)> {
    let calls = bench.api.calls();
    calls
        .iter()
        .map(|call| (call.request.destination.workflow_id.to_string(), call.request.action_instance_id.clone()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn only_the_marked_workflow_of_a_redriven_record_runs_under_its_first_instance_id() {
    let bench = start(FakeApi::that_works(), two_routes());
    bench.feed(vec![redriven(0, "a", mark().headers())]);
    bench.until("it is delivered", |b| b.totals().delivered == 1).await;
    let id = instance_id(&origin(), 0, "wf-default").to_string();
    assert_eq!(requested(&bench), [("wf-default".to_owned(), Some(id))]);
}

#[tokio::test(start_paused = true)]
async fn a_mark_without_part_and_workflow_runs_all_that_the_routes_choose() {
    let bench = start(FakeApi::that_works(), two_routes());
    let mark = RedriveMark { part: None, workflow_id: None, ..mark() };
    bench.feed(vec![redriven(0, "a", mark.headers())]);
    bench.until("both are delivered", |b| b.totals().delivered == 2).await;
}

#[tokio::test(start_paused = true)]
async fn only_the_group_that_the_mark_names_runs_it() {
    let bench = start(FakeApi::that_works(), one_route());
    let other = RedriveMark { group: "other".into(), ..mark() };
    bench.feed(vec![redriven(0, "a", other.headers()), redriven(1, "b", Vec::new())]);
    bench.until("both are skipped", |b| b.totals().skipped == 2).await;
    assert!(requested(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_mark_on_an_alert_topic_counts_for_nothing() {
    let bench = start(FakeApi::that_works(), one_route());
    bench.feed(vec![Record { headers: mark().headers(), ..alert(0, "a", "High", None) }]);
    bench.until("it is skipped as a copy", |b| b.totals().skipped == 1).await;
    assert!(requested(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_fails_again_keeps_its_first_origin_and_counts_up() {
    let bench = start(FakeApi::that_refuses("a"), one_route());
    let own = Header { name: "own".to_owned(), value: Some(Bytes::from_static(b"1")) };
    let mark = RedriveMark { count: 2, ..mark() };
    let headers = std::iter::once(own.clone()).chain(mark.headers()).collect();
    bench.feed(vec![redriven(0, "a", headers)]);
    bench.until("it is dead-lettered", |b| b.totals().dead_lettered == 1).await;
    let letters = bench.sink.letters();
    let letter = &letters[0];
    assert_eq!((&letter.origin, letter.redrive_count), (&origin(), 2));
    let id = instance_id(&origin(), 0, "wf-default").to_string();
    assert_eq!(letter.action_instance_id, Some(id));
    let headers = letter.headers(Shape::Full);
    assert_eq!(headers[0], own);
    let named = |name: &str| headers.iter().filter(|header| header.name == name).count();
    assert_eq!(named("alertbridge-redrive-group"), 0, "the mark has had its effect");
    assert_eq!(named("alertbridge-redrive-count"), 1);
    assert_eq!(named("alertbridge-original-offset"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_workflow_that_no_route_leads_to_any_more_is_told_and_not_lost() {
    let bench = start(FakeApi::that_works(), one_route());
    let gone = RedriveMark { workflow_id: Some("wf-gone".into()), ..mark() };
    let part = RedriveMark { part: Some(7), ..mark() };
    bench.feed(vec![redriven(0, "a", gone.headers()), redriven(1, "b", part.headers())]);
    bench.until("both are dead-lettered", |b| b.totals().dead_lettered == 2).await;
    let mut letters = bench.sink.letters();
    letters.sort_by_key(|letter| letter.record.offset);
    assert_eq!(letters[0].workflow_id.as_deref(), Some("wf-gone"), "and so is what a next redrive asks for");
    assert!(letters[0].error.contains("--any-workflow"), "{}", letters[0].error);
    assert_eq!((letters[1].part, letters[1].error.as_str()), (7, "the record has no part 7 any more"));
    assert!(requested(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_run_is_committed_all_the_same() {
    let bench = start(FakeApi::that_works(), one_route());
    bench.feed(vec![redriven(0, "a", Vec::new()), redriven(1, "b", mark().headers())]);
    bench.tell(SourceEvent::Position(Vec::new()));
    let redrive = TopicPartition::new("soc.alerts.redrive", 0);
    bench
        .until("both are committed", |b| {
            b.asked(|asked| asked.committed.get(&redrive).map(|frontier| frontier.offset.0)) == Some(2)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_redriven_alert_is_as_old_as_its_first_record() {
    let bench = start(FakeApi::that_works(), one_route());
    let untimed = RedriveMark { origin: Origin { timestamp_ms: None, ..origin() }, ..mark() };
    let mut sums = vec![0.0];
    for (delivered, mark) in [(1, mark()), (2, untimed)] {
        bench.feed(vec![redriven(delivered - 1, "a", mark.headers())]);
        bench.until("it is delivered", |b| b.totals().delivered == u64::try_from(delivered).unwrap()).await;
        sums.push(age_sum(&bench));
    }
    let seconds =
        |ms: i64| (SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()) - ms as f64 / 1e3;
    let is_about = |age: f64, expected: f64| (age - expected).abs() < 60.0;
    assert!(is_about(sums[1], seconds(1_600_000_000_000)), "by its mark: {sums:?}");
    assert!(is_about(sums[2] - sums[1], seconds(1_700_000_000_000)), "which does not say: {sums:?}");
}

fn age_sum(bench: &Bench) -> f64 {
    bench.telemetry.tick();
    let page = bench.telemetry.render();
    let line = page.lines().find(|line| line.starts_with(r#"alertbridge_alert_age_seconds_sum{severity="High"}"#));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn of_a_redriven_batch_only_the_marked_parts_faults_are_told() {
    let bench = start(FakeApi::that_works(), one_route());
    let batch =
        br#"[{"title": "a", "severity": "odd"}, {"title": "b", "severity": "odd"}, {"title": "c", "severity": "odd"}]"#;
    let mark = RedriveMark { part: Some(1), ..mark() };
    let record = Record { value: Some(Bytes::from_static(batch)), ..redriven(0, "a", mark.headers()) };
    bench.feed(vec![record]);
    bench.until("it is delivered", |b| b.totals().delivered == 1).await;
    let page = bench.telemetry.render();
    let told = r#"alertbridge_mapping_faults_total{format="secmaster_alert",field="severity"} 1"#;
    assert!(page.lines().any(|line| line == told), "{page}");
}
