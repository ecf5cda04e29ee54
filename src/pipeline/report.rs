//! What the outside sees each second: gauges and the status document.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::flow::{Flow, age_ms, workflow_of};
use crate::domain::{DeadLetter, Offset, TopicPartition};
use crate::ports::WorkflowApi;
use crate::scheduler::RouteId;
use crate::telemetry::{
    Breaker, BreakerState, LAST_DEAD_LETTERS, LastDeadLetter, PartitionStatus, Pause, PauseReason, State, Status,
};

/// What is remembered for the status document.
#[derive(Debug)]
pub(super) struct Reporter {
    publish: watch::Sender<Status>,
    end_offsets: BTreeMap<TopicPartition, Offset>,
    last_dead_letters: VecDeque<LastDeadLetter>,
    pub(super) kafka_is_reached: bool,
    state: (State, SystemTime),
}

impl Reporter {
    pub(super) fn new(publish: watch::Sender<Status>) -> Self {
        Self {
            publish,
            end_offsets: BTreeMap::new(),
            last_dead_letters: VecDeque::new(),
            kafka_is_reached: false,
            state: (State::default(), SystemTime::now()),
        }
    }

    pub(super) fn end_offsets(&mut self, offsets: Vec<(TopicPartition, Offset)>) {
        self.end_offsets.extend(offsets);
    }

    pub(super) fn forget(&mut self, partition: &TopicPartition) {
        let _end = self.end_offsets.remove(partition);
    }

    pub(super) fn dead_letter(&mut self, letter: &DeadLetter) {
        self.last_dead_letters.truncate(LAST_DEAD_LETTERS - 1);
        self.last_dead_letters.push_front(LastDeadLetter {
            at: SystemTime::now(),
            topic: letter.origin.partition.topic.to_string(),
            partition: letter.origin.partition.partition,
            offset: letter.origin.offset.0,
            part: letter.part,
            class: letter.class,
            reason: letter.reason,
            error: letter.error.clone(),
        });
    }
}

impl<A: WorkflowApi, D> Flow<A, D> {
    /// Brings gauges and status up to date.
    pub(super) fn publish(&mut self) {
        self.telemetry.tick();
        let buffered = self.scheduler.counts();
        self.telemetry.buffered(&buffered, self.budget.bytes());
        self.telemetry.buffer_full(self.budget.is_spent());
        let oldest = age_ms(self.records.values().filter_map(|open| open.record.timestamp_ms).min());
        self.telemetry.oldest_unsettled(oldest.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))));
        let assignment = self.assignment();
        for partition in &assignment {
            if let Some(lag) = partition.lag {
                self.telemetry.lag(&TopicPartition::new(partition.topic.as_str(), partition.partition), lag);
            }
        }
        let state = self.state();
        if state != self.report.state.0 {
            self.report.state = (state, SystemTime::now());
        }
        let (breakers, pauses) = (self.breakers(), self.pauses(tokio::time::Instant::now().into_std()));
        let expires_at = self.api.credentials_expire_at();
        if let Some(since_epoch) = expires_at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok()) {
            self.telemetry.credential_expiry(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX));
        }
        self.telemetry.renewal_failing(self.api.is_renewal_failing());
        let clock_skew_seconds = self.api.clock_skew_seconds();
        if let Some(seconds) = clock_skew_seconds {
            self.telemetry.clock_skew(seconds);
        }
        let guard = self.guarded.status(tokio::time::Instant::now().into_std());
        self.telemetry.held_dead_letters(guard.held);
        let in_flight = self.attempts.len();
        let (share, limit) = (self.rates.share(), self.under_way.limit());
        self.telemetry.rate_share(share);
        self.telemetry.concurrency_limit(limit);
        let bytes = self.budget.bytes();
        let report = &self.report;
        report.publish.send_modify(|status| {
            (status.state, status.since) = report.state;
            status.assignment = assignment;
            status.buffer.records = buffered.into_iter().collect();
            status.buffer.bytes = bytes;
            status.in_flight = in_flight;
            status.concurrency_limit = limit;
            status.rate_share = share;
            status.breakers = breakers;
            status.pauses = pauses;
            status.dead_letter_guard = guard;
            status.credentials.expires_at = expires_at;
            status.credentials.clock_skew_seconds = clock_skew_seconds;
            status.last_dead_letters = report.last_dead_letters.iter().cloned().collect();
        });
    }

    fn state(&self) -> State {
        let process_wide = self.gates.closed().into_iter().find(|(_, route, _)| route.is_none());
        let every_route = self.gates.closed().into_iter().next().filter(|_| self.gates.all_routes_closed());
        let paused = process_wide.or(every_route).map(|(reason, ..)| reason);
        let paused = paused.or_else(|| self.letters.failing_since().map(|_| PauseReason::DeadLetterTopic));
        let paused = paused.or_else(|| self.guarded.closed_since().map(|_| PauseReason::DeadLetterGuard));
        match paused {
            _ if self.is_draining => State::Draining,
            _ if !self.report.kafka_is_reached => State::WaitingForKafka,
            Some(reason) => State::Paused(reason),
            None => State::Running,
        }
    }

    fn assignment(&self) -> Vec<PartitionStatus> {
        let mut partitions: Vec<&TopicPartition> = self.book.partitions().collect();
        partitions.sort();
        let status = |partition: &TopicPartition| {
            let frontier = self.book.frontier(partition)?;
            let lag = self.report.end_offsets.get(partition).map(|end| (end.0 - frontier.0).max(0));
            let held_back = self.held.contains(partition);
            Some(PartitionStatus { held_back, ..PartitionStatus::new(partition, frontier, lag) })
        };
        partitions.into_iter().filter_map(status).collect()
    }

    /// The breakers by route; of a route with several workflows the one that is furthest from closed.
    fn breakers(&self) -> Vec<Breaker> {
        let probing = |route| self.deliveries.values().any(|d| d.in_flight && d.is_probe && d.route == route);
        let state = |route, is_open| match (is_open, is_open && probing(route)) {
            (false, _) => BreakerState::Closed,
            (true, false) => BreakerState::Open,
            (true, true) => BreakerState::HalfOpen,
        };
        let mut by_route: BTreeMap<&str, BreakerState> = BTreeMap::new();
        for (route, is_open) in self.gates.breakers() {
            if let Some(to) = self.destination(route) {
                let (shown, state) = (by_route.entry(&to.route).or_insert(BreakerState::Closed), state(route, is_open));
                *shown = [*shown, state].into_iter().max_by_key(|state| state.as_gauge()).unwrap_or(state);
            }
        }
        let breaker = |(route, state): (&str, BreakerState)| {
            self.telemetry.breaker_state(route, state);
            Breaker { route: route.to_owned(), state }
        };
        by_route.into_iter().map(breaker).collect()
    }

    /// What stands still, the most serious first.
    fn pauses(&self, now: Instant) -> Vec<Pause> {
        let pause = |(reason, route, since): (PauseReason, Option<RouteId>, Instant)| {
            let to = route.and_then(|route| self.destination(route));
            let since = SystemTime::now() - now.saturating_duration_since(since);
            let (route, workflow_id) = (to.map(|to| to.route.to_string()), to.and_then(workflow_of).map(str::to_owned));
            Pause { reason, route, workflow_id, since }
        };
        let letters = self.letters.failing_since().map(|since| (PauseReason::DeadLetterTopic, None, since));
        let guard = self.guarded.closed_since().map(|since| (PauseReason::DeadLetterGuard, None, since));
        self.gates.closed().into_iter().chain(letters).chain(guard).map(pause).collect()
    }
}
