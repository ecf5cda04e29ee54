//! Credentials that one route's project refuses, while they are good for others: what is concerned pauses, and no more
//! (promise 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason, Found, Offset};
use alertbridge::pipeline::PipelineSettings;
use alertbridge::ports::{SourceEvent, Start};
use alertbridge::routing::{RouteSettings, RuleSettings};
use tokio::time::sleep;

use super::fakes::{Answer, FakeApi, failed, started};
use super::harness::{Bench, alert, alerts, one_route, partition, settings};
use super::verify::verifying;

fn forbidden() -> Answer {
    failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(403))
}

/// Fatal alerts go to a project of their own.
fn routes() -> RouteSettings {
    let other = RuleSettings {
        name: "other".into(),
        when: Some(r#".severity == "Fatal""#.into()),
        workflow_id: Some("wf-other".into()),
        project_id: Some("other".into()),
        ..RuleSettings::default()
    };
    RouteSettings { rules: vec![other], ..one_route() }
}

/// An API that refuses the other project until it is allowed, and everything while it is closed.
fn api() -> (Arc<FakeApi>, Arc<AtomicBool>, Arc<AtomicBool>) {
    let (allowed, closed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (is_allowed, is_closed) = (Arc::clone(&allowed), Arc::clone(&closed));
    let api = FakeApi::new(move |call| {
        let is_other = &*call.request.destination.project_id == "other";
        let is_refused = is_closed.load(Ordering::Relaxed) || is_other && !is_allowed.load(Ordering::Relaxed);
        async move {
            sleep(Duration::from_millis(10)).await;
            if is_refused { forbidden() } else { started(&call.request) }
        }
    });
    (api, allowed, closed)
}

fn state(bench: &Bench) -> String {
    serde_json::to_value(&*bench.status.borrow()).unwrap()["state"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_project_that_refuses_us_pauses_its_route_and_no_other() {
    let (api, allowed, _) = api();
    let bench = Bench::start_with(api, settings(), routes());
    bench.feed(vec![alert(0, "refused", "Fatal", None), alert(1, "refused", "Fatal", None)]);
    bench.feed(alerts(2..30));
    sleep(Duration::from_secs(20)).await;
    assert_eq!(bench.totals().delivered, 28, "the second probe was another route's");
    sleep(Duration::from_secs(600)).await;
    let refused = bench.api.titles().iter().filter(|title| *title == "refused").count();
    assert!(refused <= 10, "{refused}");
    for offset in 30..60 {
        bench.feed(alerts(offset..offset + 1));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(bench.totals().delivered, u64::try_from(offset).unwrap() - 1, "at once");
    }
    assert_eq!(state(&bench), "running");
    assert_eq!(bench.sink.letters(), []);

    allowed.store(true, Ordering::Relaxed);
    bench.until("all is committed", |b| b.committed(0) == Some(60)).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_route_that_was_accepted_is_everybodys() {
    let (api, allowed, closed) = api();
    allowed.store(true, Ordering::Relaxed);
    let bench = Bench::start_with(api, settings(), routes());
    bench.feed(vec![alert(0, "other", "Fatal", None)]);
    bench.feed(alerts(1..10));
    bench.until("all is well", |b| b.committed(0) == Some(10)).await;
    closed.store(true, Ordering::Relaxed);
    bench.feed(vec![alert(10, "other", "Fatal", None)]);
    bench.feed(alerts(11..40));
    sleep(Duration::from_secs(120)).await;
    assert_eq!(state(&bench), "paused: credentials");
    let during = bench.api.calls().len() - 10;
    assert!(during <= 8 + 4, "what was in flight, and four probes: {during}");
    closed.store(false, Ordering::Relaxed);
    bench.until("all is committed", |b| b.committed(0) == Some(40)).await;
    assert_eq!(bench.sink.letters(), []);
}

#[tokio::test(start_paused = true)]
async fn that_reading_works_in_a_project_does_not_make_its_refusals_everybodys() {
    let api = FakeApi::with_find(
        |call| async move {
            sleep(Duration::from_millis(10)).await;
            if &*call.request.destination.project_id == "other" { forbidden() } else { started(&call.request) }
        },
        |_| async { Ok(Found::Absent) },
    );
    let bench = Bench::start_with(api, verifying(), routes());
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    let start = Start::without_memory(partition(0), Offset(0), Offset(20));
    bench.assign_start(Start { mark: Some(Offset(20)), ..start });
    bench.feed((0..20).map(|offset| alert(offset, "refused", "Fatal", None)).collect());
    bench.feed(alerts(20..21));
    sleep(Duration::from_secs(60)).await;
    for offset in 21..900 {
        bench.feed(alerts(offset..offset + 1));
        sleep(Duration::from_secs(1)).await;
        assert_ne!(state(&bench), "paused: credentials", "{offset}");
    }
    assert_eq!(bench.totals().delivered, 880);
    assert!(!bench.api.looked_up().is_empty());
}

#[tokio::test(start_paused = true)]
async fn probes_that_tell_nothing_go_round_the_routes_too() {
    let calls = AtomicU32::new(0);
    let api = FakeApi::new(move |call| {
        let is_first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        let is_other = &*call.request.destination.project_id == "other";
        async move {
            match is_other {
                _ if is_first => failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(401)),
                true => {
                    sleep(Duration::from_secs(20)).await;
                    failed(FailureClass::Ambiguous, FailureReason::NoAnswer, None)
                }
                false => started(&call.request),
            }
        }
    });
    let bench = Bench::start_with(api, settings(), routes());
    bench.feed(alerts(0..1));
    bench.until("it is refused", |b| b.api.calls().len() == 1).await;
    bench.feed((1..5).map(|offset| alert(offset, "no answer", "Fatal", None)).collect());
    sleep(Duration::from_secs(110)).await;
    assert_eq!(bench.totals().delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_project_refuses_is_not_given_up_for_a_target_that_was_missing_before() {
    let calls = AtomicU32::new(0);
    let api = FakeApi::new(move |call| {
        let is_other = &*call.request.destination.project_id == "other";
        let is_first = is_other && calls.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            match is_other {
                true if is_first => failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404)),
                true => forbidden(),
                false => started(&call.request),
            }
        }
    });
    let settings = PipelineSettings { paused_route_after: Some(Duration::from_secs(1_200)), ..settings() };
    let bench = Bench::start_with(api, settings, routes());
    bench.feed((0..3).map(|offset| alert(offset, "refused", "Fatal", None)).collect());
    bench.feed(alerts(3..30));
    sleep(Duration::from_secs(4_000)).await;
    assert_eq!((bench.totals().delivered, bench.sink.letters().len()), (27, 0));
}
