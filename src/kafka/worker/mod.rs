//! The thread that owns the consumer. It polls, serves the handle's commands, answers rebalances (`rebalance`), tells
//! positions and ends (`watch`), goes back where offsets are gone (`range`), and never waits for the pipeline: while
//! partitions are held for it, polling goes on.
//!
//! The order of what is told is the order in which it happened: records that were polled go out before anything that
//! was reported by the same or a later poll (promise 2: results of an old assignment are known as such). Only answers to
//! commits go past what has not been taken: they name their assignment themselves.

mod range;
mod rebalance;
mod renewal;
mod watch;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use tokio::sync::oneshot;
use tokio::time::Instant;

use self::rebalance::Rebalance;
use self::renewal::Fresh;
use self::watch::Watch;
use super::KafkaSettings;
use super::commits::{Answered, CommitError, CommitId, CommitQueue, Frontiers, Request};
use super::committer::Committer;
use super::connection::{Connection, Current, Wanted};
use super::context::{Consumer, Report};
use super::outbox::Outbox;
use super::questions::Questions;
use super::wake::Wake;
use super::{queries, record};
use crate::domain::TopicPartition;
use crate::offsets::Frontier;
use crate::ports::{SourceError, SourceEvent};
use crate::telemetry::Heart;

/// The longest that the worker waits while nothing rings: librdkafka wants to be polled, and times come.
const SLICE: Duration = Duration::from_millis(50);

/// The longest that the last commit may take, so that there is time left to leave the group.
const LAST_COMMIT: Duration = Duration::from_secs(6);

/// Why a commit of partitions that are handed back or lost, or begin elsewhere by now, is not sent.
const NOT_OURS: &str = "the partitions are not ours any more";

/// What the handle asks for.
pub(super) enum Command {
    /// Partitions may be fetched from again.
    Resumed,
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
    questions: Questions,
    /// Commits that the pipeline did not ask for and is not told of.
    own_commits: HashSet<CommitId>,
    /// The commit that is being waited for, and its answer.
    awaited: Option<(CommitId, Option<Result<(), CommitError>>)>,
    /// Rebalances that are reported and not begun.
    reported: VecDeque<Report>,
    /// The rebalance that waits for our answer.
    rebalance: Option<Rebalance>,
    current: Current,
    wanted: Wanted,
    /// The consumer that is to take the place of this one.
    fresh: Option<Box<Fresh>>,
    watch: Watch,
    wake: Wake,
    heart: Heart,
}

/// What the worker hears from and speaks to.
pub(super) struct Wiring {
    pub(super) connection: Connection,
    pub(super) commands: Receiver<Command>,
    pub(super) outbox: Outbox,
    /// Rung by whoever has something for the worker.
    pub(super) wake: Wake,
    pub(super) heart: Heart,
    /// Where others find the consumer.
    pub(super) current: Current,
    /// Settings that another consumer is to be made of.
    pub(super) wanted: Wanted,
}

impl Worker {
    pub(super) fn new(settings: KafkaSettings, wiring: Wiring) -> Self {
        let Wiring { connection, commands, outbox, wake, heart, current, wanted } = wiring;
        let Connection { consumer, committer, questions, reports } = connection;
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
            questions,
            own_commits: HashSet::new(),
            awaited: None,
            reported: VecDeque::new(),
            rebalance: None,
            current,
            wanted,
            fresh: None,
            watch: Watch::new(Instant::now()),
            wake,
            heart,
        }
    }

    /// Runs until the handle closes or is dropped.
    pub(super) fn run(mut self) {
        loop {
            self.heart.beat();
            match self.commands.try_recv() {
                Ok(Command::Resumed) => self.watch.resumed(),
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
                    self.poll();
                    self.serve_reports();
                    self.advance_rebalance();
                    self.advance_renewal();
                    self.advance_watch();
                    self.send_commits();
                    self.wake.wait(SLICE);
                }
                Err(TryRecvError::Disconnected) => return self.leave(),
            }
        }
    }

    fn tell(&mut self, event: SourceEvent) {
        self.outbox.tell(event);
    }

    // === polling ===

    /// Takes what is there, as much as there is room for.
    fn poll(&mut self) {
        self.heart.beat();
        let consumer = Arc::clone(&self.consumer);
        while !self.outbox.is_full() {
            match consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => self.take(&message),
                Some(Err(error)) => self.take_error(&error),
                None => break,
            }
            if self.outbox.batch_is_full() {
                // There may be more, for which nothing rings again.
                self.wake.ring();
                break;
            }
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
                Report::Committed { result, anew } => self.take_answer(&result, &anew),
                Report::Told(told) => self.told_ends(told),
                Report::Trouble { code, reason } => self.trouble(code, reason),
            }
        }
    }

    // === committing ===

    /// Whether a frontier belongs to an assignment that still holds, and to the topic that is there now.
    fn holds(&self, frontier: &Frontier, seen: u64) -> bool {
        self.is_ours_since(&frontier.partition, seen) && !self.is_anew(&frontier.partition)
    }

    /// Sends what waits, if nothing is under way.
    fn send_commits(&mut self) {
        let mut commits = std::mem::take(&mut self.commits);
        let request = commits.start(|frontier, seen| self.holds(frontier, seen));
        self.commits = commits;
        let Some(request) = request else { return };
        let sent = if request == Request::default() {
            Err(CommitError::failed(NOT_OURS))
        } else {
            self.committer.send(Request { is_awaited: self.awaited.is_some(), ..request })
        };
        if sent.is_err() {
            self.take_answer(&sent, &BTreeSet::new());
        }
    }

    /// Takes in the answer to the request under way.
    fn take_answer(&mut self, result: &Result<(), CommitError>, anew: &BTreeSet<Arc<str>>) {
        // Of partitions that were handed back meanwhile, others know better.
        let asked = self.commits.asked().filter(|(frontier, seen)| self.holds(frontier, *seen));
        let topics = asked.map(|(frontier, _)| &frontier.partition.topic).filter(|topic| anew.contains(*topic));
        let topics: Vec<_> = topics.cloned().collect();
        let answered = self.commits.answer(result, anew);
        self.settle(answered);
        self.made_anew(&topics);
    }

    /// Tells the answers of commits: of each frontier of each.
    fn settle(&mut self, answered: Vec<Answered>) {
        for Answered { id, frontiers, result, refused } in answered {
            if let Some((awaited, answer)) = &mut self.awaited
                && *awaited == id
            {
                *answer = Some(result.clone());
            }
            let is_own = self.own_commits.remove(&id);
            if is_own || result.is_ok() {
                // A commit of the pipeline's that has landed is further on: where its partition begins must not follow it.
                self.begin_answered(&frontiers, result.is_ok());
            }
            if is_own {
                continue;
            }
            if !refused.is_empty() {
                self.outbox.answer(SourceEvent::CommitFailed { frontiers: refused, error: NOT_OURS.to_owned() });
            }
            if !frontiers.is_empty() {
                self.outbox.answer(match result {
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
            self.wake.wait(SLICE);
        }
        // What rang meanwhile may have been a command's.
        self.wake.ring();
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
        drop((self.committer, self.questions, self.fresh));
        // Another thread may be asking or pausing yet. Whoever drops the consumer last is the one that leaves.
        let deadline = Instant::now() + queries::PATIENCE;
        while Arc::strong_count(&self.consumer) > 1 && Instant::now() < deadline {
            self.wake.wait(SLICE);
        }
        drop(self.consumer);
    }
}
