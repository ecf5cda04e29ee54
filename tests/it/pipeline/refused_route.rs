//! Credentials that one route's project refuses, while they are good for others: what is concerned pauses, and no more
//! (promise 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason};
use alertbridge::routing::{RouteSettings, RuleSettings};
use tokio::time::sleep;

use super::fakes::{Answer, FakeApi, failed, started};
use super::harness::{Bench, alert, alerts, one_route, settings};

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
