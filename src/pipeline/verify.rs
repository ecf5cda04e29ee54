//! `delivery.ambiguous: verify`: what may have been started is looked up before it is started once more (promise 3:
//! where the service honours our ids, once).
//!
//! Two things make a delivery doubtful: an attempt without a confirmed answer, and an earlier owner of its partition
//! that may have sent it. The first is seen here. For the second, an attempt leaves only below a mark that the broker
//! has acknowledged ([`AttemptMarks`](crate::offsets::AttemptMarks)); above it the delivery is parked until a commit
//! with a higher mark has landed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::dispatch::AttemptDone;
use super::doubt::{Because, LookUp, Subject, leaves_doubt};
use super::flow::Flow;
use super::settings::{AmbiguousPolicy, InstanceIdMode, PipelineSettings};
use super::timers::Wake;
use crate::domain::{Created, FailureClass, FailureReason, Offset, Started, TopicPartition};
use crate::offsets::Frontier;
use crate::ports::{ApiFailure, DeadLetterSink, WorkflowApi};
use crate::scheduler::DeliveryId;

/// After a failed commit the marks are asked for again no sooner than this.
const MARKS_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A call that has ended.
#[derive(Debug)]
pub(super) enum CallDone {
    Attempt(AttemptDone<Started>),
    /// Of the alert that comes first.
    Alert(AttemptDone<Created>),
    LookUp(super::look_up::LookUpDone),
}

/// What an earlier owner of a partition may have sent.
#[derive(Clone, Copy, Debug)]
struct Suspects {
    below: Offset,
    not_before: Instant,
}

/// What verification remembers besides each delivery's doubt.
#[derive(Debug)]
pub(super) struct Verify {
    /// Looking up makes sense: it is asked for, and there are ids to look up.
    is_on: bool,
    suspects: HashMap<TopicPartition, Suspects>,
    /// Deliveries that wait for a mark, each with the permit that it will need.
    parked: HashMap<TopicPartition, Vec<DeliveryId>>,
    marks_again_at: Option<Instant>,
    /// The latest confirmed start had another id than the one asked for: absence says nothing.
    pub(super) are_ids_ignored: bool,
    /// The same of the latest alert that was created.
    pub(super) are_alert_ids_ignored: bool,
}

impl Verify {
    pub(super) fn new(settings: &PipelineSettings) -> Self {
        Self {
            is_on: settings.ambiguous == AmbiguousPolicy::Verify && settings.instance_id != InstanceIdMode::None,
            suspects: HashMap::new(),
            parked: HashMap::new(),
            marks_again_at: None,
            are_ids_ignored: false,
            are_alert_ids_ignored: false,
        }
    }

    /// Why the absence of what we asked for says nothing, if that is so.
    pub(super) const fn why_absence_is_unclear(&self, of: Subject) -> Option<&'static str> {
        match of {
            Subject::Instance if self.are_ids_ignored => {
                Some("the service gives instances ids of its own, so that ours cannot be found")
            }
            Subject::Alert if self.are_alert_ids_ignored => {
                Some("the service gives alerts ids of its own, so that ours cannot be found")
            }
            Subject::Instance | Subject::Alert => None,
        }
    }

    /// How many deliveries wait for a mark.
    pub(super) fn parked(&self) -> usize {
        self.parked.values().map(Vec::len).sum()
    }

    /// A delivery has ended, in whatever way: the permit that was kept for it is free.
    pub(super) fn unpark(&mut self, id: DeliveryId) {
        if self.parked.is_empty() {
            return;
        }
        self.parked.retain(|_, ids| {
            ids.retain(|parked| *parked != id);
            !ids.is_empty()
        });
    }

    /// Whether a commit may be asked for only because deliveries wait for a mark.
    pub(super) fn may_ask_for_marks(&self, now: Instant) -> bool {
        !self.parked.is_empty() && self.marks_again_at.is_none_or(|at| at <= now)
    }

    /// A commit has failed.
    pub(super) fn marks_failed(&mut self, now: Instant) {
        self.marks_again_at = Some(now + MARKS_AGAIN_AFTER);
    }

    /// A partition is not ours any more.
    pub(super) fn forget(&mut self, partition: &TopicPartition) {
        let _suspects = self.suspects.remove(partition);
        drop(self.parked.remove(partition));
    }
}

impl<A, D> Flow<A, D> {
    /// A partition is ours: what its earlier owner may have sent is suspected from now on. Its last request can have
    /// left just before it died, and this process may have begun at once.
    pub(super) fn keep_marks(&mut self, partition: &TopicPartition, mark: Option<Offset>, end: Offset, now: Instant) {
        if !self.verify.is_on {
            return;
        }
        if let Some(below) = self.book.keep_marks(partition, mark, end) {
            let wait = self.settings.request_timeout;
            let suspects = Suspects { below, not_before: now + wait };
            let _earlier = self.verify.suspects.insert(partition.clone(), suspects);
            self.telemetry.suspected(partition, below, wait);
        }
    }

    /// A delivery has come in: it is looked up first if an earlier owner may have sent it.
    pub(super) fn suspect(&mut self, id: DeliveryId) {
        if self.verify.suspects.is_empty() {
            return;
        }
        let Some((partition, offset)) = self.place_of(id) else { return };
        let Some(suspects) = self.verify.suspects.get(&partition).filter(|suspects| offset < suspects.below) else {
            return;
        };
        let not_before = suspects.not_before;
        self.attempt_leaves(id);
        if let Some(delivery) = self.deliveries.get_mut(&id) {
            delivery.doubt.was_there = true;
            delivery.doubt.next = Some(LookUp { not_before, because: Because::Suspected, of: Subject::Instance });
        }
    }

    /// Whether a delivery that was taken from the scheduler may leave now. If not, it comes back by itself.
    pub(super) fn may_leave(&mut self, id: DeliveryId, now: Instant) -> bool {
        if !self.verify.is_on {
            return true;
        }
        let Some((partition, offset)) = self.place_of(id) else { return true };
        if let Some(why) = self.verify.why_absence_is_unclear(Subject::Instance)
            && let Some(look_up) = self.deliveries.get(&id).and_then(|delivery| delivery.doubt.next.as_ref())
            && let LookUp { because: Because::Suspected, of: Subject::Instance, not_before } = *look_up
        {
            self.leave_unclear(id, Subject::Instance, why);
            self.suspect_alert(id, not_before);
        }
        if let Some(look_up) = self.deliveries.get(&id).and_then(|delivery| delivery.doubt.next.as_ref()) {
            let due = look_up.not_before;
            if due > now {
                self.timers.set(due, Wake::Delivery(id));
            }
            return due <= now;
        }
        let admitted = self.book.marks(&partition).is_none_or(|marks| marks.admits(offset));
        if !admitted {
            self.verify.parked.entry(partition).or_default().push(id);
        }
        admitted
    }

    /// Commits have landed: what waited for their marks may be picked again.
    pub(super) fn marks_landed(&mut self, frontiers: &[Frontier]) {
        self.verify.marks_again_at = None;
        for frontier in frontiers {
            for id in self.verify.parked.remove(&frontier.partition).unwrap_or_default() {
                self.scheduler.put_back(id);
            }
        }
    }

    /// Notes that an attempt leaves whose outcome nobody knows yet.
    pub(super) fn attempt_leaves(&mut self, id: DeliveryId) {
        if !self.verify.is_on {
            return;
        }
        let Some((partition, offset)) = self.place_of(id) else { return };
        if let Some(delivery) = self.deliveries.get_mut(&id)
            && !std::mem::replace(&mut delivery.doubt.is_open, true)
            && let Some(marks) = self.book.marks(&partition)
        {
            marks.doubt(offset);
        }
    }

    /// Nothing was started for this delivery, nor is there an alert of it.
    pub(super) fn clear_doubt(&mut self, id: DeliveryId) {
        let Some((partition, offset)) = self.place_of(id) else { return };
        if let Some(delivery) = self.deliveries.get_mut(&id)
            && !delivery.doubt.is_alert_there
            && std::mem::take(&mut delivery.doubt.is_open)
            && let Some(marks) = self.book.marks(&partition)
        {
            marks.clear(offset);
        }
    }

    /// The same, unless of an earlier attempt it was never learnt.
    pub(super) fn clear_doubt_unless_unclear(&mut self, id: DeliveryId) {
        if self.deliveries.get(&id).is_some_and(|delivery| !delivery.doubt.is_unclear) {
            self.clear_doubt(id);
        }
    }

    /// It is not learnt whether a workflow runs for this delivery, or whether its alert is there.
    pub(super) fn leave_unclear(&mut self, id: DeliveryId, subject: Subject, detail: &str) {
        if let Some(of) = self.describe(id) {
            match subject {
                Subject::Instance => self.telemetry.unverified(&of, detail),
                Subject::Alert => self.telemetry.alert_unverified(&of, detail),
            }
        }
        if let Some(delivery) = self.deliveries.get_mut(&id) {
            delivery.doubt.is_unclear = true;
            delivery.doubt.next = None;
        }
    }

    fn place_of(&self, id: DeliveryId) -> Option<(TopicPartition, Offset)> {
        let delivery = self.deliveries.get(&id)?;
        Some((delivery.partition.clone(), delivery.offset))
    }

    /// Compares the id of a confirmed start with the one that was asked for.
    pub(super) fn notice_id(&mut self, id: DeliveryId, started: &Started) {
        let requested = self.deliveries.get(&id).and_then(|delivery| delivery.request.action_instance_id.as_deref());
        if let Some(requested) = requested {
            self.verify.are_ids_ignored = !requested.eq_ignore_ascii_case(&started.action_instance_id);
        }
    }
}

/// Why nothing can be looked up.
const NO_IDS: &str = "no instance ids are asked for (`delivery.instance_id: none`), so that nothing can be looked up";

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Decides on a call that has ended.
    pub(super) fn call_ended(&mut self, done: CallDone, now: Instant) {
        match done {
            CallDone::Attempt(done) => self.answered(done, now),
            CallDone::Alert(done) => self.alert_answered(done, now),
            CallDone::LookUp(done) => self.looked_up(done, now),
        }
    }

    /// Whether a failed attempt leads to a look-up, which decides what becomes of the delivery, or to its being given
    /// up.
    pub(super) fn will_look_up(
        &mut self,
        id: DeliveryId,
        failure: &ApiFailure,
        charge: Option<Duration>,
        now: Instant,
    ) -> bool {
        let is_doubtful = leaves_doubt(failure);
        if !self.verify.is_on {
            if is_doubtful && self.settings.ambiguous == AmbiguousPolicy::Verify && !self.is_given_up(id) {
                self.leave_unclear(id, Subject::Instance, NO_IDS);
            }
            return false;
        }
        let Some(delivery) = self.deliveries.get_mut(&id) else { return false };
        delivery.doubt.was_there |= is_doubtful;
        let may_be_there = is_doubtful || failure.class == FailureClass::Rejected && delivery.doubt.was_there;
        if !may_be_there {
            self.clear_doubt_unless_unclear(id);
            return false;
        }
        self.look_up_first(id, Subject::Instance, failure, charge, now)
    }

    /// A call left a doubt, or was refused for what may be there: it is looked up before anything becomes of the delivery,
    /// or the delivery is given up. Says whether either is so: where absence says nothing, neither is.
    pub(super) fn look_up_first(
        &mut self,
        id: DeliveryId,
        of: Subject,
        failure: &ApiFailure,
        charge: Option<Duration>,
        now: Instant,
    ) -> bool {
        if self.is_given_up(id) {
            // The mark tells the next owner to look it up.
            self.abandon(&[id]);
            return true;
        }
        let is_doubtful = leaves_doubt(failure);
        if let Some(why) = self.verify.why_absence_is_unclear(of) {
            if is_doubtful {
                self.leave_unclear(id, of, why);
            }
            return false;
        }
        let because = if is_doubtful {
            self.count_failure(id, failure, charge, now);
            Because::Ambiguous { failure: failure.clone(), was_charged: charge.is_some() }
        } else {
            Because::Refused(failure.clone())
        };
        let not_before = self.is_over_at(id, failure, now);
        if let Some(delivery) = self.deliveries.get_mut(&id) {
            delivery.doubt.next = Some(LookUp { not_before, because, of });
        }
        self.timers.set(not_before, Wake::Delivery(id));
        true
    }

    /// When a request that failed so is under way no more.
    ///
    /// With an answer it is not, and after its whole time-out it counts as ended. A connection that broke tells nothing
    /// of when the request left: a token may have been fetched first. And a gateway that has waited long enough (504)
    /// tells that the service may be at it still.
    fn is_over_at(&self, id: DeliveryId, failure: &ApiFailure, now: Instant) -> Instant {
        let whole = self.settings.request_timeout;
        match failure.http_status {
            Some(504) => self
                .deliveries
                .get(&id)
                .and_then(|delivery| delivery.last_attempt())
                .map_or(now, |at| at + whole)
                .max(now),
            Some(_) => now,
            None if failure.reason == FailureReason::NoAnswer => now,
            None => now + whole,
        }
    }
}
