//! How far attempts may have gone is committed before they go, so that the next owner knows what to look up.

use std::time::Duration;

use alertbridge::domain::{Offset, Record};
use alertbridge::offsets::Frontier;
use alertbridge::ports::SourceEvent;
use tokio::time::Instant;

use super::fakes::FakeApi;
use super::harness::{Bench, alerts, one_route, partition};
use super::service::{Ids, Service};
use super::verify::verifying;

fn run(api: std::sync::Arc<FakeApi>) -> Bench {
    Bench::start_with(api, verifying(), one_route())
}

fn left(bench: &Bench) -> Frontier {
    bench.asked(|asked| asked.committed[&partition(0)].clone())
}

fn from(offset: i64, records: Vec<Record>) -> Vec<Record> {
    records.into_iter().filter(|record| record.offset.0 >= offset).collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_before_the_mark_above_it_is_committed() {
    let service = Service::new(Ids::Honour);
    let bench = run(service.api(|service, call| async move { service.start(&call) }));
    bench.asked(|asked| asked.commits_fail = true);
    bench.feed(alerts(0..5));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(bench.api.calls().is_empty(), "no commit has landed: {:?}", bench.api.titles());
    assert!(bench.asked(|asked| asked.committed.is_empty()));
    bench.asked(|asked| asked.commits_fail = false);
    bench.until("all is committed", |b| b.committed(0) == Some(5)).await;
    assert_eq!(service.runs(), [1; 5]);
    assert!(bench.api.looked_up().is_empty());
}

#[tokio::test(start_paused = true)]
async fn failing_commits_are_not_asked_for_in_a_storm() {
    let service = Service::new(Ids::Honour);
    let bench = run(service.api(|service, call| async move { service.start(&call) }));
    bench.asked(|asked| asked.commits_fail = true);
    bench.feed(alerts(0..5));
    tokio::time::sleep(Duration::from_secs(30)).await;
    let failed = "alertbridge_commits_total{result=\"failed\"} ";
    let metrics = bench.telemetry.render();
    let count: f64 =
        metrics.lines().find_map(|line| line.strip_prefix(failed)).and_then(|count| count.parse().ok()).unwrap();
    assert!((10.0..=70.0).contains(&count), "{count} in 30 s");
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_what_may_have_been_sent_is_looked_up_and_started_once() {
    let service = Service::new(Ids::Honour);
    let slow = || {
        service.api(|service, call| async move {
            let answer = service.start(&call);
            tokio::time::sleep(Duration::from_secs(5)).await;
            answer
        })
    };
    let bench = run(slow());
    bench.feed(alerts(0..60));
    bench.until("some are delivered", |b| b.totals().delivered > 10).await;
    let committed = left(&bench);
    bench.crash();
    let started_before = service.runs().len();
    assert!(started_before > 10, "{started_before}");

    let bench = run(slow());
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    let begun = Instant::now();
    bench.assign_after(&committed, 60);
    bench.feed(from(committed.offset.0, alerts(0..60)));
    bench.until("one is looked up", |b| !b.api.looked_up().is_empty()).await;
    assert!(begun.elapsed() >= Duration::from_secs(20), "the last request can be under way until then");
    bench.until("all is committed", |b| b.committed(0) == Some(60)).await;
    assert_eq!(service.runs(), vec![1; 60]);
}

#[tokio::test(start_paused = true)]
async fn what_was_written_after_the_crash_is_not_suspected() {
    let service = Service::new(Ids::Honour);
    let works = || service.api(|service, call| async move { service.start(&call) });
    let bench = run(works());
    bench.feed(alerts(0..10));
    bench.until("all is committed", |b| b.committed(0) == Some(10)).await;
    let committed = left(&bench);
    assert!(committed.mark > Some(Offset(10)), "there is room for what comes next");
    bench.crash();

    let bench = run(works());
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    bench.assign_after(&committed, 10);
    let begun = Instant::now();
    bench.feed(alerts(10..20));
    bench.until("all is delivered", |b| b.totals().delivered == 10).await;
    assert!(begun.elapsed() < Duration::from_secs(1) && bench.api.looked_up().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_clean_stop_leaves_nothing_to_look_up() {
    let service = Service::new(Ids::Honour);
    let bench = run(service.api(|service, call| async move { service.start(&call) }));
    bench.feed(alerts(0..300));
    bench.until("some are delivered", |b| b.totals().delivered > 100).await;
    bench.begin_stop();
    bench.until("it has ended", Bench::has_ended).await;
    let committed = left(&bench);
    assert!(committed.mark <= Some(committed.offset), "{committed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hand_over_names_what_hung_and_the_next_owner_looks_it_up() {
    let service = Service::new(Ids::Honour);
    let bench = run(service.api(|service, call| async move {
        let answer = service.start(&call);
        if call.title() == "a3" {
            std::future::pending().await
        }
        answer
    }));
    bench.feed(alerts(0..10));
    bench.until("nine are delivered", |b| b.totals().delivered == 9).await;
    bench.tell(SourceEvent::Revoked(vec![partition(0)]));
    bench.until("it is handed back", |b| b.asked(|asked| !asked.released.is_empty())).await;
    let committed = left(&bench);
    assert_eq!((committed.offset, committed.mark), (Offset(3), Some(Offset(4))));

    let bench = run(service.api(|service, call| async move { service.start(&call) }));
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    bench.assign_after(&committed, 10);
    bench.feed(from(3, alerts(0..10)));
    bench.until("all is committed", |b| b.committed(0) == Some(10)).await;
    assert_eq!((service.runs(), bench.api.looked_up().len()), (vec![1; 10], 1));
    assert!(bench.api.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn suspects_that_were_not_looked_up_yet_stay_suspects_for_the_next_owner() {
    let service = Service::new(Ids::Honour);
    let hang = || {
        service.api(|service, call| async move {
            let answer = service.start(&call);
            if call.title() != "a0" {
                std::future::pending().await
            }
            answer
        })
    };
    let bench = run(hang());
    bench.feed(alerts(0..20));
    bench.until("some hang", |b| b.api.calls().len() == 9).await;
    let mut committed = left(&bench);
    bench.crash();
    // Owners that come and go before they may look anything up, having read some or nothing.
    for read in [5, 0] {
        let bench = run(hang());
        bench.tell(SourceEvent::Lost(vec![partition(0)]));
        bench.assign_after(&committed, 20);
        bench.feed(alerts(0..read));
        tokio::time::sleep(Duration::from_secs(5)).await;
        bench.tell(SourceEvent::Revoked(vec![partition(0)]));
        bench.until("it is handed back", |b| b.asked(|asked| !asked.released.is_empty())).await;
        if let Some(frontier) = bench.asked(|asked| asked.committed.get(&partition(0)).cloned()) {
            committed = frontier;
        }
        bench.crash();
    }
    let bench = run(service.api(|service, call| async move { service.start(&call) }));
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    bench.assign_after(&committed, 20);
    bench.feed(alerts(0..20));
    bench.until("all is committed", |b| b.committed(0) == Some(20)).await;
    assert_eq!(service.runs(), vec![1; 20]);
}
