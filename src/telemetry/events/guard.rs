//! The dead-letter guard: held, and let go.

use std::time::Duration;

use super::{Telemetry, as_gauge, emit, millis};
use crate::domain::{DeadLetterClass, FailureReason, Offset, TopicPartition};
use crate::telemetry::log_events;
use crate::telemetry::pause::PauseReason;

/// So many dead letters that those behind them are held: what most of them have, for the operator.
#[derive(Clone, Copy, Debug)]
pub struct GuardClosedEvent<'a> {
    /// The limit that was reached, by the configuration's key.
    pub limit: &'static str,
    /// The class that most of the latest dead letters have.
    pub class: DeadLetterClass,
    /// Their reason.
    pub reason: FailureReason,
    /// How many of them have both.
    pub count: usize,
    /// How many were looked at.
    pub of: usize,
    /// Where the latest of them stands.
    pub partition: &'a TopicPartition,
    /// The offset of the latest of them.
    pub offset: Offset,
}

/// What opened the guard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GuardOpenedBy {
    /// So many deliveries since it closed.
    Deliveries,
    /// `alertbridge guard open`.
    Operator,
}

impl GuardOpenedBy {
    /// The word in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries",
            Self::Operator => "operator",
        }
    }
}

impl Telemetry {
    /// Dead letters are held from now on.
    pub fn dead_letter_guard_closed(&self, event: &GuardClosedEvent<'_>) {
        self.metrics().paused(PauseReason::DeadLetterGuard, true);
        emit!(
            log_events::GUARD_CLOSED,
            limit = event.limit,
            failure_class = event.class.as_str(),
            failure_reason = event.reason.as_str(),
            count = event.count,
            of = event.of,
            topic = &*event.partition.topic,
            partition = event.partition.partition,
            offset = event.offset.0,
        );
    }

    /// Dead letters go again; so many were held for so long.
    pub fn dead_letter_guard_opened(&self, by: GuardOpenedBy, held: usize, held_for: Duration) {
        self.metrics().paused(PauseReason::DeadLetterGuard, false);
        emit!(log_events::GUARD_OPENED, by = by.as_str(), held, held_ms = millis(held_for));
    }

    /// How many dead letters are held now.
    pub fn held_dead_letters(&self, held: usize) {
        self.metrics().held_dead_letters.set(as_gauge(i64::try_from(held).unwrap_or(i64::MAX)));
    }
}
