//! The worst first, and nobody for ever last.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::fakes::{FakeApi, started, unavailable};
use super::harness::{Bench, alert, each_second, one_route, settings};

const LOWS: i64 = 10_000;
const FATALS: i64 = 20;

/// A service that can be down, behind a quota of 50 a second; it notes what it confirmed, and when.
struct Service {
    bench: Bench,
    is_down: Arc<AtomicBool>,
    confirmed: Arc<Mutex<Confirmed>>,
}

#[derive(Default)]
struct Confirmed {
    at: HashMap<String, Instant>,
    lows: usize,
}

impl Service {
    fn start(age_to_top: Duration) -> Self {
        let mut settings = settings();
        settings.age_to_top = age_to_top;
        settings.rates.tenant = vec![each_second(50)];
        settings.budget.records = 20_000;
        settings.budget.records_per_partition = 20_000;
        settings.budget.bytes = 1 << 30;
        let (is_down, confirmed) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Confirmed>>::default());
        let (down, noted) = (Arc::clone(&is_down), Arc::clone(&confirmed));
        let api = FakeApi::new(move |call| {
            let is_down = down.load(Ordering::Relaxed);
            if !is_down {
                let (title, mut noted) = (call.title(), noted.lock().unwrap());
                noted.lows += usize::from(title.starts_with("low"));
                noted.at.insert(title, Instant::now());
            }
            async move {
                sleep(Duration::from_millis(10)).await;
                if is_down { unavailable() } else { started(&call.request) }
            }
        });
        Self { bench: Bench::start_with(api, settings, one_route()), is_down, confirmed }
    }

    fn lows(&self) -> usize {
        self.confirmed.lock().unwrap().lows
    }

    fn fatals(&self) -> usize {
        let confirmed = self.confirmed.lock().unwrap();
        confirmed.at.len() - confirmed.lows
    }

    /// Feeds Fatals of fresh keys 250 ms apart; says how long the slowest was on its way.
    async fn slowest_fatal(&self, from: i64) -> Duration {
        let mut fed = Vec::new();
        for n in from..from + FATALS {
            self.bench.feed(vec![alert(n, &format!("fatal{n}"), "Fatal", Some(&format!("host-{n}")))]);
            fed.push(Instant::now());
            sleep(Duration::from_millis(250)).await;
        }
        let at = |n: i64| self.confirmed.lock().unwrap().at.get(&format!("fatal{n}")).copied();
        self.bench.until("the Fatals are there", |_| (from..from + FATALS).all(|n| at(n).is_some())).await;
        (from..).zip(fed).map(|(n, fed)| at(n).unwrap() - fed).max().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn fatals_leave_soon_behind_ten_thousand_lows_and_behind_lows_that_are_old_after_an_outage() {
    let service = Service::start(Duration::from_secs(60));
    service.bench.feed((0..LOWS).map(|n| alert(n, &format!("low{n}"), "Low", None)).collect());
    service.bench.until("some Lows have left", |_| service.lows() > 100).await;
    let slowest = service.slowest_fatal(LOWS).await;
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");

    service.bench.until("the others are old", |_| service.lows() > 5_000).await;
    service.is_down.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(600)).await;
    service.is_down.store(false, Ordering::Relaxed);
    service.bench.until("sending goes on", |_| service.lows() > 5_100).await;
    let slowest = service.slowest_fatal(LOWS + FATALS).await;
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_low_leaves_under_a_flood_of_fatals_once_it_is_old_and_an_outage_makes_it_no_older() {
    let service = Service::start(Duration::from_secs(20));
    service.is_down.store(true, Ordering::Relaxed);
    let fatal = |n| alert(n, &format!("fatal{n}"), "Fatal", None);
    service.bench.feed([alert(0, "low", "Low", None)].into_iter().chain((1..3_000).map(fatal)).collect());
    sleep(Duration::from_secs(600)).await;
    service.is_down.store(false, Ordering::Relaxed);
    service.bench.until("the Low has left", |_| service.lows() > 0).await;
    let before = service.fatals();
    assert!((500..1_100).contains(&before), "20 s of 50 a second, less what the outage's beginning took: {before}");
}
