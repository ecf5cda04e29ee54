//! Attempts: who leaves next, and what an answer leads to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::flow::{Flow, workflow_of};
use super::gates::{GateChange, Moved};
use super::settings::AmbiguousPolicy;
use super::timers::Wake;
use super::verify::CallDone;
use crate::domain::{DeadLetterClass, FailureClass, Outcome, Started};
use crate::ports::{ApiFailure, DeadLetterSink, WorkflowApi};
use crate::scheduler::{DeliveryId, RouteId, Turn};
use crate::telemetry::{AttemptEvent, PauseEvent, PauseReason};

/// An attempt that has left.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) id: DeliveryId,
    route: RouteId,
    /// Sent to see whether an outage is over.
    is_probe: bool,
    at: Instant,
    pub(super) at_clock: Timestamp,
}

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct AttemptDone<T> {
    pub(super) sent: Sent,
    pub(super) duration: Duration,
    pub(super) result: Result<T, ApiFailure>,
}

impl Sent {
    fn ended<T>(self, result: Result<T, ApiFailure>) -> AttemptDone<T> {
        let duration = tokio::time::Instant::now().into_std() - self.at;
        AttemptDone { sent: self, duration, result }
    }
}

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Sends what may leave now. Says when to ask again, if waiting is all there is to do.
    ///
    /// Permits are counted, a gate that is due lets one delivery through, and the token comes last: only where there
    /// is one the delivery is chosen, so that the worst at that moment leaves, and only then the token is spent. One
    /// that may not leave yet leaves the token to the next.
    pub(super) fn dispatch(&mut self, now: Instant) -> Option<Instant> {
        self.rates.advance(now);
        while !self.is_draining && self.attempts.len() + self.verify.parked() < self.settings.max_in_flight {
            let (gates, rates, is_crowded) = (&self.gates, &self.rates, self.under_way.is_crowded());
            let turn = |route| match gates.turn(route, now) {
                // What waits for an outage to end sends its probes into a full house, too.
                _ if is_crowded && !gates.is_paused(route) => Turn::Nobody,
                _ if !rates.route_is_ready(route, now) => Turn::Nobody,
                turn => turn,
            };
            if !gates.process_admits(now) || !self.scheduler.has_ready(turn) {
                self.waiting_for_token_since = None;
                let wakes = [gates.next_probe(now), rates.next_route_token(now), rates.next_raise()];
                return wakes.into_iter().flatten().min();
            }
            let ready_at = rates.tenant_ready_at();
            if ready_at.is_none_or(|at| at > now) {
                let _since = self.waiting_for_token_since.get_or_insert(now);
                return ready_at.into_iter().chain(rates.next_raise()).min();
            }
            let id = self.scheduler.take(turn, |route| gates.active_time(route, now))?;
            if self.may_leave(id, now) {
                let waited = self.waiting_for_token_since.take().map_or(Duration::ZERO, |since| now - since);
                self.telemetry.rate_limit_wait(waited);
                self.send(id, now);
            }
        }
        self.rates.next_raise()
    }

    fn send(&mut self, id: DeliveryId, now: Instant) {
        if self.is_looked_up_next(id) {
            return self.look_up(id, now);
        }
        self.attempt_leaves(id);
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let (route, request) = (delivery.route, Arc::clone(&delivery.request));
        let alert = delivery.alert_to_create().cloned();
        let is_probe = self.gates.is_paused(route);
        delivery.attempt_sent(now, is_probe);
        self.leaves(route, is_probe, now);
        let api = Arc::clone(&self.api);
        let sent = Sent { id, route, is_probe, at: now, at_clock: Timestamp::now() };
        let _handle = self.attempts.spawn(async move {
            match alert {
                None => CallDone::Attempt(sent.ended(api.start(&request).await)),
                Some(alert) => CallDone::Alert(sent.ended(api.create_alert(&alert).await)),
            }
        });
        self.telemetry.in_flight(self.attempts.len());
    }

    /// A request of this route leaves: an attempt, or a look-up.
    pub(super) fn leaves(&mut self, route: RouteId, is_probe: bool, now: Instant) {
        self.rates.spend(route, now);
        self.under_way.sent(is_probe);
        self.gates.sent(route, now);
        self.watchdog.left();
    }

    /// What an answer says about all but its delivery. Says what it costs that.
    pub(super) fn heard<T>(&mut self, done: &AttemptDone<T>, now: Instant) -> Option<Duration> {
        self.telemetry.in_flight(self.attempts.len());
        let Sent { route, is_probe, at, .. } = done.sent;
        let failure = done.result.as_ref().err();
        let charge = (!is_probe && !self.gates.is_paused(route)).then_some(done.duration);
        self.under_way.answered(is_probe, failure, at, now);
        let changes = self.gates.answered(route, failure, at, now);
        let detail = failure.map(ToString::to_string).unwrap_or_default();
        self.gates_moved(changes, &detail);
        if let Some(failure) = failure {
            self.paused_routes.answered(route, failure);
        }
        charge
    }

    /// Decides on an answer.
    pub(super) fn answered(&mut self, done: AttemptDone<Started>, now: Instant) {
        let charge = self.heard(&done, now);
        let AttemptDone { sent: Sent { id, at_clock, .. }, duration, result } = done;
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
                    delivery.attempt_failed(&failure, at_clock.to_string());
                }
                if !self.will_look_up(id, &failure, charge, now) {
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
        let Some(delivery) = self.remove_delivery(id) else { return };
        self.tell(delivery.record, &delivery.facts, Outcome::Delivered, |event| {
            event.workflow_id = Some(&delivery.request.destination.workflow_id);
            event.action_instance_id = Some(&started.action_instance_id);
            event.requested_instance_id = delivery.request.action_instance_id.as_deref();
            event.created_alert_id = delivery.created_alert_id();
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
    pub(super) fn failed(&mut self, id: DeliveryId, failure: &ApiFailure, charge: Option<Duration>, now: Instant) {
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
        if delivery.take_first_failure() {
            let opened = self.gates.delivery_failed(delivery.route, now);
            self.gates_moved(opened.into_iter().collect(), &failure.to_string());
        }
        if let (Some(duration), Some(delivery)) = (charge, self.deliveries.get_mut(&id)) {
            delivery.charge(duration, now);
        }
    }

    /// Sends a delivery again: after a wait where the attempt was charged to it, unless its budget is spent.
    pub(super) fn try_again(&mut self, id: DeliveryId, failure: &ApiFailure, was_charged: bool, now: Instant) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let (route, since) = (delivery.route, delivery.previous_attempt().unwrap_or(now));
        if !was_charged {
            self.scheduler.put_back(id);
        } else if !self.settings.retry.is_spent(&delivery.charges) {
            let charged = delivery.charges.count();
            let wait = self.settings.retry.backoff.wait(charged.max(1), &mut self.rng);
            delivery.charges.add_wait(wait);
            self.timers.set(now + wait, Wake::Delivery(id));
            if let Some(of) = self.describe(id) {
                self.telemetry.retry_scheduled(&of, charged, wait);
            }
        } else if self.gates.succeeded_since(route, since) {
            // Others get through between its attempts: it is this delivery's fault.
            self.bury_delivery(id, DeadLetterClass::Exhausted, failure);
        } else {
            // Nobody does: it is the target's. Hold it. What it alone has told costs it one attempt.
            let latest = delivery.charges.take_latest();
            let opened = self.gates.open_breaker(route, now);
            self.gates_moved(opened.into_iter().collect(), &failure.to_string());
            self.refund(route);
            if let Some(delivery) = self.deliveries.get_mut(&id) {
                delivery.charges.put(latest);
            }
            self.scheduler.put_back(id);
        }
    }

    /// Tells of gates that have moved. With a breaker's opening an outage is known.
    pub(super) fn gates_moved(&mut self, changes: Vec<GateChange>, detail: &str) {
        for change in &changes {
            if let (PauseReason::CircuitBreaker, Moved::Closed { .. }, Some(route)) =
                (change.reason, change.to, change.route)
            {
                self.refund(route);
            }
        }
        self.tell_gates(changes, detail);
    }

    /// What an outage has cost the route's deliveries since the last one got through is not held against them.
    fn refund(&mut self, route: RouteId) {
        let last_success = self.gates.last_success(route);
        for delivery in self.deliveries.values_mut().filter(|delivery| delivery.route == route) {
            delivery.charges.refund_after(last_success);
        }
    }

    pub(super) fn bury_delivery(&mut self, id: DeliveryId, class: DeadLetterClass, failure: &ApiFailure) {
        let others = self.share_failure(id);
        for id in std::iter::once(id).chain(others) {
            let Some(delivery) = self.remove_delivery(id) else { continue };
            let facts = delivery.facts.clone();
            self.bury(delivery.record, facts, Some(&delivery), class, failure.reason, failure.message.clone());
        }
    }

    fn tell_gates(&self, changes: Vec<GateChange>, detail: &str) {
        for GateChange { reason, route, to } in changes {
            let destination = route.and_then(|route| self.destination(route));
            let route = destination.map(|to| &*to.route);
            let is_open = match to {
                Moved::Closed { probe_in } => {
                    if reason == PauseReason::HoldOff {
                        self.telemetry.hold_off(probe_in);
                    }
                    let workflow_id = destination.and_then(workflow_of);
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
