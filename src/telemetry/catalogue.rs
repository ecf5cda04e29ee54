//! Every metric of the program, as data: name, kind, labels, buckets and help in one place.
//!
//! Dashboards and alerts are built on these names: `tests/fixtures/metrics.txt` pins them, and `docs/metrics.md` is
//! written from this list, both kept equal by tests. Labels take their values from closed lists (the `as_str` of
//! enums) or from the configuration (topic, partition, route, format, field), never from a record.

use std::fmt::Write;

/// What kind of time series a metric is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

impl Kind {
    /// The word that Prometheus uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The full name, with the prefix and the unit.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its labels, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// The upper bounds of a histogram's buckets, in the metric's unit; empty for other kinds.
    pub buckets: &'static [f64],
    /// What it means, in one sentence.
    pub help: &'static str,
}

/// The attempts' durations end at `secmaster.request_timeout` (20 s by default).
const ATTEMPT_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0];
/// From a bridge that keeps up to one that has stood still for a day.
const AGE_SECONDS: &[f64] =
    &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];
/// From one token's interval to a spent minute quota.
const WAIT_SECONDS: &[f64] = &[0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// A hold-off lasts 5 minutes at most.
const HOLD_OFF_SECONDS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

macro_rules! catalogue {
    ($($constant:ident = $kind:ident $name:literal [$($label:literal),*] $buckets:expr, $help:literal;)*) => {
        $(pub(super) const $constant: Definition = Definition {
            name: concat!("alertbridge_", $name),
            kind: Kind::$kind,
            labels: &[$($label),*],
            buckets: $buckets,
            help: $help,
        };)*

        /// Every metric, in the order of the documentation.
        pub const CATALOGUE: &[Definition] = &[$($constant),*];
    };
}

catalogue! {
    RECORDS_CONSUMED = Counter "records_consumed_total" [] &[],
        "Records read from Kafka, repeats after a restart or rebalance included.";
    OUTCOMES = Counter "outcomes_total" ["outcome", "reason"] &[],
        "Deliveries by how they ended: delivered, skipped, dead_lettered, abandoned (given up by this process; the record comes again).";
    DEAD_LETTERS = Counter "dead_letters_total" ["class"] &[],
        "Dead letters that the broker has acknowledged, by class.";
    HELD_DEAD_LETTERS = Gauge "held_dead_letters" [] &[],
        "Dead letters that the guard holds: decided, not written, and nothing commits past them.";
    ATTEMPTS = Counter "attempts_total" ["class"] &[],
        "Requests sent to SecMaster to start workflows, by class of the answer: delivered, or the failure class.";
    ALERT_ATTEMPTS = Counter "create_alert_attempts_total" ["class"] &[],
        "Requests sent to SecMaster to create alerts (`create_alert` of a route), by class of the answer: created, or the failure class.";
    ATTEMPT_DURATION = Histogram "attempt_duration_seconds" [] ATTEMPT_SECONDS,
        "Time from sending such a request to its classified answer.";
    LOOK_UPS = Counter "look_ups_total" ["result"] &[],
        "Look-ups of instances that may have been started and of alerts that may have been created, by what they said: present, absent, unclear, failed.";
    ALERT_AGE = Histogram "alert_age_seconds" ["severity"] AGE_SECONDS,
        "Age of delivered alerts: from the record's timestamp, of a redriven alert that of its first record, to the confirmed start of the workflow.";
    RATE_LIMIT_WAIT = Histogram "rate_limit_wait_seconds" [] WAIT_SECONDS,
        "Time that the dispatcher waited for a token of the rate limits.";
    RATE_SHARE = Gauge "rate_share" [] &[],
        "The part of the tenant's quota that this process may use now, from 0 to 1; of several limits, the least.";
    HOLD_OFF = Histogram "holdoff_seconds" [] HOLD_OFF_SECONDS,
        "Lengths of the hold-offs that throttling answers have caused.";
    IN_FLIGHT = Gauge "in_flight_requests" [] &[],
        "Requests that have been sent and not answered.";
    CONCURRENCY_LIMIT = Gauge "concurrency_limit" [] &[],
        "How many requests may be under way now: at most `delivery.max_in_flight`, fewer while the service does not keep up.";
    BUFFERED_RECORDS = Gauge "buffered_records" ["severity"] &[],
        "Deliveries read from Kafka that wait to be sent, by severity.";
    BUFFERED_BYTES = Gauge "buffered_bytes" [] &[],
        "Bytes of the records that have been read and not settled and of their requests, and 1 KiB for keeping each of either.";
    CONSUMER_LAG = Gauge "consumer_lag_records" ["topic", "partition"] &[],
        "Records between the committed frontier and the partition's end.";
    OLDEST_UNSETTLED = Gauge "oldest_unsettled_record_age_seconds" [] &[],
        "Age of the oldest record that has been read and not settled; 0 if there is none.";
    COMMITTED_OFFSET = Gauge "committed_offset" ["topic", "partition"] &[],
        "The next offset to read, as this process last committed it; from its first commit of the partition on.";
    COMMITS = Counter "commits_total" ["result"] &[],
        "Offset commits by result: ok, failed.";
    LOST_RECORDS = Counter "lost_records_total" [] &[],
        "Offsets that Kafka had deleted before they were read.";
    REBALANCES = Counter "rebalances_total" ["kind"] &[],
        "Changes of the assignment by kind: assigned, revoked (handed back in order), lost (taken away without a hand-over).";
    BREAKER_STATE = Gauge "circuit_breaker_state" ["route"] &[],
        "State of a route's circuit breaker: 0 closed, 1 open, 2 half-open; from the route's first delivery on.";
    PAUSED = Gauge "paused" ["reason"] &[],
        "1 while sending or fetching stands still for this reason, for all routes or for one: credentials, target, circuit_breaker, hold_off, dead_letter_topic, dead_letter_guard, budget (the buffer is full).";
    MAPPING_FAULTS = Counter "mapping_faults_total" ["format", "field"] &[],
        "Optional fields left out, and severities defaulted, because the source's value did not fit.";
    CREDENTIAL_EXPIRY = Gauge "credential_expiry_timestamp_seconds" [] &[],
        "When the credentials in use expire, in seconds since the epoch; absent if they do not. Of several projects' tokens: the first of those that cannot be renewed, else the first of all that live.";
    RENEWAL_FAILING = Gauge "credential_renewal_failing" [] &[],
        "1 while a token or temporary key for SecMaster cannot be fetched: the last try has failed, and either the one in hand lives, so that it will be tried again, or the try was less than 120 s ago; else 0.";
    CLOCK_SKEW = Gauge "clock_skew_seconds" [] &[],
        "By how much this machine's clock was ahead of SecMaster's at its latest answer (negative: behind); absent before the first one. Signatures are refused from 900 on.";
    READY = Gauge "ready" [] &[],
        "1 while `/readyz` says so: the consumer group is joined and no shutdown has begun; else 0.";
    STARTED = Gauge "start_timestamp_seconds" [] &[],
        "When the process started, in seconds since the epoch.";
    BUILD_INFO = Gauge "build_info" ["version"] &[],
        "Always 1; the version is in the label.";
}

/// The text of `docs/metrics.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Served at `/metrics` of `server.listen` in the Prometheus text format. This page is written from\n\
         `src/telemetry/catalogue.rs`; a test keeps both equal.\n\n\
         Counters begin at 0 with the process. `alertbridge_mapping_faults_total` is the exception: its labels are the\n\
         mappings' own, and a series comes with its first fault. Series of a partition go when the partition does.\n\n\
         The `reason` of `alertbridge_outcomes_total` is a reason of [failure-classes.md](failure-classes.md#reasons)\n\
         for a dead letter, `tombstone`, `rule`, `mapping`, `empty_batch`, `unmatched`, `dead_letter_copy`,\n\
         `redrive_mark` or `redrive_group` for a skip, and else `none`.\n\n\
         | metric | kind | labels | meaning |\n|---|---|---|---|\n",
    );
    for definition in CATALOGUE {
        let labels: Vec<String> = definition.labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a String does not fail.
        let _infallible = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            definition.name,
            definition.kind.as_str(),
            labels.join(", "),
            definition.help,
        );
    }
    page
}
