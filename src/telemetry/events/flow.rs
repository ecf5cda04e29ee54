//! The flow: what stands still and why, and how full things are.

use std::time::Duration;

use super::{Telemetry, as_gauge, emit, millis};
use crate::domain::Severity;
use crate::telemetry::pause::{BreakerState, PauseReason};
use crate::telemetry::{catalogue, log_events};

/// Something that makes sending stand still.
#[derive(Clone, Copy, Debug)]
pub struct PauseEvent<'a> {
    /// Why.
    pub reason: PauseReason,
    /// The route that it concerns; none where it concerns all.
    pub route: Option<&'a str>,
    /// The route's workflow.
    pub workflow_id: Option<&'a str>,
    /// When the first probe leaves.
    pub probe_in: Option<Duration>,
    /// What the service said, without secrets.
    pub detail: &'a str,
}

impl Telemetry {
    /// Sending stands still from now on. To be told once, when it begins.
    pub fn paused(&self, pause: &PauseEvent<'_>) {
        let PauseEvent { reason, route, workflow_id, probe_in, detail } = *pause;
        self.metrics().paused(reason, true);
        let (reason_word, probe_in_ms) = (reason.as_str(), probe_in.map(millis));
        if reason.needs_an_operator() {
            emit!(log_events::PAUSED_FOR_OPERATOR, reason = reason_word, route, workflow_id, probe_in_ms, detail);
        } else if self.admits(&log_events::PAUSED, &format!("{reason_word}/{}", route.unwrap_or_default())) {
            emit!(log_events::PAUSED, reason = reason_word, route, workflow_id, probe_in_ms, detail);
        }
    }

    /// What stood still goes on; `is_last` where nothing is left that stands still for this reason.
    pub fn resumed(&self, reason: PauseReason, route: Option<&str>, paused_for: Duration, is_last: bool) {
        if is_last {
            self.metrics().paused(reason, false);
        }
        if self.admits(&log_events::RESUMED, &format!("{}/{}", reason.as_str(), route.unwrap_or_default())) {
            emit!(log_events::RESUMED, reason = reason.as_str(), route, paused_ms = millis(paused_for));
        }
    }

    /// A throttling answer holds everything that uses the quota for so long.
    pub fn hold_off(&self, duration: Duration) {
        self.metrics().hold_off.record(duration.as_secs_f64());
        if self.admits(&log_events::HOLD_OFF, "") {
            emit!(log_events::HOLD_OFF, hold_off_ms = millis(duration));
        }
    }

    /// A route's circuit breaker has opened or closed.
    pub fn breaker(&self, route: &str, is_open: bool) {
        if is_open {
            emit!(log_events::BREAKER_OPENED, route);
        } else {
            emit!(log_events::BREAKER_CLOSED, route);
        }
        self.breaker_state(route, if is_open { BreakerState::Open } else { BreakerState::Closed });
    }

    /// The state of a route's circuit breaker now.
    pub fn breaker_state(&self, route: &str, state: BreakerState) {
        self.metrics().gauge(&catalogue::BREAKER_STATE, &[route]).set(f64::from(state.as_gauge()));
    }

    /// Whether fetching rests because the buffer is full: everyday life behind a quota, and so no line.
    pub fn buffer_full(&self, is_full: bool) {
        self.metrics().paused(PauseReason::Budget, is_full);
    }

    /// How many requests are under way.
    pub fn in_flight(&self, requests: usize) {
        self.metrics().in_flight.set(count(requests));
    }

    /// How many requests may be under way.
    pub fn concurrency_limit(&self, requests: usize) {
        self.metrics().concurrency_limit.set(count(requests));
    }

    /// The part of the tenant's quota that is ours now.
    pub fn rate_share(&self, share: f64) {
        self.metrics().rate_share.set(share);
    }

    /// A quota (of the tenant, or of a route) is smaller than the number of partitions it is divided among.
    pub fn quota_below_partitions(&self, route: Option<&str>, requests: u32, per: Duration, partitions: usize) {
        emit!(log_events::QUOTA_BELOW_PARTITIONS, route, requests, per_ms = millis(per), partitions);
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

    /// Whether the process takes part, as `/readyz` says.
    pub fn ready(&self, is_ready: bool) {
        self.metrics().ready.set(f64::from(u8::from(is_ready)));
    }

    /// When the credentials in use expire, in seconds since the epoch.
    pub fn credential_expiry(&self, unix_seconds: i64) {
        self.metrics().gauge(&catalogue::CREDENTIAL_EXPIRY, &[]).set(as_gauge(unix_seconds));
    }

    /// Whether the last try to fetch credentials has failed.
    pub fn renewal_failing(&self, is_failing: bool) {
        self.metrics().renewal_failing.set(f64::from(u8::from(is_failing)));
    }

    /// By how many seconds our clock is ahead of the service's.
    pub fn clock_skew(&self, seconds: i64) {
        self.metrics().gauge(&catalogue::CLOCK_SKEW, &[]).set(as_gauge(seconds));
    }
}

fn count(value: usize) -> f64 {
    as_gauge(i64::try_from(value).unwrap_or(i64::MAX))
}
