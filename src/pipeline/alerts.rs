//! `create_alert`: SecMaster gets the alert before the workflows that are about it start.
//!
//! Such a delivery is a chain of two calls with one outcome (promise 1). Until the alert is there, it stands under a
//! route of its own, that of its route's alerts: so its breaker, pauses, probes and successes tell of CreateAlert, and
//! those of the workflow tell of CreateWorkflowInstance. Once it is there, the delivery goes on under its workflow's.
//!
//! The alert has an id that we ask for, a pure function of the record, so that it can be looked up before it is
//! created again, and what is sent is the same after a crash (promise 3). Where the service gives ids of its own, the
//! workflow gets that id: see docs/adr/0022.
//!
//! Several workflows of one alert share it: the first creates, the others are held, and share its fate until then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::delivery::OpenDelivery;
use super::dispatch::AttemptDone;
use super::doubt::{Because, LookUp, Subject, leaves_doubt};
use super::flow::Flow;
use super::look_up::BY_LOOK_UP;
use super::settings::AmbiguousPolicy;
use crate::domain::{AlertRequest, Created, FailureClass, FoundAlert};
use crate::ports::{ApiFailure, DeadLetterSink, WorkflowApi};
use crate::routing;
use crate::scheduler::{DeliveryId, RouteId};
use crate::telemetry::{AlertEvent, LookUpEvent};

/// The first step of a delivery that is about a created alert.
#[derive(Debug)]
pub(super) struct AlertStep {
    request: Arc<AlertRequest>,
    /// Where the delivery goes on.
    then: RouteId,
    /// The id under which SecMaster has the alert, once that is known.
    created: Option<Arc<str>>,
    /// Whether another delivery creates the alert.
    is_held: bool,
    /// The deliveries that are held meanwhile.
    followers: Vec<DeliveryId>,
}

impl OpenDelivery {
    /// The alert that comes first, unless it is there.
    pub(super) fn alert_to_create(&self) -> Option<&Arc<AlertRequest>> {
        self.alert.as_ref().filter(|step| step.created.is_none()).map(|step| &step.request)
    }

    /// The id under which SecMaster has the alert.
    pub(super) fn created_alert_id(&self) -> Option<&str> {
        self.alert.as_ref().and_then(|step| step.created.as_deref())
    }

    /// Whether it waits for another delivery to create the alert.
    pub(super) fn waits_for_alert(&self) -> bool {
        self.alert.as_ref().is_some_and(|step| step.is_held)
    }

    /// The workflow is to be about the alert of this id.
    fn is_about(&mut self, alert_id: &Arc<str>) {
        let Some(step) = &mut self.alert else { return };
        // Of our id in another spelling the bytes stay what they are.
        if !step.request.alert_id.eq_ignore_ascii_case(alert_id) {
            self.request = Arc::new(routing::about(&self.request, alert_id));
        }
        step.created = Some(Arc::clone(alert_id));
        step.is_held = false;
        self.doubt.is_alert_there = true;
    }
}

impl<A, D> Flow<A, D> {
    /// A delivery has come in that is about this alert. `leads` are those deliveries of its record that create one.
    pub(super) fn create_first(
        &mut self,
        id: DeliveryId,
        request: Arc<AlertRequest>,
        leads: &mut Vec<(Arc<AlertRequest>, DeliveryId)>,
        now: Instant,
    ) {
        let route = self.route_to(&request.destination, now);
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        let then = delivery.route;
        let redrive = self.records.get(&delivery.record).and_then(|open| open.redrive.as_ref());
        let known = redrive.and_then(|mark| mark.created_alert_id.clone());
        let step =
            AlertStep { request: Arc::clone(&request), then, created: None, is_held: false, followers: Vec::new() };
        delivery.alert = Some(Box::new(step));
        if let Some(alert_id) = known {
            return delivery.is_about(&alert_id);
        }
        // What failed before may have been created before.
        if redrive.is_some() && self.settings.ambiguous == AmbiguousPolicy::Verify && delivery.doubt.next.is_none() {
            delivery.doubt.next = Some(LookUp { not_before: now, because: Because::Suspected, of: Subject::Alert });
        }
        delivery.route = route;
        self.gates.comes_first(route, then);
        let (clock, clock_before) = (self.gates.active_time(route, now), self.gates.active_time(then, now));
        self.scheduler.reroute(id, route, clock_before, clock);
        match leads.iter().find(|(known, _)| Arc::ptr_eq(known, &request)) {
            Some((_, leader)) => self.follow(id, *leader),
            None => leads.push((request, id)),
        }
    }

    fn follow(&mut self, id: DeliveryId, leader: DeliveryId) {
        self.scheduler.hold(id);
        if let Some(step) = self.step(id) {
            step.is_held = true;
        }
        if let Some(step) = self.step(leader) {
            step.followers.push(id);
        }
    }

    fn step(&mut self, id: DeliveryId) -> Option<&mut AlertStep> {
        self.deliveries.get_mut(&id)?.alert.as_deref_mut()
    }

    /// A delivery has ended. Where it was to create an alert and has not, the next one that is about it does.
    pub(super) fn hand_alert_on(&mut self, ended: &mut OpenDelivery) {
        let Some(step) = &mut ended.alert else { return };
        let mut heirs = std::mem::take(&mut step.followers);
        heirs.retain(|id| self.deliveries.contains_key(id));
        if heirs.is_empty() {
            return;
        }
        let heir = heirs.remove(0);
        if let Some(step) = self.step(heir) {
            step.is_held = false;
            step.followers = heirs;
        }
        self.scheduler.put_back(heir);
    }

    /// A delivery is given up for good. Says which others were to be about the alert that it has not created; their
    /// reports tell its attempts. What may run already is not among them: it is handed the alert and looked up first.
    pub(super) fn share_failure(&mut self, id: DeliveryId) -> Vec<DeliveryId> {
        let followers = self.step(id).map(|step| std::mem::take(&mut step.followers)).unwrap_or_default();
        let may_run = |id: &DeliveryId| self.deliveries.get(id).is_some_and(|d| d.doubt.awaits_look_up());
        let (in_doubt, followers): (Vec<_>, Vec<_>) = followers.into_iter().partition(may_run);
        if let Some(step) = self.step(id) {
            step.followers = in_doubt;
        }
        let Some(leader) = self.deliveries.get(&id).filter(|_| !followers.is_empty()) else { return followers };
        let (attempts, reports) = (leader.attempts, leader.reports.clone());
        for follower in &followers {
            if let Some(follower) = self.deliveries.get_mut(follower) {
                follower.attempts = attempts;
                follower.reports.clone_from(&reports);
            }
        }
        followers
    }

    /// Whether the alert of a delivery that somebody may have sent before can be looked up.
    pub(super) fn is_alert_suspected(&self, id: DeliveryId) -> bool {
        !self.verify.are_alert_ids_ignored
            && self.deliveries.get(&id).is_some_and(|delivery| delivery.alert_to_create().is_some())
    }

    /// No workflow runs for what somebody may have sent before, or that is not to be learnt. The alert may be there all
    /// the same, or come until `not_before`.
    pub(super) fn suspect_alert(&mut self, id: DeliveryId, not_before: Instant) {
        let is_suspected = self.is_alert_suspected(id);
        if let Some(delivery) = self.deliveries.get_mut(&id).filter(|_| is_suspected) {
            delivery.doubt.next = Some(LookUp { not_before, because: Because::Suspected, of: Subject::Alert });
        }
    }
}

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Decides on the answer to a CreateAlert.
    pub(super) fn alert_answered(&mut self, done: AttemptDone<Created>, now: Instant) {
        let charge = self.heard(&done, now);
        let AttemptDone { sent, duration, result } = done;
        let Some(delivery) = self.deliveries.get_mut(&sent.id) else { return };
        delivery.in_flight = false;
        self.tell_alert(sent.id, result.as_ref(), None, Some(duration));
        match result {
            Ok(created) => {
                self.notice_alert_id(sent.id, &created);
                self.alert_is_there(sent.id, &created.alert_id, now);
            }
            Err(failure) => {
                if let Some(delivery) = self.deliveries.get_mut(&sent.id) {
                    delivery.attempt_failed(&failure, sent.at_clock.to_string());
                }
                if !self.will_look_alert_up(sent.id, &failure, charge, now) {
                    self.failed(sent.id, &failure, charge, now);
                }
            }
        }
    }

    /// Whether a failed creation leads to a look-up, which decides what becomes of the delivery, or to its being given
    /// up. A refusal does: the alert may be there from another record of it.
    fn will_look_alert_up(
        &mut self,
        id: DeliveryId,
        failure: &ApiFailure,
        charge: Option<Duration>,
        now: Instant,
    ) -> bool {
        match failure.class {
            FailureClass::Rejected => self.look_up_first(id, Subject::Alert, failure, charge, now),
            _ if leaves_doubt(failure) && self.settings.ambiguous == AmbiguousPolicy::Verify => {
                self.look_up_first(id, Subject::Alert, failure, charge, now)
            }
            FailureClass::Ambiguous => false,
            _ => {
                self.clear_doubt_unless_unclear(id);
                false
            }
        }
    }

    /// Decides on what a look-up has shown of an alert.
    pub(super) fn alert_shown(&mut self, id: DeliveryId, found: FoundAlert, now: Instant) {
        match found {
            FoundAlert::Present(created) => {
                self.tell_alert(id, Ok(&created), Some(BY_LOOK_UP), None);
                self.alert_is_there(id, &created.alert_id, now);
            }
            FoundAlert::Absent => match self.verify.why_absence_is_unclear(Subject::Alert) {
                Some(why) => self.not_learnt(id, why, now),
                None => {
                    self.clear_doubt_unless_unclear(id);
                    self.not_there(id, now);
                }
            },
            FoundAlert::Unclear => self.not_learnt(id, "the service does not answer with the alert asked for", now),
        }
    }

    /// SecMaster has the alert: what is about it goes on to its workflows.
    fn alert_is_there(&mut self, id: DeliveryId, alert_id: &str, now: Instant) {
        if self.is_given_up(id) {
            return self.abandon(&[id]);
        }
        let alert_id: Arc<str> = alert_id.into();
        let followers = self.step(id).map(|step| std::mem::take(&mut step.followers)).unwrap_or_default();
        for id in std::iter::once(id).chain(followers) {
            let Some(delivery) = self.deliveries.get_mut(&id) else { continue };
            let Some(then) = delivery.alert.as_ref().map(|step| step.then) else { continue };
            delivery.is_about(&alert_id);
            let _answered = delivery.doubt.next.take_if(|look_up| look_up.of == Subject::Alert);
            let before = std::mem::replace(&mut delivery.route, then);
            delivery.forget_first_failure();
            let (clock_before, clock) = (self.gates.active_time(before, now), self.gates.active_time(then, now));
            self.scheduler.reroute(id, then, clock_before, clock);
            self.scheduler.put_back(id);
        }
    }

    /// Compares the id of a created alert with the one that was asked for.
    fn notice_alert_id(&mut self, id: DeliveryId, created: &Created) {
        if let Some(requested) = self.deliveries.get(&id).and_then(|delivery| delivery.alert_to_create()) {
            self.verify.are_alert_ids_ignored = !requested.alert_id.eq_ignore_ascii_case(&created.alert_id);
        }
    }

    /// `confirmed_by`: what showed the alert, where it was not the answer to its creation.
    fn tell_alert(
        &self,
        id: DeliveryId,
        result: Result<&Created, &ApiFailure>,
        confirmed_by: Option<&'static str>,
        duration: Option<Duration>,
    ) {
        let Some((delivery, of)) = self.deliveries.get(&id).zip(self.describe(id)) else { return };
        let attempt = delivery.attempts;
        self.telemetry.alert(&AlertEvent { delivery: of, attempt, result, confirmed_by, duration });
    }

    /// Tells of a look-up of an alert.
    pub(super) fn tell_alert_look_up(
        &self,
        id: DeliveryId,
        result: Result<&FoundAlert, &ApiFailure>,
        duration: Duration,
    ) {
        if let Some(of) = self.describe(id) {
            self.telemetry.alert_looked_up(&LookUpEvent { delivery: of, result, duration });
        }
    }
}
