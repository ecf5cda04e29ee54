//! Answers that come late: what was sent before an outage had ended says nothing of how things are since (promise 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason};
use tokio::time::sleep;

use super::fakes::{Answer, FakeApi, failed, started};
use super::harness::{Bench, alerts};

/// Confirms everything but the first requests for `a1`, which takes ten seconds to fail so, and for `a2`, which fails
/// at once.
fn api(trouble: fn() -> Answer) -> Arc<FakeApi> {
    let (late, soon) = (AtomicBool::new(true), AtomicBool::new(true));
    FakeApi::new(move |call| {
        let is_late = call.title() == "a1" && late.swap(false, Ordering::Relaxed);
        let is_soon = call.title() == "a2" && soon.swap(false, Ordering::Relaxed);
        async move {
            sleep(Duration::from_millis(if is_late { 10_000 } else { 10 })).await;
            if is_late || is_soon { trouble() } else { started(&call.request) }
        }
    })
}

/// What goes on after the late answer is not held up by it.
async fn holds_nothing_up(trouble: fn() -> Answer) {
    let bench = Bench::start(api(trouble));
    bench.feed(alerts(0..1));
    bench.until("all is well", |b| b.committed(0) == Some(1)).await;
    bench.feed(alerts(1..3));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.totals().delivered, 1);
    bench.api.is_file_changed.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(9)).await;
    assert_eq!(bench.totals().delivered, 2, "a probe has shown that it is over");
    sleep(Duration::from_millis(1_000)).await;
    bench.feed(alerts(3..5));
    sleep(Duration::from_millis(200)).await;
    assert_eq!(bench.totals().delivered, 5);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_old_credentials_does_not_stop_the_new_ones() {
    holds_nothing_up(|| failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(401))).await;
}

#[tokio::test(start_paused = true)]
async fn a_throttle_from_before_the_hold_off_ended_begins_no_other() {
    holds_nothing_up(|| failed(FailureClass::Throttled, FailureReason::QuotaExceeded, Some(429))).await;
}
