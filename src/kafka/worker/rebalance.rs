//! The worker's part in a rebalance: assigned partitions are placed before they are read, revoked ones are held until
//! the pipeline hands them back, lost ones are dropped at once. librdkafka keeps the group waiting for our answer, and
//! all partitions still meanwhile, so every way through here ends in an answer.

use std::collections::HashSet;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{Consumer as _, RebalanceProtocol};
use rdkafka::error::KafkaResult;
use tokio::time::Instant;

use super::{Owned, Worker};
use crate::domain::TopicPartition;
use crate::kafka::commits::Frontiers;
use crate::kafka::context::Report;
use crate::kafka::placement::{self, Placed, Placement};
use crate::kafka::queries;
use crate::ports::{SourceError, SourceEvent, Start};

/// How long a member waits for the one whose turn it is to choose where a topic begins.
const CHOOSER_PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at whether it has.
const CHOOSER_LOOK: Duration = Duration::from_millis(250);
/// Between two attempts while the brokers do not answer.
const RETRY: Duration = Duration::from_secs(1);

/// A rebalance that waits for our answer.
#[derive(Debug)]
pub(super) enum Rebalance {
    /// Finding out where the partitions begin.
    Placing {
        partitions: Vec<TopicPartition>,
        since: Instant,
        /// When to ask (again); `None`: it was refused, the process is about to end.
        next: Option<Instant>,
    },
    /// Waiting for the pipeline to release the partitions.
    Revoking { partitions: Vec<TopicPartition>, unreleased: HashSet<TopicPartition> },
    /// The same, because another consumer is to take the place of this one: not the group, but it waits for the answer.
    Renewing { unreleased: HashSet<TopicPartition> },
}

impl Worker {
    pub(super) fn advance_rebalance(&mut self) {
        let now = Instant::now();
        match self.rebalance.take() {
            None => match self.reported.pop_front() {
                Some(Report::Assign(partitions)) => {
                    self.place(partitions, now);
                }
                Some(Report::Revoke { partitions, lost }) => self.revoke(partitions, lost),
                _ => {}
            },
            Some(Rebalance::Placing { partitions, since, next }) => {
                if !self.reported.is_empty() || self.consumer.assignment_lost() {
                    // The group has moved on. What is assigned here is taken away again by what is reported next.
                    self.answer_assign(&queries::bare_list(&partitions));
                } else if next.is_some_and(|next| now >= next) {
                    self.place(partitions, since);
                } else {
                    self.rebalance = Some(Rebalance::Placing { partitions, since, next });
                }
            }
            Some(Rebalance::Revoking { partitions, unreleased }) => {
                if self.consumer.assignment_lost() {
                    self.lose(&partitions);
                } else {
                    self.rebalance = Some(Rebalance::Revoking { partitions, unreleased });
                }
            }
            Some(Rebalance::Renewing { unreleased }) => {
                if self.consumer.assignment_lost() {
                    self.lose_all();
                    self.renew();
                } else {
                    self.rebalance = Some(Rebalance::Renewing { unreleased });
                }
            }
        }
    }

    // === assigned ===

    fn place(&mut self, partitions: Vec<TopicPartition>, since: Instant) {
        let impatient = since.elapsed() >= CHOOSER_PATIENCE;
        let placed = placement::place(&self.consumer, &self.settings, &partitions, impatient);
        let next = match placed {
            Ok(Placed::Ready(placement)) => {
                let error =
                    if placement.chosen.is_empty() { None } else { self.commit_own(placement.chosen.clone()).err() };
                match error {
                    None => return self.begin(placement),
                    Some(error) => self.unavailable(format!("the start of the group cannot be committed: {error}")),
                }
                Some(RETRY)
            }
            Ok(Placed::Wait) => Some(CHOOSER_LOOK),
            Ok(Placed::Refused(text)) => {
                self.tell(SourceEvent::Fatal(SourceError::Configuration(text)));
                None
            }
            Err(error) => {
                self.unavailable(format!("offsets cannot be read: {error}"));
                Some(RETRY)
            }
        };
        let next = next.map(|wait| Instant::now() + wait);
        self.rebalance = Some(Rebalance::Placing { partitions, since, next });
    }

    /// Begins to read and tells the assignment.
    fn begin(&mut self, placement: Placement) {
        // Known since the first metadata; empty only where the brokers do not tell.
        let cluster_id = self.consumer.client().fetch_cluster_id(queries::PATIENCE).unwrap_or_default();
        let Placement { starts, all, ends, out_of_range, .. } = placement;
        self.joined();
        self.outbox.epoch += 1;
        for Start { partition, offset, .. } in &starts {
            let owned = Owned { epoch: self.outbox.epoch, next: offset.0, held: false };
            let _ = self.owned.insert(partition.clone(), owned);
            self.forget_anew(partition);
        }
        // Before it is told: the pipeline may pause at once what is told, and only what is assigned can be paused. No
        // record comes in between, since records come by this thread's polls.
        match queries::list(starts.iter().map(|start| (&start.partition, start.offset))) {
            Ok(list) => self.answer_assign(&list),
            Err(error) => return self.tell_fatal(&error),
        }
        // Nothing new for us, as a cooperative rebalance often says, may still come of topics that have grown.
        if !starts.is_empty() || !self.owned.is_empty() && self.all != all {
            self.all.clone_from(&all);
            self.tell(SourceEvent::Assigned { cluster_id: cluster_id.into(), partitions: starts, all });
        }
        if !ends.is_empty() {
            self.tell(SourceEvent::EndOffsets(ends));
        }
        for (partition, wanted, resumed_at) in out_of_range {
            self.tell(SourceEvent::OutOfRange { partition, wanted, resumed_at });
        }
    }

    fn answer_assign(&mut self, list: &TopicPartitionList) {
        let answer =
            if self.is_cooperative() { self.consumer.incremental_assign(list) } else { self.consumer.assign(list) };
        self.check_answer(answer);
    }

    // === revoked ===

    fn revoke(&mut self, partitions: Vec<TopicPartition>, lost: bool) {
        if lost {
            return self.lose(&partitions);
        }
        let mut told = Vec::new();
        for p in &partitions {
            if let Some(owned) = self.owned.get_mut(p) {
                owned.held = true;
                told.push(p.clone());
            }
        }
        if told.is_empty() {
            return self.answer_unassign(&partitions);
        }
        let unreleased = told.iter().cloned().collect();
        self.rebalance = Some(Rebalance::Revoking { partitions, unreleased });
        self.tell(SourceEvent::Revoked(told));
    }

    /// The pipeline hands partitions back: their frontiers are committed, bounded in time, and then they are let go.
    pub(super) fn release(&mut self, released: &[TopicPartition], frontiers: Frontiers, seen: u64) {
        // The answer is told as an event.
        let is_last = matches!(self.rebalance, Some(Rebalance::Renewing { .. }));
        if is_last && frontiers.iter().any(|frontier| self.holds(frontier, seen)) {
            // The old consumer's last; others may be joining or leaving just now, with new certificates as well.
            let _told = self.last_commit(frontiers, seen);
        } else if !frontiers.is_empty() {
            let id = self.commits.push(frontiers, Some(seen));
            let _told = self.wait_for(id, self.settings.request_timeout);
        }
        match self.rebalance.take() {
            Some(Rebalance::Revoking { partitions, mut unreleased }) => {
                self.forget(released, &mut unreleased);
                if unreleased.is_empty() {
                    self.answer_unassign(&partitions);
                } else {
                    self.rebalance = Some(Rebalance::Revoking { partitions, unreleased });
                }
            }
            Some(Rebalance::Renewing { mut unreleased }) => {
                self.forget(released, &mut unreleased);
                if unreleased.is_empty() {
                    self.renew();
                } else {
                    self.rebalance = Some(Rebalance::Renewing { unreleased });
                }
            }
            other => self.rebalance = other,
        }
    }

    fn forget(&mut self, released: &[TopicPartition], unreleased: &mut HashSet<TopicPartition>) {
        for p in released {
            if unreleased.remove(p) {
                let _ = self.owned.remove(p);
                self.forget_anew(p);
            }
        }
    }

    /// Partitions that another member may already read.
    fn lose(&mut self, partitions: &[TopicPartition]) {
        let lost: Vec<_> = partitions.iter().filter(|p| self.owned.remove(p).is_some()).cloned().collect();
        lost.iter().for_each(|p| self.forget_anew(p));
        self.answer_unassign(partitions);
        self.left();
        if !lost.is_empty() {
            self.tell(SourceEvent::Lost(lost));
        }
    }

    fn answer_unassign(&mut self, partitions: &[TopicPartition]) {
        self.committer.taken();
        let answer = if self.is_cooperative() {
            self.consumer.incremental_unassign(&queries::bare_list(partitions))
        } else {
            self.consumer.unassign()
        };
        self.check_answer(answer);
    }

    // === answers ===

    pub(super) fn is_cooperative(&self) -> bool {
        matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
    }

    /// An answer that librdkafka refuses leaves the group waiting for one: only a new process mends that.
    fn check_answer(&mut self, answer: KafkaResult<()>) {
        if let Err(error) = answer {
            self.tell_fatal(&error);
        }
    }

    /// Gives every outstanding rebalance some answer, for the way out.
    pub(super) fn answer_all(&mut self) {
        match self.rebalance.take() {
            Some(Rebalance::Placing { partitions, .. }) => self.answer_assign(&queries::bare_list(&partitions)),
            Some(Rebalance::Revoking { partitions, .. }) => self.answer_unassign(&partitions),
            // The group has not asked.
            Some(Rebalance::Renewing { .. }) | None => {}
        }
        while let Some(report) = self.reported.pop_front() {
            match report {
                Report::Assign(partitions) => self.answer_assign(&queries::bare_list(&partitions)),
                Report::Revoke { partitions, .. } => self.answer_unassign(&partitions),
                Report::Committed { .. } | Report::Told(_) | Report::Trouble { .. } => {}
            }
        }
    }
}
