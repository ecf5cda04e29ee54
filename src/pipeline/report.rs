//! What the outside sees each second: gauges and the status document.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::flow::{Flow, age_ms};
use crate::domain::{DeadLetter, Offset, TopicPartition};
use crate::telemetry::{
    Breaker, BreakerState, LAST_DEAD_LETTERS, LastDeadLetter, PartitionStatus, PauseReason, State, Status,
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

impl<A, D> Flow<A, D> {
    /// Brings gauges and status up to date.
    pub(super) fn publish(&mut self) {
        self.telemetry.tick();
        let buffered = self.scheduler.counts();
        self.telemetry.buffered(&buffered, self.budget.bytes());
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
        let breakers = self.breakers();
        let in_flight = self.attempts.len();
        let bytes = self.budget.bytes();
        let report = &self.report;
        report.publish.send_modify(|status| {
            (status.state, status.since) = report.state;
            status.assignment = assignment;
            status.buffer.records = buffered.into_iter().collect();
            status.buffer.bytes = bytes;
            status.in_flight = in_flight;
            status.breakers = breakers;
            status.last_dead_letters = report.last_dead_letters.iter().cloned().collect();
        });
    }

    fn state(&self) -> State {
        let process_wide = self.gates.closed().into_iter().find(|(_, route, _)| route.is_none());
        let every_route = self.gates.closed().into_iter().next().filter(|_| self.gates.all_routes_closed());
        let paused = process_wide.or(every_route).map(|(reason, ..)| reason);
        let paused = paused.or_else(|| self.letters.failing_since().map(|_| PauseReason::DeadLetterTopic));
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
            Some(PartitionStatus::new(partition, frontier, lag))
        };
        partitions.into_iter().filter_map(status).collect()
    }

    fn breakers(&self) -> Vec<Breaker> {
        self.gates
            .breakers()
            .filter_map(|(route, is_open)| {
                let route = self.destination(route)?.route.to_string();
                Some(Breaker { route, state: if is_open { BreakerState::Open } else { BreakerState::Closed } })
            })
            .collect()
    }
}
