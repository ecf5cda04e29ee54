//! `delivery.paused_route`: what waits for a target that stays away becomes dead letters, at the operator's pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use alertbridge::domain::{DeadLetterClass, FailureClass, FailureReason, Found, Offset, Started};
use alertbridge::pipeline::PipelineSettings;

use super::fakes::{Answer, FakeApi, failed, started};
use super::harness::{Bench, alerts, one_route, settings};
use super::service::lost;
use super::verify::verifying;

fn missing() -> Answer {
    failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404))
}

/// An API without the target until the switch is turned.
fn without_target() -> (Arc<FakeApi>, Arc<AtomicBool>) {
    let is_there = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_there);
    let api = FakeApi::new(move |call| {
        let is_there = is_there.load(Ordering::Relaxed);
        async move { if is_there { started(&call.request) } else { missing() } }
    });
    (api, switch)
}

fn giving_up_after(minutes: u64) -> PipelineSettings {
    PipelineSettings { paused_route_after: Some(Duration::from_secs(60 * minutes)), ..settings() }
}

async fn minutes(n: u64) {
    tokio::time::sleep(Duration::from_secs(60 * n)).await;
}

#[tokio::test(start_paused = true)]
async fn a_route_that_stays_paused_is_dead_lettered_after_its_time_and_probed_on() {
    let (api, switch) = without_target();
    let bench = Bench::start_with(api, giving_up_after(20), one_route());
    bench.feed(alerts(0..20));
    minutes(19).await;
    assert_eq!(bench.sink.letters(), [], "not before its time");
    minutes(7).await;
    bench.until("all are given up, each probe after it has failed", |b| b.committed(0) == Some(20)).await;
    let letters = bench.sink.letters();
    assert_eq!(letters.len(), 20);
    for letter in &letters {
        assert_eq!((letter.class, letter.reason), (DeadLetterClass::Target, FailureReason::TargetNotFound));
    }
    assert_eq!(bench.totals().delivered, 0);

    bench.feed(alerts(20..30));
    minutes(21).await;
    assert_eq!(bench.sink.letters().len(), 29, "one is kept to probe with");
    switch.store(true, Ordering::Relaxed);
    bench.until("the one that was kept finds it mended", |b| b.totals().delivered == 1).await;
    bench.feed(alerts(30..40));
    bench.until("all is committed", |b| b.committed(0) == Some(40)).await;
    assert_eq!((bench.totals().delivered, bench.sink.letters().len()), (11, 29));
}

#[tokio::test(start_paused = true)]
async fn each_delivery_waits_its_time_however_long_its_target_has_been_away() {
    let (api, _switch) = without_target();
    let bench = Bench::start_with(api, giving_up_after(20), one_route());
    bench.feed(alerts(0..20));
    minutes(60).await;
    assert_eq!(bench.sink.letters().len(), 20);
    bench.feed(alerts(20..220));
    minutes(19).await;
    assert_eq!(bench.sink.letters().len(), 20, "there is time to mend the target");
    minutes(2).await;
    assert!(bench.sink.letters().len() >= 219, "all but the one to probe with, and that one after its probe");
}

#[tokio::test(start_paused = true)]
async fn what_a_paused_route_gives_up_neither_counts_for_the_guard_nor_is_held_by_it() {
    let (api, switch) = without_target();
    let mut settings = giving_up_after(1);
    settings.guard.consecutive = 5;
    let bench = Bench::start_with(api, settings, one_route());
    bench.feed(alerts(0..300));
    minutes(10).await;
    assert_eq!((bench.sink.letters().len(), bench.committed(0)), (300, Some(300)), "as the operator asked");
    let status = serde_json::to_value(&*bench.status.borrow()).unwrap();
    assert_eq!(status["dead_letter_guard"]["held"], 0, "{status}");
    switch.store(true, Ordering::Relaxed);
    bench.feed(alerts(300..310));
    bench.until("the target is back, and nobody had to come", |b| b.committed(0) == Some(310)).await;
    assert_eq!(bench.totals().delivered, 10);
    assert!(bench.asked(|asked| asked.paused.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn what_may_run_already_is_looked_up_and_not_given_up_blindly() {
    let count = AtomicU32::new(0);
    let api = FakeApi::with_find(
        move |_| {
            let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
            async move { if is_first { lost() } else { missing() } }
        },
        |action_instance_id| async move {
            let started = Started { action_instance_id, http_status: 200, request_id: None };
            Ok(Found::Present { started, status: None })
        },
    );
    let settings = PipelineSettings { paused_route_after: Some(Duration::from_secs(5)), ..verifying() };
    let bench = Bench::start_with(api, settings, one_route());
    bench.feed(alerts(0..1));
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.feed(alerts(1..5));
    bench.until("it is found", |b| b.totals().delivered == 1).await;
    bench.until("the others are given up", |b| b.committed(0) == Some(5)).await;
    let letters: Vec<Offset> = bench.sink.letters().iter().map(|letter| letter.record.offset).collect();
    assert!(letters.len() == 4 && !letters.contains(&Offset(0)), "{letters:?}");
}
