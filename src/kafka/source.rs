//! The handle that the pipeline owns: a [`RecordSource`] over the worker's thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as commands;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::connection::{self, Connection, Current, Wanted};
use super::outbox::{Outbox, Told};
use super::wake::Wake;
use super::worker::{Command, Wiring, Worker};
use super::{ClientError, KafkaSettings, client, outbox, queries};
use crate::domain::TopicPartition;
use crate::offsets::Frontier;
use crate::ports::{RecordSource, SourceError, SourceEvent};
use crate::telemetry::Heart;

/// How long [`RecordSource::close`] may take in all.
const CLOSE_BOUND: Duration = Duration::from_secs(10);

/// Records from Kafka. Dropping it without [`RecordSource::close`] leaves the group too, in the background and without
/// a last commit.
#[derive(Debug)]
pub struct KafkaSource {
    events: mpsc::UnboundedReceiver<Told>,
    /// The answers to commits.
    answers: mpsc::UnboundedReceiver<SourceEvent>,
    commands: commands::Sender<Command>,
    consumer: Current,
    /// Settings that the worker is to make another consumer of.
    wanted: Wanted,
    /// The last assignment that [`RecordSource::next`] has told of. A commit is worth nothing for partitions that were
    /// assigned (or found to begin elsewhere) later than this: their frontiers come from an older assignment.
    seen: u64,
    /// Bytes of records that were told and not yet taken.
    backlog: Arc<AtomicUsize>,
    wake: Wake,
    heart: Heart,
}

impl KafkaSource {
    /// Subscribes and starts the worker's thread. Reaches no broker: whether they can be reached is told by events.
    ///
    /// # Errors
    ///
    /// The settings hold a property that is not accepted, or a file that cannot be read.
    pub fn start(settings: KafkaSettings) -> Result<Self, ClientError> {
        let wake = Wake::default();
        let connection = Connection::open(&settings, &wake)?;
        connection::subscribe(&connection.consumer, &settings).map_err(|error| client::refused(&error))?;
        let (current, wanted) = (Current::new(&connection.consumer), Wanted::default());
        let (command, commands) = commands::channel();
        let (event, events) = mpsc::unbounded_channel();
        let (answer, answers) = mpsc::unbounded_channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        let outbox = Outbox::new(event, answer, Arc::clone(&backlog));
        let heart = Heart::default();
        let wiring = Wiring {
            connection,
            commands,
            outbox,
            wake: wake.clone(),
            heart: heart.clone(),
            current: current.clone(),
            wanted: wanted.clone(),
        };
        let worker = Worker::new(settings, wiring);
        let _detached = thread::Builder::new()
            .name("kafka-consumer".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| ClientError(format!("the consumer's thread cannot be started: {error}")))?;
        Ok(Self { events, answers, commands: command, consumer: current, wanted, seen: 0, backlog, wake, heart })
    }

    /// Beats each time that the thread comes round, which polls and makes calls that are bounded by seconds each.
    #[must_use]
    pub fn heart(&self) -> Heart {
        self.heart.clone()
    }

    /// What credentials are renewed through: the consumer of the moment, the settings of the next one, and the bell.
    pub(super) fn renewal(&self) -> (Current, Wanted, Wake) {
        (self.consumer.clone(), self.wanted.clone(), self.wake.clone())
    }

    fn send(&self, command: Command) {
        // The worker ends before the handle only when it has panicked, which `next` tells.
        let _ended = self.commands.send(command);
        self.wake.ring();
    }
}

impl RecordSource for KafkaSource {
    async fn next(&mut self) -> SourceEvent {
        let told = tokio::select! {
            biased;
            Some(answer) = self.answers.recv() => return answer,
            told = self.events.recv() => told,
        };
        let Some(Told { event, epoch }) = told else {
            return SourceEvent::Fatal(SourceError::Fatal("its thread has ended".to_owned()));
        };
        self.seen = epoch;
        match &event {
            SourceEvent::Assigned { partitions, .. } => {
                // librdkafka keeps a pause over the end of an assignment; a new one begins unpaused.
                let partitions: Vec<_> = partitions.iter().map(|start| start.partition.clone()).collect();
                self.resume(&partitions);
            }
            SourceEvent::Records(records) => {
                let taken = outbox::size(records);
                let before = self.backlog.fetch_sub(taken, Ordering::Relaxed);
                if outbox::has_room_again(before, taken) {
                    self.wake.ring();
                }
            }
            _ => {}
        }
        event
    }

    fn pause(&mut self, partitions: &[TopicPartition]) {
        if let Some(consumer) = self.consumer.get() {
            // Fails only for partitions that are not ours any more.
            let _gone = consumer.pause(&queries::bare_list(partitions));
        }
    }

    fn resume(&mut self, partitions: &[TopicPartition]) {
        if let Some(consumer) = self.consumer.get() {
            let _gone = consumer.resume(&queries::bare_list(partitions));
            self.send(Command::Resumed);
        }
    }

    fn commit(&mut self, frontiers: Vec<Frontier>) {
        self.send(Command::Commit { frontiers, seen: self.seen });
    }

    fn release(&mut self, partitions: Vec<TopicPartition>, frontiers: Vec<Frontier>) {
        self.send(Command::Release { partitions, frontiers, seen: self.seen });
    }

    async fn close(self, frontiers: Vec<Frontier>) -> Result<(), SourceError> {
        let deadline = Instant::now() + CLOSE_BOUND;
        let (committed, on_committed) = oneshot::channel();
        let (left, on_left) = oneshot::channel();
        self.send(Command::Close { frontiers, seen: self.seen, committed, left });
        match timeout_at(deadline, on_committed).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => return Err(SourceError::LastCommit(error.to_string())),
            Ok(Err(_)) => return Err(SourceError::LastCommit("the consumer's thread has ended".to_owned())),
            Err(_) => return Err(SourceError::LastCommit("no answer in time".to_owned())),
        }
        if timeout_at(deadline, on_left).await.is_err() {
            tracing::warn!(
                event = "kafka.leave_slow",
                "the group was not left in time: its partitions wait for the session to end"
            );
        }
        Ok(())
    }
}
