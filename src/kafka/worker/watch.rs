//! What the worker looks at from time to time: whether brokers are reached, how far each partition has been passed
//! and where it ends.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::Offset as ListOffset;
use tokio::time::Instant;

use super::Worker;
use crate::domain::{Offset, TopicPartition};
use crate::kafka::questions::{Question, Told};
use crate::ports::SourceEvent;

/// Between two looks at the positions.
const POSITIONS: Duration = Duration::from_millis(500);
/// Between two questions for the ends.
const ENDS: Duration = Duration::from_secs(5);
/// The same while brokers are away: the answer tells that they are back.
pub(super) const PROBE: Duration = Duration::from_secs(1);

/// When to look again, and what was told of the group.
#[derive(Debug)]
pub(super) struct Watch {
    positions: Instant,
    ends: Instant,
    /// The ends are being asked for.
    is_asking: bool,
    /// They are asked for only to wake those who fetch.
    is_woken: bool,
    /// They are to be asked for once more as soon as the answer is in.
    is_asked_again: bool,
    /// When to look for offsets that are gone.
    pub(super) range: Option<Instant>,
    /// Partitions of a topic that was deleted and made anew: whatever they hold is to be read from its beginning.
    pub(super) anew: HashSet<TopicPartition>,
    /// Where partitions of such topics begin, until that is committed.
    pub(super) begins: HashMap<TopicPartition, Offset>,
    /// When to commit these once more.
    pub(super) begin_again: Option<Instant>,
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
            is_asking: false,
            is_woken: false,
            is_asked_again: false,
            range: None,
            anew: HashSet::new(),
            begins: HashMap::new(),
            begin_again: None,
            joined: false,
            told: State::Nothing,
            last_trouble: None,
        }
    }

    /// Partitions were resumed. librdkafka does not tell this to the threads that fetch: one that has nothing else to do
    /// would find out up to a second later (`rd_kafka_broker_consumer_serve` waits for operations, for its socket, or for
    /// `rd_kafka_max_block_ms`). A question to the partitions' leaders wakes it.
    pub(super) fn resumed(&mut self) {
        self.ends = Instant::now();
        self.is_woken = true;
        self.is_asked_again = self.is_asking;
    }

    /// Some partition's offset is gone.
    pub(super) fn check_range(&mut self) {
        let _ = self.range.get_or_insert_with(Instant::now);
    }
}

impl Worker {
    pub(super) fn advance_watch(&mut self) {
        let now = Instant::now();
        self.advance_range(now);
        if now >= self.watch.positions {
            self.watch.positions = now + POSITIONS;
            self.tell_positions();
        }
        if now >= self.watch.ends && !self.watch.is_asking {
            self.ask_ends(now);
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
            // The redrive topic need not exist.
            Code::UnknownTopicOrPartition if reason.contains(&self.settings.redrive_pattern()) => {}
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

    /// Asks where the partitions end, paused ones too. Without partitions, and with brokers away, asks for anything: an
    /// answer tells that they are back.
    fn ask_ends(&mut self, now: Instant) {
        let partitions: Vec<_> = self.owned.keys().cloned().collect();
        let is_unavailable = matches!(self.watch.told, State::Unavailable(_));
        if !partitions.is_empty() || is_unavailable && self.watch.joined {
            self.watch.is_asking = true;
            // Where a topic begins that was made anew is just being committed: until then it looks as if it was made again.
            let looks_for_anew = !std::mem::take(&mut self.watch.is_woken) && self.watch.begins.is_empty();
            self.questions.ask(Question { partitions, epoch: self.outbox.epoch, looks_for_anew });
        } else {
            self.watch.ends = now + if is_unavailable { PROBE } else { ENDS };
        }
    }

    /// The answer, of those partitions that are ours still.
    pub(super) fn told_ends(&mut self, told: Told) {
        let Told { question: Question { epoch, .. }, ends, anew } = told;
        self.watch.is_asking = false;
        let is_asked_again = std::mem::take(&mut self.watch.is_asked_again);
        let rest = if ends.is_ok() { ENDS } else { PROBE };
        self.watch.ends = Instant::now() + if is_asked_again { Duration::ZERO } else { rest };
        match ends {
            Ok(mut ends) => {
                ends.retain(|p, _| self.is_ours_since(p, epoch));
                if !ends.is_empty() {
                    self.tell(SourceEvent::EndOffsets(ends.into_iter().collect()));
                }
                let is_unavailable = matches!(self.watch.told, State::Unavailable(_));
                if is_unavailable && self.watch.joined && self.rebalance.is_none() {
                    self.joined();
                }
            }
            Err(error) => {
                tracing::debug!(event = "kafka.ends_unknown", error = %error, "the end offsets cannot be read");
            }
        }
        let anew: Vec<_> = anew.into_iter().filter(|topic| self.is_read_since(topic, epoch)).collect();
        self.made_anew(&anew);
    }

    /// Whether the partition is ours, by that assignment or an earlier one.
    pub(super) fn is_ours_since(&self, partition: &TopicPartition, epoch: u64) -> bool {
        self.owned.get(partition).is_some_and(|owned| owned.epoch <= epoch)
    }

    fn is_read_since(&self, topic: &str, epoch: u64) -> bool {
        self.owned.iter().any(|(p, owned)| *p.topic == *topic && owned.epoch <= epoch)
    }
}
