//! The process: start, drain, end.

use super::{Telemetry, emit};
use crate::config::LogLevel;
use crate::telemetry::log_events;
use crate::telemetry::throttle::Throttle;

/// What the first line says of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct StartEvent<'a> {
    /// The consumer group.
    pub group_id: &'a str,
    /// The topics that are read.
    pub topics: &'a [String],
    /// The names of the formats, in the order in which they are tried.
    pub formats: &'a [&'a str],
    /// The version of the mappings in force.
    pub mapping_version: &'a str,
    /// The name of this process.
    pub instance: &'a str,
}

impl Telemetry {
    /// The process has read its configuration and begins.
    pub fn started(&self, event: &StartEvent<'_>) {
        emit!(
            log_events::STARTED,
            version = env!("CARGO_PKG_VERSION"),
            group_id = event.group_id,
            topics = event.topics.join(" "),
            formats = event.formats.join(" "),
            mapping_version = event.mapping_version,
            instance = event.instance,
        );
    }

    /// The level of the log was changed, or is going to be.
    pub fn log_level_changed(&self, was: LogLevel, level: LogLevel) {
        emit!(log_events::LOG_LEVEL_CHANGED, was = was.as_str(), log_level = level.as_str());
    }

    /// The process is going to stop: why.
    pub fn draining(&self, reason: &str) {
        emit!(log_events::DRAINING, reason);
    }

    /// Something stands still that could move, and the process is going to end for it.
    pub fn stalled(&self, stalled: &str) {
        emit!(log_events::STALLED, stalled);
    }

    /// The process has stopped: why, and what it has done since its start.
    pub fn stopped(&self, reason: &str) {
        self.summarise(|throttle: &mut Throttle, _| throttle.take());
        let totals = self.totals();
        emit!(
            log_events::STOPPED,
            reason,
            records_consumed = totals.records_consumed,
            delivered = totals.delivered,
            skipped = totals.skipped,
            dead_lettered = totals.dead_lettered,
            abandoned = totals.abandoned,
        );
    }
}
