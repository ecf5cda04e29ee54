//! Who leaves first.

use alertbridge::pipeline::Ordering;

use super::fakes::{FakeApi, started, unavailable};
use super::harness::{Bench, alert, each_second, one_route, settings};

#[tokio::test(start_paused = true)]
async fn a_fatal_overtakes_the_lows_that_wait_for_the_quota() {
    let mut settings = settings();
    settings.rates.tenant = vec![each_second(1)];
    let bench = Bench::start_with(FakeApi::that_works(), settings, one_route());
    let mut records: Vec<_> = (0..20).map(|n| alert(n, &format!("low{n}"), "Low", None)).collect();
    bench.feed(records.split_off(0));
    bench.until("a few have left", |b| b.api.calls().len() == 3).await;
    bench.feed(vec![alert(20, "fatal", "Fatal", None)]);
    bench.until("the next one has left", |b| b.api.calls().len() == 4).await;
    assert_eq!(bench.api.titles()[3], "fatal");
}

#[tokio::test(start_paused = true)]
async fn the_deliveries_of_a_key_leave_one_after_another_through_retries_too() {
    let failures = std::sync::atomic::AtomicU32::new(2);
    let api = FakeApi::new(move |call| {
        let fails = call.title() == "k0"
            && failures
                .fetch_update(std::sync::atomic::Ordering::Relaxed, std::sync::atomic::Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok();
        async move { if fails { unavailable() } else { started(&call.request) } }
    });
    let bench = Bench::start(api);
    let keyed = (0..5).map(|n| alert(n, &format!("k{n}"), if n == 4 { "Fatal" } else { "Low" }, Some("host-1")));
    bench.feed(keyed.chain([alert(5, "free", "Low", None)]).collect());
    bench.until("all is committed", |b| b.committed(0) == Some(6)).await;
    let titles = bench.api.titles();
    let of_key: Vec<&String> = titles.iter().filter(|title| title.starts_with('k')).collect();
    assert_eq!(of_key, ["k0", "k0", "k0", "k1", "k2", "k3", "k4"]);
    let free = titles.iter().position(|title| title == "free").unwrap();
    assert!(free < titles.iter().position(|title| title == "k1").unwrap(), "another key does not wait: {titles:?}");
}

#[tokio::test(start_paused = true)]
async fn order_by_partition_lets_one_leave_at_a_time() {
    let mut settings = settings();
    settings.ordering = Ordering::Partition;
    let bench = Bench::start_with(FakeApi::that_works(), settings, one_route());
    let severities = (0_i64..).zip(["Low", "Fatal", "Medium"]);
    bench.feed(severities.map(|(n, severity)| alert(n, &format!("p{n}"), severity, None)).collect());
    bench.until("all is committed", |b| b.committed(0) == Some(3)).await;
    assert_eq!(bench.api.titles(), ["p0", "p1", "p2"]);
}
