//! What is under way: open records, deliveries and the attempts made for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::alerts::AlertStep;
use super::doubt::Doubt;
use super::prepare::AlertFacts;
use crate::domain::{
    AttemptReport, AttemptedCall, Offset, Origin, Record, RedriveMark, TopicPartition, WorkflowRequest,
};
use crate::offsets::Claim;
use crate::ports::ApiFailure;
use crate::resilience::Charges;
use crate::scheduler::RouteId;

/// A record in the order in which records were read by this process.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct RecordId(pub(super) u64);

/// A record that has not settled.
#[derive(Debug)]
pub(super) struct OpenRecord {
    pub(super) record: Arc<Record>,
    pub(super) origin: Origin,
    /// What of it runs, if it was redriven.
    pub(super) redrive: Option<RedriveMark>,
    pub(super) claim: Claim,
    /// What it and its requests hold of the byte budget.
    pub(super) bytes: usize,
    /// How many of its deliveries have not ended.
    pub(super) remaining: usize,
    pub(super) trace_id: Option<String>,
}

impl OpenRecord {
    /// Where the record first stood, if it was redriven.
    pub(super) fn moved_from(&self) -> Option<&Origin> {
        self.redrive.is_some().then_some(&self.origin)
    }

    /// When the alert's record was first appended, in milliseconds since the epoch: of a redriven one by its mark, if
    /// that says so.
    pub(super) fn first_appended_ms(&self) -> Option<i64> {
        self.origin.timestamp_ms.or(self.record.timestamp_ms)
    }
}

/// How many attempts a dead letter's report tells of: the first and the latest.
const REPORTED_ATTEMPTS: usize = 20;

/// One delivery that has not ended.
#[derive(Debug)]
pub(super) struct OpenDelivery {
    pub(super) record: RecordId,
    /// Where its record stands: asked for at each step of an attempt, when the record itself is long out of the cache.
    pub(super) partition: TopicPartition,
    pub(super) offset: Offset,
    /// Where it first stood, if it was redriven.
    pub(super) moved_from: Option<Arc<Origin>>,
    pub(super) facts: AlertFacts,
    pub(super) route: RouteId,
    pub(super) request: Arc<WorkflowRequest>,
    pub(super) created: Instant,
    /// Whether an attempt is under way.
    pub(super) in_flight: bool,
    /// Whether the latest attempt was sent to see whether an outage is over.
    pub(super) is_probe: bool,
    /// How many attempts have been made.
    pub(super) attempts: u32,
    /// What counts against its budget: not the attempts that an outage cost, nor waiting for a gate, the quota or a permit.
    pub(super) charges: Charges,
    pub(super) reports: Vec<AttemptReport>,
    /// Whether it may have been started without our knowing it.
    pub(super) doubt: Doubt,
    /// The alert that it is about, where that is created first.
    pub(super) alert: Option<Box<AlertStep>>,
    /// When the latest attempt left.
    last: Option<Instant>,
    /// When the attempt before it left.
    previous: Option<Instant>,
    failure_counted: bool,
}

impl OpenDelivery {
    pub(super) fn new(
        id: RecordId,
        record: &Record,
        moved_from: Option<Arc<Origin>>,
        facts: AlertFacts,
        route: RouteId,
        request: WorkflowRequest,
        now: Instant,
    ) -> Self {
        Self {
            record: id,
            partition: record.partition.clone(),
            offset: record.offset,
            moved_from,
            facts,
            route,
            request: Arc::new(request),
            created: now,
            in_flight: false,
            is_probe: false,
            attempts: 0,
            charges: Charges::default(),
            reports: Vec::new(),
            doubt: Doubt::default(),
            alert: None,
            last: None,
            previous: None,
            failure_counted: false,
        }
    }

    /// Notes that an attempt leaves.
    pub(super) fn attempt_sent(&mut self, now: Instant, is_probe: bool) {
        self.in_flight = true;
        self.is_probe = is_probe;
        self.attempts = self.attempts.saturating_add(1);
        self.previous = self.last.replace(now);
    }

    /// Charges the latest attempt, which took this time.
    pub(super) fn charge(&mut self, duration: Duration, now: Instant) {
        self.charges.add(self.last.unwrap_or(now), duration);
    }

    /// Notes that an attempt failed.
    pub(super) fn attempt_failed(&mut self, failure: &ApiFailure, at: String) {
        if self.reports.len() == REPORTED_ATTEMPTS {
            drop(self.reports.remove(1));
        }
        let is_first = self.alert_to_create().is_some();
        self.reports.push(AttemptReport {
            call: if is_first { AttemptedCall::CreateAlert } else { AttemptedCall::StartWorkflow },
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

    /// It goes on to another target, whose breaker has not counted it.
    pub(super) fn forget_first_failure(&mut self) {
        self.failure_counted = false;
    }

    /// When the attempt or look-up that is under way left.
    pub(super) fn in_flight_since(&self) -> Option<Instant> {
        self.last.max(self.doubt.last).filter(|_| self.in_flight)
    }

    /// Whether an attempt has left since then.
    pub(super) fn was_tried_since(&self, then: Instant) -> bool {
        self.last.is_some_and(|last| last > then)
    }

    /// When the latest attempt left.
    pub(super) fn last_attempt(&self) -> Option<Instant> {
        self.last
    }

    /// When the attempt before the latest left, or the latest where it is the only one.
    pub(super) fn previous_attempt(&self) -> Option<Instant> {
        self.previous.or(self.last)
    }
}
