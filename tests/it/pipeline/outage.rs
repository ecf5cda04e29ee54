//! An outage is not the record's fault: nothing is dead-lettered, little is sent, and all is delivered afterwards.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason};
use alertbridge::resilience::RateLimit;
use tokio::time::Instant;

use super::fakes::{Answer, FakeApi, failed, started, unavailable};
use super::harness::{Bench, alert, alerts, one_route, settings};

/// An API that answers `trouble` until the switch is turned.
fn api_with(trouble: fn() -> Answer) -> (Arc<FakeApi>, Arc<AtomicBool>) {
    let is_well = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_well);
    let api = FakeApi::new(move |call| {
        let is_well = is_well.load(Ordering::Relaxed);
        async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if is_well { started(&call.request) } else { trouble() }
        }
    });
    (api, switch)
}

async fn minutes(n: u64) {
    tokio::time::sleep(Duration::from_secs(60 * n)).await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_an_hour_costs_nothing_but_time() {
    let (api, switch) = api_with(unavailable);
    let bench = Bench::start(api);
    bench.feed(alerts(0..100));
    minutes(60).await;
    assert_eq!(bench.committed(0), None);
    let during = bench.api.calls().len();
    assert!(during < 1_500, "{during} requests in an hour: one probe each three seconds and the first tries");
    assert_eq!(serde_json::to_value(&*bench.status.borrow()).unwrap()["state"], "paused: circuit_breaker");

    switch.store(true, Ordering::Relaxed);
    let recovered = Instant::now();
    bench.until("the first delivery", |b| b.totals().delivered > 0).await;
    assert!(recovered.elapsed() <= Duration::from_secs(5), "{:?}", recovered.elapsed());
    bench.until("all is committed", |b| b.committed(0) == Some(100)).await;
    assert!(bench.sink.letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_stop_all_sending_but_for_rare_probes() {
    fn refused() -> Answer {
        failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(401))
    }
    let (api, switch) = api_with(refused);
    let bench = Bench::start(api);
    bench.feed(alerts(0..100));
    minutes(2).await;
    let calls = bench.api.calls();
    assert!(calls.len() <= 5, "an access key locks after more than five bad signatures: {}", calls.len());
    minutes(10).await;
    assert!(bench.api.calls().len() <= 7);
    assert_eq!(serde_json::to_value(&*bench.status.borrow()).unwrap()["state"], "paused: credentials");

    switch.store(true, Ordering::Relaxed);
    bench.until("all is committed", |b| b.committed(0) == Some(100)).await;
    assert!(bench.sink.letters().is_empty());
    assert_eq!(bench.totals().delivered, 100);
}

#[tokio::test(start_paused = true)]
async fn changed_credentials_are_tried_at_once_and_not_more_often_than_each_quarter_of_a_minute() {
    fn refused() -> Answer {
        failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(401))
    }
    let (api, switch) = api_with(refused);
    let bench = Bench::start(api);
    bench.feed(alerts(0..100));
    minutes(4).await;
    let before = bench.api.calls().len();
    assert!(before <= 5, "{before}");
    let changed = Instant::now();
    for _ in 0..5 {
        bench.api.is_file_changed.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    let during = bench.api.calls().len() - before;
    assert!((2..=3).contains(&during), "{during} probes in {:?}", changed.elapsed());
    minutes(1).await;

    switch.store(true, Ordering::Relaxed);
    bench.api.is_file_changed.store(true, Ordering::Relaxed);
    let mended = Instant::now();
    bench.until("all is committed", |b| b.committed(0) == Some(100)).await;
    assert!(mended.elapsed() < Duration::from_secs(10), "{:?}", mended.elapsed());
    assert_eq!(bench.sink.letters(), []);
}

#[tokio::test(start_paused = true)]
async fn a_spent_quota_holds_everything_off_and_charges_nobody() {
    fn throttled() -> Answer {
        failed(FailureClass::Throttled, FailureReason::QuotaExceeded, Some(429))
    }
    let (api, switch) = api_with(throttled);
    let bench = Bench::start(api);
    bench.feed(alerts(0..100));
    minutes(60).await;
    let during = bench.api.calls().len();
    assert!(during <= 8 + 9 + 12, "waits double from one second to five minutes: {during}");
    switch.store(true, Ordering::Relaxed);
    bench.until("all is committed", |b| b.committed(0) == Some(100)).await;
    assert!(bench.sink.letters().is_empty(), "a hundred throttled attempts are nobody's fault");
}

#[tokio::test(start_paused = true)]
async fn a_missing_workflow_pauses_and_is_delivered_once_it_is_there() {
    fn missing() -> Answer {
        failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404))
    }
    let (api, switch) = api_with(missing);
    let bench = Bench::start(api);
    bench.feed(alerts(0..20));
    minutes(30).await;
    assert!(bench.api.calls().len() <= 8 + 8, "{}", bench.api.calls().len());
    let status = serde_json::to_value(&*bench.status.borrow()).unwrap();
    let pause = &status["pauses"][0];
    assert_eq!((&pause["reason"], &pause["route"]), (&"target".into(), &"default".into()), "{status}");
    switch.store(true, Ordering::Relaxed);
    bench.until("all is committed", |b| b.committed(0) == Some(20)).await;
    assert!(bench.sink.letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_alert_alone_survives_an_outage_too() {
    let (api, switch) = api_with(unavailable);
    let bench = Bench::start(api);
    bench.feed(alerts(0..1));
    minutes(60).await;
    assert!(bench.sink.letters().is_empty(), "nobody else got through either");
    switch.store(true, Ordering::Relaxed);
    bench.until("it is committed", |b| b.committed(0) == Some(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_for_no_wait_is_not_hammered() {
    fn throttled() -> Answer {
        let mut answer = failed(FailureClass::Throttled, FailureReason::QuotaExceeded, Some(429));
        answer.as_mut().unwrap_err().retry_after = Some(Duration::ZERO);
        answer
    }
    let (api, _switch) = api_with(throttled);
    let bench = Bench::start(api);
    bench.feed(alerts(0..100));
    minutes(1).await;
    assert!(bench.api.calls().len() <= 70, "{} requests in a minute", bench.api.calls().len());
}

#[tokio::test(start_paused = true)]
async fn a_poison_alert_does_not_keep_the_breaker_open() {
    let is_well = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_well);
    let bench = Bench::start(FakeApi::new(move |call| {
        let is_well = is_well.load(Ordering::Relaxed) && call.title() != "poison";
        async move { if is_well { started(&call.request) } else { unavailable() } }
    }));
    bench.feed(vec![alert(0, "poison", "Fatal", None)]);
    bench.feed(alerts(1..50));
    minutes(5).await;
    switch.store(true, Ordering::Relaxed);
    minutes(5).await;
    assert_eq!(bench.totals().delivered, 49, "each probe is another delivery");
    // Each outage that it alone tells of costs it one attempt, so it ends among as many successes as it has attempts.
    for offset in 50..56 {
        bench.feed(alerts(offset..offset + 1));
        minutes(5).await;
    }
    assert_eq!((bench.totals().delivered, bench.sink.letters().len()), (55, 1));
    bench.until("all is committed", |b| b.committed(0) == Some(56)).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_success_before_an_outage_is_not_held_against_an_alert() {
    let is_well = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_well);
    let bench = Bench::start(FakeApi::new(move |call| {
        let last = call.title() == "a2";
        let fails = call.title() == "a1" && !is_well.load(Ordering::Relaxed);
        async move {
            tokio::time::sleep(Duration::from_millis(if last { 100 } else { 10 })).await;
            if fails { unavailable() } else { started(&call.request) }
        }
    }));
    bench.feed(alerts(0..3));
    bench.until("the last one got through", |b| b.totals().delivered == 2).await;
    minutes(60).await;
    assert_eq!(bench.sink.letters(), []);
    switch.store(true, Ordering::Relaxed);
    bench.until("all is committed", |b| b.committed(0) == Some(3)).await;
}

#[tokio::test(start_paused = true)]
async fn what_an_outage_cost_before_it_was_known_is_not_held_against_an_alert() {
    let is_well = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_well);
    // Whose second attempt was the first: it exhausts its attempts, which tells of the outage.
    let first_again = Mutex::new(None);
    let calls = Mutex::new(HashMap::<String, u32>::new());
    let unlucky = Mutex::new(HashSet::new());
    let mut settings = settings();
    settings.retry.max_attempts = 2;
    settings.breaker.minimum_requests = 1_000;
    let bench = Bench::start_with(
        FakeApi::new(move |call| {
            let title = call.title();
            let times = *calls.lock().unwrap().entry(title.clone()).and_modify(|n| *n += 1).or_insert(1);
            let is_first = times > 1 && *first_again.lock().unwrap().get_or_insert_with(|| title.clone()) == title;
            // Afterwards every other one meets one more fault.
            let is_odd = title.ends_with(['1', '3', '5', '7', '9']);
            let works =
                is_well.load(Ordering::Relaxed) && (is_first || !is_odd || !unlucky.lock().unwrap().insert(title));
            async move { if works { started(&call.request) } else { unavailable() } }
        }),
        settings,
        one_route(),
    );
    bench.feed(alerts(0..40));
    minutes(1).await;
    switch.store(true, Ordering::Relaxed);
    bench.until("all is committed", |b| b.committed(0) == Some(40)).await;
    assert_eq!(bench.sink.letters(), []);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_quota_spends_no_time_of_a_delivery() {
    let mut settings = settings();
    settings.rates.tenant =
        vec![RateLimit { requests: NonZeroU32::MIN, per: Duration::from_secs(60), burst: NonZeroU32::MIN }];
    settings.retry.max_elapsed = Duration::from_secs(100);
    let tries = AtomicU32::new(0);
    let bench = Bench::start_with(
        FakeApi::new(move |call| {
            let fails = call.title() == "low" && tries.fetch_add(1, Ordering::Relaxed) < 2;
            async move { if fails { unavailable() } else { started(&call.request) } }
        }),
        settings,
        one_route(),
    );
    bench.feed(vec![alert(0, "low", "Low", None)]);
    bench.until("it has failed once", |b| b.api.calls().len() == 1).await;
    bench.feed((1..10).map(|n| alert(n, "high", "High", None)).collect());
    bench.until("all is committed", |b| b.committed(0) == Some(10)).await;
    assert_eq!(bench.sink.letters(), []);
}
