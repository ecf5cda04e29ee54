//! What has settled above the frontier must fit into a commit: the reader is held back in time.

use std::sync::Arc;
use std::time::Duration;

use alertbridge::domain::{Offset, Record, TopicPartition};
use alertbridge::offsets::{CommitMetadata, CompletedOffsets};
use alertbridge::ports::SourceEvent;
use tokio::sync::Semaphore;

use super::fakes::{FakeApi, started};
use super::harness::{Bench, alert, one_route, partition, settings};

/// Records far apart, as compaction leaves them.
fn far_apart(records: i64) -> Vec<Record> {
    (0..records).map(|n| alert(n * 100, &format!("a{n}"), "Medium", None)).collect()
}

fn is_paused(bench: &Bench) -> bool {
    bench.asked(|asked| asked.paused.contains(&partition(0)))
}

fn buffered(bench: &Bench) -> Option<u64> {
    serde_json::to_value(&*bench.status.borrow()).unwrap()["buffer"]["bytes"].as_u64()
}

fn is_shown(bench: &Bench) -> bool {
    serde_json::to_value(&*bench.status.borrow()).unwrap()["assignment"][0]["held_back"] == true
}

/// What the latest commit says, as the next owner reads it.
fn said(bench: &Bench) -> Option<(i64, CompletedOffsets)> {
    let frontier = bench.asked(|asked| asked.committed.get(&partition(0)).cloned())?;
    let of: TopicPartition = partition(0);
    let text = frontier.metadata().encode("group", &of, frontier.offset);
    let read = CommitMetadata::decode(&text, "group", &of, frontier.offset, Offset(i64::MAX));
    Some((frontier.offset.0, read.unwrap_or_default().completed))
}

#[tokio::test(start_paused = true)]
async fn a_partition_is_held_back_before_its_span_would_not_fit_and_goes_on_afterwards() {
    let permits = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&permits);
    let api = FakeApi::new(move |call| {
        let gate = Arc::clone(&gate);
        async move {
            // The first one shows that the credentials are good.
            if call.title() != "a0" {
                gate.acquire().await.unwrap().forget();
            }
            started(&call.request)
        }
    });
    let mut settings = settings();
    settings.max_in_flight = 1_000;
    settings.revoke_timeout = Duration::from_secs(1);
    let bench = Bench::start_with(api, settings, one_route());
    bench.feed(far_apart(1_000));
    bench.tell(SourceEvent::Position(vec![(partition(0), Offset(123_456))]));
    bench.until("it is held back", is_paused).await;
    bench.until("it is shown", is_shown).await;
    let sent = bench.api.calls().len();
    assert!((300..600).contains(&sent), "some have been let in and the others wait: {sent}");

    permits.add_permits(600);
    bench.until("the others follow", |b| b.api.calls().len() == 1_000).await;
    permits.add_permits(1_000);
    bench.until("all is committed, and the gap behind it", |b| b.committed(0) == Some(123_456)).await;
    bench.until("reading goes on", |b| !is_paused(b) && !is_shown(b)).await;
    assert_eq!(bench.api.calls().len(), 1_000, "nobody twice");
    assert_eq!(bench.totals().delivered, 1_000);
    bench.until("nothing is left of what was held", |b| buffered(b) == Some(0)).await;
}

#[tokio::test(start_paused = true)]
async fn one_stuck_record_holds_nothing_back_and_a_crash_repeats_it_alone() {
    let api = FakeApi::new(|call| async move {
        if call.title() == "a1" {
            std::future::pending::<()>().await;
        }
        started(&call.request)
    });
    let bench = Bench::start(api);
    bench.feed(far_apart(1_000));
    bench.until("the others are there", |b| b.totals().delivered == 999).await;
    bench.until("a commit says so", |b| said(b).is_some_and(|(_, read)| read.contains(Offset(99_900)))).await;
    assert!(!is_paused(&bench));
    let (start, completed) = said(&bench).unwrap();
    assert_eq!(start, 100);
    bench.crash();

    let next = Bench::start(FakeApi::that_works());
    next.tell(SourceEvent::Lost(vec![partition(0)]));
    next.assign_with(0, start, completed);
    next.feed(far_apart(1_000));
    next.until("the rest is committed", |b| b.committed(0) == Some(99_901)).await;
    assert_eq!(next.api.titles(), ["a1"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_goes_with_its_partition() {
    let bench = Bench::start_with(FakeApi::new(|_| std::future::pending()), settings(), one_route());
    bench.feed(far_apart(1_000));
    bench.until("it is held back", is_paused).await;
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    bench.until("nothing is kept", |b| buffered(b) == Some(0)).await;
}
