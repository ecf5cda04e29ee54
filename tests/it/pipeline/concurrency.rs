//! How many requests are under way while the service keeps up, and while it does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason};
use alertbridge::pipeline::PipelineSettings;
use rand::RngExt as _;
use rand::SeedableRng as _;
use tokio::time::{Instant, sleep};

use super::fakes::{FakeApi, failed, started, unavailable};
use super::harness::{Bench, alerts, one_route, settings};

fn adaptive() -> PipelineSettings {
    let mut settings = settings();
    settings.max_in_flight = 32;
    settings.adaptive_concurrency = true;
    settings.budget.records = 50_000;
    settings.budget.records_per_partition = 50_000;
    settings.budget.bytes = 256 << 20;
    settings
}

fn limit(bench: &Bench) -> u64 {
    serde_json::to_value(&*bench.status.borrow()).unwrap()["concurrency_limit"].as_u64().unwrap()
}

/// An API that keeps up with so many requests at once and fails those above.
fn api_that_takes(capacity: Arc<AtomicUsize>) -> Arc<FakeApi> {
    let under_way = Arc::new(AtomicUsize::new(0));
    FakeApi::new(move |call| {
        let (under_way, capacity) = (Arc::clone(&under_way), capacity.load(Ordering::Relaxed));
        async move {
            let is_too_many = under_way.fetch_add(1, Ordering::Relaxed) >= capacity;
            sleep(Duration::from_millis(100)).await;
            under_way.fetch_sub(1, Ordering::Relaxed);
            if is_too_many { unavailable() } else { started(&call.request) }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn it_grows_from_one_falls_when_the_service_does_not_keep_up_and_comes_back() {
    let capacity = Arc::new(AtomicUsize::new(100));
    let bench = Bench::start_with(api_that_takes(Arc::clone(&capacity)), adaptive(), one_route());
    bench.feed(alerts(0..30_000));
    sleep(Duration::from_millis(95)).await;
    assert_eq!(bench.api.calls().len(), 1);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(limit(&bench), 32);
    capacity.store(8, Ordering::Relaxed);
    sleep(Duration::from_secs(20)).await;
    assert!((3..=16).contains(&limit(&bench)), "{}", limit(&bench));
    capacity.store(100, Ordering::Relaxed);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(limit(&bench), 32);
    assert_eq!(bench.sink.letters(), []);
}

#[tokio::test(start_paused = true)]
async fn a_twentieth_of_random_failures_does_not_cost_the_throughput() {
    let rng = std::sync::Mutex::new(rand::rngs::StdRng::seed_from_u64(5));
    let bench = Bench::start_with(
        FakeApi::new(move |call| {
            let fails = rng.lock().unwrap().random_bool(0.05);
            async move {
                sleep(Duration::from_millis(100)).await;
                if fails { unavailable() } else { started(&call.request) }
            }
        }),
        adaptive(),
        one_route(),
    );
    bench.feed(alerts(0..10_000));
    let began = Instant::now();
    bench.until("all is delivered", |b| b.totals().delivered == 10_000).await;
    let at_full_tilt = Duration::from_millis(100) * 10_000 / 32;
    assert!(began.elapsed() <= at_full_tilt * 2, "{:?} against {at_full_tilt:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn requests_that_hang_hold_no_probe_back_and_the_end_of_the_outage_is_found() {
    let is_well = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&is_well);
    let bench = Bench::start_with(
        FakeApi::new(move |call| {
            let is_well = is_well.load(Ordering::Relaxed);
            async move {
                sleep(Duration::from_secs(if is_well { 0 } else { 20 })).await;
                if is_well {
                    started(&call.request)
                } else {
                    failed(FailureClass::Ambiguous, FailureReason::NoAnswer, None)
                }
            }
        }),
        adaptive(),
        one_route(),
    );
    bench.feed(alerts(0..1_000));
    bench.until("all is delivered", |b| b.totals().delivered == 1_000).await;
    switch.store(false, Ordering::Relaxed);
    bench.feed(alerts(1_000..3_000));
    sleep(Duration::from_secs(120)).await;
    assert_eq!(bench.totals().delivered, 1_000);
    switch.store(true, Ordering::Relaxed);
    let recovered = Instant::now();
    bench.until("the first delivery", |b| b.totals().delivered > 1_000).await;
    assert!(recovered.elapsed() <= Duration::from_secs(5), "{:?}", recovered.elapsed());
    bench.until("all but the probes that still hang", |b| b.totals().delivered > 2_980).await;
    assert!(recovered.elapsed() <= Duration::from_secs(5), "they hold nobody back: {:?}", recovered.elapsed());
    bench.until("all is delivered", |b| b.totals().delivered == 3_000).await;
    assert_eq!(bench.sink.letters(), []);
}
