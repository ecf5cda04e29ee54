//! Dead letters on their way: written until the broker has acknowledged them, however long that takes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::delivery::{OpenDelivery, RecordId};
use super::flow::Flow;
use super::prepare::AlertFacts;
use super::redriven;
use super::timers::Wake;
use crate::domain::{DeadLetter, DeadLetterClass, FailureReason, Outcome, Shape};
use crate::ports::{DeadLetterError, DeadLetterSink, WorkflowApi};
use crate::resilience::Backoff;
use crate::telemetry::{Delivery, PauseEvent, PauseReason};

/// How many dead letters are being written at most.
const WRITING: usize = 64;

/// The waits between tries: a topic that cannot be written is not flooded either.
const BACKOFF: Backoff = Backoff { initial: Duration::from_millis(500), max: Duration::from_secs(30) };

/// A dead letter that has not been acknowledged.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct LetterId(u64);

#[derive(Debug)]
pub(super) struct PendingLetter {
    pub(super) record: RecordId,
    facts: AlertFacts,
    pub(super) letter: Arc<DeadLetter>,
    created: Instant,
    tries: u32,
    /// Whether a write is under way.
    is_on_the_wire: bool,
}

impl PendingLetter {
    /// Which delivery it is about.
    pub(super) fn describe(&self) -> Delivery<'_> {
        let letter = &self.letter;
        Delivery {
            partition: &letter.record.partition,
            offset: letter.record.offset,
            origin: (letter.redrive_count > 0).then_some(&letter.origin),
            part: letter.part,
            alert_id: letter.alert_id.as_deref(),
            route: letter.route.as_deref(),
            workflow_id: letter.workflow_id.as_deref(),
            requested_instance_id: letter.action_instance_id.as_deref(),
        }
    }
}

/// A write that has ended.
#[derive(Debug)]
pub(super) struct WriteDone {
    id: LetterId,
    result: Result<Shape, DeadLetterError>,
}

/// All dead letters on their way.
#[derive(Debug)]
pub(super) struct Letters<D> {
    sink: Arc<D>,
    pub(super) pending: HashMap<LetterId, PendingLetter>,
    queue: VecDeque<LetterId>,
    pub(super) writing: JoinSet<WriteDone>,
    failing_since: Option<Instant>,
}

impl<D: DeadLetterSink> Letters<D> {
    pub(super) fn new(sink: Arc<D>) -> Self {
        Self { sink, pending: HashMap::new(), queue: VecDeque::new(), writing: JoinSet::new(), failing_since: None }
    }

    /// Begins as many writes as are allowed.
    fn write(&mut self) {
        while self.writing.len() < WRITING
            && let Some(id) = self.queue.pop_front()
        {
            let Some(pending) = self.pending.get_mut(&id) else { continue };
            pending.is_on_the_wire = true;
            let (sink, letter) = (Arc::clone(&self.sink), Arc::clone(&pending.letter));
            let _handle = self.writing.spawn(async move { WriteDone { id, result: sink.publish(&letter).await } });
        }
    }
}

impl<D> Letters<D> {
    /// Ends the failure if nothing waits to be written any more; says since when it lasted.
    pub(super) fn end_idle_failure(&mut self) -> Option<Instant> {
        if self.pending.is_empty() { self.failing_since.take() } else { None }
    }

    /// The records of dead letters that are worth waiting for: not of those that wait for the topic to come back.
    pub(super) fn under_way(&self) -> impl Iterator<Item = RecordId> {
        let topic_works = self.failing_since.is_none();
        let is_under_way =
            move |pending: &&PendingLetter| pending.tries == 0 && (pending.is_on_the_wire || topic_works);
        self.pending.values().filter(is_under_way).map(|pending| pending.record)
    }

    /// Since when no dead letter could be written, if that is so.
    pub(super) fn failing_since(&self) -> Option<Instant> {
        self.failing_since
    }
}

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Sends what cannot be delivered to the dead-letter topic, through the guard. Its record settles once that is
    /// acknowledged.
    pub(super) fn bury(
        &mut self,
        record: RecordId,
        facts: AlertFacts,
        delivery: Option<&OpenDelivery>,
        class: DeadLetterClass,
        reason: FailureReason,
        error: String,
    ) {
        let Some(open) = self.records.get(&record) else { return };
        let letter = DeadLetter {
            record: Arc::clone(&open.record),
            origin: open.origin.clone(),
            part: facts.part,
            class,
            reason,
            error,
            attempts: delivery.map(|delivery| delivery.reports.clone()).unwrap_or_default(),
            attempt_count: delivery.map_or(0, |delivery| delivery.attempts),
            workflow_id: match delivery {
                Some(delivery) => Some(Arc::clone(&delivery.request.destination.workflow_id)),
                None => redriven::marked_workflow(open.redrive.as_ref()),
            },
            action_instance_id: delivery.and_then(|delivery| delivery.request.action_instance_id.clone()),
            alert_id: facts.id.clone(),
            severity: facts.severity,
            format: facts.format.clone(),
            route: facts.route.clone(),
            mapping_version: self.preparer.mapping_version(),
            consumer_group: Arc::clone(&self.settings.group_id),
            instance: Arc::clone(&self.settings.instance),
            redrive_count: open.redrive.as_ref().map_or(0, |mark| mark.count),
        };
        let now = tokio::time::Instant::now().into_std();
        let created = delivery.map_or(now, |delivery| delivery.created);
        let letter = Arc::new(letter);
        self.rule_on(PendingLetter { record, facts, letter, created, tries: 0, is_on_the_wire: false }, now);
    }

    /// Puts a dead letter on its way.
    pub(super) fn post(&mut self, pending: PendingLetter) {
        let id = LetterId(self.next_id());
        drop(self.letters.pending.insert(id, pending));
        self.letters.queue.push_back(id);
        self.letters.write();
    }

    /// Decides on a write that has ended.
    pub(super) fn written(&mut self, done: WriteDone, now: Instant) {
        match done.result {
            Ok(shape) => self.buried(done.id, shape, now),
            Err(error) => self.not_written(done.id, &error.to_string(), now),
        }
        self.letters.write();
    }

    fn not_written(&mut self, id: LetterId, error: &str, now: Instant) {
        // A letter that went with its partition is its next owner's.
        let Some(pending) = self.letters.pending.get_mut(&id) else { return };
        pending.tries = pending.tries.saturating_add(1);
        pending.is_on_the_wire = false;
        self.timers.set(now + BACKOFF.wait(pending.tries, &mut self.rng), Wake::Letter(id));
        if self.letters.failing_since.is_none() {
            self.letters.failing_since = Some(now);
            self.telemetry.paused(&PauseEvent {
                reason: PauseReason::DeadLetterTopic,
                route: None,
                workflow_id: None,
                probe_in: None,
                detail: error,
            });
        }
        if let Some(pending) = self.letters.pending.get(&id) {
            self.telemetry.dead_letter_write_failed(&pending.describe(), error);
        }
    }

    /// Tries a dead letter again.
    pub(super) fn write_again(&mut self, id: LetterId) {
        self.letters.queue.push_back(id);
        self.letters.write();
    }

    fn buried(&mut self, id: LetterId, shape: Shape, now: Instant) {
        if let Some(since) = self.letters.failing_since.take() {
            self.telemetry.resumed(PauseReason::DeadLetterTopic, None, now.saturating_duration_since(since), true);
        }
        // A letter whose partition was given up meanwhile is written a second time by the next owner.
        let Some(pending) = self.letters.pending.remove(&id) else { return };
        let letter = &pending.letter;
        if self.records.contains_key(&pending.record) {
            self.telemetry.dead_letter_reduced(&pending.describe(), shape);
            self.report.dead_letter(letter);
        }
        let last = letter.attempts.last();
        let outcome = Outcome::DeadLettered(letter.class, letter.reason);
        self.tell(pending.record, &pending.facts, outcome, |event| {
            event.workflow_id = letter.workflow_id.as_deref();
            event.requested_instance_id = letter.action_instance_id.as_deref();
            event.attempts = letter.attempt_count;
            event.http_status = last.and_then(|attempt| attempt.http_status);
            event.error_code = last.and_then(|attempt| attempt.error_code.as_deref());
            event.request_id = last.and_then(|attempt| attempt.request_id.as_deref());
            event.error = Some(&letter.error);
            event.duration_ms = Some(super::dispatch::millis(now.saturating_duration_since(pending.created)));
        });
        self.settle(pending.record);
    }
}
