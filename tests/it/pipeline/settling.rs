//! What is committed, when, and what holds it back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason, Offset};
use alertbridge::ports::{SourceError, SourceEvent};

use super::fakes::{FakeApi, failed, started};
use super::harness::{Bench, alerts, one_route, partition, settings};

#[tokio::test(start_paused = true)]
async fn nothing_commits_past_a_record_that_is_still_on_its_way() {
    let api = FakeApi::new(|call| async move {
        let slow = call.title() == "a1";
        tokio::time::sleep(Duration::from_secs(if slow { 60 } else { 0 })).await;
        started(&call.request)
    });
    let bench = Bench::start(api);
    bench.feed(alerts(0..5));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(bench.committed(0), Some(1));
    bench.until("the slow one lets the rest pass", |b| b.committed(0) == Some(5)).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_commits_past_a_dead_letter_that_is_not_written() {
    let bench = Bench::start(FakeApi::that_refuses("a1"));
    bench.sink.is_away.store(true, Ordering::Relaxed);
    bench.feed(alerts(0..5));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((bench.committed(0), bench.totals().delivered), (Some(1), 4), "the others are delivered all the same");
    assert_eq!(serde_json::to_value(&*bench.status.borrow()).unwrap()["state"], "paused: dead_letter_topic");
    bench.sink.is_away.store(false, Ordering::Relaxed);
    bench.until("all is committed", |b| b.committed(0) == Some(5)).await;
    assert_eq!(bench.sink.letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn gaps_are_passed_up_to_the_end_of_the_partition() {
    let bench = Bench::start(FakeApi::that_works());
    let mut records = alerts(0..10);
    records.retain(|record| record.offset.0 % 3 == 0);
    bench.feed(records);
    bench.tell(SourceEvent::Position(vec![(partition(0), Offset(12))]));
    bench.until("the markers at the end are passed", |b| b.committed(0) == Some(12)).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_commit_is_made_good_by_the_next() {
    let bench = Bench::start(FakeApi::that_works());
    bench.asked(|asked| asked.commits_fail = true);
    bench.feed(alerts(0..3));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(bench.committed(0), None);
    bench.asked(|asked| asked.commits_fail = false);
    bench.until("the commit lands", |b| b.committed(0) == Some(3)).await;
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_pauses_fetching_and_room_resumes_it() {
    let mut settings = settings();
    settings.budget.records = 10;
    settings.max_in_flight = 1;
    let api = FakeApi::new(|call| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        started(&call.request)
    });
    let bench = Bench::start_with(api, settings, one_route());
    bench.feed(alerts(0..12));
    bench.until("it is paused", |b| b.asked(|asked| asked.paused.contains(&partition(0)))).await;
    bench.until("it is resumed", |b| b.asked(|asked| asked.paused.is_empty())).await;
    assert_eq!(bench.totals().delivered, 7, "at half the budget");
    bench.until("all are delivered", |b| b.totals().delivered == 12).await;
    bench.until("nothing is left in the budget", |b| b.status.borrow().buffer.bytes == 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_has_settled_holds_nothing_of_the_budgets_any_more() {
    let bench = Bench::start(FakeApi::that_refuses("a1"));
    bench.feed(alerts(0..4));
    bench.until("they have settled", |b| b.committed(0) == Some(4)).await;
    let buffer = |b: &Bench| serde_json::to_value(&*b.status.borrow()).unwrap()["buffer"]["bytes"].as_u64();
    bench.until("nothing is left", |b| buffer(b) == Some(0)).await;
    // Three times as many records as the budget has room for at once.
    for from in (4..3_000).step_by(100) {
        bench.feed(alerts(from..from + 100));
        bench.until("they have settled", |b| b.committed(0) == Some(from + 100)).await;
    }
    assert!(!bench.asked(|asked| asked.paused.contains(&partition(0))));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_finishes_what_is_in_flight_and_abandons_the_rest() {
    let api = FakeApi::new(|call| async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        started(&call.request)
    });
    let bench = Bench::start(api);
    bench.feed(alerts(0..100));
    bench.until("some are in flight", |b| b.api.calls().len() == 9).await;
    bench.begin_stop();
    bench.until("it has ended", Bench::has_ended).await;
    assert_eq!(bench.committed(0), Some(9));
    assert_eq!((bench.totals().delivered, bench.totals().abandoned), (9, 91));
    assert!(bench.asked(|asked| asked.is_closed));
    assert_eq!(bench.api.calls().len(), 9, "nothing new is begun");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_longer_than_the_drain_time_out() {
    let api = FakeApi::new(|_| std::future::pending());
    let bench = Bench::start(api);
    bench.feed(alerts(0..3));
    bench.until("they are in flight", |b| b.api.calls().len() == 1).await;
    let asked = tokio::time::Instant::now();
    bench.begin_stop();
    bench.until("it has ended", Bench::has_ended).await;
    assert!(asked.elapsed() < Duration::from_secs(27), "{:?}", asked.elapsed());
    assert_eq!(bench.committed(0), None);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_go_on_ends_the_pipeline_after_the_last_commit() {
    let bench = Bench::start(FakeApi::that_works());
    bench.feed(alerts(0..3));
    bench.until("they are delivered", |b| b.totals().delivered == 3).await;
    bench.tell(SourceEvent::Fatal(SourceError::Fatal("fenced".to_owned())));
    bench.until("it has ended", Bench::has_ended).await;
    assert_eq!(bench.committed(0), Some(3));
    assert!(bench.stop().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_during_a_shutdown_is_not_passed_by_a_position() {
    let api = FakeApi::new(|call| async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        started(&call.request)
    });
    let bench = Bench::start(api);
    bench.feed(alerts(0..1));
    bench.until("it is in flight", |b| b.api.calls().len() == 1).await;
    bench.begin_stop();
    bench.until("the drain has begun", |b| b.asked(|asked| !asked.paused.is_empty())).await;
    bench.feed(alerts(1..5));
    bench.tell(SourceEvent::Position(vec![(partition(0), Offset(9))]));
    bench.until("it has ended", Bench::has_ended).await;
    assert_eq!(bench.committed(0), Some(1), "the four that came too late belong to the next owner");
}

#[tokio::test(start_paused = true)]
async fn what_a_shutdown_leaves_behind_is_counted_as_abandoned() {
    let api = FakeApi::new(|call| async move {
        if call.title() == "a0" {
            return failed(FailureClass::Rejected, FailureReason::RequestRefused, Some(400));
        }
        std::future::pending().await
    });
    let bench = Bench::start(api);
    bench.sink.is_away.store(true, Ordering::Relaxed);
    bench.feed(alerts(0..30));
    bench.until("calls hang", |b| b.api.calls().len() == 9).await;
    bench.begin_stop();
    bench.until("it has ended", Bench::has_ended).await;
    assert_eq!(bench.committed(0), None);
    assert_eq!(bench.totals().abandoned, 30, "waiting, in flight and dead letters that could not be written");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_during_the_drain_is_dead_lettered_and_does_not_come_again() {
    let api = FakeApi::new(|_| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        failed(FailureClass::Rejected, FailureReason::RequestRefused, Some(400))
    });
    let bench = Bench::start(api);
    bench.feed(alerts(0..1));
    bench.until("it is in flight", |b| b.api.calls().len() == 1).await;
    bench.begin_stop();
    bench.until("it has ended", Bench::has_ended).await;
    assert_eq!((bench.totals().dead_lettered, bench.totals().abandoned), (1, 0));
    assert_eq!(bench.committed(0), Some(1));
}

#[tokio::test(start_paused = true)]
async fn records_that_come_during_the_drain_are_not_passed_when_those_behind_them_are_gone() {
    let api = FakeApi::new(|call| async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        started(&call.request)
    });
    let bench = Bench::start(api);
    bench.feed(alerts(0..1));
    bench.until("it is in flight", |b| b.api.calls().len() == 1).await;
    bench.begin_stop();
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.feed(alerts(1..5));
    bench.tell(SourceEvent::OutOfRange { partition: partition(0), wanted: Offset(5), resumed_at: Offset(40) });
    bench.until("it has ended", Bench::has_ended).await;
    assert_eq!(bench.committed(0), Some(1), "1 to 4 were read and refused: they come again");
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_goes_with_its_partition_leaves_no_pause_behind() {
    let bench = Bench::start(FakeApi::that_refuses("a0"));
    bench.sink.is_away.store(true, Ordering::Relaxed);
    bench.feed(alerts(0..1));
    let state = |b: &Bench| serde_json::to_value(b.status.borrow().state).unwrap();
    bench.until("it cannot be written", |b| state(b) == "paused: dead_letter_topic").await;
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    bench.until("nobody waits for the topic any more", |b| state(b) == "running").await;
}
