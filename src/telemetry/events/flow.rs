//! The flow: what stands still and why, and how full things are.

use std::time::Duration;

use super::{Telemetry, as_gauge, emit, millis};
use crate::domain::Severity;
use crate::telemetry::pause::{BreakerState, PauseReason};
use crate::telemetry::{catalogue, log_events};

impl Telemetry {
    /// Sending or fetching stands still from now on. To be told once, when it begins; `detail` says which route and
    /// what the service said, without secrets. A full buffer is everyday life behind a quota: a line at DEBUG only.
    pub fn paused(&self, reason: PauseReason, detail: &str) {
        self.metrics().paused(reason, true);
        if reason == PauseReason::Budget {
            emit!(log_events::FETCH_PAUSED, detail);
        } else if reason.needs_an_operator() {
            emit!(log_events::PAUSED_FOR_OPERATOR, reason = reason.as_str(), detail);
        } else if self.admits(&log_events::PAUSED, reason.as_str()) {
            emit!(log_events::PAUSED, reason = reason.as_str(), detail);
        }
    }

    /// What stood still for this reason goes on. To be told once, when no pause of this reason is left.
    pub fn resumed(&self, reason: PauseReason, paused_for: Duration) {
        self.metrics().paused(reason, false);
        if reason == PauseReason::Budget {
            emit!(log_events::FETCH_RESUMED, paused_ms = millis(paused_for));
        } else if self.admits(&log_events::RESUMED, reason.as_str()) {
            emit!(log_events::RESUMED, reason = reason.as_str(), paused_ms = millis(paused_for));
        }
    }

    /// A throttling answer holds everything that uses the quota for so long.
    pub fn hold_off(&self, duration: Duration) {
        self.metrics().hold_off.record(duration.as_secs_f64());
        if self.admits(&log_events::HOLD_OFF, "") {
            emit!(log_events::HOLD_OFF, hold_off_ms = millis(duration));
        }
    }

    /// A route's circuit breaker has changed its state.
    pub fn breaker(&self, route: &str, state: BreakerState) {
        self.metrics().gauge(&catalogue::BREAKER_STATE, &[route]).set(f64::from(state.as_gauge()));
        match state {
            BreakerState::Open => emit!(log_events::BREAKER_OPENED, route),
            BreakerState::HalfOpen => emit!(log_events::BREAKER_HALF_OPEN, route),
            BreakerState::Closed => emit!(log_events::BREAKER_CLOSED, route),
        }
    }

    /// How many requests are under way.
    pub fn in_flight(&self, requests: usize) {
        self.metrics().in_flight.set(count(requests));
    }

    /// How many deliveries wait, by severity (one that is not named waits for none), and the bytes of the unsettled
    /// records.
    pub fn buffered(&self, by_severity: &[(Severity, usize)], bytes: usize) {
        for severity in Severity::ALL {
            let waiting = by_severity.iter().filter(|(s, _)| *s == severity).map(|(_, n)| n).sum();
            self.metrics().buffered(severity, count(waiting));
        }
        self.metrics().buffered_bytes.set(count(bytes));
    }

    /// How old the oldest unsettled record is, if there is one.
    pub fn oldest_unsettled(&self, age: Option<Duration>) {
        self.metrics().oldest_unsettled.set(age.unwrap_or_default().as_secs_f64());
    }

    /// The dispatcher has waited for a token.
    pub fn rate_limit_wait(&self, waited: Duration) {
        self.metrics().rate_limit_wait.record(waited.as_secs_f64());
    }

    /// When the credentials in use expire, in seconds since the epoch.
    pub fn credential_expiry(&self, unix_seconds: i64) {
        self.metrics().gauge(&catalogue::CREDENTIAL_EXPIRY, &[]).set(as_gauge(unix_seconds));
    }
}

fn count(value: usize) -> f64 {
    as_gauge(i64::try_from(value).unwrap_or(i64::MAX))
}
