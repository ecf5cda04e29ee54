//! `delivery`: order, rate, retries, outages, shutdown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::FailureClass;

use super::units::{ByteSize, TimeSpan};
use super::words;

/// How alerts are delivered.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// What leaves one after another: the records of a key, of a partition, or nothing.
    pub ordering: Ordering,
    /// What the workflow instance's id is made of.
    pub instance_id: InstanceId,
    /// How many requests may be under way at once.
    #[schemars(range(min = 1))]
    pub max_in_flight: u32,
    /// Whether fewer requests are kept under way while the service does not keep up (errors of its own, time-outs).
    pub adaptive_concurrency: bool,
    /// How much may be read and not yet settled; reading pauses at any of these.
    pub buffer: Buffer,
    /// Limits on requests, all of them kept at once. Empty: none.
    pub rate_limits: Vec<RateLimit>,
    /// Whose the limits are: the group divides them by partition among its replicas, or each process has them.
    pub rate_scope: RateScope,
    /// Repeats after transient failures.
    pub retry: Retry,
    /// When a failing target is left alone, and for how long.
    pub circuit_breaker: CircuitBreaker,
    /// Answers to be treated otherwise than by default; the first that fits counts.
    pub failure_classes: Vec<FailureClassRule>,
    /// What to do when a request was sent and its outcome is unknown.
    pub ambiguous: Ambiguous,
    /// What becomes of the deliveries of a route whose target does not exist.
    pub paused_route: PausedRoute,
    /// When so many deliveries fail for good that something else must be wrong: further dead letters are held,
    /// unwritten and uncommitted.
    pub dead_letter_guard: DeadLetterGuard,
    /// The age at which a delivery of any severity gets its share of the tokens: one in ten, for the oldest. While its
    /// route is paused it grows no older.
    pub age_to_top: TimeSpan,
    /// How often progress is committed.
    pub commit_interval: TimeSpan,
    /// How long a shutdown waits for requests under way. Below the pod's termination grace period.
    pub drain_timeout: TimeSpan,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            ordering: Ordering::Key,
            instance_id: InstanceId::Record,
            max_in_flight: 64,
            adaptive_concurrency: true,
            buffer: Buffer::default(),
            rate_limits: vec![RateLimit { requests: 10, per: TimeSpan::from_secs(1), burst: 1 }],
            rate_scope: RateScope::Group,
            retry: Retry::default(),
            circuit_breaker: CircuitBreaker::default(),
            failure_classes: Vec::new(),
            ambiguous: Ambiguous::Verify,
            paused_route: PausedRoute::default(),
            dead_letter_guard: DeadLetterGuard::default(),
            age_to_top: TimeSpan::from_secs(300),
            commit_interval: TimeSpan::from_secs(1),
            drain_timeout: TimeSpan::from_secs(25),
        }
    }
}

/// What leaves one after another.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Ordering {
    /// The records of a key within a partition; records without a key have no order.
    Key,
    /// The records of a partition.
    Partition,
    /// Nothing.
    None,
}

/// What the workflow instance's id is made of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum InstanceId {
    /// The record's coordinates: a record that is read again asks for the same instance.
    Record,
    /// The alert's id: an alert that is sent again asks for the same instance.
    Alert,
    /// The service chooses.
    None,
}

/// How much may be read and not yet settled.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Buffer {
    /// Records in all.
    #[schemars(range(min = 1))]
    pub records: u32,
    /// Records of one partition.
    #[schemars(range(min = 1))]
    pub records_per_partition: u32,
    /// Bytes in all: of keys, values and headers, of the requests made of them, and 1 KiB for keeping each of either.
    pub bytes: ByteSize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { records: 20_000, records_per_partition: 12_000, bytes: ByteSize::from_mib(64) }
    }
}

/// A limit: never more than so many requests in any window of this length.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests in a window.
    #[schemars(range(min = 1))]
    pub requests: u32,
    /// The window's length.
    pub per: TimeSpan,
    /// How many may leave at once; what is above one is taken off the quota.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub burst: u32,
}

const fn one() -> u32 {
    1
}

/// Whose the limits are.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RateScope {
    /// All replicas of the group together: each has the share of its partitions.
    Group,
    /// Each process has them for itself.
    Process,
}

/// Repeats after transient failures: exponential, with full jitter.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, the first included.
    #[schemars(range(min = 1))]
    pub max_attempts: u32,
    /// The longest wait before the second attempt.
    pub initial_backoff: TimeSpan,
    /// The longest wait before any attempt.
    pub max_backoff: TimeSpan,
    /// From the first attempt on; waiting for a quota or an outage does not count.
    pub max_elapsed: TimeSpan,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 6,
            initial_backoff: TimeSpan::from_millis(250),
            max_backoff: TimeSpan::from_secs(30),
            max_elapsed: TimeSpan::from_secs(600),
        }
    }
}

/// When a failing target is left alone.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitBreaker {
    /// The share of failures that opens it, above 0 and at most 1.
    pub failure_ratio: f64,
    /// Over how long the share is taken.
    pub window: TimeSpan,
    /// Fewer deliveries than this in the window say nothing.
    #[schemars(range(min = 1))]
    pub minimum_requests: u32,
    /// The first wait before a probe.
    pub open_for: TimeSpan,
    /// What the wait grows to.
    pub max_open_for: TimeSpan,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            failure_ratio: 0.5,
            window: TimeSpan::from_secs(30),
            minimum_requests: 10,
            open_for: TimeSpan::from_secs(1),
            max_open_for: TimeSpan::from_secs(3),
        }
    }
}

/// An answer and how it is to be treated. At least one of status and code.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailureClassRule {
    /// The HTTP status, 100 to 599. Unset: any.
    #[serde(default)]
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// The service's own code, e.g. `SecMaster.20030001`. Unset: any.
    #[serde(default)]
    pub code: Option<String>,
    /// The class it is given.
    #[serde(with = "words::failure_class")]
    #[schemars(with = "words::FailureClassWord")]
    pub class: FailureClass,
}

/// What to do when a request was sent and its outcome is unknown.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Ambiguous {
    /// Look the instance up first.
    Verify,
    /// Send again: the workflow may run twice.
    Retry,
    /// Give it to people.
    DeadLetter,
}

/// What becomes of the deliveries of a route whose target does not exist.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PausedRoute {
    /// Hold them, and with them all reading once the buffer is full; or dead-letter them after a time.
    pub policy: PausedRoutePolicy,
    /// For `dead_letter`: how long each waits for a paused route before that.
    pub after: Option<TimeSpan>,
}

impl Default for PausedRoute {
    fn default() -> Self {
        Self { policy: PausedRoutePolicy::Hold, after: None }
    }
}

/// What becomes of a paused route's deliveries.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum PausedRoutePolicy {
    /// They wait.
    Hold,
    /// They become dead letters of class `target`.
    DeadLetter,
}

/// When dead-lettering stops by itself.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadLetterGuard {
    /// So many dead letters in a row, without a delivery or a skip by rule between them, close it.
    #[schemars(range(min = 1))]
    pub consecutive: u32,
    /// The share of dead letters that closes it, above 0 and at most 1.
    pub ratio: f64,
    /// Over how long the share is taken.
    pub window: TimeSpan,
    /// Fewer outcomes than this in the window say nothing.
    #[schemars(range(min = 1))]
    pub minimum_records: u32,
    /// So many deliveries since it closed open it again.
    #[schemars(range(min = 1))]
    pub reopen_after: u32,
}

impl Default for DeadLetterGuard {
    fn default() -> Self {
        Self { consecutive: 100, ratio: 0.5, window: TimeSpan::from_secs(60), minimum_records: 50, reopen_after: 10 }
    }
}
