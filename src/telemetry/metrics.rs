//! The metrics of one process: registered once, on a recorder of their own, without globals or macros.
//!
//! Handles of hot and closed series are kept; series with labels from the configuration are looked up when used.

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::catalogue::{self as names, CATALOGUE, Definition, Kind};
use super::pause::PauseReason;
use crate::domain::{DeadLetterClass, FailureClass, FailureReason, Outcome, OutcomeKind, Severity, SkipReason};

/// The label of an outcome that needs no reason.
const NO_REASON: &str = "none";
/// The `class` of an attempt that created an alert.
const CREATED: &str = "created";
/// The `class` of an attempt that started a workflow.
const DELIVERED: &str = "delivered";

/// What a look-up said, as the label `result` and the log have it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LookUpResult {
    /// The instance is there.
    Present,
    /// It is not.
    Absent,
    /// The answer says neither.
    Unclear,
    /// There was no answer, or a refusal.
    Failed,
}

impl LookUpResult {
    const ALL: [Self; 4] = [Self::Present, Self::Absent, Self::Unclear, Self::Failed];

    /// The label.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Absent => "absent",
            Self::Unclear => "unclear",
            Self::Failed => "failed",
        }
    }
}

/// The metrics could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the metrics cannot be set up: {0}")]
pub struct MetricsError(#[from] BuildError);

/// Every metric of the catalogue, ready to be counted on.
#[derive(Debug)]
pub(super) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    pub(super) records_consumed: Counter,
    delivered: Counter,
    skipped: Vec<(SkipReason, Counter)>,
    dead_lettered: Vec<(FailureReason, Counter)>,
    pub(super) abandoned: Counter,
    pub(super) held_dead_letters: Gauge,
    attempt_delivered: Counter,
    attempts: Vec<(FailureClass, Counter)>,
    alert_created: Counter,
    alert_attempts: Vec<(FailureClass, Counter)>,
    dead_letters: Vec<(DeadLetterClass, Counter)>,
    look_ups: Vec<(LookUpResult, Counter)>,
    pub(super) attempt_duration: Histogram,
    alert_age: Vec<(Severity, Histogram)>,
    pub(super) rate_limit_wait: Histogram,
    pub(super) rate_share: Gauge,
    pub(super) hold_off: Histogram,
    pub(super) in_flight: Gauge,
    pub(super) concurrency_limit: Gauge,
    buffered_records: Vec<(Severity, Gauge)>,
    pub(super) buffered_bytes: Gauge,
    pub(super) oldest_unsettled: Gauge,
    pub(super) commits_ok: Counter,
    pub(super) commits_failed: Counter,
    pub(super) lost_records: Counter,
    pub(super) assigned: Counter,
    pub(super) revoked: Counter,
    pub(super) lost: Counter,
    paused: Vec<(PauseReason, Gauge)>,
    pub(super) renewal_failing: Gauge,
    pub(super) ready: Gauge,
}

impl Metrics {
    /// Registers everything whose labels are known beforehand, so that it is shown from the start.
    pub(super) fn try_new() -> Result<Self, MetricsError> {
        let mut builder = PrometheusBuilder::new();
        for definition in CATALOGUE.iter().filter(|d| d.kind == Kind::Histogram) {
            builder = builder.set_buckets_for_metric(Matcher::Full(definition.name.to_owned()), definition.buckets)?;
        }
        let recorder = builder.build_recorder();
        for definition in CATALOGUE {
            let (name, help) = (KeyName::from_const_str(definition.name), definition.help.into());
            match definition.kind {
                Kind::Counter => recorder.describe_counter(name, None, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                Kind::Histogram => recorder.describe_histogram(name, None, help),
            }
        }
        let r = &recorder;
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        gauge(r, &names::STARTED, &[]).set(since_epoch.as_secs_f64());
        gauge(r, &names::BUILD_INFO, &[env!("CARGO_PKG_VERSION")]).set(1.0);
        Ok(Self {
            records_consumed: counter(r, &names::RECORDS_CONSUMED, &[]),
            delivered: outcome(r, OutcomeKind::Delivered, NO_REASON),
            skipped: SkipReason::ALL.map(|s| (s, outcome(r, OutcomeKind::Skipped, s.as_str()))).into(),
            dead_lettered: FailureReason::ALL
                .iter()
                .map(|f| (*f, outcome(r, OutcomeKind::DeadLettered, f.as_str())))
                .collect(),
            abandoned: outcome(r, OutcomeKind::Abandoned, NO_REASON),
            held_dead_letters: gauge(r, &names::HELD_DEAD_LETTERS, &[]),
            attempt_delivered: counter(r, &names::ATTEMPTS, &[DELIVERED]),
            attempts: FailureClass::ALL.map(|c| (c, counter(r, &names::ATTEMPTS, &[c.as_str()]))).into(),
            alert_created: counter(r, &names::ALERT_ATTEMPTS, &[CREATED]),
            alert_attempts: FailureClass::ALL.map(|c| (c, counter(r, &names::ALERT_ATTEMPTS, &[c.as_str()]))).into(),
            dead_letters: DeadLetterClass::ALL.map(|c| (c, counter(r, &names::DEAD_LETTERS, &[c.as_str()]))).into(),
            look_ups: LookUpResult::ALL.map(|l| (l, counter(r, &names::LOOK_UPS, &[l.as_str()]))).into(),
            attempt_duration: histogram(r, &names::ATTEMPT_DURATION, &[]),
            alert_age: Severity::ALL.map(|s| (s, histogram(r, &names::ALERT_AGE, &[s.as_str()]))).into(),
            rate_limit_wait: histogram(r, &names::RATE_LIMIT_WAIT, &[]),
            hold_off: histogram(r, &names::HOLD_OFF, &[]),
            rate_share: gauge(r, &names::RATE_SHARE, &[]),
            in_flight: gauge(r, &names::IN_FLIGHT, &[]),
            concurrency_limit: gauge(r, &names::CONCURRENCY_LIMIT, &[]),
            buffered_records: Severity::ALL.map(|s| (s, gauge(r, &names::BUFFERED_RECORDS, &[s.as_str()]))).into(),
            buffered_bytes: gauge(r, &names::BUFFERED_BYTES, &[]),
            oldest_unsettled: gauge(r, &names::OLDEST_UNSETTLED, &[]),
            commits_ok: counter(r, &names::COMMITS, &["ok"]),
            commits_failed: counter(r, &names::COMMITS, &["failed"]),
            lost_records: counter(r, &names::LOST_RECORDS, &[]),
            assigned: counter(r, &names::REBALANCES, &["assigned"]),
            revoked: counter(r, &names::REBALANCES, &["revoked"]),
            lost: counter(r, &names::REBALANCES, &["lost"]),
            paused: PauseReason::ALL.map(|p| (p, gauge(r, &names::PAUSED, &[p.as_str()]))).into(),
            renewal_failing: gauge(r, &names::RENEWAL_FAILING, &[]),
            ready: gauge(r, &names::READY, &[]),
            handle: recorder.handle(),
            recorder,
        })
    }

    /// Counts one outcome.
    pub(super) fn outcome(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Delivered => Some(&self.delivered),
            Outcome::Skipped(reason) => find(&self.skipped, reason),
            Outcome::DeadLettered(class, reason) => {
                if let Some(counter) = find(&self.dead_letters, class) {
                    counter.increment(1);
                }
                find(&self.dead_lettered, reason)
            }
            Outcome::Abandoned => Some(&self.abandoned),
        };
        if let Some(counter) = counter {
            counter.increment(1);
        }
    }

    /// Counts one attempt; `None` is a confirmed start.
    pub(super) fn attempt(&self, failure: Option<FailureClass>) {
        let counter = match failure {
            None => Some(&self.attempt_delivered),
            Some(class) => find(&self.attempts, class),
        };
        if let Some(counter) = counter {
            counter.increment(1);
        }
    }

    /// Counts one attempt to create an alert; `None` is a confirmed creation.
    pub(super) fn alert_attempt(&self, failure: Option<FailureClass>) {
        let counter = match failure {
            None => Some(&self.alert_created),
            Some(class) => find(&self.alert_attempts, class),
        };
        if let Some(counter) = counter {
            counter.increment(1);
        }
    }

    /// Counts one look-up.
    pub(super) fn look_up(&self, result: LookUpResult) {
        if let Some(counter) = find(&self.look_ups, result) {
            counter.increment(1);
        }
    }

    /// Records a delivered alert's age in seconds.
    pub(super) fn alert_age(&self, severity: Severity, seconds: f64) {
        if let Some(histogram) = find(&self.alert_age, severity) {
            histogram.record(seconds);
        }
    }

    /// Shows how many deliveries of a severity wait.
    pub(super) fn buffered(&self, severity: Severity, count: f64) {
        if let Some(gauge) = find(&self.buffered_records, severity) {
            gauge.set(count);
        }
    }

    /// Shows whether something is paused.
    pub(super) fn paused(&self, reason: PauseReason, paused: bool) {
        if let Some(gauge) = find(&self.paused, reason) {
            gauge.set(f64::from(u8::from(paused)));
        }
    }

    /// A gauge whose labels come from the configuration or the assignment.
    pub(super) fn gauge(&self, definition: &Definition, labels: &[&str]) -> Gauge {
        gauge(&self.recorder, definition, labels)
    }

    /// A counter whose labels come from the configuration.
    pub(super) fn counter(&self, definition: &Definition, labels: &[&str]) -> Counter {
        counter(&self.recorder, definition, labels)
    }

    /// Folds the histograms' samples into their buckets; without it they would pile up between two scrapes.
    pub(super) fn fold_samples(&self) {
        self.handle.run_upkeep();
    }

    /// All metrics in the Prometheus text format: families by name, series in a stable order.
    pub(super) fn render(&self) -> String {
        tidy(&self.handle.render())
    }
}

/// The handle of one member of a closed list.
fn find<K: Copy + Eq, M>(handles: &[(K, M)], key: K) -> Option<&M> {
    handles.iter().find(|(k, _)| *k == key).map(|(_, handle)| handle)
}

fn key(definition: &Definition, values: &[&str]) -> Key {
    debug_assert_eq!(definition.labels.len(), values.len(), "{}", definition.name);
    let labels: Vec<Label> =
        definition.labels.iter().zip(values).map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(definition.name, labels)
}

/// What the `metrics` crate wants to know of a call; this recorder does not look at it.
const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

fn outcome(recorder: &PrometheusRecorder, kind: OutcomeKind, reason: &str) -> Counter {
    counter(recorder, &names::OUTCOMES, &[kind.as_str(), reason])
}

fn counter(recorder: &PrometheusRecorder, definition: &Definition, labels: &[&str]) -> Counter {
    recorder.register_counter(&key(definition, labels), &METADATA)
}

fn gauge(recorder: &PrometheusRecorder, definition: &Definition, labels: &[&str]) -> Gauge {
    recorder.register_gauge(&key(definition, labels), &METADATA)
}

fn histogram(recorder: &PrometheusRecorder, definition: &Definition, labels: &[&str]) -> Histogram {
    recorder.register_histogram(&key(definition, labels), &METADATA)
}

/// Puts the exporter's text in order, and leaves out series that are no more.
///
/// The exporter cannot drop a single series; one that has gone (a partition that was handed back) is set to NaN
/// instead, which no live series ever is.
fn tidy(text: &str) -> String {
    let mut families: Vec<(&str, Vec<&str>)> = Vec::new();
    for block in text.split("\n\n") {
        let (head, mut series): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| line.starts_with('#'));
        series.retain(|line| !line.ends_with(" NaN"));
        if series.is_empty() {
            continue;
        }
        // A histogram's buckets come in their order already.
        if !head.iter().any(|line| line.starts_with("# TYPE") && line.ends_with(" histogram")) {
            series.sort_unstable();
        }
        let name = head.first().copied().unwrap_or_default();
        families.push((name, head.into_iter().chain(series).collect()));
    }
    families.sort_unstable_by_key(|(name, _)| *name);
    let mut tidied = String::with_capacity(text.len());
    for line in families.iter().flat_map(|(_, lines)| lines) {
        tidied.push_str(line);
        tidied.push('\n');
    }
    tidied
}
