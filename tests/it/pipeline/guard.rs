//! The dead-letter guard: a flood of dead letters is held, and what is held is neither written nor committed.

use std::time::Duration;

use alertbridge::domain::{Offset, Record};
use alertbridge::pipeline::PipelineSettings;
use alertbridge::ports::SourceEvent;
use bytes::Bytes;

use super::fakes::FakeApi;
use super::harness::{Bench, alerts, one_route, partition, settings};

const LIMIT: u32 = 5;

fn guarded() -> PipelineSettings {
    let mut settings = settings();
    settings.guard.consecutive = LIMIT;
    settings.guard.reopen_after = 3;
    settings
}

fn bench() -> Bench {
    Bench::start_with(FakeApi::that_works(), guarded(), one_route())
}

/// Records that no mapping can read.
fn broken(offsets: std::ops::Range<i64>) -> Vec<Record> {
    let mut records = alerts(offsets);
    records.iter_mut().for_each(|record| record.value = Some(Bytes::from_static(b"{not json")));
    records
}

fn of(number: i32, mut records: Vec<Record>) -> Vec<Record> {
    records.iter_mut().for_each(|record| record.partition = partition(number));
    records
}

async fn seconds(n: u64) {
    tokio::time::sleep(Duration::from_secs(n)).await;
}

fn status(bench: &Bench) -> serde_json::Value {
    serde_json::to_value(&*bench.status.borrow()).unwrap()
}

fn letters(bench: &Bench) -> Vec<i64> {
    bench.sink.letters().iter().map(|letter| letter.origin.offset.0).collect()
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_dead_letters_is_held_at_the_limit_and_nothing_commits_past_it() {
    let bench = bench();
    bench.feed(broken(0..100));
    seconds(600).await;
    assert_eq!(letters(&bench), [0, 1, 2, 3, 4]);
    assert_eq!(bench.committed(0), Some(5));
    let status = status(&bench);
    assert_eq!(status["state"], "paused: dead_letter_guard");
    assert_eq!(status["dead_letter_guard"]["held"], 95);
    assert!(status["dead_letter_guard"]["since"].is_string(), "{status}");
    let metrics = bench.telemetry.render();
    assert!(metrics.contains("alertbridge_held_dead_letters 95"), "{metrics}");
    assert!(metrics.contains(r#"alertbridge_paused{reason="dead_letter_guard"} 1"#), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn only_partitions_with_held_letters_rest_and_the_others_open_the_guard_again() {
    let bench = bench();
    bench.assign(1, 0);
    bench.feed(broken(0..12));
    bench.until("the flood is held", |b| b.asked(|asked| asked.paused.contains(&partition(0)))).await;
    assert!(!bench.asked(|asked| asked.paused.contains(&partition(1))));
    bench.feed(of(1, alerts(0..3)));
    bench.until("the next five are written", |b| b.sink.letters().len() == 10).await;
    seconds(60).await;
    assert_eq!(letters(&bench), (0..10).collect::<Vec<_>>(), "in their order, and never more than the limit");
    bench.feed(of(1, alerts(3..6)));
    bench.until("all is written", |b| b.committed(0) == Some(12)).await;
    bench.until("it is fetched again", |b| b.asked(|asked| asked.paused.is_empty())).await;
    bench.until("it runs", |b| status(b)["state"] == "running").await;
    assert!(bench.telemetry.render().contains(r#"alertbridge_paused{reason="dead_letter_guard"} 0"#));
}

#[tokio::test(start_paused = true)]
async fn what_is_buffered_goes_on_being_delivered_while_letters_are_held() {
    let bench = bench();
    bench.feed(broken(0..20));
    bench.feed(alerts(20..22));
    bench.until("they are delivered", |b| b.totals().delivered == 2).await;
    seconds(60).await;
    assert_eq!(bench.sink.letters().len(), 5, "two deliveries are fewer than three");
    assert_eq!(bench.committed(0), Some(5));
}

#[tokio::test(start_paused = true)]
async fn an_operator_lets_go_all_that_is_held_and_the_guard_is_on_duty_again() {
    let bench = bench();
    assert_eq!(bench.guard.open().await, Ok(None), "it is not closed");
    bench.feed(broken(0..40));
    bench.until("the flood is held", |b| b.sink.letters().len() == 5).await;
    seconds(60).await;
    let opened = bench.guard.open().await.unwrap().unwrap();
    assert_eq!(opened.released, 35);
    assert!(opened.held_for >= Duration::from_secs(60));
    bench.until("all is committed", |b| b.committed(0) == Some(40)).await;
    bench.feed(broken(40..60));
    seconds(60).await;
    assert_eq!(bench.sink.letters().len(), 45, "at the limit it holds again");
}

#[tokio::test(start_paused = true)]
async fn held_letters_hold_up_neither_a_revocation_nor_a_drain_and_come_again() {
    let bench = bench();
    bench.assign(1, 0);
    bench.feed(broken(0..20));
    bench.feed(of(1, broken(0..20)));
    bench.until("the flood is held", |b| b.sink.letters().len() == 5).await;
    let asked = tokio::time::Instant::now();
    bench.tell(SourceEvent::Revoked(vec![partition(0)]));
    bench.until("it is handed back", |b| b.asked(|asked| !asked.released.is_empty())).await;
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!((bench.committed(0), bench.committed(1)), (Some(5), None));
    assert_eq!(bench.totals().abandoned, 15);
    bench.until("the rest is shown", |b| status(b)["dead_letter_guard"]["held"] == 20).await;

    let opened = bench.guard.open().await.unwrap().unwrap();
    assert_eq!(opened.released, 20, "what was handed back is its next owner's");
    bench.until("the rest is written", |b| b.sink.letters().len() == 25).await;
    bench.feed(of(1, broken(20..40)));
    bench.until("it holds again", |b| b.sink.letters().len() == 30).await;
    let (telemetry, asked) = (bench.telemetry.clone(), tokio::time::Instant::now());
    bench.stop().await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(telemetry.totals().abandoned, 30);
}

#[tokio::test(start_paused = true)]
async fn a_lost_partition_takes_its_held_letters_with_it() {
    let bench = bench();
    bench.feed(broken(0..20));
    bench.until("the flood is held", |b| b.sink.letters().len() == 5).await;
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    bench.assign(0, 5);
    bench.until("nothing is held", |b| status(b)["dead_letter_guard"]["held"] == 0).await;
    bench.feed(alerts(5..20));
    bench.until("the mended records are delivered", |b| b.committed(0) == Some(20)).await;
    assert_eq!(bench.sink.letters().len(), 5);
    assert_eq!(bench.api.calls().len(), 15);
    assert_eq!(bench.sink.letters()[0].origin.offset, Offset(0));
}
