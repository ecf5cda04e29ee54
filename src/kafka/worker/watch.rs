//! What the worker looks at from time to time: whether brokers are reached, how far each partition has been passed
//! and where it ends, offsets that are gone, and topics that were made anew.

use std::collections::HashSet;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset as ListOffset;
use tokio::time::Instant;

use super::Worker;
use crate::domain::{Offset, TopicPartition};
use crate::kafka::commits::bare_frontier;
use crate::kafka::placement::OutOfRange;
use crate::kafka::{queries, start};
use crate::ports::SourceEvent;

/// Between two looks at the positions.
const POSITIONS: Duration = Duration::from_millis(500);
/// Between two questions for the ends.
const ENDS: Duration = Duration::from_secs(5);
/// The same while brokers are away: the answer tells that they are back.
const PROBE: Duration = Duration::from_secs(1);

/// After the coordinator has not told what is committed: each question that fails may take [`queries::PATIENCE`], and the
/// consumer is not polled meanwhile. Commits go unchecked for so long.
const COORDINATOR: Duration = Duration::from_secs(15);

/// When to look again, and what was told of the group.
#[derive(Debug)]
pub(super) struct Watch {
    positions: Instant,
    ends: Instant,
    /// When to look for offsets that are gone.
    range: Option<Instant>,
    /// When to ask the coordinator again after it has not answered.
    coordinator: Option<Instant>,
    /// Partitions of a topic that was deleted and made anew: whatever they hold is to be read from its beginning.
    anew: HashSet<TopicPartition>,
    /// The group is joined.
    joined: bool,
    told: State,
    /// The last trouble with a single broker: it says more than "all brokers are down".
    last_trouble: Option<String>,
}

#[derive(Debug, Eq, PartialEq)]
enum State {
    Nothing,
    Joined,
    Unavailable(String),
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            positions: now,
            ends: now,
            range: None,
            coordinator: None,
            anew: HashSet::new(),
            joined: false,
            told: State::Nothing,
            last_trouble: None,
        }
    }

    /// Whether the coordinator may be asked what is committed.
    fn may_ask_coordinator(&self, now: Instant) -> bool {
        self.coordinator.is_none_or(|again| now >= again)
    }

    /// The coordinator has answered, or not.
    fn coordinator_asked(&mut self, has_answered: bool, now: Instant) {
        self.coordinator = (!has_answered).then(|| now + COORDINATOR);
    }

    /// Some partition's offset is gone.
    pub(super) fn check_range(&mut self) {
        let _ = self.range.get_or_insert_with(Instant::now);
    }
}

impl Worker {
    pub(super) fn advance_watch(&mut self) {
        let now = Instant::now();
        if self.watch.range.is_some_and(|at| now >= at) && self.rebalance.is_none() {
            self.watch.range = match self.mend_range() {
                Ok(()) => None,
                Err(error) => {
                    self.unavailable(format!("offsets cannot be read: {error}"));
                    Some(now + PROBE)
                }
            };
        }
        if now >= self.watch.positions {
            self.watch.positions = now + POSITIONS;
            self.tell_positions();
        }
        if now >= self.watch.ends {
            self.look_for_topics_made_anew();
            let reached = self.tell_ends();
            self.watch.ends = Instant::now() + if reached { ENDS } else { PROBE };
        }
    }

    // === availability ===

    /// The group is joined.
    pub(super) fn joined(&mut self) {
        self.watch.joined = true;
        self.watch.last_trouble = None;
        if self.watch.told != State::Joined {
            self.watch.told = State::Joined;
            self.tell(SourceEvent::Joined);
        }
    }

    /// The membership has ended; the client joins again by itself.
    pub(super) fn left(&mut self) {
        self.watch.joined = false;
        if self.watch.told == State::Joined {
            self.watch.told = State::Nothing;
        }
    }

    pub(super) fn unavailable(&mut self, error: String) {
        let state = State::Unavailable(error.clone());
        if self.watch.told != state {
            self.watch.told = state;
            self.watch.ends = self.watch.ends.min(Instant::now() + PROBE);
            self.tell(SourceEvent::Unavailable { error });
        }
    }

    pub(super) fn trouble(&mut self, code: RDKafkaErrorCode, reason: String) {
        use RDKafkaErrorCode as Code;
        tracing::debug!(event = "kafka.trouble", code = ?code, reason, "the Kafka client has a trouble");
        match code {
            Code::AllBrokersDown => {
                let detail = self.watch.last_trouble.take().unwrap_or(reason);
                self.unavailable(detail);
            }
            Code::Authentication
            | Code::SSL
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed => {
                self.watch.last_trouble = Some(reason.clone());
                self.unavailable(reason);
            }
            Code::BrokerTransportFailure | Code::Resolve => self.watch.last_trouble = Some(reason),
            Code::UnknownTopicOrPartition => {
                tracing::warn!(event = "kafka.topic_missing", reason, "a subscribed topic cannot be read");
            }
            // Handled by the range check, or by the fatal error's own way.
            _ => {}
        }
    }

    // === positions and ends ===

    /// Tells how far partitions have been passed beyond their last record. librdkafka moves its position over the
    /// markers that end transactions and so over the aborted records before them (`rd_kafka_op_handle_std`), and only
    /// this thread takes what the position counts, so everything below it has been told.
    fn tell_positions(&mut self) {
        let Ok(list) = self.consumer.position() else { return };
        let mut passed = Vec::new();
        for element in list.elements() {
            let ListOffset::Offset(position) = element.offset() else { continue };
            let p = TopicPartition::new(element.topic(), element.partition());
            if let Some(owned) = self.owned.get_mut(&p)
                && !owned.held
                && position > owned.next
            {
                owned.next = position;
                passed.push((p, Offset(position)));
            }
        }
        if !passed.is_empty() {
            self.tell(SourceEvent::Position(passed));
        }
    }

    /// Asks where the partitions end, paused ones too, and tells it. Says whether brokers were reached.
    fn tell_ends(&mut self) -> bool {
        let ours: Vec<_> = self.owned.keys().cloned().collect();
        let unavailable = matches!(self.watch.told, State::Unavailable(_));
        let asked = if !ours.is_empty() {
            queries::latest(&self.consumer, &ours)
        } else if unavailable && self.watch.joined {
            self.consumer.fetch_metadata(None, queries::PATIENCE).map(|_reached| queries::Offsets::new())
        } else {
            return !unavailable;
        };
        match asked {
            Ok(ends) => {
                if !ends.is_empty() {
                    self.tell(SourceEvent::EndOffsets(ends.into_iter().collect()));
                }
                if unavailable && self.watch.joined && self.rebalance.is_none() {
                    self.joined();
                }
                true
            }
            Err(error) => {
                tracing::debug!(event = "kafka.ends_unknown", error = %error, "the end offsets cannot be read");
                false
            }
        }
    }

    // === offsets that are gone ===

    /// A topic that was deleted and made anew may already hold more than we have read of the old one: librdkafka then
    /// reads on in its middle (a FIXME in `rd_kafka_topic_metadata_update0`), and what lies below is lost. The group's
    /// coordinator tells: it drops a topic's offsets with the topic, and nothing else drops them while members are
    /// subscribed, whereas every partition that we own has an offset, committed at the latest before it was read.
    ///
    /// Asked before each commit, too: a commit would hide it.
    pub(super) fn look_for_topics_made_anew(&mut self) {
        if self.owned.is_empty() || self.rebalance.is_some() || self.watch.told != State::Joined {
            return;
        }
        if !self.watch.may_ask_coordinator(Instant::now()) {
            return;
        }
        let ours: Vec<_> = self.owned.keys().cloned().collect();
        let committed = queries::committed(&self.consumer, &ours);
        self.watch.coordinator_asked(committed.is_ok(), Instant::now());
        // An error says nothing; it is asked again.
        let Ok(committed) = committed else { return };
        let topics: HashSet<_> = ours.iter().filter(|p| !committed.contains_key(*p)).map(|p| &p.topic).collect();
        if !topics.is_empty() {
            self.watch.anew.extend(ours.iter().filter(|p| topics.contains(&p.topic)).cloned());
            self.watch.check_range();
        }
    }

    /// Whether a partition is of a topic that was made anew and has not been gone back in yet.
    pub(super) fn is_anew(&self, partition: &TopicPartition) -> bool {
        self.watch.anew.contains(partition)
    }

    /// A partition is handed back, lost, or assigned: what was known of its topic is past.
    pub(super) fn forget_anew(&mut self, partition: &TopicPartition) {
        let _was_anew = self.watch.anew.remove(partition);
    }

    /// Looks at all partitions, since the error does not name its own, and assigns them anew: those that are out of
    /// range at their earliest offset, the others where they were (librdkafka has stopped fetching the one in error,
    /// and does not let it be sought).
    fn mend_range(&mut self) -> KafkaResult<()> {
        let ours: Vec<_> = self.owned.keys().cloned().collect();
        if ours.is_empty() {
            self.watch.anew.clear();
            return Ok(());
        }
        let earliest = queries::earliest(&self.consumer, &ours)?;
        let latest = queries::latest(&self.consumer, &ours)?;
        let mut gone = OutOfRange::new();
        let mut begun_anew = Vec::new();
        // A commit that the pipeline asks for before it has been told may be of the topic's former self.
        self.outbox.epoch += 1;
        for (p, owned) in &mut self.owned {
            if let (Some(&first), Some(&end)) = (earliest.get(p), latest.get(p)) {
                let wanted = Offset(owned.next);
                let resume = start::resume(wanted, first, end);
                let is_anew = self.watch.anew.contains(p);
                if resume.out_of_range || is_anew {
                    let offset = if is_anew { first } else { resume.offset };
                    owned.next = offset.0;
                    // Further on, what was read is still worth settling: the pipeline commits it, with all that it
                    // knows, and passes what is gone.
                    if is_anew || offset < wanted {
                        owned.epoch = self.outbox.epoch;
                        begun_anew.push(bare_frontier((p.clone(), offset)));
                    }
                    gone.push((p.clone(), wanted, offset));
                }
            }
        }
        // Told first: an assignment that fails is tried again, and then nothing is out of range any more.
        // Where nothing had been read, nothing has changed.
        for (partition, wanted, resumed_at) in gone.into_iter().filter(|(_, wanted, at)| wanted != at) {
            self.tell(SourceEvent::OutOfRange { partition, wanted, resumed_at });
        }
        if !begun_anew.is_empty() {
            // Else a topic made anew and still empty would, at the next start, be gone on from in its middle.
            let id = self.commits.push(begun_anew, None);
            let _new = self.own_commits.insert(id);
        }
        self.watch.anew.clear();
        let list = queries::list(self.owned.iter().map(|(p, owned)| (p, Offset(owned.next))))?;
        if self.is_cooperative() {
            self.consumer.incremental_unassign(&list)?;
            self.consumer.incremental_assign(&list)?;
        } else {
            self.consumer.assign(&list)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coordinator_that_does_not_answer_is_not_asked_with_each_commit() {
        let now = Instant::now();
        let mut watch = Watch::new(now);
        assert!(watch.may_ask_coordinator(now));
        watch.coordinator_asked(false, now);
        assert!(!watch.may_ask_coordinator(now + COORDINATOR / 2));
        assert!(watch.may_ask_coordinator(now + COORDINATOR));
        watch.coordinator_asked(true, now + COORDINATOR);
        assert!(watch.may_ask_coordinator(now + COORDINATOR));
    }
}
