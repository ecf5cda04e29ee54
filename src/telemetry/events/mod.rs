//! The events of the program: each is one method that writes its log line and its metric together.
//!
//! The methods do not block (but for a standard output that nobody reads), do not fail, and may be called from any
//! task. Split by subject: deliveries, Kafka, pauses, the life cycle.

mod alerts;
mod delivery;
mod flow;
mod guard;
mod kafka;
mod lifecycle;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

pub use alerts::AlertEvent;
pub use delivery::{AttemptEvent, Delivery, OutcomeEvent};
pub use flow::PauseEvent;
pub use guard::{GuardClosedEvent, GuardOpenedBy};
pub use lifecycle::StartEvent;
pub use verify::LookUpEvent;

use super::log_events::{self, LogEvent};
use super::metrics::{Metrics, MetricsError};
use super::throttle::Throttle;

/// Writes the line of one [`LogEvent`]; level, name and message come from the list.
macro_rules! emit {
    ($event:expr $(, $($fields:tt)*)?) => {
        tracing::event!(target: "alertbridge", $event.level, event = $event.name, message = $event.message
            $(, $($fields)*)?)
    };
}
use emit;

/// Where everything that is worth telling goes. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Telemetry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    counts: Counts,
    throttles: Mutex<BTreeMap<(&'static str, String), Throttle>>,
}

/// What the summary line at the end says.
#[derive(Debug, Default)]
struct Counts {
    records_consumed: AtomicU64,
    delivered: AtomicU64,
    skipped: AtomicU64,
    dead_lettered: AtomicU64,
    abandoned: AtomicU64,
}

/// What has happened since the start of the process.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Records read from Kafka.
    pub records_consumed: u64,
    /// Deliveries that ended as delivered.
    pub delivered: u64,
    /// Deliveries that ended as skipped.
    pub skipped: u64,
    /// Deliveries that ended as dead letters.
    pub dead_lettered: u64,
    /// Deliveries that were given up and come again.
    pub abandoned: u64,
}

impl Telemetry {
    /// Registers every metric.
    ///
    /// # Errors
    /// If the catalogue of metrics does not make sense, which a test excludes.
    pub fn try_new() -> Result<Self, MetricsError> {
        let inner = Inner { metrics: Metrics::try_new()?, counts: Counts::default(), throttles: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// All metrics in the Prometheus text format (version 0.0.4).
    #[must_use]
    pub fn render(&self) -> String {
        self.inner.metrics.render()
    }

    /// What has happened so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let counts = &self.inner.counts;
        Totals {
            records_consumed: counts.records_consumed.load(Ordering::Relaxed),
            delivered: counts.delivered.load(Ordering::Relaxed),
            skipped: counts.skipped.load(Ordering::Relaxed),
            dead_lettered: counts.dead_lettered.load(Ordering::Relaxed),
            abandoned: counts.abandoned.load(Ordering::Relaxed),
        }
    }

    /// Says what was summarised in windows that have ended, and folds the histograms' samples. To be called every few
    /// seconds; the server does.
    pub fn tick(&self) {
        self.inner.metrics.fold_samples();
        self.summarise(|throttle, now| throttle.take_due(now));
    }

    fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Whether a line that may come in storms is to be written. Lines are equal if event and `key` are.
    fn admits(&self, event: &LogEvent, key: &str) -> bool {
        let mut throttles = self.inner.throttles.lock().unwrap_or_else(PoisonError::into_inner);
        let admission = throttles.entry((event.name, key.to_owned())).or_default().admit(Instant::now());
        drop(throttles);
        summary(event.name, admission.suppressed);
        admission.pass
    }

    /// Writes the summaries that `take` finds.
    fn summarise(&self, take: impl Fn(&mut Throttle, Instant) -> u64) {
        let now = Instant::now();
        let mut throttles = self.inner.throttles.lock().unwrap_or_else(PoisonError::into_inner);
        let due: Vec<_> = throttles.iter_mut().map(|((event, _), throttle)| (*event, take(throttle, now))).collect();
        drop(throttles);
        for (event, suppressed) in due {
            summary(event, suppressed);
        }
    }
}

fn summary(event: &str, suppressed: u64) {
    if suppressed > 0 {
        emit!(log_events::SUMMARISED, summarised_event = event, suppressed);
    }
}

/// A duration in whole milliseconds.
fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A count as a gauge's value. Exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; no count here comes near 2^53")]
fn as_gauge(count: i64) -> f64 {
    count as f64
}
