//! The document at `/status`: what the process is doing, in one look.
//!
//! The pipeline publishes it through a `tokio::sync::watch`; the server only serialises. No alert content.

use std::time::SystemTime;

use serde::{Serialize, Serializer};

use super::pause::{BreakerState, PauseReason};
use crate::domain::{DeadLetterClass, FailureReason, Offset, Severity, TopicPartition};

/// How many dead letters are shown.
pub const LAST_DEAD_LETTERS: usize = 20;

/// What the process is doing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum State {
    /// Kafka has not been reached yet, or was lost: `waiting: kafka`.
    #[default]
    WaitingForKafka,
    /// Records flow: `running`.
    Running,
    /// Sending stands still: `paused: {reason}`.
    Paused(PauseReason),
    /// A shutdown has begun: `draining`.
    Draining,
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::WaitingForKafka => serializer.serialize_str("waiting: kafka"),
            Self::Running => serializer.serialize_str("running"),
            Self::Paused(reason) => serializer.collect_str(&format_args!("paused: {reason}")),
            Self::Draining => serializer.serialize_str("draining"),
        }
    }
}

/// Everything that `/status` tells.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// What the process is doing.
    pub state: State,
    /// Since when.
    #[serde(serialize_with = "rfc3339")]
    pub since: SystemTime,
    /// The partitions that are ours.
    pub assignment: Vec<PartitionStatus>,
    /// What waits to be sent.
    pub buffer: Buffer,
    /// Requests that have been sent and not answered.
    pub in_flight: usize,
    /// How many requests may be under way now.
    pub concurrency_limit: usize,
    /// The part of the tenant's quota that this process may use now, from 0 to 1.
    pub rate_share: f64,
    /// The circuit breakers that have been used.
    pub breakers: Vec<Breaker>,
    /// What stands still, the most serious first; a pause without a route concerns all.
    pub pauses: Vec<Pause>,
    /// The dead letters that the guard holds.
    pub dead_letter_guard: GuardStatus,
    /// The credentials in use.
    pub credentials: Credentials,
    /// The version of the mappings in force.
    pub mapping_version: String,
    /// The program's version.
    pub version: &'static str,
    /// The newest dead letters, newest first, at most [`LAST_DEAD_LETTERS`].
    pub last_dead_letters: Vec<LastDeadLetter>,
}

impl Status {
    /// A process that has just begun.
    #[must_use]
    pub fn new(mapping_version: impl Into<String>, now: SystemTime) -> Self {
        Self {
            state: State::default(),
            since: now,
            assignment: Vec::new(),
            buffer: Buffer::default(),
            in_flight: 0,
            concurrency_limit: 0,
            rate_share: 0.0,
            breakers: Vec::new(),
            pauses: Vec::new(),
            dead_letter_guard: GuardStatus::default(),
            credentials: Credentials::default(),
            mapping_version: mapping_version.into(),
            version: env!("CARGO_PKG_VERSION"),
            last_dead_letters: Vec::new(),
        }
    }
}

/// Something that makes sending stand still.
#[derive(Clone, Debug, Serialize)]
pub struct Pause {
    /// Why.
    #[serde(serialize_with = "reason_word")]
    pub reason: PauseReason,
    /// The route that it concerns.
    pub route: Option<String>,
    /// The route's workflow.
    pub workflow_id: Option<String>,
    /// Since when.
    #[serde(serialize_with = "rfc3339")]
    pub since: SystemTime,
}

fn reason_word<S: Serializer>(reason: &PauseReason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.as_str())
}

/// One partition that is ours.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PartitionStatus {
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The frontier: everything below it has settled.
    pub next_offset: i64,
    /// Records between the frontier and the end, where the end is known.
    pub lag: Option<i64>,
    /// Whether reading rests until the oldest open record settles: what has settled above the frontier would not fit
    /// into a commit.
    pub held_back: bool,
}

impl PartitionStatus {
    /// Describes a partition.
    #[must_use]
    pub fn new(partition: &TopicPartition, frontier: Offset, lag: Option<i64>) -> Self {
        Self {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            next_offset: frontier.0,
            lag,
            held_back: false,
        }
    }
}

/// What has been read and waits to be sent.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Buffer {
    /// Deliveries by severity, worst first.
    pub records: BufferedBySeverity,
    /// Bytes of the unsettled records.
    pub bytes: usize,
}

/// Deliveries that wait, by severity.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are the severities")]
pub struct BufferedBySeverity {
    pub fatal: usize,
    pub high: usize,
    pub medium: usize,
    pub low: usize,
    pub tips: usize,
}

impl FromIterator<(Severity, usize)> for BufferedBySeverity {
    fn from_iter<I: IntoIterator<Item = (Severity, usize)>>(counts: I) -> Self {
        let mut records = Self::default();
        for (severity, count) in counts {
            *match severity {
                Severity::Fatal => &mut records.fatal,
                Severity::High => &mut records.high,
                Severity::Medium => &mut records.medium,
                Severity::Low => &mut records.low,
                Severity::Tips => &mut records.tips,
            } += count;
        }
        records
    }
}

/// One route's circuit breaker.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Breaker {
    /// The route.
    pub route: String,
    /// Its state.
    #[serde(serialize_with = "word")]
    pub state: BreakerState,
}

/// The dead-letter guard.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct GuardStatus {
    /// How many dead letters it holds.
    pub held: usize,
    /// Since when it is closed; null while it is open.
    #[serde(serialize_with = "optional_rfc3339")]
    pub since: Option<SystemTime>,
}

/// What is known of the credentials: never the credentials.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Credentials {
    /// When they expire, where they do.
    #[serde(serialize_with = "optional_rfc3339")]
    pub expires_at: Option<SystemTime>,
    /// By how many seconds this machine's clock is ahead of the service's (negative: behind); signatures that are off by
    /// more than 900 are refused. Null before the first answer.
    pub clock_skew_seconds: Option<i64>,
}

/// One dead letter: where it stands and why, without its content.
#[derive(Clone, Debug, Serialize)]
pub struct LastDeadLetter {
    /// When it was acknowledged.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// The topic of the record.
    pub topic: String,
    /// The partition of the record.
    pub partition: i32,
    /// The offset of the record.
    pub offset: i64,
    /// Which part of the record.
    pub part: u32,
    /// Why, in short.
    #[serde(serialize_with = "display")]
    pub class: DeadLetterClass,
    /// Why, precisely.
    #[serde(serialize_with = "display")]
    pub reason: FailureReason,
    /// Why, in words; names a field or code, never the content.
    pub error: String,
}

fn display<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn word<S: Serializer>(state: &BreakerState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_str())
}

fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::json::rfc3339(*at))
}

fn optional_rfc3339<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, serializer),
        None => serializer.serialize_none(),
    }
}
