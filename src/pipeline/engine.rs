//! The loop: the only place that waits and acts. Everything it decides is decided elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::flow::Flow;
use super::letters::Letters;
use super::prepare::Preparer;
use super::report::Reporter;
use super::settings::PipelineSettings;
use super::timers::Wake;
use crate::domain::{Offset, TopicPartition};
use crate::offsets::{CompletedOffsets, Frontier};
use crate::ports::{DeadLetterSink, GuardRequests, RecordSource, SourceError, SourceEvent, Start, WorkflowApi};
use crate::telemetry::{Health, Status, Telemetry};

/// How often gauges and status are brought up to date, and how long the loop sleeps at most.
const TICK: Duration = Duration::from_secs(1);

/// Why the pipeline ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The source cannot go on.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A request or a write panicked: a bug, and its delivery's fate is unknown.
    #[error("a task of the pipeline panicked: {0}")]
    Panicked(tokio::task::JoinError),
}

/// Everything the pipeline is made of.
#[derive(Debug)]
pub struct Parts<S, A, D> {
    /// Where records come from.
    pub source: S,
    /// What starts workflows.
    pub api: Arc<A>,
    /// Where dead letters go.
    pub dead_letters: Arc<D>,
    /// Mappings and routes.
    pub preparer: Preparer,
    /// The settings.
    pub settings: PipelineSettings,
    /// Log lines and metrics.
    pub telemetry: Telemetry,
    /// Liveness and readiness.
    pub health: Health,
    /// The status document.
    pub status: watch::Sender<Status>,
    /// Where an operator opens the dead-letter guard.
    pub guard_requests: GuardRequests,
}

/// The pipeline: from the source to an outcome for every delivery.
#[derive(Debug)]
pub struct Pipeline<S, A, D> {
    source: S,
    flow: Flow<A, D>,
    health: Health,
    guard_requests: GuardRequests,
    drain_timeout: Duration,
}

impl<S: RecordSource, A: WorkflowApi, D: DeadLetterSink> Pipeline<S, A, D> {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts<S, A, D>) -> Self {
        let Parts { source, api, dead_letters, preparer, settings, telemetry, health, status, guard_requests } = parts;
        let drain_timeout = settings.drain_timeout;
        let (letters, report) = (Letters::new(dead_letters), Reporter::new(status));
        let flow = Flow::new(api, letters, preparer, settings, telemetry, report, now());
        Self { source, flow, health, guard_requests, drain_timeout }
    }

    /// Runs until `shutdown` is cancelled, then drains: what is in flight may finish within the drain time-out, what
    /// has settled is committed, and the group is left.
    ///
    /// # Errors
    /// [`PipelineError`] if it has to end unasked; what has settled is committed even then.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), PipelineError> {
        let result = self.flow_until(&shutdown).await;
        self.health.set_ready(false);
        let last = self.flow.give_up_all();
        let closed = self.source.close(last).await;
        result?;
        Ok(closed?)
    }

    async fn flow_until(&mut self, shutdown: &CancellationToken) -> Result<(), PipelineError> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut drain_deadline = None;
        loop {
            self.health.beat();
            let now = now();
            let dispatch_again = self.flow.dispatch(now);
            self.act(now);
            if drain_deadline.is_some_and(|deadline| now >= deadline || self.flow.is_idle()) {
                return Ok(());
            }
            let wake = [
                dispatch_again,
                self.flow.timers.next(),
                self.flow.next_release(),
                drain_deadline,
                Some(self.flow.commits.deadline()),
            ];
            let wake = wake.into_iter().flatten().min().unwrap_or(now + TICK);
            let flow = &mut self.flow;
            // Every arm is cancel safe. Their order is left to chance, so that none starves another: answers must not
            // hold back a revocation, nor a full topic the answers.
            tokio::select! {
                () = shutdown.cancelled(), if drain_deadline.is_none() => {
                    self.health.set_ready(false);
                    drain_deadline = Some(now + self.drain_timeout);
                    let assigned = flow.begin_drain();
                    self.source.pause(&assigned);
                }
                Some(done) = flow.attempts.join_next() => {
                    flow.call_ended(done.map_err(PipelineError::Panicked)?, self::now());
                    while let Some(done) = flow.attempts.try_join_next() {
                        flow.call_ended(done.map_err(PipelineError::Panicked)?, self::now());
                    }
                }
                Some(done) = flow.letters.writing.join_next() => {
                    flow.written(done.map_err(PipelineError::Panicked)?, self::now());
                }
                () = sleep_until(wake.into()) => {
                    let now = self::now();
                    while let Some(wake) = flow.timers.take_due(now) {
                        match wake {
                            Wake::Delivery(id) => flow.scheduler.put_back(id),
                            Wake::Letter(id) => flow.write_again(id),
                        }
                    }
                }
                _ = tick.tick() => flow.publish(),
                request = self.guard_requests.next() => request.answer(flow.open_guard(self::now())),
                event = self.source.next() => self.happened(event)?,
            }
        }
    }

    /// Does at the source what has been decided.
    fn act(&mut self, now: Instant) {
        let change = self.flow.fetch_change();
        if !change.pause.is_empty() {
            self.source.pause(&change.pause);
        }
        if !change.resume.is_empty() && !self.flow.is_draining {
            self.source.resume(&change.resume);
        }
        for release in self.flow.releases(now) {
            self.source.release(release.partitions, release.frontiers);
        }
        let commits = self.flow.due_commits(now);
        if !commits.is_empty() {
            self.source.commit(commits);
        }
    }

    fn happened(&mut self, event: SourceEvent) -> Result<(), PipelineError> {
        let flow = &mut self.flow;
        match event {
            SourceEvent::Records(records) => flow.take_in(records, now()),
            SourceEvent::Position(positions) => {
                for (partition, position) in positions {
                    flow.pass(&partition, position);
                }
            }
            SourceEvent::EndOffsets(offsets) => flow.report.end_offsets(offsets),
            SourceEvent::Joined => {
                if !std::mem::replace(&mut flow.report.kafka_is_reached, true) {
                    flow.telemetry.kafka_available();
                }
                self.health.set_ready(!flow.is_draining);
            }
            SourceEvent::Unavailable { error } => {
                flow.report.kafka_is_reached = false;
                flow.telemetry.kafka_unavailable(&error);
                self.health.set_ready(false);
            }
            SourceEvent::Assigned { cluster_id, partitions } => flow.assign(cluster_id, partitions),
            SourceEvent::Revoked(partitions) => flow.revoke(partitions, now()),
            SourceEvent::Lost(partitions) => flow.lose(&partitions),
            SourceEvent::OutOfRange { partition, wanted, resumed_at } => {
                if flow.out_of_range(&partition, wanted, resumed_at) {
                    self.source.resume(&[partition]);
                }
            }
            SourceEvent::Committed(mut frontiers) => {
                // Of partitions that were handed back meanwhile nothing is shown any more.
                frontiers.retain(|frontier| flow.book.is_assigned(&frontier.partition));
                flow.book.committed(&frontiers);
                flow.marks_landed(&frontiers);
                let told: Vec<_> =
                    frontiers.into_iter().map(|frontier| (frontier.partition, frontier.offset)).collect();
                flow.telemetry.committed(&told);
            }
            SourceEvent::CommitFailed { frontiers, error } => {
                flow.book.commit_failed(&frontiers);
                flow.verify.marks_failed(now());
                flow.telemetry.commit_failed(&error);
            }
            SourceEvent::Fatal(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// The pipeline's time: tokio's, so that tests run under paused time.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Partitions are ours from now on.
    fn assign(&mut self, cluster_id: Arc<str>, partitions: Vec<Start>) {
        let told: Vec<_> = partitions.iter().map(|start| (start.partition.clone(), start.offset)).collect();
        self.telemetry.assigned(&told);
        self.cluster_id = cluster_id;
        for Start { partition, offset, completed, mark, end } in partitions {
            self.book.assign(partition.clone(), offset, completed);
            self.keep_marks(&partition, mark, end, now());
            self.budget.forget_pause(&partition);
        }
    }

    /// A gap is passed. Not during a drain: what has been read since it began was not taken in, and is not passed.
    fn pass(&mut self, partition: &TopicPartition, position: Offset) {
        if !self.is_draining {
            self.book.advance_to(partition, position);
        }
    }

    /// Records of a partition are gone. Where reading goes on behind what was read, the partition is another one of
    /// the same name: its claims are worth nothing, and so is its pause. Says whether that is so.
    fn out_of_range(&mut self, partition: &TopicPartition, wanted: Offset, resumed_at: Offset) -> bool {
        self.telemetry.out_of_range(partition, wanted, resumed_at);
        let is_another = resumed_at < wanted;
        if is_another {
            self.lose(std::slice::from_ref(partition));
            self.book.assign(partition.clone(), resumed_at, CompletedOffsets::default());
            self.keep_marks(partition, None, resumed_at, now());
        } else {
            self.pass(partition, resumed_at);
        }
        is_another
    }

    /// Begins nothing new and gives up what waits. Says what is to be paused.
    fn begin_drain(&mut self) -> Vec<TopicPartition> {
        self.telemetry.draining("shutdown requested");
        self.is_draining = true;
        self.abandon_waiting(None);
        self.book.partitions().cloned().collect()
    }

    /// Whether nothing is on its way any more.
    fn is_idle(&self) -> bool {
        self.attempts.is_empty() && self.letters.pending.is_empty()
    }

    /// Gives up what has not ended; it comes again. Says what is left to commit.
    fn give_up_all(&mut self) -> Vec<Frontier> {
        self.publish();
        let partitions: Vec<TopicPartition> = self.book.partitions().cloned().collect();
        let last = self.book.last_frontiers(&partitions);
        self.fence(&partitions);
        last
    }
}
