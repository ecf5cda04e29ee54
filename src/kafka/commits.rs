//! One request at a time, each commit answered whole and in order (promise 2: an older frontier never overwrites a newer
//! one, which retried requests could do if two were under way).
//!
//! What was asked for while a request was under way goes with the next one, as one: however slow the coordinator is, no
//! more than one request waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

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

/// What is sent at once.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Request {
    /// Of what was read. Their topics may have been made anew since: that is looked for first, since a commit hides it.
    pub(super) asked: Frontiers,
    /// Those that the worker has chosen: where a topic begins.
    pub(super) chosen: Frontiers,
    /// How often partitions had been taken from us: if that has changed, it is not sent.
    pub(super) taken: u64,
    /// Somebody waits for the answer, within a bound: it is sent even if nobody tells what is committed.
    pub(super) is_awaited: bool,
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

    /// What is to be sent now, if nothing else is under way: of each partition the frontier that was asked for last, of
    /// those that still hold. It may be empty: then it is to be answered without being sent.
    pub(super) fn start(&mut self, holds: impl Fn(&Frontier, u64) -> bool) -> Option<Request> {
        if !self.under_way.is_empty() || self.given_up || self.waiting.is_empty() {
            return None;
        }
        self.under_way = self.waiting.drain(..).collect();
        let mut request = BTreeMap::new();
        for Pending { seen, frontiers, refused, .. } in &mut self.under_way {
            if let Some(seen) = *seen {
                refused.extend(frontiers.extract_if(.., |frontier| !holds(frontier, seen)));
            }
            let is_asked = seen.is_some();
            for frontier in frontiers {
                let (asked, latest) =
                    request.entry(frontier.partition.clone()).or_insert_with(|| (true, frontier.clone()));
                // What was chosen has not been committed yet: it is not to be found missing.
                *asked &= is_asked;
                latest.clone_from(frontier);
            }
        }
        let (asked, chosen): (Vec<_>, Vec<_>) = request.into_values().partition(|(is_asked, _)| *is_asked);
        let frontiers = |of: Vec<(bool, Frontier)>| of.into_iter().map(|(_, frontier)| frontier).collect();
        Some(Request { asked: frontiers(asked), chosen: frontiers(chosen), ..Request::default() })
    }

    /// Takes in the answer to the request under way; what the pipeline asked for of topics made anew was not sent.
    pub(super) fn answer(&mut self, result: &Result<(), CommitError>, anew: &BTreeSet<Arc<str>>) -> Vec<Answered> {
        self.given_up = false;
        let under_way = self.under_way.drain(..).map(|mut pending| {
            if pending.seen.is_some() {
                let of_anew = |frontier: &mut Frontier| anew.contains(&frontier.partition.topic);
                pending.refused.extend(pending.frontiers.extract_if(.., of_anew));
            }
            pending.answered(result.clone())
        });
        under_way.collect()
    }

    /// The partitions that were asked for with the request under way, each with the assignment that the pipeline knew of.
    pub(super) fn asked(&self) -> impl Iterator<Item = (&Frontier, u64)> {
        self.under_way
            .iter()
            .flat_map(|p| p.seen.into_iter().flat_map(|seen| p.frontiers.iter().map(move |f| (f, seen))))
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

impl CommitQueue {
    /// Gives everything up: the client that would have had the answers is gone. What is under way may still have landed.
    pub(super) fn abandon(&mut self, why: &str) -> Vec<Answered> {
        let told = self.under_way.drain(..).chain(self.waiting.drain(..));
        let told = told.map(|pending| pending.answered(Err(CommitError::failed(why)))).collect();
        self.given_up = false;
        told
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
        let request = queue.start(|_, _| true)?;
        assert_eq!(request.chosen, []);
        Some(request.asked)
    }

    fn answer(queue: &mut CommitQueue, result: &Result<(), CommitError>) -> Vec<Answered> {
        queue.answer(result, &BTreeSet::new())
    }

    #[test]
    fn what_is_asked_for_meanwhile_goes_with_the_next_request_and_each_commit_is_answered() {
        let mut queue = CommitQueue::default();
        let first = queue.push(vec![at(0, 1), at(1, 1)], Some(1));
        assert_eq!(start(&mut queue), Some(vec![at(0, 1), at(1, 1)]));
        let second = queue.push(vec![at(0, 2), at(1, 2)], Some(1));
        let third = queue.push(vec![at(0, 3)], Some(1));
        assert_eq!(start(&mut queue), None, "one request at a time");
        assert_eq!(answer(&mut queue, &Ok(())), [answered(first, vec![at(0, 1), at(1, 1)], Ok(()))]);
        assert_eq!(start(&mut queue), Some(vec![at(0, 3), at(1, 2)]));
        let failed = Err(CommitError::failed("no"));
        let answers = [(second, vec![at(0, 2), at(1, 2)]), (third, vec![at(0, 3)])];
        let answers = answers.map(|(id, frontiers)| answered(id, frontiers, failed.clone()));
        assert_eq!(answer(&mut queue, &failed), answers);
        assert_eq!(start(&mut queue), None);
    }

    #[test]
    fn what_holds_no_more_is_not_sent_and_answered_all_the_same() {
        let mut queue = CommitQueue::default();
        let (chosen, asked) = (queue.push(vec![at(0, 5)], None), queue.push(vec![at(0, 9), at(1, 9)], Some(1)));
        let request = queue.start(|frontier, seen| frontier.partition.partition == 1 && seen == 1);
        assert_eq!(request, Some(Request { asked: vec![at(1, 9)], chosen: vec![at(0, 5)], ..Request::default() }));
        let asked = Answered { refused: vec![at(0, 9)], ..answered(asked, vec![at(1, 9)], Ok(())) };
        assert_eq!(answer(&mut queue, &Ok(())), [answered(chosen, vec![at(0, 5)], Ok(())), asked]);
    }

    #[test]
    fn nothing_is_sent_of_a_topic_made_anew_but_where_it_begins() {
        let mut queue = CommitQueue::default();
        let other = bare_frontier((TopicPartition::new("other", 0), Offset(7)));
        let (chosen, asked) = (queue.push(vec![at(0, 0)], None), queue.push(vec![at(1, 9), other.clone()], Some(1)));
        let _sent = queue.start(|_, _| true);
        assert_eq!(queue.asked().map(|(f, seen)| (f.partition.partition, seen)).collect::<Vec<_>>(), [(1, 1), (0, 1)]);
        let asked = Answered { refused: vec![at(1, 9)], ..answered(asked, vec![other], Ok(())) };
        let anew = BTreeSet::from(["t".into()]);
        assert_eq!(queue.answer(&Ok(()), &anew), [answered(chosen, vec![at(0, 0)], Ok(())), asked]);
    }

    #[test]
    fn what_is_asked_for_behind_where_a_topic_begins_is_not_looked_for_among_what_is_committed() {
        let mut queue = CommitQueue::default();
        let (_begin, _asked) = (queue.push(vec![at(0, 0)], None), queue.push(vec![at(0, 3)], Some(1)));
        assert_eq!(queue.start(|_, _| true), Some(Request { chosen: vec![at(0, 3)], ..Request::default() }));
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
        assert_eq!(answer(&mut queue, &Ok(())), []);
        assert_eq!(start(&mut queue), Some(vec![at(0, 3)]));
        assert_eq!(answer(&mut queue, &Ok(())).first().map(|a| a.id), Some(third));
    }
}
