//! Attempts: who leaves next, and what an answer leads to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::flow::Flow;
use super::gates::{GateChange, Moved};
use super::settings::AmbiguousPolicy;
use super::timers::Wake;
use crate::domain::{DeadLetterClass, FailureClass, Outcome, Started};
use crate::ports::{ApiFailure, DeadLetterSink, WorkflowApi};
use crate::scheduler::{DeliveryId, RouteId, Turn};
use crate::telemetry::{AttemptEvent, Delivery, PauseEvent, PauseReason};

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
    /// Permits are counted, a gate that is due lets one delivery through, and the token comes last: only where there
    /// is one the delivery is chosen, so that the worst at that moment leaves, and only then the token is spent.
    pub(super) fn dispatch(&mut self, now: Instant) -> Option<Instant> {
        self.rates.advance(now);
        while !self.is_draining && self.attempts.len() < self.settings.max_in_flight {
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
            let waited = self.waiting_for_token_since.take().map_or(Duration::ZERO, |since| now - since);
            self.telemetry.rate_limit_wait(waited);
            self.send(id, now);
        }
        self.rates.next_raise()
    }

    fn send(&mut self, id: DeliveryId, now: Instant) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let route = delivery.route;
        let is_probe = self.gates.is_paused(route);
        delivery.attempt_sent(now, is_probe);
        self.rates.spend(route, now);
        self.under_way.sent(is_probe);
        self.gates.sent(route, now);
        self.watchdog.left();
        let request = Arc::clone(&delivery.request);
        let api = Arc::clone(&self.api);
        let sent_at_clock = Timestamp::now();
        let _handle = self.attempts.spawn(async move {
            let result = api.start(&request).await;
            let duration = tokio::time::Instant::now().into_std() - now;
            AttemptDone { id, route, is_probe, sent_at: now, sent_at_clock, duration, result }
        });
        self.telemetry.in_flight(self.attempts.len());
    }

    /// Decides on an answer.
    pub(super) fn answered(&mut self, done: AttemptDone, now: Instant) {
        self.telemetry.in_flight(self.attempts.len());
        let AttemptDone { id, route, is_probe, sent_at, sent_at_clock, duration, result } = done;
        let charge = (!is_probe && !self.gates.is_paused(route)).then_some(duration);
        self.under_way.answered(is_probe, result.as_ref().err(), sent_at, now);
        let changes = self.gates.answered(route, result.as_ref().err(), sent_at, now);
        let detail = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.tell_gates(changes, &detail);
        if let Err(failure) = &result {
            self.paused_routes.answered(route, failure);
        }
        // The answer to a delivery that was given up meanwhile has told the gates what it can; the delivery itself comes
        // again elsewhere.
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        delivery.in_flight = false;
        if let Some(of) = self.describe(id) {
            let attempt = self.deliveries.get(&id).map_or(0, |delivery| delivery.attempts);
            self.telemetry.attempt(&AttemptEvent { delivery: of, attempt, result: result.as_ref(), duration });
        }
        match result {
            Ok(started) => self.delivered(id, &started, now),
            Err(failure) => {
                if let Some(delivery) = self.deliveries.get_mut(&id) {
                    delivery.attempt_failed(&failure, sent_at_clock.to_string());
                }
                self.failed(id, &failure, charge, now);
            }
        }
    }

    fn delivered(&mut self, id: DeliveryId, started: &Started, now: Instant) {
        self.scheduler.remove(id);
        let Some(delivery) = self.deliveries.remove(&id) else { return };
        self.tell(delivery.record, &delivery.facts, Outcome::Delivered, |event| {
            event.workflow_id = Some(&delivery.request.destination.workflow_id);
            event.action_instance_id = Some(&started.action_instance_id);
            event.requested_instance_id = delivery.request.action_instance_id.as_deref();
            event.attempts = delivery.attempts;
            event.http_status = Some(started.http_status);
            event.request_id = started.request_id.as_deref();
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
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let route = delivery.route;
        let mut opened = None;
        let mut opened_by_exhaustion = false;
        if delivery.take_first_failure() {
            opened = self.gates.delivery_failed(route, now);
        }
        if let Some(duration) = charge {
            delivery.charged = delivery.charged.saturating_add(1);
            delivery.spent += duration;
            let (charged, since) = (delivery.charged, delivery.previous_attempt().unwrap_or(now));
            if !self.settings.retry.is_spent(charged, delivery.spent) {
                let wait = self.settings.retry.backoff.wait(charged, &mut self.rng);
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
                opened_by_exhaustion = opened.is_none();
                opened = opened.or_else(|| self.gates.open_breaker(route, now));
                self.scheduler.put_back(id);
            }
        } else {
            self.scheduler.put_back(id);
        }
        if opened.is_some() {
            self.refund(route, opened_by_exhaustion.then_some(id));
        }
        self.tell_gates(opened.into_iter().collect(), &failure.to_string());
    }

    /// An outage is known now: what it cost the route's deliveries before is not held against them. One that has
    /// exhausted all its attempts stays so: it may be what fails, and then the next success beside it shows that.
    fn refund(&mut self, route: RouteId, except: Option<DeliveryId>) {
        for (id, delivery) in &mut self.deliveries {
            if delivery.route == route && Some(*id) != except {
                delivery.charged = 0;
                delivery.spent = Duration::ZERO;
            }
        }
    }

    fn describe(&self, id: DeliveryId) -> Option<Delivery<'_>> {
        let delivery = self.deliveries.get(&id)?;
        let record = &self.records.get(&delivery.record)?.record;
        let to = &delivery.request.destination;
        Some(Delivery {
            partition: &record.partition,
            offset: record.offset,
            part: delivery.facts.part,
            route: &to.route,
            workflow_id: &to.workflow_id,
        })
    }

    pub(super) fn bury_delivery(&mut self, id: DeliveryId, class: DeadLetterClass, failure: &ApiFailure) {
        self.scheduler.remove(id);
        let Some(delivery) = self.deliveries.remove(&id) else { return };
        let facts = delivery.facts.clone();
        self.bury(delivery.record, facts, Some(&delivery), class, failure.reason, failure.message.clone());
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
