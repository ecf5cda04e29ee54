//! A look-up is sent, and what its answer leads to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::delivery::OpenDelivery;
use super::doubt::{Because, LookUp, Subject};
use super::flow::Flow;
use super::gates::Says;
use super::timers::Wake;
use super::verify::CallDone;
use crate::domain::{DeadLetterClass, FailureClass, Found, FoundAlert};
use crate::ports::{ApiFailure, DeadLetterSink, WorkflowApi};
use crate::scheduler::{DeliveryId, RouteId};
use crate::telemetry::LookUpEvent;

/// What confirmed a start that no answer confirmed, in the outcome's line.
pub(super) const BY_LOOK_UP: &str = "look_up";

/// Where everything may be refused, so often must a look-up be before reading itself is taken to be forbidden.
const REFUSALS: u32 = 3;

/// A look-up that has ended.
#[derive(Debug)]
pub(super) struct LookUpDone {
    pub(super) id: DeliveryId,
    pub(super) route: RouteId,
    /// Sent to see whether an outage is over.
    pub(super) is_probe: bool,
    /// When the one before it left.
    pub(super) previous: Option<Instant>,
    pub(super) sent_at: Instant,
    pub(super) duration: Duration,
    pub(super) result: Result<Shown, ApiFailure>,
}

/// What it has shown.
#[derive(Debug)]
pub(super) enum Shown {
    Instance(Found),
    Alert(FoundAlert),
}

/// What a failed look-up says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Failure {
    /// Nothing about looking up: the credentials or the quota are closed to everything.
    Closed,
    /// It may be answered another time.
    Passing,
    /// It will never be answered; creating may work all the same.
    Final,
}

impl Failure {
    fn of(failure: &ApiFailure) -> Self {
        match failure.class {
            FailureClass::Throttled => Self::Closed,
            // A 403 may be about reading alone: the right to start workflows need not include it.
            FailureClass::Credentials if failure.http_status != Some(403) => Self::Closed,
            FailureClass::Transient | FailureClass::Ambiguous => Self::Passing,
            FailureClass::Credentials | FailureClass::Rejected | FailureClass::Target => Self::Final,
        }
    }
}

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Whether the next call for this delivery is a look-up.
    pub(super) fn is_looked_up_next(&self, id: DeliveryId) -> bool {
        self.deliveries.get(&id).is_some_and(|delivery| delivery.doubt.next.is_some())
    }

    /// Sends a look-up.
    pub(super) fn look_up(&mut self, id: DeliveryId, now: Instant) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let route = delivery.route;
        let is_probe = self.gates.is_paused(route);
        delivery.in_flight = true;
        delivery.is_probe = is_probe;
        let previous = delivery.doubt.last.replace(now);
        let (api, request) = (Arc::clone(&self.api), Arc::clone(&delivery.request));
        let is_of_alert = delivery.doubt.next.as_ref().is_some_and(|look_up| look_up.of == Subject::Alert);
        let alert = delivery.alert_to_create().filter(|_| is_of_alert).cloned();
        self.leaves(route, is_probe, now);
        let _handle = self.attempts.spawn(async move {
            let result = match alert {
                Some(alert) => api.find_alert(&alert.destination, &alert.alert_id).await.map(Shown::Alert),
                None => {
                    let instance = request.action_instance_id.as_deref().unwrap_or_default();
                    api.find(&request.destination, instance).await.map(Shown::Instance)
                }
            };
            let duration = tokio::time::Instant::now().into_std() - now;
            CallDone::LookUp(LookUpDone { id, route, is_probe, previous, sent_at: now, duration, result })
        });
        self.telemetry.in_flight(self.attempts.len());
    }

    /// Decides on the answer to a look-up. It charges the delivery nothing.
    pub(super) fn looked_up(&mut self, done: LookUpDone, now: Instant) {
        self.telemetry.in_flight(self.attempts.len());
        let LookUpDone { id, route, is_probe, previous, sent_at, duration, result } = done;
        self.under_way.answered(is_probe, result.as_ref().err(), sent_at, now);
        let is_in_doubt = self.gates.is_in_doubt(route);
        let failure = result.as_ref().err().map(|failure| (failure, Failure::of(failure)));
        let says = match &result {
            Ok(Shown::Instance(Found::Present { .. }) | Shown::Alert(FoundAlert::Present(_))) => Says::Present,
            _ => Says::NotPresent,
        };
        let changes = match failure {
            Some((failure, Failure::Closed | Failure::Passing)) => {
                self.gates.answered(route, Some(failure), sent_at, now)
            }
            Some((_, Failure::Final)) => self.gates.looked_up(route, Says::Refused, sent_at, now),
            None => self.gates.looked_up(route, says, sent_at, now),
        };
        self.gates_moved(changes, &failure.map(|(failure, _)| failure.to_string()).unwrap_or_default());
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        delivery.in_flight = false;
        self.tell_look_up(id, result.as_ref(), duration);
        match result {
            Ok(Shown::Instance(found)) => self.instance_shown(id, found, now),
            Ok(Shown::Alert(found)) => self.alert_shown(id, found, now),
            Err(failure) => match Failure::of(&failure) {
                Failure::Final if is_in_doubt && self.is_refused_again(id) => self.scheduler.put_back(id),
                Failure::Final => self.not_learnt(id, &failure.to_string(), now),
                _ if self.is_given_up(id) => self.abandon(&[id]),
                Failure::Closed => self.scheduler.put_back(id),
                Failure::Passing => self.look_up_failed(id, &failure, previous, now),
            },
        }
    }

    fn instance_shown(&mut self, id: DeliveryId, found: Found, now: Instant) {
        match found {
            Found::Present { started, .. } => self.delivered(id, &started, Some(BY_LOOK_UP), now),
            Found::Absent => match self.verify.why_absence_is_unclear(Subject::Instance) {
                Some(why) => self.not_learnt(id, why, now),
                None => {
                    if !self.is_alert_suspected(id) {
                        self.clear_doubt(id);
                    }
                    self.not_there(id, now);
                }
            },
            Found::Unclear => self.not_learnt(id, "the service does not answer with the instance asked for", now),
        }
    }

    fn tell_look_up(&self, id: DeliveryId, result: Result<&Shown, &ApiFailure>, duration: Duration) {
        let result = match result {
            Ok(Shown::Alert(found)) => return self.tell_alert_look_up(id, Ok(found), duration),
            Err(failure) if self.subject(id) == Subject::Alert => {
                return self.tell_alert_look_up(id, Err(failure), duration);
            }
            Ok(Shown::Instance(found)) => Ok(found),
            Err(failure) => Err(failure),
        };
        if let Some(of) = self.describe(id) {
            self.telemetry.looked_up(&LookUpEvent { delivery: of, result, duration });
        }
    }

    /// What a delivery's look-up is about.
    fn subject(&self, id: DeliveryId) -> Subject {
        let look_up = self.deliveries.get(&id).and_then(|delivery| delivery.doubt.next.as_ref());
        look_up.map_or(Subject::Instance, |look_up| look_up.of)
    }

    /// Counts a refusal that may be about everything; says whether it is to be asked again.
    fn is_refused_again(&mut self, id: DeliveryId) -> bool {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return false };
        delivery.doubt.refused = delivery.doubt.refused.saturating_add(1);
        delivery.doubt.refused < REFUSALS && !self.is_given_up(id)
    }

    /// The next look-up waits. Only where other deliveries get through meanwhile, time after time, reading itself must
    /// be at fault.
    fn look_up_failed(&mut self, id: DeliveryId, failure: &ApiFailure, previous: Option<Instant>, now: Instant) {
        self.count_failure(id, failure, None, now);
        if let Some(of) = self.describe(id) {
            self.telemetry.look_up_failed(&of, failure);
        }
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let OpenDelivery { route, doubt, .. } = &mut **delivery;
        let (route, most) = (*route, self.settings.retry.max_attempts);
        let others_get_through = previous.is_some_and(|since| self.gates.succeeded_since(route, since));
        doubt.failed = doubt.failed.saturating_add(1);
        doubt.failed_alone = if others_get_through { doubt.failed_alone + 1 } else { 0 };
        let (failed, failed_alone) = (doubt.failed, doubt.failed_alone);
        if failed_alone >= most {
            self.not_learnt(id, &failure.to_string(), now);
        } else if self.gates.is_paused(route) {
            self.scheduler.put_back(id);
        } else if failed >= most && !others_get_through {
            // Nobody gets through: it is the target's fault. Hold it.
            let opened = self.gates.open_breaker(route, now);
            self.gates_moved(opened.into_iter().collect(), &failure.to_string());
            self.scheduler.put_back(id);
        } else {
            let wait = self.settings.retry.backoff.wait(failed, &mut self.rng);
            self.timers.set(now + wait, Wake::Delivery(id));
        }
    }

    /// It will not be learnt whether the instance is there: as if it were not, and that is said.
    pub(super) fn not_learnt(&mut self, id: DeliveryId, detail: &str, now: Instant) {
        let because = self.deliveries.get(&id).and_then(|delivery| delivery.doubt.next.as_ref());
        if because.is_some_and(|look_up| matches!(look_up.because, Because::Refused(_))) {
            return self.not_there(id, now);
        }
        let next = because.cloned();
        self.leave_unclear(id, self.subject(id), detail);
        if let Some(delivery) = self.deliveries.get_mut(&id) {
            delivery.doubt.next = next;
        }
        self.not_there(id, now);
    }

    /// The instance, or the alert, is not there: the delivery goes on where the doubt arose.
    pub(super) fn not_there(&mut self, id: DeliveryId, now: Instant) {
        let next = self.deliveries.get_mut(&id).and_then(|delivery| delivery.doubt.next.take());
        let subject = next.as_ref().map(|look_up| look_up.of);
        let because = next.map(|LookUp { because, .. }| because);
        match because {
            Some(Because::Refused(failure)) => self.bury_delivery(id, DeadLetterClass::Rejected, &failure),
            _ if self.is_given_up(id) => self.abandon(&[id]),
            Some(Because::Ambiguous { failure, was_charged }) => self.try_again(id, &failure, was_charged, now),
            Some(Because::Suspected) | None => {
                if subject == Some(Subject::Instance) {
                    self.suspect_alert(id, now);
                }
                self.scheduler.put_back(id);
            }
        }
    }
}
