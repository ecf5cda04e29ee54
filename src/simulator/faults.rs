//! The faults that can be asked for: the document of `/_simulator/faults`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Refusal;

/// Everything that is to go wrong. The default: nothing.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Every answer of SecMaster comes this much later.
    pub latency: Option<Latency>,
    /// SecMaster answers with these statuses instead of creating anything. The first that strikes wins.
    pub status: Vec<StatusFault>,
    /// More requests than this in any window get 429.
    pub throttle: Option<Throttle>,
    /// A service is away.
    pub outage: Option<Outage>,
    /// No answer ever.
    pub hang: Option<Chance>,
    /// The connection is reset (RST).
    pub reset: Option<Chance>,
    /// The instance is created, but only half of the answer comes before the connection ends.
    pub partial: Option<Chance>,
    /// What the caller's instance ids are taken for, instead of what the simulator was started with.
    pub instance_ids: Option<InstanceIds>,
    /// What the callers' alert ids are taken for (CreateAlert).
    pub alert_ids: Option<AlertIds>,
    /// Refuses some alerts as invalid (400): to create them, and to start workflows about them.
    pub reject: Option<Reject>,
    /// New tokens and temporary keys live this long, in milliseconds.
    pub token_lifetime_ms: Option<u64>,
    /// Access keys that are not known any more.
    pub revoked_keys: Vec<String>,
    /// The services' clock is ahead by so many seconds (negative: behind), in their answers and where they judge dates.
    pub clock_skew_seconds: i64,
    /// The metadata service is an older one, which gives out no session tokens and wants none.
    pub plain_metadata: bool,
    /// How instances run, instead of what the simulator was started with.
    pub runs: Option<Runs>,
}

impl Faults {
    /// Refuses some alerts by their title.
    pub(super) fn judge(&self, content: &Value) -> Result<(), Refusal> {
        let title = content.get("title").and_then(Value::as_str).unwrap_or_default();
        match &self.reject {
            Some(reject) if title.contains(&reject.title_contains) => {
                Err(Refusal::new(400, "SecMaster.20030025", "Data object validation failed."))
            }
            _ => Ok(()),
        }
    }
}

/// How instances run.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Runs {
    /// Runs last this long, in milliseconds.
    pub for_ms: Option<u64>,
    /// Some of them fail.
    pub failing: Option<FailingRuns>,
}

/// Runs that fail.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailingRuns {
    /// Those on an alert whose title holds this text.
    pub title_contains: String,
    /// So many runs of an instance fail before one succeeds; none: all.
    pub times: Option<u64>,
}

/// What the service takes a caller's instance id for. Which of these the real one does is not documented.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceIds {
    /// The instance gets it. Asked for once more, it runs once more.
    #[default]
    Honour,
    /// The instance gets it. Asked for once more, the request is refused.
    Unique,
    /// Nothing: instances have ids of the service's own.
    Own,
}

/// What the service takes a caller's alert id for. Which of these the real one does is not documented.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertIds {
    /// The alert gets it. Asked for once more, the request is refused.
    #[default]
    Unique,
    /// Nothing: alerts have ids of the service's own.
    Own,
}

/// A delay: the same for all, or evenly distributed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, untagged)]
pub enum Latency {
    /// Always this long.
    Fixed {
        /// Milliseconds.
        ms: u64,
    },
    /// Between these two.
    Between {
        /// Milliseconds.
        min_ms: u64,
        /// Milliseconds.
        max_ms: u64,
    },
}

/// Answers with a status.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StatusFault {
    /// The status.
    pub status: u16,
    /// How often, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// At most this many times.
    #[serde(default)]
    pub times: Option<u64>,
    /// The service's code in the answer.
    #[serde(default)]
    pub code: Option<String>,
    /// The message in the answer.
    #[serde(default)]
    pub message: Option<String>,
    /// The whole body instead of code and message, e.g. a proxy's page.
    #[serde(default)]
    pub body: Option<String>,
}

/// Something that happens to some requests.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Chance {
    /// How often, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// At most this many times.
    #[serde(default)]
    pub times: Option<u64>,
    /// Before or after the instance is created.
    #[serde(default)]
    pub when: When,
}

impl Default for Chance {
    fn default() -> Self {
        Self { probability: 1.0, times: None, when: When::Before }
    }
}

/// When a fault strikes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Nothing has been created.
    #[default]
    Before,
    /// The instance exists, only the caller does not learn it.
    After,
}

/// A quota.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// How many requests are let through in any window. Refused ones do not count.
    pub requests: usize,
    /// The window's length in milliseconds.
    pub per_ms: u64,
    /// Whether the answer says how long to wait.
    #[serde(default)]
    pub retry_after: RetryAfter,
}

/// The form of `Retry-After`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// No such header.
    #[default]
    None,
    /// Whole seconds, rounded up.
    Seconds,
    /// An HTTP date.
    Date,
}

/// A service that is away for a while.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// How long, in milliseconds from when the fault was set; none: until the faults are replaced. A refusing outage
    /// needs it from outside, since `/_simulator` is refused as well.
    #[serde(default)]
    pub for_ms: Option<u64>,
    /// The status that it answers with. Default: 503.
    #[serde(default = "unavailable")]
    pub status: u16,
    /// Refuses connections instead of answering, and breaks those there are. Concerns all services.
    #[serde(default)]
    pub refused: bool,
    /// Which service is away.
    #[serde(default)]
    pub service: Service,
}

impl Default for Outage {
    fn default() -> Self {
        Self { for_ms: None, status: unavailable(), refused: false, service: Service::default() }
    }
}

/// A simulated service.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// SecMaster.
    #[default]
    Secmaster,
    /// IAM and STS.
    Iam,
    /// The metadata service and pod identity.
    Metadata,
    /// All of them.
    All,
}

/// Which alerts are refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// Those whose title contains this.
    pub title_contains: String,
}

const fn always() -> f64 {
    1.0
}

const fn unavailable() -> u16 {
    503
}
