//! The thread that owns the consumer. It polls, serves the handle's commands, answers rebalances (`rebalance`), tells
//! positions and ends (`watch`), and never waits for the pipeline: while partitions are held for it, polling goes on.
//!
//! The order of what is told is the order in which it happened: records that were polled go out before anything that
//! was reported by the same or a later poll (promise 2: results of an old assignment are known as such).

mod rebalance;
mod watch;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use tokio::sync::oneshot;
use tokio::time::Instant;

use self::rebalance::Rebalance;
use self::watch::Watch;
use super::KafkaSettings;
use super::commits::{Answered, CommitError, CommitId, CommitQueue, Committer, Frontiers};
use super::context::{Consumer, Report};
use super::outbox::Outbox;
use super::record;
use crate::domain::TopicPartition;
use crate::offsets::Frontier;
use crate::ports::{SourceError, SourceEvent};
use crate::telemetry::Heart;

/// The longest that a command waits while nothing arrives from Kafka.
const SLICE: Duration = Duration::from_millis(50);

/// The longest that the last commit may take, so that there is time left to leave the group.
const LAST_COMMIT: Duration = Duration::from_secs(6);

/// Why a commit of partitions that are handed back or lost, or begin elsewhere by now, is not sent.
const NOT_OURS: &str = "the partitions are not ours any more";

/// What the handle asks for.
pub(super) enum Command {
    Commit {
        frontiers: Frontiers,
        seen: u64,
    },
    Release {
        partitions: Vec<TopicPartition>,
        frontiers: Frontiers,
        seen: u64,
    },
    Close {
        frontiers: Frontiers,
        seen: u64,
        committed: oneshot::Sender<Result<(), CommitError>>,
        left: oneshot::Sender<()>,
    },
}

/// A partition that is ours and of which the pipeline knows.
#[derive(Debug)]
struct Owned {
    /// The assignment that gave it to us.
    epoch: u64,
    /// Everything below has been told. Guards against records that come twice: a pause that meets a poll makes
    /// librdkafka fetch again from one record too early.
    next: i64,
    /// It is being handed back: no record of it is told any more.
    held: bool,
}

pub(super) struct Worker {
    consumer: Arc<Consumer>,
    settings: KafkaSettings,
    reports: Receiver<Report>,
    commands: Receiver<Command>,
    outbox: Outbox,
    topics: HashMap<String, Arc<str>>,
    owned: HashMap<TopicPartition, Owned>,
    /// All partitions of the subscribed topics, as they were told last.
    all: Vec<TopicPartition>,
    commits: CommitQueue,
    committer: Committer,
    /// Commits that the pipeline did not ask for and is not told of.
    own_commits: HashSet<CommitId>,
    /// The commit that is being waited for, and its answer.
    awaited: Option<(CommitId, Option<Result<(), CommitError>>)>,
    /// Rebalances that are reported and not begun.
    reported: VecDeque<Report>,
    /// The rebalance that waits for our answer.
    rebalance: Option<Rebalance>,
    watch: Watch,
    heart: Heart,
}

impl Worker {
    pub(super) fn new(
        consumer: Arc<Consumer>,
        settings: KafkaSettings,
        reports: Receiver<Report>,
        committer: Committer,
        commands: Receiver<Command>,
        outbox: Outbox,
        heart: Heart,
    ) -> Self {
        Self {
            consumer,
            settings,
            reports,
            commands,
            outbox,
            topics: HashMap::new(),
            owned: HashMap::new(),
            all: Vec::new(),
            commits: CommitQueue::default(),
            committer,
            own_commits: HashSet::new(),
            awaited: None,
            reported: VecDeque::new(),
            rebalance: None,
            watch: Watch::new(Instant::now()),
            heart,
        }
    }

    /// Runs until the handle closes or is dropped.
    pub(super) fn run(mut self) {
        loop {
            self.heart.beat();
            match self.next_command() {
                Ok(Command::Commit { frontiers, seen }) => {
                    let _id = self.commits.push(frontiers, Some(seen));
                }
                Ok(Command::Release { partitions, frontiers, seen }) => self.release(&partitions, frontiers, seen),
                Ok(Command::Close { frontiers, seen, committed, left }) => {
                    let result = self.last_commit(frontiers, seen);
                    // The handle stops waiting at its own bound.
                    let _gone = committed.send(result);
                    self.leave();
                    let _gone = left.send(());
                    return;
                }
                Err(TryRecvError::Empty) => {
                    if !self.outbox.is_full() {
                        self.poll();
                    }
                    self.serve_reports();
                    self.advance_rebalance();
                    self.advance_watch();
                }
                Err(TryRecvError::Disconnected) => return self.leave(),
            }
            self.send_commits();
        }
    }

    /// The next command; waited for only while there is no room for records.
    fn next_command(&self) -> Result<Command, TryRecvError> {
        if !self.outbox.is_full() {
            return self.commands.try_recv();
        }
        self.commands.recv_timeout(SLICE).map_err(|error| match error {
            RecvTimeoutError::Timeout => TryRecvError::Empty,
            RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
        })
    }

    fn tell(&mut self, event: SourceEvent) {
        self.outbox.tell(event);
    }

    // === polling ===

    /// Waits up to a slice for the first message and takes what else is there.
    fn poll(&mut self) {
        self.heart.beat();
        let consumer = Arc::clone(&self.consumer);
        let mut wait = SLICE;
        while !self.outbox.batch_is_full() {
            match consumer.poll(wait) {
                Some(Ok(message)) => self.take(&message),
                Some(Err(error)) => self.take_error(&error),
                None => break,
            }
            wait = Duration::ZERO;
        }
        self.outbox.flush();
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let topic = match self.topics.get(message.topic()) {
            Some(topic) => Arc::clone(topic),
            None => {
                let topic: Arc<str> = message.topic().into();
                let _new = self.topics.insert(message.topic().to_owned(), Arc::clone(&topic));
                topic
            }
        };
        let partition = TopicPartition { topic, partition: message.partition() };
        match self.owned.get_mut(&partition) {
            Some(owned) if !owned.held && message.offset() >= owned.next => {
                owned.next = message.offset() + 1;
                self.outbox.push(record::to_record(message, partition));
            }
            _ => {}
        }
    }

    fn take_error(&mut self, error: &KafkaError) {
        match error {
            KafkaError::MessageConsumptionFatal(_) => self.tell_fatal(error),
            // rust-rdkafka does not say of which partition: all are looked at.
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset) => self.watch.check_range(),
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::BadMessage
                | RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::BadCompression
                | RDKafkaErrorCode::NotImplemented,
            ) => tracing::error!(
                event = "kafka.records_unreadable",
                %error,
                "a batch of records cannot be read and is passed over: check the topic's segment"
            ),
            // The error callback has reported it.
            _ => {}
        }
    }

    fn tell_fatal(&mut self, error: &KafkaError) {
        let text = self.consumer.client().fatal_error().map_or_else(|| error.to_string(), |(_, reason)| reason);
        self.tell(SourceEvent::Fatal(SourceError::Fatal(text)));
    }

    /// Takes in what the callbacks have reported. Rebalances only queue up: they are begun by `advance_rebalance`.
    fn serve_reports(&mut self) {
        while let Ok(report) = self.reports.try_recv() {
            match report {
                Report::Assign(_) | Report::Revoke { .. } => self.reported.push_back(report),
                Report::Committed(result) => {
                    let answered = self.commits.answer(&result);
                    self.settle(answered);
                }
                Report::Trouble { code, reason } => self.trouble(code, reason),
            }
        }
    }

    // === committing ===

    /// Whether a frontier belongs to an assignment that still holds, and to the topic that is there now.
    fn holds(&self, frontier: &Frontier, seen: u64) -> bool {
        let is_ours = self.owned.get(&frontier.partition).is_some_and(|owned| owned.epoch <= seen);
        is_ours && !self.is_anew(&frontier.partition)
    }

    /// Sends what waits, if nothing is under way. Looks for topics made anew first, except where somebody waits for the
    /// answer, within a bound.
    fn send_commits(&mut self) {
        if self.commits.is_ready() && self.awaited.is_none() {
            self.look_for_topics_made_anew();
        }
        let mut commits = std::mem::take(&mut self.commits);
        let request = commits.start(|frontier, seen| self.holds(frontier, seen));
        self.commits = commits;
        let Some(frontiers) = request else { return };
        let sent =
            if frontiers.is_empty() { Err(CommitError::failed(NOT_OURS)) } else { self.committer.send(frontiers) };
        if sent.is_err() {
            let answered = self.commits.answer(&sent);
            self.settle(answered);
        }
    }

    /// Tells the answers of commits: of each frontier of each.
    fn settle(&mut self, answered: Vec<Answered>) {
        for Answered { id, frontiers, result, refused } in answered {
            if let Some((awaited, answer)) = &mut self.awaited
                && *awaited == id
            {
                *answer = Some(result.clone());
            }
            if self.own_commits.remove(&id) {
                continue;
            }
            if !refused.is_empty() {
                self.tell(SourceEvent::CommitFailed { frontiers: refused, error: NOT_OURS.to_owned() });
            }
            if !frontiers.is_empty() {
                self.tell(match result {
                    Ok(()) => SourceEvent::Committed(frontiers),
                    Err(error) => SourceEvent::CommitFailed { frontiers, error: error.to_string() },
                });
            }
        }
    }

    /// Polls until a commit has its answer, at most for `bound`.
    fn wait_for(&mut self, id: CommitId, bound: Duration) -> Result<(), CommitError> {
        let deadline = Instant::now() + bound;
        self.awaited = Some((id, None));
        loop {
            self.send_commits();
            if let Some((_, Some(_))) = self.awaited {
                break;
            }
            if Instant::now() >= deadline {
                let answered = self.commits.give_up(id, "no answer in time");
                self.settle(answered);
                break;
            }
            self.poll();
            self.serve_reports();
        }
        match self.awaited.take() {
            Some((_, Some(result))) => result,
            _ => Err(CommitError::failed("no answer")),
        }
    }

    /// Commits what this worker chose itself, and waits for it.
    fn commit_own(&mut self, chosen: Frontiers) -> Result<(), CommitError> {
        let id = self.commits.push(chosen, None);
        let _new = self.own_commits.insert(id);
        self.wait_for(id, self.settings.request_timeout)
    }

    // === leaving ===

    /// Where the group is just rebalancing, the commit is repeated until the new generation is known here. Partitions
    /// that were lost meanwhile may be another member's: then it is not.
    fn last_commit(&mut self, frontiers: Frontiers, seen: u64) -> Result<(), CommitError> {
        let deadline = Instant::now() + self.settings.request_timeout.min(LAST_COMMIT);
        loop {
            if !frontiers.iter().any(|frontier| self.holds(frontier, seen)) {
                return Ok(());
            }
            let id = self.commits.push(frontiers.clone(), Some(seen));
            match self.wait_for(id, deadline.saturating_duration_since(Instant::now())) {
                Err(CommitError::BetweenGenerations(_))
                    if Instant::now() < deadline && !self.consumer.assignment_lost() => {}
                result => return result,
            }
        }
    }

    /// Leaves the group. The consumer's drop polls until librdkafka has left; rebalances are answered in the callback.
    fn leave(mut self) {
        self.consumer.context().begin_closing();
        self.answer_all();
        drop(self.committer);
        drop(self.consumer);
    }
}
