//! Looking up while something is away: it neither holds the gates closed nor is taken for a stall (promise 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason, Found, Offset};
use alertbridge::pipeline::PipelineSettings;
use alertbridge::ports::{SourceEvent, Start};
use tokio::time::{Instant, sleep};

use super::fakes::{FakeApi, failed, started, unavailable};
use super::harness::{Bench, alert, alerts, each_second, one_route, partition};
use super::service::lost;
use super::verify::verifying;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_is_the_first_request_after_a_breakers_closing_lets_the_others_follow() {
    let is_back = Arc::new(AtomicBool::new(false));
    let (seen, told) = (Arc::clone(&is_back), Arc::clone(&is_back));
    let tries = AtomicU32::new(0);
    let api = FakeApi::with_find(
        move |call| {
            let is_lost = tries.fetch_add(1, Ordering::Relaxed) < 10;
            told.fetch_or(!is_lost, Ordering::Relaxed);
            async move { if is_lost { lost() } else { started(&call.request) } }
        },
        move |_| {
            let is_back = seen.load(Ordering::Relaxed);
            async move { if is_back { Ok(Found::Absent) } else { unavailable().map(|_| Found::Absent) } }
        },
    );
    let settings = PipelineSettings { max_in_flight: 16, ..verifying() };
    let bench = Bench::start_with(api, settings, one_route());
    bench.feed(alerts(0..10));
    sleep(seconds(300)).await;
    bench.feed(alerts(10..20));
    bench.until("all are delivered", |b| b.totals().delivered == 20).await;
}

#[tokio::test(start_paused = true)]
async fn waiting_for_marks_while_no_commit_lands_is_no_stall() {
    let bench = Bench::start_with(FakeApi::that_works(), verifying(), one_route());
    bench.feed(alerts(0..10));
    bench.until("the first are committed", |b| b.committed(0) == Some(10)).await;
    sleep(seconds(3)).await;
    bench.asked(|asked| asked.commits_fail = true);
    bench.tell(SourceEvent::Unavailable { error: "no broker".to_owned() });
    bench.feed(alerts(10..500));
    sleep(seconds(300)).await;
    assert!(!bench.has_ended());
    bench.asked(|asked| asked.commits_fail = false);
    bench.until("all is committed", |b| b.committed(0) == Some(500)).await;
}

#[tokio::test(start_paused = true)]
async fn a_look_up_long_after_its_attempt_is_no_hanging_request() {
    let api = FakeApi::with_find(
        |_| async { lost() },
        |_| async {
            sleep(seconds(10)).await;
            lost().map(|_| Found::Absent)
        },
    );
    let bench = Bench::start_with(api, verifying(), one_route());
    bench.feed(alerts(0..1));
    sleep(seconds(1_200)).await;
    assert!(!bench.has_ended());
}

#[tokio::test(start_paused = true)]
async fn look_ups_do_not_take_the_targets_probes() {
    let is_back = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_back);
    let missing = || failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404));
    let api = FakeApi::with_find(
        move |call| {
            let is_back = seen.load(Ordering::Relaxed);
            async move { if is_back { started(&call.request) } else { missing() } }
        },
        |_| async { Ok(Found::Absent) },
    );
    let bench = Bench::start_with(api, verifying(), one_route());
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    let start = Start::without_memory(partition(0), Offset(0), Offset(50));
    bench.assign_start(Start { mark: Some(Offset(40)), ..start });
    bench.feed(alerts(0..42));
    sleep(seconds(600)).await;
    is_back.store(true, Ordering::Relaxed);
    let since = Instant::now();
    bench.until("one is delivered", |b| b.totals().delivered > 0).await;
    assert!(since.elapsed() <= seconds(311), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn deliveries_grow_old_again_after_an_outage_that_a_look_up_ended() {
    let tries = AtomicU32::new(0);
    let api = FakeApi::with_find(
        move |call| {
            let is_lost = tries.fetch_add(1, Ordering::Relaxed) < 10;
            async move { if is_lost { lost() } else { started(&call.request) } }
        },
        |_| async { Ok(Found::Absent) },
    );
    let mut settings = PipelineSettings { max_in_flight: 16, age_to_top: seconds(30), ..verifying() };
    settings.rates.tenant = vec![each_second(5)];
    let bench = Bench::start_with(api, settings, one_route());
    bench.feed(alerts(0..10));
    bench.until("the ten are delivered", |b| b.totals().delivered == 10).await;
    bench.feed((0..500).map(|n| alert(10 + n, "low", "Low", None)).collect());
    // Fatals come faster than the quota.
    for step in 0..200 {
        bench.feed((0..6).map(|n| alert(510 + step * 6 + n, "fatal", "Fatal", None)).collect());
        sleep(seconds(1)).await;
    }
    let lows = bench.api.titles().iter().filter(|title| *title == "low").count();
    assert!(lows > 20, "{lows} left in 200 s");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_everything_is_not_taken_for_a_refusal_of_reading() {
    let is_well = Arc::new(AtomicBool::new(true));
    let (create, find) = (Arc::clone(&is_well), Arc::clone(&is_well));
    let refused = || failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(403));
    let first = AtomicBool::new(true);
    let api = FakeApi::with_find(
        move |call| {
            let is_lost = call.title() == "a1" && first.swap(false, Ordering::Relaxed);
            let is_well = create.load(Ordering::Relaxed);
            async move {
                match is_well {
                    _ if is_lost => lost(),
                    true => started(&call.request),
                    false => refused(),
                }
            }
        },
        move |id| {
            let is_well = find.load(Ordering::Relaxed);
            let found = alertbridge::domain::Started { action_instance_id: id, http_status: 200, request_id: None };
            async move {
                if is_well {
                    Ok(Found::Present { started: found, status: None })
                } else {
                    refused().map(|_| Found::Absent)
                }
            }
        },
    );
    let bench = Bench::start_with(Arc::clone(&api), verifying(), one_route());
    bench.feed(alerts(0..1));
    bench.until("the credentials are good", |b| b.totals().delivered == 1).await;
    is_well.store(false, Ordering::Relaxed);
    bench.feed(alerts(1..3));
    sleep(seconds(40)).await;
    is_well.store(true, Ordering::Relaxed);
    bench.until("all are delivered", |b| b.totals().delivered == 3).await;
    assert_eq!(bench.api.titles().iter().filter(|title| *title == "a1").count(), 1, "it was found, and not sent again");
}
