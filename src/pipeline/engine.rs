//! The loop: the only place that waits and acts. Everything it decides is decided elsewhere.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::flow::Flow;
use super::in_turn::{Arm, Woken, first_ready};
use super::letters::Letters;
use super::prepare::Preparer;
use super::report::Reporter;
use super::settings::PipelineSettings;
use super::timers::Wake;
use super::watchdog::{Seen, Stall};
use crate::domain::{Offset, TopicPartition};
use crate::offsets::{CompletedOffsets, Frontier};
use crate::ports::{DeadLetterSink, GuardRequests, RecordSource, SourceError, SourceEvent, Start, WorkflowApi};
use crate::telemetry::{Health, LinesTogether, Status, Telemetry};

/// How often gauges and status are brought up to date, and how long the loop sleeps at most.
const TICK: Duration = Duration::from_secs(1);

/// How many things the loop waits for.
const ARMS: usize = 7;

/// Why the pipeline ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The source cannot go on.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Something stood still that could move: a bug.
    #[error("the pipeline stood still: {0}")]
    Stalled(Stall),
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
        let (mut drain_deadline, mut stalled) = (None, None);
        let mut turn = 0;
        loop {
            self.health.beat();
            let now = now();
            self.flow.take_in_held(now);
            let dispatch_again = self.flow.dispatch(now);
            self.act(now);
            if drain_deadline.is_some_and(|deadline| now >= deadline || self.flow.is_idle()) {
                return stalled.map_or(Ok(()), |stall| Err(PipelineError::Stalled(stall)));
            }
            let wake = [
                dispatch_again,
                self.flow.timers.next(),
                self.flow.next_release(),
                drain_deadline,
                Some(self.flow.commits.deadline()),
            ];
            let wake = wake.into_iter().flatten().min().unwrap_or(now + TICK);
            turn = (turn + 1) % ARMS;
            match self.woken(shutdown, drain_deadline.is_some(), &mut tick, wake, turn).await {
                Woken::Shutdown => drain_deadline = Some(self.begin_drain("shutdown requested", now)),
                Woken::Answered(done) => {
                    let _lines = LinesTogether::begin();
                    self.flow.call_ended(done.map_err(PipelineError::Panicked)?, self::now());
                    while let Some(done) = self.flow.attempts.try_join_next() {
                        self.flow.call_ended(done.map_err(PipelineError::Panicked)?, self::now());
                    }
                }
                Woken::Written(done) => self.flow.written(done.map_err(PipelineError::Panicked)?, self::now()),
                Woken::Time => {
                    let now = self::now();
                    while let Some(wake) = self.flow.timers.take_due(now) {
                        match wake {
                            Wake::Delivery(id) => self.flow.scheduler.put_back(id),
                            Wake::Letter(id) => self.flow.write_again(id),
                        }
                    }
                }
                Woken::Tick => {
                    let now = self::now();
                    if let Some(stall) = self.flow.tick(dispatch_again, now).filter(|_| drain_deadline.is_none()) {
                        self.flow.telemetry.stalled(&stall.to_string());
                        stalled = Some(stall);
                        drain_deadline = Some(self.begin_drain("stalled", now));
                    }
                }
                Woken::Asked(request) => request.answer(self.flow.open_guard(self::now())),
                Woken::Told(event) => {
                    let was_long = matches!(event, SourceEvent::Records(_));
                    let lines = LinesTogether::begin();
                    self.happened(event)?;
                    drop(lines);
                    if was_long {
                        // Requests that were begun by the last dispatch wait behind this task, on this thread.
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
    }

    /// Begins nothing new; says until when what is under way may finish.
    fn begin_drain(&mut self, reason: &str, now: Instant) -> Instant {
        self.health.set_ready(false);
        let assigned = self.flow.begin_drain(reason);
        self.source.pause(&assigned);
        now + self.drain_timeout
    }

    /// Waits for what happens next. Every arm is cancel safe.
    async fn woken(
        &mut self,
        shutdown: &CancellationToken,
        is_draining: bool,
        tick: &mut Interval,
        wake: Instant,
        turn: usize,
    ) -> Woken {
        let (attempts, writing) = (&mut self.flow.attempts, &mut self.flow.letters.writing);
        let mut arms: [Arm<'_>; ARMS] = [
            pin!(async {
                match is_draining {
                    false => shutdown.cancelled().await,
                    true => pending().await,
                }
                Woken::Shutdown
            }),
            pin!(async {
                match attempts.join_next().await {
                    Some(done) => Woken::Answered(done),
                    None => pending().await,
                }
            }),
            pin!(async {
                match writing.join_next().await {
                    Some(done) => Woken::Written(done),
                    None => pending().await,
                }
            }),
            pin!(sleep_until(wake.into()).map(|()| Woken::Time)),
            pin!(tick.tick().map(|_| Woken::Tick)),
            pin!(self.guard_requests.next().map(Woken::Asked)),
            pin!(self.source.next().map(Woken::Told)),
        ];
        first_ready(&mut arms, turn).await
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
            self.flow.watchdog.commit_asked(now);
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
            SourceEvent::Assigned { cluster_id, partitions, all } => {
                flow.share_quota(&partitions, &all, now());
                flow.assign(cluster_id, partitions);
            }
            SourceEvent::Revoked(partitions) => {
                flow.rates.remove(&partitions, now());
                flow.revoke(partitions, now());
            }
            SourceEvent::Lost(partitions) => {
                flow.rates.remove(&partitions, now());
                flow.lose(&partitions);
            }
            SourceEvent::OutOfRange { partition, wanted, resumed_at } => {
                if flow.out_of_range(&partition, wanted, resumed_at) {
                    self.source.resume(&[partition]);
                }
            }
            SourceEvent::Committed(mut frontiers) => {
                flow.watchdog.commit_answered();
                // Of partitions that were handed back meanwhile nothing is shown any more.
                frontiers.retain(|frontier| flow.book.is_assigned(&frontier.partition));
                flow.book.committed(&frontiers);
                flow.marks_landed(&frontiers);
                let told: Vec<_> =
                    frontiers.into_iter().map(|frontier| (frontier.partition, frontier.offset)).collect();
                flow.telemetry.committed(&told);
            }
            SourceEvent::CommitFailed { frontiers, error } => {
                flow.watchdog.commit_answered();
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
    /// What is done each second, whatever happens.
    ///
    /// `dispatch_again` is what the dispatcher waits for. Says what stands still although it could move.
    fn tick(&mut self, dispatch_again: Option<Instant>, now: Instant) -> Option<Stall> {
        self.publish();
        self.bury_overdue(now);
        self.look_for_credentials(now);
        let is_waiting = dispatch_again.is_some_and(|at| at > now)
            || !self.attempts.is_empty()
            || self.verify.parked() > 0
            || self.is_draining;
        let seen = Seen {
            could_leave: !is_waiting
                && self.gates.process_admits(now)
                && self.scheduler.has_ready(|route| self.gates.turn(route, now)),
            oldest_request: self.deliveries.values().filter_map(|delivery| delivery.in_flight_since()).min(),
            can_commit: self.report.kafka_is_reached && self.book.partitions().next().is_some(),
        };
        self.watchdog.look(seen, now)
    }

    /// Takes our part of the quotas, which grows with our partitions.
    fn share_quota(&mut self, added: &[Start], all: &[TopicPartition], now: Instant) {
        let added: Vec<_> = added.iter().map(|start| start.partition.clone()).collect();
        for (route, limit) in self.rates.assign(&added, all, now) {
            self.telemetry.quota_below_partitions(route.as_deref(), limit.requests.get(), limit.per, all.len());
        }
    }

    /// Partitions are ours from now on; none where only the topics have changed.
    fn assign(&mut self, cluster_id: Arc<str>, partitions: Vec<Start>) {
        if partitions.is_empty() {
            return;
        }
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
        if !self.is_draining && !self.held.pass_later(partition, position) {
            self.book.advance_to(partition, position);
        }
    }

    /// Records of a partition are gone. Where reading goes on behind what was read, the partition is another one of
    /// the same name: its claims are worth nothing, and so is its pause. Says whether that is so.
    fn out_of_range(&mut self, partition: &TopicPartition, wanted: Offset, resumed_at: Offset) -> bool {
        let settled = self.book.settled_before(partition, wanted..resumed_at);
        self.telemetry.out_of_range(partition, wanted, resumed_at, settled);
        let is_another = resumed_at < wanted;
        if is_another {
            self.lose(std::slice::from_ref(partition));
            self.book.assign(partition.clone(), resumed_at, CompletedOffsets::default());
            self.keep_marks(partition, None, resumed_at, now());
        } else if !self.is_draining && !self.held.pass_later(partition, resumed_at) {
            self.book.pass_gone(partition, resumed_at);
        }
        is_another
    }

    /// Begins nothing new and gives up what waits. Says what is to be paused.
    fn begin_drain(&mut self, reason: &str) -> Vec<TopicPartition> {
        self.telemetry.draining(reason);
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
