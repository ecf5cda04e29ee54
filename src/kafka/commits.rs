//! One commit at a time, each answered once and in order (promise 2: an older frontier never overwrites a newer one,
//! which retried requests could do if two were under way).

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::ClientError;
use super::context::{Consumer, Report};
use super::queries::{self, Detail};
use crate::offsets::Frontier;

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
    pub(super) frontiers: Frontiers,
    pub(super) result: Result<(), CommitError>,
}

#[derive(Debug)]
struct Pending {
    id: CommitId,
    frontiers: Frontiers,
}

/// What is sent and what waits to be sent.
#[derive(Debug, Default)]
pub(super) struct CommitQueue {
    last: u64,
    waiting: VecDeque<Pending>,
    under_way: Option<Pending>,
    /// The request under way has been given up: its answer, when it comes, concerns nobody.
    given_up: bool,
}

impl CommitQueue {
    /// Queues a commit behind those before it.
    pub(super) fn push(&mut self, frontiers: Frontiers) -> CommitId {
        self.last += 1;
        let id = CommitId(self.last);
        self.waiting.push_back(Pending { id, frontiers });
        id
    }

    /// The frontiers to send now, if nothing else is under way.
    pub(super) fn start(&mut self) -> Option<&Frontiers> {
        if self.under_way.is_some() || self.given_up {
            return None;
        }
        self.under_way = self.waiting.pop_front();
        self.under_way.as_ref().map(|pending| &pending.frontiers)
    }

    /// Takes in the answer to the request under way.
    pub(super) fn answer(&mut self, result: Result<(), CommitError>) -> Option<Answered> {
        self.given_up = false;
        self.under_way.take().map(|Pending { id, frontiers }| Answered { id, frontiers, result })
    }

    /// Stops waiting for this commit and for all before it. What is under way may still land; nothing is sent until
    /// its answer is in.
    pub(super) fn give_up(&mut self, id: CommitId, why: &str) -> Vec<Answered> {
        let mut told = Vec::new();
        if self.under_way.as_ref().is_some_and(|pending| pending.id <= id) {
            self.given_up = true;
            told.extend(self.under_way.take());
        }
        while self.waiting.front().is_some_and(|pending| pending.id <= id) {
            told.extend(self.waiting.pop_front());
        }
        let result = |Pending { id, frontiers }| Answered { id, frontiers, result: Err(CommitError::failed(why)) };
        told.into_iter().map(result).collect()
    }
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
    use crate::domain::{Offset, TopicPartition};
    use crate::offsets::{CompletedOffsets, Epoch};

    fn at(offset: i64) -> Frontiers {
        vec![Frontier {
            partition: TopicPartition::new("t", 0),
            offset: Offset(offset),
            completed: CompletedOffsets::default(),
            mark: None,
            epoch: Epoch(1),
        }]
    }

    #[test]
    fn a_commit_waits_for_the_answer_to_the_one_before_it() {
        let mut queue = CommitQueue::default();
        let (first, second) = (queue.push(at(1)), queue.push(at(2)));
        assert_eq!(queue.start(), Some(&at(1)));
        assert_eq!(queue.start(), None);
        assert_eq!(queue.answer(Ok(())), Some(Answered { id: first, frontiers: at(1), result: Ok(()) }));
        assert_eq!(queue.start(), Some(&at(2)));
        let failed = Err(CommitError::failed("no"));
        assert_eq!(queue.answer(failed.clone()), Some(Answered { id: second, frontiers: at(2), result: failed }));
        assert_eq!(queue.start(), None);
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
        let (_, second, third) = (queue.push(at(1)), queue.push(at(2)), queue.push(at(3)));
        assert_eq!(queue.start(), Some(&at(1)));
        let told: Vec<_> = queue.give_up(second, "late").into_iter().map(|a| a.frontiers).collect();
        assert_eq!(told, [at(1), at(2)]);
        assert_eq!(queue.start(), None, "the first may still land after the third");
        assert_eq!(queue.answer(Ok(())), None);
        assert_eq!(queue.start(), Some(&at(3)));
        assert_eq!(queue.answer(Ok(())).map(|a| a.id), Some(third));
    }
}
