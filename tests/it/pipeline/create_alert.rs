//! `create_alert`: the alert first, then the workflows that are about it, with one outcome for each delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use alertbridge::domain::{
    AlertRequest, AttemptedCall, DeadLetterClass, FailureClass, FailureReason, FoundAlert, Offset,
};
use alertbridge::pipeline::{AmbiguousPolicy, PipelineSettings};
use alertbridge::routing::{RouteSettings, RuleSettings};
use serde_json::Value;
use tokio::time::sleep;

use super::alert_fakes::{AlertDesk, AlertService, Creation, lost, not_created, refused};
use super::fakes::{FakeApi, failed, started, unavailable};
use super::harness::{Bench, alert, alerts, each_second, one_route, settings};
use super::service::Ids;
use super::verify::verifying;

/// A route that creates the alert and starts these workflows.
pub(super) fn creating(workflows: &[&str]) -> RouteSettings {
    let rule = RuleSettings {
        name: "creating".to_owned(),
        workflow_ids: workflows.iter().map(|id| (*id).to_owned()).collect(),
        create_alert: true,
        ..RuleSettings::default()
    };
    RouteSettings { rules: vec![rule], ..one_route() }
}

fn run(api: Arc<FakeApi>) -> Bench {
    Bench::start_with(api, verifying(), creating(&["wf"]))
}

/// A desk whose `n`-th creation (from 0) meets this instead of the service, where it says something.
fn desk(service: &Arc<AlertService>, script: impl Fn(u32) -> Option<Creation> + Send + Sync + 'static) -> AlertDesk {
    let count = AtomicU32::new(0);
    service.desk(move |service, request| {
        let answer = script(count.fetch_add(1, Ordering::Relaxed)).unwrap_or_else(|| service.create(&request));
        async move { answer }
    })
}

fn away() -> Creation {
    not_created(FailureClass::Transient, FailureReason::ServerError, Some(503))
}

/// The id that each workflow was started with, by its place in the order of the calls.
fn ids_of_contents(bench: &Bench) -> Vec<String> {
    let id = |body: &[u8]| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body["playbook_context"]["data_object"]["content"]["id"].as_str().unwrap().to_owned()
    };
    bench.api.calls().iter().map(|call| id(&call.request.body)).collect()
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_created_first_and_its_workflow_is_about_it() {
    let bench = run(FakeApi::that_works());
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.committed(0) == Some(1)).await;
    let (created, starts) = (bench.api.alerts.calls(), bench.api.calls());
    assert_eq!((created.len(), starts.len()), (1, 1));
    assert!(created[0].at <= starts[0].at);
    let body: Value = serde_json::from_slice(&created[0].request.body).unwrap();
    let start: Value = serde_json::from_slice(&starts[0].request.body).unwrap();
    assert_eq!(body["data_object"], start["playbook_context"]["data_object"]["content"]);
    assert_eq!(body["data_object"]["id"], created[0].request.alert_id);
    assert_eq!(&*created[0].request.destination.workspace_id, "workspace");
    let metrics = bench.telemetry.render();
    assert!(metrics.contains("alertbridge_create_alert_attempts_total{class=\"created\"} 1"), "{metrics}");
    assert!(metrics.contains("alertbridge_attempts_total{class=\"delivered\"} 1"), "{metrics}");
    assert_eq!(bench.totals().delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn a_route_that_does_not_ask_for_it_creates_nothing() {
    let bench = Bench::start_with(FakeApi::that_works(), verifying(), one_route());
    bench.feed(alerts(0..3));
    bench.until("all are delivered", |b| b.committed(0) == Some(3)).await;
    assert!(bench.api.alerts.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn several_workflows_share_the_alert_with_and_without_order() {
    for key in [None, Some("k")] {
        let service = AlertService::new(Ids::Honour);
        let slow = service.desk(|service, request| async move {
            sleep(Duration::from_secs(1)).await;
            service.create(&request)
        });
        let api = FakeApi::that_works().with_alerts(slow);
        let bench = Bench::start_with(api, verifying(), creating(&["w1", "w2", "w3"]));
        bench.feed(vec![alert(0, "a", "High", key)]);
        bench.until("all are delivered", |b| b.totals().delivered == 3).await;
        assert_eq!((service.counts(), bench.api.calls().len()), (vec![1], 3), "{key:?}");
        bench.until("it is committed", |b| b.committed(0) == Some(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn both_calls_take_tokens_of_the_tenants_and_of_the_routes_quota() {
    for is_routes_own in [false, true] {
        let mut settings = verifying();
        settings.rates.tenant = vec![each_second(if is_routes_own { 100 } else { 5 })];
        settings.rates.routes =
            if is_routes_own { vec![("creating".into(), vec![each_second(5)])] } else { Vec::new() };
        let bench = Bench::start_with(FakeApi::that_works(), settings, creating(&["wf"]));
        bench.feed(alerts(0..100));
        bench.until("all are delivered", |b| b.totals().delivered == 100).await;
        let mut at: Vec<_> = bench.api.alerts.calls().iter().map(|call| call.at).collect();
        at.extend(bench.api.calls().iter().map(|call| call.at));
        at.sort();
        assert_eq!(at.len(), 200);
        let fullest =
            at.iter().map(|from| at.iter().filter(|t| *t >= from && **t - *from < Duration::from_secs(1)).count());
        assert_eq!(fullest.max(), Some(5));
        assert!(at[199] - at[0] < Duration::from_secs(42), "and they use it: {:?}", at[199] - at[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_fails_on_the_way_is_repeated_with_the_same_bytes() {
    let service = AlertService::new(Ids::Honour);
    let bench = run(FakeApi::that_works().with_alerts(desk(&service, |n| (n < 3).then(away))));
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.committed(0) == Some(1)).await;
    let calls = bench.api.alerts.calls();
    assert_eq!((calls.len(), service.counts(), bench.api.calls().len()), (4, vec![1], 1));
    assert!(calls.iter().all(|call| call.request == calls[0].request));
    assert!(bench.api.alerts.looked_up().is_empty(), "nothing was created");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_creations_costs_nothing_but_time() {
    let service = AlertService::new(Ids::Honour);
    let begun = tokio::time::Instant::now();
    let script = move |_| (begun.elapsed() < Duration::from_secs(3_600)).then(away);
    let bench = run(FakeApi::that_works().with_alerts(desk(&service, script)));
    bench.feed(alerts(0..50));
    sleep(Duration::from_secs(60)).await;
    let status = bench.status.borrow().clone();
    assert!(format!("{:?}", status.state).contains("CircuitBreaker"), "nothing gets through: {:?}", status.state);
    bench.until("all are delivered", |b| b.committed(0) == Some(50)).await;
    assert!(bench.sink.letters().is_empty());
    assert_eq!((service.counts(), bench.api.calls().len()), (vec![1; 50], 50));
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_starts_creates_each_alert_once_and_dead_letters_nothing() {
    let begun = tokio::time::Instant::now();
    let api = FakeApi::new(move |call| async move {
        if begun.elapsed() < Duration::from_secs(3_600) { unavailable() } else { started(&call.request) }
    });
    let service = AlertService::new(Ids::Honour);
    let bench = run(api.with_alerts(desk(&service, |_| None)));
    for n in 0..200 {
        bench.feed(alerts(n..n + 1));
        sleep(Duration::from_secs(10)).await;
    }
    bench.until("all are delivered", |b| b.committed(0) == Some(200)).await;
    assert!(bench.sink.letters().is_empty(), "that alerts are created says nothing about workflows");
    assert_eq!(service.counts(), vec![1; 200]);
}

#[tokio::test(start_paused = true)]
async fn what_failed_at_the_first_call_counts_for_the_breaker_of_the_second_as_well() {
    let service = AlertService::new(Ids::Honour);
    let bench = run(FakeApi::new(|_| async { unavailable() }).with_alerts(desk(&service, |n| (n < 20).then(away))));
    bench.feed(alerts(0..20));
    bench.until("all alerts are there", |b| b.api.alerts.calls().len() >= 40).await;
    sleep(Duration::from_secs(10)).await;
    let starts = bench.api.calls().len();
    assert!((10..40).contains(&starts), "its breaker opens with the first failures of each: {starts}");
}

#[tokio::test(start_paused = true)]
async fn what_pauses_creations_spends_nothing_and_ends_by_itself() {
    for (class, reason, status) in [
        (FailureClass::Throttled, FailureReason::QuotaExceeded, 429),
        (FailureClass::Credentials, FailureReason::CredentialsRefused, 401),
        (FailureClass::Target, FailureReason::TargetNotFound, 404),
    ] {
        let service = AlertService::new(Ids::Honour);
        let api = FakeApi::that_works();
        let bench =
            run(api.with_alerts(desk(&service, move |n| (n < 8).then(|| not_created(class, reason, Some(status))))));
        bench.feed(alerts(0..5));
        bench.until("all are delivered", |b| b.committed(0) == Some(5)).await;
        assert_eq!((service.counts(), bench.sink.letters().len()), (vec![1; 5], 0), "{class:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_absent_workflow_pauses_and_the_alert_is_not_created_again() {
    let is_there = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_there);
    let api = FakeApi::new(move |call| {
        let is_there = seen.load(Ordering::Relaxed);
        async move {
            if is_there {
                started(&call.request)
            } else {
                failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404))
            }
        }
    });
    let service = AlertService::new(Ids::Honour);
    let bench = run(api.with_alerts(desk(&service, |_| None)));
    bench.feed(alerts(0..3));
    sleep(Duration::from_secs(600)).await;
    is_there.store(true, Ordering::Relaxed);
    bench.until("all are delivered", |b| b.committed(0) == Some(3)).await;
    assert_eq!(service.counts(), vec![1; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_creation_is_one_dead_letter_for_each_workflow_and_starts_none() {
    let desk = AlertDesk::new(|_: AlertRequest| async { refused() }, |_| async { Ok(FoundAlert::Absent) });
    let bench = Bench::start_with(FakeApi::that_works().with_alerts(desk), settings(), creating(&["w1", "w2"]));
    bench.feed(alerts(0..1));
    bench.until("both are dead letters", |b| b.committed(0) == Some(1)).await;
    let letters = bench.sink.letters();
    assert_eq!(letters.len(), 2);
    for letter in &letters {
        assert_eq!((letter.class, letter.reason), (DeadLetterClass::Rejected, FailureReason::RequestRefused));
        assert_eq!((letter.attempt_count, letter.created_alert_id.as_deref()), (1, None));
        assert_eq!(letter.attempts[0].call, AttemptedCall::CreateAlert);
    }
    assert_eq!(bench.api.alerts.calls().len(), 1, "they share its fate");
    assert!(bench.api.calls().is_empty());
    assert_eq!(bench.totals().dead_lettered, 2);
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_another_record_has_created_is_found_and_used() {
    let service = AlertService::new(Ids::Unique);
    for settings in [settings(), verifying()] {
        let api = FakeApi::that_works().with_alerts(desk(&service, |_| None));
        let bench = Bench::start_with(api, settings, creating(&["wf"]));
        // The same alert twice, as of a source that sends its updates.
        let mut again = alerts(0..1);
        again[0].offset = Offset(1);
        bench.feed([alerts(0..1), again].concat());
        bench.until("both are delivered", |b| b.committed(0) == Some(2)).await;
        assert_eq!((service.counts(), bench.sink.letters().len()), (vec![1], 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_of_the_second_call_tells_of_the_first() {
    let service = AlertService::new(Ids::Honour);
    let desk = desk(&service, |n| (n == 0).then(away));
    let bench = run(FakeApi::that_refuses("a0").with_alerts(desk));
    bench.feed(alerts(0..1));
    bench.until("it is a dead letter", |b| b.committed(0) == Some(1)).await;
    let letter = bench.sink.letters().remove(0);
    let calls: Vec<_> = letter.attempts.iter().map(|attempt| attempt.call).collect();
    assert_eq!(calls, [AttemptedCall::CreateAlert, AttemptedCall::StartWorkflow]);
    assert_eq!(letter.attempt_count, 3, "the second creation went well");
    assert_eq!(letter.created_alert_id, letter.alert_id);
}

#[tokio::test(start_paused = true)]
async fn one_workflow_that_is_refused_leaves_the_others_their_alert() {
    let api = FakeApi::new(|call| async move {
        if &*call.request.destination.workflow_id == "w1" {
            failed(FailureClass::Rejected, FailureReason::RequestRefused, Some(400))
        } else {
            started(&call.request)
        }
    });
    let service = AlertService::new(Ids::Honour);
    let api = api.with_alerts(desk(&service, |_| None));
    let bench = Bench::start_with(api, verifying(), creating(&["w1", "w2"]));
    bench.feed(vec![alert(0, "a", "High", Some("k"))]);
    bench.until("both have ended", |b| b.committed(0) == Some(1)).await;
    assert_eq!((bench.totals().delivered, bench.totals().dead_lettered, service.counts()), (1, 1, vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_route_of_alerts_that_stays_paused_is_given_up_with_all_its_workflows() {
    let service = AlertService::new(Ids::Honour);
    let missing = || not_created(FailureClass::Target, FailureReason::TargetNotFound, Some(404));
    let settings = PipelineSettings { paused_route_after: Some(Duration::from_secs(600)), ..settings() };
    let is_mended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_mended);
    let desk = desk(&service, move |_| (!seen.load(Ordering::Relaxed)).then(missing));
    let bench = Bench::start_with(FakeApi::that_works().with_alerts(desk), settings, creating(&["w1", "w2"]));
    bench.feed(alerts(0..5));
    bench.until("all are dead letters", |b| b.committed(0) == Some(5)).await;
    let letters = bench.sink.letters();
    assert_eq!((letters.len(), bench.totals().dead_lettered), (10, 10));
    assert!(letters.iter().all(|letter| letter.class == DeadLetterClass::Target));

    bench.feed(alerts(5..10));
    bench.until("all but one are given up", |b| b.sink.letters().len() == 18).await;
    is_mended.store(true, Ordering::Relaxed);
    bench.until("the one that was kept to probe with finds it mended", |b| b.totals().delivered == 2).await;
    assert_eq!(bench.sink.letters().len(), 18);
}

#[tokio::test(start_paused = true)]
async fn a_workflow_that_stays_away_is_given_up_although_its_alert_is_there() {
    let missing = || failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404));
    let settings = PipelineSettings { paused_route_after: Some(Duration::from_secs(600)), ..verifying() };
    let api = FakeApi::new(move |_| async move { missing() });
    let bench = Bench::start_with(api, settings, creating(&["wf"]));
    bench.feed(alerts(0..5));
    bench.until("all are dead letters", |b| b.committed(0) == Some(5)).await;
    assert!(bench.sink.letters().iter().all(|letter| letter.created_alert_id == letter.alert_id));
}

#[tokio::test(start_paused = true)]
async fn where_the_service_gives_ids_of_its_own_the_workflow_gets_that_id() {
    let service = AlertService::new(Ids::Own);
    let api = FakeApi::that_works().with_alerts(desk(&service, |_| None));
    let bench = Bench::start_with(api, verifying(), creating(&["w1", "w2"]));
    bench.feed(alerts(0..1));
    bench.until("both are delivered", |b| b.committed(0) == Some(1)).await;
    let own = format!("own-{}-1", bench.api.alerts.calls()[0].request.alert_id);
    assert_eq!(ids_of_contents(&bench), [own.clone(), own]);
    assert_eq!(service.counts(), [1]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_of_a_creation_follows_the_policy() {
    for (policy, looked_up, created, delivered) in [
        (AmbiguousPolicy::Verify, 1, vec![1], 2),
        (AmbiguousPolicy::Retry, 0, vec![2], 2),
        (AmbiguousPolicy::DeadLetter, 0, vec![1], 0),
    ] {
        let service = AlertService::new(Ids::Honour);
        let first = AtomicBool::new(true);
        let desk = service.desk(move |service, request| {
            let answer = service.create(&request);
            let is_lost = first.swap(false, Ordering::Relaxed);
            async move { if is_lost { lost() } else { answer } }
        });
        let settings = PipelineSettings { ambiguous: policy, ..settings() };
        let bench = Bench::start_with(FakeApi::that_works().with_alerts(desk), settings, creating(&["w1", "w2"]));
        bench.feed(alerts(0..1));
        bench.until("it is committed", |b| b.committed(0) == Some(1)).await;
        assert_eq!(bench.api.alerts.looked_up().len(), looked_up, "{policy:?}");
        assert_eq!((service.counts(), bench.totals().delivered), (created, delivered), "{policy:?}");
        let ambiguous = bench.sink.letters().iter().filter(|l| l.class == DeadLetterClass::Ambiguous).count();
        assert_eq!(u64::try_from(ambiguous).unwrap() + delivered, 2, "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_was_lost_before_it_happened_is_made_after_its_look_up() {
    let service = AlertService::new(Ids::Honour);
    let bench = run(FakeApi::that_works().with_alerts(desk(&service, |n| (n < 2).then(lost))));
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.committed(0) == Some(1)).await;
    assert_eq!((service.counts(), bench.api.alerts.looked_up().len()), (vec![1], 2));
}

#[tokio::test(start_paused = true)]
async fn where_alerts_have_ids_of_the_service_nothing_is_looked_up_and_that_is_said() {
    let service = AlertService::new(Ids::Own);
    let bench = run(FakeApi::that_works().with_alerts(desk(&service, |n| (n == 1).then(lost))));
    bench.feed(alerts(0..1));
    bench.until("its ids are seen", |b| b.totals().delivered == 1).await;
    bench.feed(alerts(1..2));
    bench.until("the other is delivered", |b| b.totals().delivered == 2).await;
    assert!(bench.api.alerts.looked_up().is_empty(), "as with `retry`");
}
