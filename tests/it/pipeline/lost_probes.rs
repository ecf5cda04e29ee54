//! An outage behind another pause: probes that reach nobody cost it nothing, so that the end of both is noticed soon
//! (promise 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason};
use tokio::time::{Instant, sleep};

use super::fakes::{Answer, FakeApi, failed, started};
use super::harness::{Bench, alerts};

fn throttled() -> Answer {
    failed(FailureClass::Throttled, FailureReason::QuotaExceeded, Some(429))
}

fn missing() -> Answer {
    failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404))
}

fn refused() -> Answer {
    failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(401))
}

fn not_reached() -> Answer {
    failed(FailureClass::Transient, FailureReason::ConnectFailed, None)
}

/// After the first request, which is confirmed, one meets this trouble; then nobody is reached for ten minutes. Says how
/// long it took from the end of that to the next delivery, and how many were tried meanwhile.
async fn recovers_from(trouble: fn() -> Answer) -> (Duration, usize) {
    let calls = AtomicU32::new(0);
    let end = Instant::now() + Duration::from_secs(600);
    let api = FakeApi::new(move |call| {
        let number = calls.fetch_add(1, Ordering::Relaxed);
        async move {
            sleep(Duration::from_millis(10)).await;
            match number {
                0 => started(&call.request),
                1 => trouble(),
                _ if Instant::now() < end => not_reached(),
                _ => started(&call.request),
            }
        }
    });
    let bench = Bench::start(Arc::clone(&api));
    bench.feed(alerts(0..1));
    bench.until("all is well", |b| b.committed(0) == Some(1)).await;
    bench.feed(alerts(1..2));
    bench.until("it is refused", |b| b.api.calls().len() == 2).await;
    bench.feed(alerts(2..20));
    sleep(end - Instant::now()).await;
    let tried = api.calls().len();
    bench.until("it goes on", |b| b.totals().delivered > 1).await;
    let after = end.elapsed();
    bench.until("all is committed", |b| b.committed(0) == Some(20)).await;
    assert_eq!(bench.sink.letters(), []);
    (after, tried)
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_outage_is_found_within_seconds_though_it_began_with_a_throttle() {
    let (after, tried) = recovers_from(throttled).await;
    assert!(after <= Duration::from_secs(5), "{after:?}");
    assert!(tried <= 620, "one each second: {tried}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_does_not_use_up_the_probes_of_a_missing_target_or_of_refused_credentials() {
    for trouble in [missing, refused] {
        let (after, tried) = recovers_from(trouble).await;
        assert!(after <= Duration::from_secs(16), "{after:?}");
        assert!(tried <= 10 + 40, "what was in flight, and one each quarter of a minute: {tried}");
    }
}
