//! What the pipeline is told, already validated.

use std::sync::Arc;
use std::time::Duration;

use super::budget::BudgetLimits;
use crate::domain::{Alert, Origin, instance_id, instance_id_of_alert, instance_name, instance_name_of_alert};
use crate::resilience::{BreakerPolicy, GuardPolicy, RateLimit, RateScope, RetryPolicy};

/// In which order the deliveries of a partition leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ordering {
    /// One after another for each key; records without a key in any order.
    Key,
    /// One after another for each partition.
    Partition,
    /// In any order.
    None,
}

/// Which instance id a delivery asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InstanceIdMode {
    /// Derived from the record's first coordinates.
    Record,
    /// Derived from the alert's id: repeats of an alert in other records share it.
    Alert,
    /// None: the service gives its own.
    None,
}

impl InstanceIdMode {
    /// The id that a delivery of this alert to this workflow asks for.
    #[must_use]
    pub fn id(self, origin: &Origin, alert: &Alert, workflow_id: &str) -> Option<String> {
        match self {
            Self::Record => Some(instance_id(origin, alert.part, workflow_id).to_string()),
            Self::Alert => Some(instance_id_of_alert(&alert.id, workflow_id).to_string()),
            Self::None => None,
        }
    }

    /// The text that this id is the UUIDv5 of, for people.
    #[must_use]
    pub fn name(self, origin: &Origin, alert: &Alert, workflow_id: &str) -> Option<String> {
        match self {
            Self::Record => Some(instance_name(origin, alert.part, workflow_id)),
            Self::Alert => Some(instance_name_of_alert(&alert.id, workflow_id)),
            Self::None => None,
        }
    }
}

/// What happens when a request was sent and its outcome is unknown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AmbiguousPolicy {
    /// Look the instance up by the id that was asked for, and send again only if it is not there.
    Verify,
    /// Send it again: a workflow may run twice, none is missed.
    Retry,
    /// Dead letter: a workflow may be missed, none runs twice.
    DeadLetter,
}

/// The quotas.
#[derive(Clone, Debug)]
pub struct RateSettings {
    /// Whose they are.
    pub scope: RateScope,
    /// Those of the tenant: every request counts.
    pub tenant: Vec<RateLimit>,
    /// Those of single rules, by name, besides the tenant's.
    pub routes: Vec<(Arc<str>, Vec<RateLimit>)>,
}

/// The pipeline's settings.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// The topic whose records carry redrive marks.
    pub redrive_topic: Arc<str>,
    /// The consumer group's name, for dead letters.
    pub group_id: Arc<str>,
    /// This process's name, for dead letters.
    pub instance: Arc<str>,
    /// The order of deliveries.
    pub ordering: Ordering,
    /// The ids asked for.
    pub instance_id: InstanceIdMode,
    /// How many requests are in flight at most.
    pub max_in_flight: usize,
    /// How much is read before it has settled.
    pub budget: BudgetLimits,
    /// Whether fewer requests are in flight while the service does not keep up.
    pub adaptive_concurrency: bool,
    /// The quotas.
    pub rates: RateSettings,
    /// The budget of one delivery.
    pub retry: RetryPolicy,
    /// When a route's breaker opens.
    pub breaker: BreakerPolicy,
    /// How long a delivery waits, pauses of its route left out, before it gets a share of the departures.
    pub age_to_top: Duration,
    /// When dead letters are held.
    pub guard: GuardPolicy,
    /// How long a route may be paused before its deliveries become dead letters; `None`: for ever.
    pub paused_route_after: Option<Duration>,
    /// What an unknown outcome leads to.
    pub ambiguous: AmbiguousPolicy,
    /// What the jitter of waits is made of: the same seed and the same events give the same run.
    pub seed: u64,
    /// How long a request can be under way.
    pub request_timeout: Duration,
    /// How long a settled record may wait for its commit.
    pub commit_interval: Duration,
    /// How long calls in flight may take at shutdown.
    pub drain_timeout: Duration,
    /// How long calls in flight may take when a partition is handed back.
    pub revoke_timeout: Duration,
}
