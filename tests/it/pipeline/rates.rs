//! The quota: divided by partition among replicas, by route, and taken up slowly after an outage.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason, Offset};
use alertbridge::pipeline::PipelineSettings;
use alertbridge::ports::{SourceEvent, Start};
use alertbridge::resilience::RateScope;
use alertbridge::routing::{RouteSettings, RuleSettings};
use tokio::time::{Instant, sleep};

use super::fakes::{Call, FakeApi, failed, started, unavailable};
use super::harness::{Bench, alert, alerts, each_second, one_route, partition, settings};

fn in_group(requests: u32) -> PipelineSettings {
    let mut settings = settings();
    settings.max_in_flight = 64;
    settings.rates.scope = RateScope::Group;
    settings.rates.tenant = vec![each_second(requests)];
    settings
}

/// Assigns partitions of a topic that has so many.
fn assign(bench: &Bench, numbers: &[i32], of: i32) {
    let start = |number: &i32| Start::without_memory(partition(*number), Offset(0), Offset(0));
    let (partitions, all) = (numbers.iter().map(start).collect(), (0..of).map(partition).collect());
    bench.tell(SourceEvent::Assigned { cluster_id: "cluster".into(), partitions, all });
}

/// Alerts of a partition.
fn feed(bench: &Bench, number: i32, offsets: std::ops::Range<i64>) {
    let mut records = alerts(offsets);
    records.iter_mut().for_each(|record| record.partition = partition(number));
    bench.feed(records);
}

/// A bench that has lost the partition it began with.
fn begin(settings: PipelineSettings) -> Bench {
    let bench = Bench::start_with(FakeApi::that_works(), settings, one_route());
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    bench
}

fn share(bench: &Bench) -> f64 {
    let page = bench.telemetry.render();
    let line = page.lines().find(|line| line.starts_with("alertbridge_rate_share ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// How many left in this time.
async fn departures_in(bench: &Bench, time: Duration) -> usize {
    let before = bench.api.calls().len();
    sleep(time).await;
    bench.api.calls().len() - before
}

/// The most calls in any second.
fn fullest_second(calls: &[Call]) -> usize {
    let within = |i: usize| calls[i..].iter().take_while(|call| call.at - calls[i].at < Duration::from_secs(1)).count();
    (0..calls.len()).map(within).max().unwrap_or(0)
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_replica_sends_its_partitions_share_one_window_after_their_assignment() {
    let bench = begin(in_group(60));
    assign(&bench, &[0, 1, 2], 6);
    feed(&bench, 0, 0..900);
    assert_eq!(departures_in(&bench, SECOND).await, 0, "the former owner's departures are still in the window");
    let sent = departures_in(&bench, SECOND * 10).await;
    assert!((280..=300).contains(&sent), "half of the quota: {sent}");
    assert!((share(&bench) - 0.5).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn the_share_falls_the_moment_a_partition_is_revoked_and_also_when_it_is_lost() {
    let bench = begin(in_group(60));
    assign(&bench, &[0, 1, 2], 3);
    feed(&bench, 0, 0..900);
    sleep(SECOND * 3).await;
    bench.tell(SourceEvent::Revoked(vec![partition(1)]));
    let sent = departures_in(&bench, SECOND).await;
    assert!((35..=40).contains(&sent), "two thirds: {sent}");
    bench.tell(SourceEvent::Lost(vec![partition(2)]));
    let sent = departures_in(&bench, SECOND).await;
    assert!((17..=20).contains(&sent), "one third: {sent}");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_goes_before_its_window_is_over_never_counts() {
    let bench = begin(in_group(60));
    assign(&bench, &[0, 1], 2);
    feed(&bench, 0, 0..900);
    sleep(SECOND / 2).await;
    bench.tell(SourceEvent::Revoked(vec![partition(1)]));
    sleep(SECOND).await;
    let sent = departures_in(&bench, SECOND).await;
    assert!((27..=30).contains(&sent), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_has_grown_lowers_the_share_at_once() {
    let bench = begin(in_group(60));
    assign(&bench, &[0], 2);
    feed(&bench, 0, 0..900);
    sleep(SECOND * 3).await;
    assign(&bench, &[], 6);
    let sent = departures_in(&bench, SECOND).await;
    assert!((8..=10).contains(&sent), "{sent}");
    assert!(
        bench.telemetry.render().contains(r#"alertbridge_rebalances_total{kind="assigned"} 2"#),
        "nothing was assigned"
    );
}

#[tokio::test(start_paused = true)]
async fn without_partitions_nothing_leaves_and_with_a_quota_below_their_number_a_fraction_does() {
    let bench = begin(in_group(2));
    assign(&bench, &[0], 8);
    feed(&bench, 0, 0..100);
    let sent = departures_in(&bench, SECOND * 81).await;
    assert!((18..=20).contains(&sent), "a quarter of a request a second: {sent}");
}

/// Show 4 without Kafka.
#[tokio::test(start_paused = true)]
async fn a_backlog_uses_the_quota_to_ninety_seven_percent_and_never_passes_it() {
    let mut settings = in_group(50);
    settings.adaptive_concurrency = true;
    settings.budget.records = 20_000;
    settings.budget.records_per_partition = 20_000;
    settings.budget.bytes = 64 << 20;
    let bench = begin(settings);
    assign(&bench, &[0, 1, 2, 3, 4, 5], 6);
    feed(&bench, 0, 0..10_000);
    let began = Instant::now();
    bench.until("all is delivered", |b| b.totals().delivered == 10_000).await;
    let (took, calls) = (began.elapsed(), bench.api.calls());
    assert!(fullest_second(&calls) <= 50, "{}", fullest_second(&calls));
    assert!(took <= SECOND * 10_000 / 50 * 100 / 97, "{took:?}");
}

/// Two replicas of one group, with one log of calls.
#[tokio::test(start_paused = true)]
async fn replicas_that_hand_partitions_over_never_pass_the_quota_together() {
    let (left, right) = (begin(in_group(50)), begin(in_group(50)));
    assign(&left, &[0, 1, 2, 3], 4);
    feed(&left, 0, 0..900);
    sleep(Duration::from_millis(7_300)).await;
    for round in 0..6 {
        let (from, to) = if round % 2 == 0 { (&left, &right) } else { (&right, &left) };
        let moved: Vec<_> = [1, 2, 3].map(partition).to_vec();
        let released = from.asked(|asked| asked.released.len());
        from.tell(SourceEvent::Revoked(moved));
        from.until("they are handed back", |b| b.asked(|asked| asked.released.len() > released)).await;
        assign(to, &[1, 2, 3], 4);
        feed(to, 1, 0..300);
        sleep(Duration::from_millis(2_600)).await;
    }
    let mut calls = [left.api.calls(), right.api.calls()].concat();
    calls.sort_by_key(|call| call.at);
    assert!(calls.len() > 600, "{}", calls.len());
    assert!(fullest_second(&calls) <= 50, "{}", fullest_second(&calls));
}

fn two_routes() -> RouteSettings {
    let rule = |name: &str, when: &str, ids: &[&str]| RuleSettings {
        name: name.to_owned(),
        when: Some(when.to_owned()),
        workflow_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        ..RuleSettings::default()
    };
    RouteSettings { rules: vec![rule("slow", r#".severity == "Fatal""#, &["wf-1", "wf-2"])], ..one_route() }
}

#[tokio::test(start_paused = true)]
async fn a_routes_own_limit_holds_all_its_workflows_and_no_other_route() {
    let mut settings = settings();
    settings.rates.tenant = vec![each_second(20)];
    settings.rates.routes = vec![("slow".into(), vec![each_second(1)])];
    let bench = Bench::start_with(FakeApi::that_works(), settings, two_routes());
    bench.feed((0..20).map(|n| alert(n, "fatal", "Fatal", None)).collect());
    bench.feed((20..420).map(|n| alert(n, "low", "Low", None)).collect());
    sleep(SECOND * 10).await;
    let calls = bench.api.calls();
    let of = |workflow: &str| calls.iter().filter(|call| &*call.request.destination.workflow_id == workflow).count();
    assert_eq!(of("wf-1") + of("wf-2"), 9, "one a second");
    assert!(of("wf-default") >= 180, "the other route has what is left: {}", of("wf-default"));
    bench.until("all are delivered", |b| b.totals().delivered == 440).await;
}

/// An API that fails until it has been asked so often, then answers late, and notes when it was asked.
fn api_that_recovers(after: u32, then: fn(u32) -> bool) -> (Arc<FakeApi>, Arc<Mutex<Vec<Instant>>>) {
    let (asked, log) = (AtomicU32::new(0), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&log);
    let api = FakeApi::new(move |call| {
        let n = asked.fetch_add(1, Ordering::Relaxed);
        seen.lock().unwrap().push(Instant::now());
        async move {
            sleep(Duration::from_millis(if n < after { 10 } else { 500 })).await;
            if n < after || then(n - after) { unavailable() } else { started(&call.request) }
        }
    });
    (api, log)
}

#[tokio::test(start_paused = true)]
async fn after_a_breaker_has_closed_one_request_goes_first() {
    let (api, log) = api_that_recovers(20, |_| false);
    let bench = Bench::start(api);
    bench.feed(alerts(0..100));
    bench.until("the probe is answered", |b| b.totals().delivered == 1).await;
    let probe = log.lock().unwrap()[20];
    bench.until("many have left", |b| b.api.calls().len() >= 28).await;
    let since: Vec<u128> = log.lock().unwrap()[20..26].iter().map(|at| (*at - probe).as_millis()).collect();
    assert_eq!(since, [0, 500, 1_000, 1_000, 1_000, 1_000], "the probe, the first one, and then the others");
}

#[tokio::test(start_paused = true)]
async fn the_first_request_after_a_breaker_has_closed_opens_it_again_if_it_fails() {
    let (api, log) = api_that_recovers(20, |n| n == 1);
    let bench = Bench::start(api);
    bench.feed(alerts(0..100));
    bench.until("all is committed", |b| b.committed(0) == Some(100)).await;
    let log = log.lock().unwrap();
    let since: Vec<u128> = log[20..25].iter().map(|at| (*at - log[20]).as_millis()).collect();
    assert_eq!(since, [0, 500, 2_000, 2_500, 3_000], "a probe, one that fails, a second's wait, a probe, one more");
    assert_eq!(bench.sink.letters(), []);
}

#[tokio::test(start_paused = true)]
async fn a_first_request_that_says_nothing_is_followed_by_another() {
    let asked = AtomicU32::new(0);
    let bench = Bench::start(FakeApi::new(move |call| {
        let n = asked.fetch_add(1, Ordering::Relaxed);
        async move {
            sleep(Duration::from_millis(10)).await;
            match n {
                0..20 => unavailable(),
                // The probe, and then the one that goes first.
                20 => started(&call.request),
                21 => failed(FailureClass::Throttled, FailureReason::QuotaExceeded, Some(429)),
                _ => started(&call.request),
            }
        }
    }));
    bench.feed(alerts(0..100));
    bench.until("all is committed", |b| b.committed(0) == Some(100)).await;
}
