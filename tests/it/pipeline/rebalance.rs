//! Partitions that come and go.

use std::sync::atomic::Ordering;
use std::time::Duration;

use alertbridge::domain::Offset;
use alertbridge::pipeline::PipelineSettings;
use alertbridge::ports::SourceEvent;

use super::fakes::{FakeApi, started};
use super::harness::{Bench, alerts, one_route, partition, settings};
use super::verify::verifying;

fn slow_api(seconds: u64) -> std::sync::Arc<FakeApi> {
    FakeApi::new(move |call| async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        started(&call.request)
    })
}

#[tokio::test(start_paused = true)]
async fn a_revoked_partition_finishes_what_is_in_flight_and_commits_before_it_is_handed_back() {
    let bench = Bench::start(slow_api(5));
    bench.feed(alerts(0..100));
    bench.until("some are in flight", |b| b.api.calls().len() == 9).await;
    bench.tell(SourceEvent::Revoked(vec![partition(0)]));
    bench.until("it is handed back", |b| b.asked(|asked| !asked.released.is_empty())).await;
    let released = bench.asked(|asked| asked.released.clone());
    assert_eq!((released.len(), &released[0].0), (1, &vec![partition(0)]));
    assert_eq!(bench.committed(0), Some(9));
    assert_eq!((bench.totals().delivered, bench.totals().abandoned), (9, 91));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.api.calls().len(), 9, "nothing of it is sent any more");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_does_not_hold_a_revocation_longer_than_its_bound() {
    let bench = Bench::start(FakeApi::new(|_| std::future::pending()));
    bench.feed(alerts(0..3));
    bench.until("one is in flight", |b| !b.api.calls().is_empty()).await;
    let asked = tokio::time::Instant::now();
    bench.tell(SourceEvent::Revoked(vec![partition(0)]));
    bench.until("it is handed back", |b| b.asked(|asked| !asked.released.is_empty())).await;
    assert!(asked.elapsed() <= Duration::from_secs(21), "{:?}", asked.elapsed());
    assert_eq!(bench.committed(0), None);
}

#[tokio::test(start_paused = true)]
async fn results_of_an_old_assignment_never_commit() {
    let bench = Bench::start(slow_api(5));
    bench.feed(alerts(0..4));
    bench.until("the first is in flight", |b| !b.api.calls().is_empty()).await;
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    bench.assign(0, 0);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.committed(0), None, "the answers belong to an assignment that is gone");
    assert_eq!(bench.totals().delivered, 0);
    assert_eq!(bench.totals().abandoned, 4);

    bench.feed(alerts(0..4));
    bench.until("they are delivered anew", |b| b.committed(0) == Some(4)).await;
    let calls = bench.api.calls();
    assert_eq!(calls[0].request, calls.iter().rfind(|c| c.title() == "a0").unwrap().request, "with the same bytes");
}

#[tokio::test(start_paused = true)]
async fn the_other_partitions_go_on_while_one_is_handed_back() {
    let bench = Bench::start(slow_api(5));
    bench.assign(1, 0);
    let mut records = alerts(0..4);
    records.iter_mut().for_each(|record| record.partition = partition(1));
    bench.feed(alerts(0..4));
    bench.feed(records);
    bench.tell(SourceEvent::Revoked(vec![partition(0)]));
    bench.until("partition 1 is committed", |b| b.committed(1) == Some(4)).await;
}

#[tokio::test(start_paused = true)]
async fn lost_records_are_counted_and_reading_goes_on_behind_them() {
    let bench = Bench::start(FakeApi::that_works());
    bench.tell(SourceEvent::OutOfRange { partition: partition(0), wanted: Offset(0), resumed_at: Offset(40) });
    bench.feed(alerts(40..45));
    bench.until("the rest is committed", |b| b.committed(0) == Some(45)).await;
    assert!(bench.telemetry.render().contains("alertbridge_lost_records_total 40"));
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_told_once_however_long_an_older_record_stays_open() {
    let api = FakeApi::new(|call| async move {
        let slow = ["a1", "a40"].contains(&call.title().as_str());
        tokio::time::sleep(Duration::from_secs(if slow { 600 } else { 0 })).await;
        started(&call.request)
    });
    let bench = Bench::start(api);
    bench.feed(alerts(0..2));
    bench.tell(SourceEvent::OutOfRange { partition: partition(0), wanted: Offset(2), resumed_at: Offset(40) });
    bench.feed(alerts(40..42));
    bench.until("the others are delivered", |b| b.totals().delivered == 2).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let frontier = bench.asked(|asked| asked.committed[&partition(0)].clone());
    assert_eq!((frontier.offset, frontier.completed.count()), (Offset(1), 39), "all but the slow ones");

    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    bench.assign_with(0, 40, frontier.completed);
    bench.tell(SourceEvent::OutOfRange { partition: partition(0), wanted: Offset(1), resumed_at: Offset(40) });
    let lost = |b: &Bench, count| b.telemetry.render().contains(&format!("alertbridge_lost_records_total {count}\n"));
    bench.until("what was open is counted besides the 38", |b| lost(b, 39)).await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_was_made_anew_is_read_from_its_beginning() {
    let bench = Bench::start(FakeApi::that_works());
    bench.feed(alerts(0..10));
    bench.until("all is committed", |b| b.committed(0) == Some(10)).await;
    bench.tell(SourceEvent::OutOfRange { partition: partition(0), wanted: Offset(10), resumed_at: Offset(0) });
    bench.feed(alerts(0..3));
    bench.until("the new records are committed", |b| b.committed(0) == Some(3)).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_above_the_frontier_is_not_sent_again_by_the_next_owner() {
    let api = FakeApi::new(|call| async move {
        let slow = call.title() == "a1";
        tokio::time::sleep(Duration::from_secs(if slow { 600 } else { 0 })).await;
        started(&call.request)
    });
    let bench = Bench::start(api);
    bench.feed(alerts(0..10));
    bench.until("nine are delivered", |b| b.totals().delivered == 9).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let frontier = bench.asked(|asked| asked.committed[&partition(0)].clone());
    assert_eq!(frontier.offset, Offset(1));
    bench.tell(SourceEvent::Lost(vec![partition(0)]));

    bench.assign_with(0, frontier.offset.0, frontier.completed);
    bench.feed(alerts(1..10));
    bench.until("all is committed", |b| b.committed(0) == Some(10)).await;
    assert_eq!(bench.api.calls().len(), 11, "ten deliveries and one repeat: {:?}", bench.api.titles());
}

#[tokio::test(start_paused = true)]
async fn a_paused_partition_that_was_made_anew_is_read_again() {
    let mut settings = settings();
    settings.budget.records = 4;
    let bench = Bench::start_with(FakeApi::new(|_| std::future::pending()), settings, one_route());
    bench.feed(alerts(0..4));
    bench.until("it is paused", |b| b.asked(|asked| asked.paused.contains(&partition(0)))).await;
    bench.tell(SourceEvent::OutOfRange { partition: partition(0), wanted: Offset(4), resumed_at: Offset(0) });
    bench.until("it is fetched again", |b| b.asked(|asked| asked.paused.is_empty())).await;
}

#[tokio::test(start_paused = true)]
async fn a_revocation_does_not_wait_for_dead_letters_that_cannot_be_written() {
    let bench = Bench::start(FakeApi::that_refuses("a1"));
    bench.sink.is_away.store(true, Ordering::Relaxed);
    bench.feed(alerts(0..3));
    bench.until("it fails", |b| b.telemetry.render().contains(r#"paused{reason="dead_letter_topic"} 1"#)).await;
    let mut broken = alerts(3..103);
    broken.iter_mut().for_each(|record| record.value = Some(b"{not json".as_slice().into()));
    bench.feed(broken);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let asked = tokio::time::Instant::now();
    bench.tell(SourceEvent::Revoked(vec![partition(0)]));
    bench.until("it is handed back", |b| b.asked(|asked| !asked.released.is_empty())).await;
    assert!(asked.elapsed() <= Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(bench.committed(0), Some(1), "nothing commits past the first that is not written");
    bench.sink.is_away.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((bench.committed(0), bench.sink.letters().len()), (Some(1), 0), "they are the next owner's");
}

#[tokio::test(start_paused = true)]
async fn a_revocation_waits_for_the_dead_letter_that_is_being_written() {
    let bench = Bench::start(FakeApi::that_refuses("a0"));
    bench.feed(alerts(0..1));
    bench.until("it is refused", |b| !b.api.calls().is_empty()).await;
    bench.tell(SourceEvent::Revoked(vec![partition(0)]));
    bench.until("it is handed back", |b| b.asked(|asked| !asked.released.is_empty())).await;
    assert_eq!((bench.committed(0), bench.sink.letters().len()), (Some(1), 1));
}

#[tokio::test(start_paused = true)]
async fn the_series_of_a_partition_end_when_it_is_handed_back() {
    let bench = Bench::start(FakeApi::that_works());
    bench.feed(alerts(0..3));
    bench.until("they are delivered", |b| b.totals().delivered == 3).await;
    bench.tell(SourceEvent::Revoked(vec![partition(0)]));
    bench.until("it is handed back", |b| b.asked(|asked| !asked.released.is_empty())).await;
    assert_eq!(bench.committed(0), Some(3));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let metrics = bench.telemetry.render();
    assert!(!metrics.contains("alertbridge_committed_offset{"), "another process shows it now: {metrics}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_mark_gives_its_permits_back_when_its_partition_is_revoked() {
    let api = FakeApi::new(|call| async move {
        if call.title() == "a1" {
            std::future::pending::<()>().await;
        }
        started(&call.request)
    });
    let bench = Bench::start_with(api, PipelineSettings { max_in_flight: 4, ..verifying() }, one_route());
    bench.assign(1, 0);
    let of_one = |offsets| {
        let mut records = alerts(offsets);
        records.iter_mut().for_each(|record| record.partition = partition(1));
        records
    };
    bench.feed(alerts(0..1));
    bench.feed(of_one(100..101));
    bench.until("both have marks", |b| b.totals().delivered == 2).await;
    bench.asked(|asked| asked.commits_fail = true);
    bench.feed(alerts(1..300));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = bench.totals().delivered;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.totals().delivered, before, "all permits wait for marks, but that of the hanging one");
    bench.tell(SourceEvent::Revoked(vec![partition(0)]));
    bench.feed(of_one(101..105));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bench.asked(|asked| asked.released.is_empty()), "the hanging one is waited for");
    assert_eq!(bench.totals().delivered, before + 4);
}
