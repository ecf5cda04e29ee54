//! Attempts: who leaves next, and what an answer leads to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::flow::Flow;
use super::gates::{GateChange, Moved};
use super::settings::AmbiguousPolicy;
use super::timers::Wake;
use super::verify::CallDone;
use crate::domain::{DeadLetterClass, FailureClass, Outcome, Started};
use crate::ports::{ApiFailure, DeadLetterSink, WorkflowApi};
use crate::scheduler::{DeliveryId, RouteId};
use crate::telemetry::{AttemptEvent, PauseEvent, PauseReason};

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct AttemptDone {
    id: DeliveryId,
    route: RouteId,
    /// Sent to see whether an outage is over.
    is_probe: bool,
    sent_at: Instant,
    sent_at_clock: Timestamp,
    duration: Duration,
    result: Result<Started, ApiFailure>,
}

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Sends what may leave now. Says when to ask again, if waiting is all there is to do.
    ///
    /// A gate that is due lets one delivery through, then permits are counted, and the token comes last: it is spent
    /// only when there is a delivery to spend it on, and the delivery is chosen after it, so that the worst one at
    /// that moment leaves. One that may not leave yet passes the token on to the next.
    pub(super) fn dispatch(&mut self, now: Instant) -> Option<Instant> {
        let mut has_token = false;
        while !self.is_draining && self.attempts.len() + self.verify.parked() < self.settings.max_in_flight {
            let gates = &self.gates;
            if !gates.process_admits(now) || !self.scheduler.has_ready(|route| gates.turn(route, now)) {
                self.waiting_for_token_since = None;
                return gates.next_probe(now);
            }
            if !has_token {
                if let Err(later) = self.limiter.spend(now) {
                    let _since = self.waiting_for_token_since.get_or_insert(now);
                    return Some(later);
                }
                has_token = true;
                let waited = self.waiting_for_token_since.take().map_or(Duration::ZERO, |since| now - since);
                self.telemetry.rate_limit_wait(waited);
            }
            let id = self.scheduler.take(|route| gates.turn(route, now), |route| gates.active_time(route, now))?;
            if self.may_leave(id, now) {
                has_token = false;
                self.send(id, now);
            }
        }
        None
    }

    fn send(&mut self, id: DeliveryId, now: Instant) {
        if self.is_looked_up_next(id) {
            return self.look_up(id, now);
        }
        self.attempt_leaves(id);
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let route = delivery.route;
        let is_probe = self.gates.is_paused(route);
        delivery.attempt_sent(now, is_probe);
        self.gates.sent(route, now);
        let request = Arc::clone(&delivery.request);
        let api = Arc::clone(&self.api);
        let sent_at_clock = Timestamp::now();
        let _handle = self.attempts.spawn(async move {
            let result = api.start(&request).await;
            let duration = tokio::time::Instant::now().into_std() - now;
            CallDone::Attempt(AttemptDone { id, route, is_probe, sent_at: now, sent_at_clock, duration, result })
        });
        self.telemetry.in_flight(self.attempts.len());
    }

    /// Decides on an answer.
    pub(super) fn answered(&mut self, done: AttemptDone, now: Instant) {
        self.telemetry.in_flight(self.attempts.len());
        let AttemptDone { id, route, is_probe, sent_at, sent_at_clock, duration, result } = done;
        let charge = (!is_probe && !self.gates.is_paused(route)).then_some(duration);
        let changes = self.gates.answered(route, result.as_ref().err(), sent_at, now);
        let detail = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.tell_gates(changes, &detail);
        // The answer to a delivery that was given up meanwhile has told the gates what it can; the delivery itself comes
        // again elsewhere.
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        delivery.in_flight = false;
        if let Some(of) = self.describe(id) {
            let attempt = self.deliveries.get(&id).map_or(0, |delivery| delivery.attempts);
            self.telemetry.attempt(&AttemptEvent { delivery: of, attempt, result: result.as_ref(), duration });
        }
        match result {
            Ok(started) => {
                self.notice_id(id, &started);
                self.delivered(id, &started, None, now);
            }
            Err(failure) => {
                if let Some(delivery) = self.deliveries.get_mut(&id) {
                    delivery.attempt_failed(&failure, sent_at_clock.to_string());
                }
                if !self.will_look_up(id, &failure, charge, sent_at, now) {
                    self.failed(id, &failure, charge, now);
                }
            }
        }
    }

    /// `confirmed_by`: what confirmed the start, where it was not the answer to the request.
    pub(super) fn delivered(
        &mut self,
        id: DeliveryId,
        started: &Started,
        confirmed_by: Option<&'static str>,
        now: Instant,
    ) {
        self.scheduler.remove(id);
        let Some(delivery) = self.deliveries.remove(&id) else { return };
        self.tell(delivery.record, &delivery.facts, Outcome::Delivered, |event| {
            event.workflow_id = Some(&delivery.request.destination.workflow_id);
            event.action_instance_id = Some(&started.action_instance_id);
            event.requested_instance_id = delivery.request.action_instance_id.as_deref();
            event.attempts = delivery.attempts;
            event.http_status = Some(started.http_status);
            event.request_id = started.request_id.as_deref();
            event.confirmed_by = confirmed_by;
            event.duration_ms = Some(millis(now.saturating_duration_since(delivery.created)));
        });
        self.settle(delivery.record);
        self.guard_saw_delivery(now);
    }

    /// `charge` is what the attempt cost the delivery: nothing where an outage was known when it left or ended.
    fn failed(&mut self, id: DeliveryId, failure: &ApiFailure, charge: Option<Duration>, now: Instant) {
        match failure.class {
            FailureClass::Rejected => self.bury_delivery(id, DeadLetterClass::Rejected, failure),
            FailureClass::Ambiguous if self.settings.ambiguous == AmbiguousPolicy::DeadLetter => {
                self.bury_delivery(id, DeadLetterClass::Ambiguous, failure);
            }
            // Everything below is tried again: not here any more.
            _ if self.is_given_up(id) => self.abandon(&[id]),
            // The delivery waits behind the gate that this closed: neither an attempt nor time is charged.
            FailureClass::Throttled | FailureClass::Credentials | FailureClass::Target => self.scheduler.put_back(id),
            FailureClass::Transient | FailureClass::Ambiguous => self.failed_on_the_way(id, failure, charge, now),
        }
    }

    fn failed_on_the_way(&mut self, id: DeliveryId, failure: &ApiFailure, charge: Option<Duration>, now: Instant) {
        self.count_failure(id, failure, charge, now);
        self.try_again(id, failure, charge.is_some(), now);
    }

    /// Counts a failure on the way: for the breaker the delivery's first, for the delivery itself what it is charged.
    pub(super) fn count_failure(
        &mut self,
        id: DeliveryId,
        failure: &ApiFailure,
        charge: Option<Duration>,
        now: Instant,
    ) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        if let Some(duration) = charge {
            delivery.charged = delivery.charged.saturating_add(1);
            delivery.spent += duration;
        }
        if delivery.take_first_failure() {
            let opened = self.gates.delivery_failed(delivery.route, now);
            self.tell_gates(opened.into_iter().collect(), &failure.to_string());
        }
    }

    /// Sends a delivery again: after a wait where the attempt was charged to it, unless its budget is spent.
    pub(super) fn try_again(&mut self, id: DeliveryId, failure: &ApiFailure, was_charged: bool, now: Instant) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let route = delivery.route;
        if was_charged {
            let (charged, since) = (delivery.charged, delivery.previous_attempt().unwrap_or(now));
            if !self.settings.retry.is_spent(charged, delivery.spent) {
                let wait = self.settings.retry.backoff.wait(charged, &mut rand::rng());
                delivery.spent += wait;
                self.timers.set(now + wait, Wake::Delivery(id));
                if let Some(of) = self.describe(id) {
                    self.telemetry.retry_scheduled(&of, charged, wait);
                }
            } else if self.gates.succeeded_since(route, since) {
                // Others get through between its attempts: it is this delivery's fault.
                self.bury_delivery(id, DeadLetterClass::Exhausted, failure);
            } else {
                // Nobody does: it is the target's. Hold it.
                let opened = self.gates.open_breaker(route, now);
                self.tell_gates(opened.into_iter().collect(), &failure.to_string());
                self.scheduler.put_back(id);
            }
        } else {
            self.scheduler.put_back(id);
        }
    }

    pub(super) fn bury_delivery(&mut self, id: DeliveryId, class: DeadLetterClass, failure: &ApiFailure) {
        self.scheduler.remove(id);
        let Some(delivery) = self.deliveries.remove(&id) else { return };
        let facts = delivery.facts.clone();
        self.bury(delivery.record, facts, Some(&delivery), class, failure.reason, failure.message.clone());
    }

    pub(super) fn tell_gates(&self, changes: Vec<GateChange>, detail: &str) {
        for GateChange { reason, route, to } in changes {
            let destination = route.and_then(|route| self.destination(route));
            let route = destination.map(|to| &*to.route);
            let is_open = match to {
                Moved::Closed { probe_in } => {
                    if reason == PauseReason::HoldOff {
                        self.telemetry.hold_off(probe_in);
                    }
                    let workflow_id = destination.map(|to| &*to.workflow_id);
                    self.telemetry.paused(&PauseEvent { reason, route, workflow_id, probe_in: Some(probe_in), detail });
                    true
                }
                Moved::Opened { after } => {
                    let is_last = !self.gates.closed().iter().any(|(closed, ..)| *closed == reason);
                    self.telemetry.resumed(reason, route, after, is_last);
                    false
                }
            };
            if let (PauseReason::CircuitBreaker, Some(route)) = (reason, route) {
                self.telemetry.breaker(route, is_open);
            }
        }
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
