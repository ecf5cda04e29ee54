//! What is under way: open records, deliveries and the attempts made for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::prepare::AlertFacts;
use crate::domain::{AttemptReport, Origin, Record, WorkflowRequest};
use crate::offsets::Claim;
use crate::ports::ApiFailure;
use crate::scheduler::RouteId;

/// A record in the order in which records were read by this process.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct RecordId(pub(super) u64);

/// A record that has not settled.
#[derive(Debug)]
pub(super) struct OpenRecord {
    pub(super) record: Arc<Record>,
    pub(super) origin: Origin,
    pub(super) claim: Claim,
    /// How many of its deliveries have not ended.
    pub(super) remaining: usize,
    pub(super) trace_id: Option<String>,
}

/// How many attempts a dead letter's report tells of: the first and the latest.
const REPORTED_ATTEMPTS: usize = 20;

/// One delivery that has not ended.
#[derive(Debug)]
pub(super) struct OpenDelivery {
    pub(super) record: RecordId,
    pub(super) facts: AlertFacts,
    pub(super) route: RouteId,
    pub(super) request: Arc<WorkflowRequest>,
    pub(super) created: Instant,
    /// Whether an attempt is under way.
    pub(super) in_flight: bool,
    /// How many attempts have been made.
    pub(super) attempts: u32,
    /// The attempts that count against the budget: those that an outage cost do not.
    pub(super) charged: u32,
    pub(super) reports: Vec<AttemptReport>,
    first: Option<First>,
    failure_counted: bool,
}

#[derive(Clone, Copy, Debug)]
struct First {
    at: Instant,
    /// How long its route had been held back in all when the first attempt was made.
    closed_time: Duration,
}

impl OpenDelivery {
    pub(super) fn new(
        record: RecordId,
        facts: AlertFacts,
        route: RouteId,
        request: WorkflowRequest,
        now: Instant,
    ) -> Self {
        Self {
            record,
            facts,
            route,
            request: Arc::new(request),
            created: now,
            in_flight: false,
            attempts: 0,
            charged: 0,
            reports: Vec::new(),
            first: None,
            failure_counted: false,
        }
    }

    /// Notes that an attempt leaves; `closed_time` is how long its route has been held back in all.
    pub(super) fn attempt_sent(&mut self, now: Instant, closed_time: Duration) {
        self.in_flight = true;
        self.attempts = self.attempts.saturating_add(1);
        let _first = self.first.get_or_insert(First { at: now, closed_time });
    }

    /// Notes that an attempt failed.
    pub(super) fn attempt_failed(&mut self, failure: &ApiFailure, at: String) {
        if self.reports.len() == REPORTED_ATTEMPTS {
            drop(self.reports.remove(1));
        }
        self.reports.push(AttemptReport {
            at,
            reason: failure.reason,
            http_status: failure.http_status,
            error_code: failure.error_code.clone(),
            request_id: failure.request_id.clone(),
            message: failure.message.clone(),
        });
    }

    /// True the first time it is asked: a breaker counts one failure a delivery.
    pub(super) fn take_first_failure(&mut self) -> bool {
        !std::mem::replace(&mut self.failure_counted, true)
    }

    /// When the first attempt was made.
    pub(super) fn first_attempt(&self) -> Option<Instant> {
        self.first.map(|first| first.at)
    }

    /// The time since the first attempt, less what its route was held back in between.
    pub(super) fn elapsed(&self, now: Instant, closed_time: Duration) -> Duration {
        self.first.map_or(Duration::ZERO, |first| {
            let waited = closed_time.saturating_sub(first.closed_time);
            now.saturating_duration_since(first.at).saturating_sub(waited)
        })
    }
}
