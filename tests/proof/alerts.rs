//! Alerts of one severity, what the shows ask of a configuration, and what they measure.

use std::ops::Range;
use std::time::Duration;

use alertbridge::domain::alert_id;
use alertbridge::simulator::{Faults, Latency, StatusFault};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::arrivals::Seen;
use crate::support::world::{Draft, Fate, World, Written};

/// Alerts of this severity; `keys` different keys, all of them new.
pub(crate) fn alerts(numbers: Range<usize>, severity: &str, keys: usize) -> Vec<Draft> {
    let salt = uuid::Uuid::new_v4();
    let alert = |n: usize| {
        let id = format!("{salt}-{n}");
        let value = json!({"id": id, "title": format!("alert {n}"), "severity": severity}).to_string().into_bytes();
        let fate = Fate::Delivered(alert_id("secmaster_alert", &id).to_string());
        Draft { key: Some(format!("{salt}-{}", n % keys)), value, fate }
    };
    numbers.map(alert).collect()
}

/// Writes one record after another, this far apart.
pub(crate) async fn write_each(world: &World, drafts: Vec<Draft>, every: Duration) -> Vec<Written> {
    let mut written = Vec::new();
    let mut next = Instant::now();
    for draft in drafts {
        tokio::time::sleep_until(next).await;
        next += every;
        written.extend(world.write(vec![draft]).await);
    }
    written
}

/// The usual configuration with a quota.
pub(crate) fn with_quota(configuration: &str, per_second: u32) -> String {
    let limits = format!("rate_limits: [{{requests: {per_second}, per: 1s}}]");
    configuration.replace("rate_limits: []", &limits)
}

/// Faults under which this status comes for all.
pub(crate) fn always(status: u16) -> Faults {
    Faults { status: vec![share(status, 1.0)], ..Faults::default() }
}

/// A status that this share of the requests gets.
pub(crate) const fn share(status: u16, probability: f64) -> StatusFault {
    StatusFault { status, probability, times: None, code: None, message: None, body: None }
}

/// A service that takes this long, and is in order otherwise.
pub(crate) fn slow(min_ms: u64, max_ms: u64) -> Faults {
    Faults { latency: Some(Latency::Between { min_ms, max_ms }), ..Faults::default() }
}

/// From just before each record was written to the first request for it.
pub(crate) fn latencies(world: &World, written: &[Written]) -> Vec<Duration> {
    let first = world.arrivals.first_of_each();
    let mut latencies: Vec<Duration> =
        written.iter().filter_map(|record| Some(first[record.alert()?].saturating_duration_since(record.at))).collect();
    latencies.sort();
    latencies
}

/// Waits until a condition holds, and says how long that took; `None` where it did not within the bound.
pub(crate) async fn until(bound: Duration, mut holds: impl FnMut() -> bool) -> Option<Duration> {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() > bound {
            return None;
        }
        sleep(Duration::from_millis(5)).await;
    }
    Some(begun.elapsed())
}

/// The most departures in any window, by what the bridges say of their attempts at debug level.
pub(crate) fn fullest_departures(attempts: &[Value], window: Duration) -> usize {
    let departed = |line: &Value| {
        let ended: Timestamp = line["timestamp"].as_str().unwrap().parse().unwrap();
        ended.as_microsecond() - 1_000 * i64::try_from(line["duration_ms"].as_u64().unwrap()).unwrap()
    };
    let mut times: Vec<i64> = attempts.iter().map(departed).collect();
    times.sort_unstable();
    let window = i64::try_from(window.as_micros()).unwrap();
    let fits = |first: usize| times[first..].iter().take_while(|time| **time - times[first] < window).count();
    (0..times.len()).map(fits).max().unwrap_or_default()
}

/// A sorted list's value at this part of it.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// Requests and the time from the first to the last of them.
pub(crate) fn pace(seen: &[Seen]) -> f64 {
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return 0.0 };
    let count = u32::try_from(seen.len() - 1).unwrap();
    f64::from(count) / (last.at - first.at).as_secs_f64()
}
