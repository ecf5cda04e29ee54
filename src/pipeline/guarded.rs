//! Dead letters before the guard: counted when they are decided, written or held (`resilience::DeadLetterGuard`).
//! Those of class `target` pass it uncounted: an operator has decided on them (`delivery.paused_route`), and held ones
//! would pause the partition whose next alerts are to find out that the target is back.
//!
//! What is held is not on its way: it keeps its records open, so that nothing commits past it, and it holds up neither
//! a revocation nor a drain. Partitions with held letters are not fetched from; the others go on, and what they
//! deliver may open the guard.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use super::flow::Flow;
use super::letters::PendingLetter;
use crate::domain::{DeadLetterClass, FailureReason, Offset, TopicPartition};
use crate::ports::{DeadLetterSink, GuardOpened, WorkflowApi};
use crate::resilience::{DeadLetterGuard, GuardLimit, GuardPolicy, Ruling};
use crate::telemetry::{GuardClosedEvent, GuardOpenedBy, GuardStatus};

/// Of so many of the latest dead letters it is remembered what they failed of, to say what most of them have.
const REMEMBERED: usize = 100;

/// What a dead letter failed of, and where its record stands.
#[derive(Debug)]
struct Decided {
    class: DeadLetterClass,
    reason: FailureReason,
    partition: TopicPartition,
    offset: Offset,
}

/// The guard and what it holds.
#[derive(Debug)]
pub(super) struct Guarded {
    guard: DeadLetterGuard,
    /// In the order in which they were decided.
    held: VecDeque<PendingLetter>,
    /// The partitions of what is held.
    partitions: HashSet<TopicPartition>,
    latest: VecDeque<Decided>,
}

impl Guarded {
    pub(super) fn new(policy: GuardPolicy) -> Self {
        Self {
            guard: DeadLetterGuard::new(policy),
            held: VecDeque::new(),
            partitions: HashSet::new(),
            latest: VecDeque::new(),
        }
    }

    /// Whether fetching of this partition rests because dead letters of it are held.
    pub(super) fn holds(&self, partition: &TopicPartition) -> bool {
        self.partitions.contains(partition)
    }

    /// Whether fetching of any partition rests for that.
    pub(super) fn holds_any(&self) -> bool {
        !self.partitions.is_empty()
    }

    /// Counts what was skipped by rule.
    pub(super) fn skipped(&mut self, now: Instant) {
        self.guard.skipped(now);
    }

    pub(super) fn closed_since(&self) -> Option<Instant> {
        self.guard.closed_since()
    }

    pub(super) fn status(&self, now: Instant) -> GuardStatus {
        let since = self.closed_since().map(|since| SystemTime::now() - now.saturating_duration_since(since));
        GuardStatus { held: self.held.len(), since }
    }

    fn remember(&mut self, pending: &PendingLetter) {
        if self.latest.len() == REMEMBERED {
            drop(self.latest.pop_front());
        }
        let letter = &pending.letter;
        self.latest.push_back(Decided {
            class: letter.class,
            reason: letter.reason,
            partition: letter.record.partition.clone(),
            offset: letter.record.offset,
        });
    }

    fn hold(&mut self, pending: PendingLetter) {
        let partition = &pending.letter.record.partition;
        if !self.partitions.contains(partition) {
            let _new = self.partitions.insert(partition.clone());
        }
        self.held.push_back(pending);
    }

    /// What most of the latest dead letters have in common.
    fn closed_event(&self, limit: GuardLimit) -> Option<GuardClosedEvent<'_>> {
        let mut counts: HashMap<(DeadLetterClass, FailureReason), usize> = HashMap::new();
        for decided in &self.latest {
            *counts.entry((decided.class, decided.reason)).or_default() += 1;
        }
        let (common, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        let example = self.latest.iter().rev().find(|decided| (decided.class, decided.reason) == common)?;
        Some(GuardClosedEvent {
            limit: limit.as_str(),
            class: example.class,
            reason: example.reason,
            count,
            of: self.latest.len(),
            partition: &example.partition,
            offset: example.offset,
        })
    }
}

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Counts a dead letter, and writes or holds it.
    pub(super) fn rule_on(&mut self, pending: PendingLetter, now: Instant) {
        if pending.letter.class == DeadLetterClass::Target {
            return self.post(pending);
        }
        let ruling = self.guarded.guard.dead_letter(now);
        if ruling == Ruling::Hold {
            let letter = &pending.letter;
            self.telemetry.dead_letter_held(&pending.describe(), letter.class, letter.reason);
            return self.guarded.hold(pending);
        }
        self.guarded.remember(&pending);
        self.post(pending);
        if let Ruling::WriteAsLast(limit) = ruling
            && let Some(event) = self.guarded.closed_event(limit)
        {
            self.telemetry.dead_letter_guard_closed(&event);
        }
    }

    /// Counts a delivery. If it opens the guard, what is held is offered again: counted anew, and held anew from where
    /// a limit is reached.
    pub(super) fn guard_saw_delivery(&mut self, now: Instant) {
        let Some(held_for) = self.guarded.guard.delivered(now) else { return };
        self.guard_opened(GuardOpenedBy::Deliveries, held_for);
        while self.guarded.closed_since().is_none()
            && let Some(pending) = self.guarded.held.pop_front()
        {
            self.rule_on(pending, now);
        }
        self.guarded.partitions =
            self.guarded.held.iter().map(|pending| pending.letter.record.partition.clone()).collect();
    }

    /// Opens the guard as an operator asks: all that is held goes. `None` where it is not closed.
    pub(super) fn open_guard(&mut self, now: Instant) -> Option<GuardOpened> {
        let held_for = self.guarded.guard.open(now)?;
        self.guard_opened(GuardOpenedBy::Operator, held_for);
        self.guarded.partitions.clear();
        let held = std::mem::take(&mut self.guarded.held);
        let released = held.len();
        for pending in held {
            self.post(pending);
        }
        Some(GuardOpened { released, held_for })
    }

    fn guard_opened(&mut self, by: GuardOpenedBy, held_for: Duration) {
        self.guarded.latest.clear();
        self.telemetry.dead_letter_guard_opened(by, self.guarded.held.len(), held_for);
    }
}

impl<A, D> Flow<A, D> {
    /// Gives up what is held: of these partitions, or all. Their records come again.
    pub(super) fn abandon_held(&mut self, partitions: Option<&[TopicPartition]>) {
        let concerns = |partition: &TopicPartition| partitions.is_none_or(|some| some.contains(partition));
        let mut counts: HashMap<TopicPartition, u64> = HashMap::new();
        self.guarded.held.retain(|pending| {
            let partition = &pending.letter.record.partition;
            let goes = concerns(partition);
            if goes {
                *counts.entry(partition.clone()).or_default() += 1;
            }
            !goes
        });
        self.guarded.partitions.retain(|partition| !concerns(partition));
        for (partition, count) in counts {
            self.telemetry.partition_abandoned(&partition, count);
        }
    }
}
