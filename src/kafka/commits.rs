//! One request at a time, each commit answered whole and in order (promise 2: an older frontier never overwrites a newer
//! one, which retried requests could do if two were under way).
//!
//! What was asked for while a request was under way goes with the next one, as one: however slow the coordinator is, no
//! more than one request waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::ClientError;
use super::context::{Consumer, Report};
use super::queries::{self, Detail};
use crate::domain::{Offset, TopicPartition};
use crate::offsets::{CompletedOffsets, Epoch, Frontier};

/// Frontiers to be committed.
pub(super) type Frontiers = Vec<Frontier>;

/// Names one commit.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct CommitId(u64);

/// Why a commit has not landed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum CommitError {
    /// The group has another generation, of which this member is about to hear: then the same commit may land.
    #[error("{0}")]
    BetweenGenerations(String),
    #[error("{0}")]
    Failed(String),
}

impl CommitError {
    pub(super) fn failed(why: &str) -> Self {
        Self::Failed(why.to_owned())
    }
}

impl From<KafkaError> for CommitError {
    fn from(error: KafkaError) -> Self {
        let text = error.to_string();
        match error {
            KafkaError::ConsumerCommit(RDKafkaErrorCode::IllegalGeneration | RDKafkaErrorCode::RebalanceInProgress) => {
                Self::BetweenGenerations(text)
            }
            _ => Self::Failed(text),
        }
    }
}

/// A commit that has its answer.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Answered {
    pub(super) id: CommitId,
    /// Those that `result` is about.
    pub(super) frontiers: Frontiers,
    pub(super) result: Result<(), CommitError>,
    /// Those that were not sent.
    pub(super) refused: Frontiers,
}

#[derive(Debug)]
struct Pending {
    id: CommitId,
    /// The assignment that the pipeline knew of; `None`: the worker has chosen these.
    seen: Option<u64>,
    frontiers: Frontiers,
    refused: Frontiers,
}

/// What is sent and what waits to be sent.
#[derive(Debug, Default)]
pub(super) struct CommitQueue {
    last: u64,
    waiting: VecDeque<Pending>,
    /// The commits of the request under way.
    under_way: Vec<Pending>,
    /// The request under way has been given up: its answer, when it comes, concerns nobody.
    given_up: bool,
}

impl CommitQueue {
    /// Queues a commit behind those before it. `seen`: the assignment that the pipeline knew of when it asked.
    pub(super) fn push(&mut self, frontiers: Frontiers, seen: Option<u64>) -> CommitId {
        self.last += 1;
        let id = CommitId(self.last);
        self.waiting.push_back(Pending { id, seen, frontiers, refused: Frontiers::new() });
        id
    }

    /// Whether something waits and nothing else is under way.
    pub(super) fn is_ready(&self) -> bool {
        self.under_way.is_empty() && !self.given_up && !self.waiting.is_empty()
    }

    /// What is to be sent now, if nothing else is under way: of each partition the frontier that was asked for last, of
    /// those that still hold. Nothing, if none does: then it is to be answered without being sent.
    pub(super) fn start(&mut self, holds: impl Fn(&Frontier, u64) -> bool) -> Option<Frontiers> {
        if !self.is_ready() {
            return None;
        }
        self.under_way = self.waiting.drain(..).collect();
        let mut request = BTreeMap::new();
        for Pending { seen, frontiers, refused, .. } in &mut self.under_way {
            if let Some(seen) = *seen {
                refused.extend(frontiers.extract_if(.., |frontier| !holds(frontier, seen)));
            }
            request.extend(frontiers.iter().map(|frontier| (frontier.partition.clone(), frontier.clone())));
        }
        Some(request.into_values().collect())
    }

    /// Takes in the answer to the request under way.
    pub(super) fn answer(&mut self, result: &Result<(), CommitError>) -> Vec<Answered> {
        self.given_up = false;
        self.under_way.drain(..).map(|pending| pending.answered(result.clone())).collect()
    }

    /// Stops waiting for this commit and for all before it. What is under way may still land; nothing is sent until
    /// its answer is in.
    pub(super) fn give_up(&mut self, id: CommitId, why: &str) -> Vec<Answered> {
        let mut told = Vec::new();
        if self.under_way.iter().any(|pending| pending.id <= id) {
            self.given_up = true;
            told.append(&mut self.under_way);
        }
        while self.waiting.front().is_some_and(|pending| pending.id <= id) {
            told.extend(self.waiting.pop_front());
        }
        told.into_iter().map(|pending| pending.answered(Err(CommitError::failed(why)))).collect()
    }
}

impl Pending {
    fn answered(self, result: Result<(), CommitError>) -> Answered {
        let Self { id, frontiers, refused, .. } = self;
        Answered { id, frontiers, result, refused }
    }
}

/// A frontier that the worker chose: nothing above it has settled, and no assignment waits for the answer.
pub(super) fn bare_frontier((partition, offset): (TopicPartition, Offset)) -> Frontier {
    Frontier { partition, offset, completed: CompletedOffsets::default(), mark: None, epoch: Epoch(0) }
}

/// The thread that sends commits and waits for their answers, so that polling goes on meanwhile. It uses librdkafka's
/// synchronous commit: rust-rdkafka 0.39 never calls `commit_callback` for asynchronous ones (librdkafka makes the event
/// only where a native callback is registered, `rd_kafka_cgrp_propagate_commit_result`).
#[derive(Debug)]
pub(super) struct Committer {
    requests: Sender<Frontiers>,
}

impl Committer {
    /// Starts the thread. It ends with the committer, after the request that is under way; it keeps the consumer only
    /// for that long, so that the worker's drop is the one that leaves the group.
    pub(super) fn start(consumer: &Arc<Consumer>, group: String, reports: Sender<Report>) -> Result<Self, ClientError> {
        let (requests, received) = channel();
        let consumer = Arc::downgrade(consumer);
        let _detached = thread::Builder::new()
            .name("kafka-commits".to_owned())
            .spawn(move || serve(&consumer, &group, &received, &reports))
            .map_err(|error| ClientError(format!("the committer's thread cannot be started: {error}")))?;
        Ok(Self { requests })
    }

    /// Sends a commit; the answer comes as [`Report::Committed`].
    pub(super) fn send(&self, frontiers: Frontiers) -> Result<(), CommitError> {
        self.requests.send(frontiers).map_err(|_| CommitError::failed("the committer's thread has ended"))
    }
}

fn serve(consumer: &Weak<Consumer>, group: &str, requests: &Receiver<Frontiers>, reports: &Sender<Report>) {
    for frontiers in requests {
        let Some(consumer) = consumer.upgrade() else { return };
        let commit = |list: KafkaResult<_>| list.and_then(|list| consumer.commit(&list, CommitMode::Sync));
        // Brokers may take less than the usual 4,096 bytes (`offset.metadata.max.bytes`): less is said, then.
        let is_too_large = |result: &KafkaResult<()>| {
            matches!(result, Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OffsetMetadataTooLarge)))
        };
        let mut result = commit(queries::commit_list(group, &frontiers, Detail::Whole));
        if is_too_large(&result) {
            result = commit(queries::commit_list(group, &frontiers, Detail::Mark));
        }
        if is_too_large(&result) {
            tracing::warn!(
                event = "kafka.commit_metadata_refused",
                "the brokers take no metadata with a commit; after a crash workflows may run twice"
            );
            result = commit(queries::list(frontiers.iter().map(|f| (&f.partition, f.offset))));
        }
        let result = result.map_err(CommitError::from);
        drop(consumer);
        if reports.send(Report::Committed(result)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(partition: i32, offset: i64) -> Frontier {
        bare_frontier((TopicPartition::new("t", partition), Offset(offset)))
    }

    fn answered(id: CommitId, frontiers: Frontiers, result: Result<(), CommitError>) -> Answered {
        Answered { id, frontiers, result, refused: Vec::new() }
    }

    fn start(queue: &mut CommitQueue) -> Option<Frontiers> {
        queue.start(|_, _| true)
    }

    #[test]
    fn what_is_asked_for_meanwhile_goes_with_the_next_request_and_each_commit_is_answered() {
        let mut queue = CommitQueue::default();
        let first = queue.push(vec![at(0, 1), at(1, 1)], Some(1));
        assert_eq!(start(&mut queue), Some(vec![at(0, 1), at(1, 1)]));
        let second = queue.push(vec![at(0, 2), at(1, 2)], Some(1));
        let third = queue.push(vec![at(0, 3)], Some(1));
        assert_eq!(start(&mut queue), None, "one request at a time");
        assert_eq!(queue.answer(&Ok(())), [answered(first, vec![at(0, 1), at(1, 1)], Ok(()))]);
        assert_eq!(start(&mut queue), Some(vec![at(0, 3), at(1, 2)]));
        let failed = Err(CommitError::failed("no"));
        let answers = [(second, vec![at(0, 2), at(1, 2)]), (third, vec![at(0, 3)])];
        let answers = answers.map(|(id, frontiers)| answered(id, frontiers, failed.clone()));
        assert_eq!(queue.answer(&failed), answers);
        assert_eq!(start(&mut queue), None);
    }

    #[test]
    fn what_holds_no_more_is_not_sent_and_answered_all_the_same() {
        let mut queue = CommitQueue::default();
        let (chosen, asked) = (queue.push(vec![at(0, 5)], None), queue.push(vec![at(0, 9), at(1, 9)], Some(1)));
        let request = queue.start(|frontier, seen| frontier.partition.partition == 1 && seen == 1);
        assert_eq!(request, Some(vec![at(0, 5), at(1, 9)]));
        let asked = Answered { refused: vec![at(0, 9)], ..answered(asked, vec![at(1, 9)], Ok(())) };
        assert_eq!(queue.answer(&Ok(())), [answered(chosen, vec![at(0, 5)], Ok(())), asked]);
    }

    #[test]
    fn only_a_generation_that_has_passed_is_a_reason_to_commit_the_same_again() {
        use RDKafkaErrorCode::{IllegalGeneration, OffsetMetadataTooLarge, RebalanceInProgress, UnknownMemberId};
        let is_repeated =
            |code| matches!(CommitError::from(KafkaError::ConsumerCommit(code)), CommitError::BetweenGenerations(_));
        assert!(is_repeated(IllegalGeneration) && is_repeated(RebalanceInProgress));
        assert!(
            !is_repeated(UnknownMemberId) && !is_repeated(OffsetMetadataTooLarge),
            "it is no member, or never lands"
        );
    }

    #[test]
    fn giving_up_answers_all_up_to_it_and_the_late_answer_concerns_nobody() {
        let mut queue = CommitQueue::default();
        let _first = queue.push(vec![at(0, 1)], Some(1));
        assert_eq!(start(&mut queue), Some(vec![at(0, 1)]));
        let (second, third) = (queue.push(vec![at(0, 2)], Some(1)), queue.push(vec![at(0, 3)], Some(1)));
        let told: Vec<_> = queue.give_up(second, "late").into_iter().flat_map(|a| a.frontiers).collect();
        assert_eq!(told, [at(0, 1), at(0, 2)]);
        assert_eq!(start(&mut queue), None, "the first may still land after the third");
        assert_eq!(queue.answer(&Ok(())), []);
        assert_eq!(start(&mut queue), Some(vec![at(0, 3)]));
        assert_eq!(queue.answer(&Ok(())).first().map(|a| a.id), Some(third));
    }
}
