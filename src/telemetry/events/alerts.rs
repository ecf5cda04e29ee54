//! Alerts that a route creates in SecMaster before its workflows (`create_alert`).

use std::time::Duration;

use super::delivery::emit_of;
use super::{Delivery, Telemetry, emit, millis};
use crate::domain::{Created, FoundAlert};
use crate::ports::ApiFailure;
use crate::telemetry::log_events;
use crate::telemetry::metrics::LookUpResult;

/// One attempt to create an alert, or the look-up that showed it.
#[derive(Clone, Copy, Debug)]
pub struct AlertEvent<'a> {
    /// For which delivery; others may be about the same alert.
    pub delivery: Delivery<'a>,
    /// How many requests have been sent for the delivery.
    pub attempt: u32,
    /// What came of it.
    pub result: Result<&'a Created, &'a ApiFailure>,
    /// What showed the alert, where it was not the answer to its creation: `look_up`.
    pub confirmed_by: Option<&'a str>,
    /// From sending to the classified answer, of an attempt.
    pub duration: Option<Duration>,
}

/// One look-up of an alert that was answered, or was not.
#[derive(Clone, Copy, Debug)]
pub struct AlertLookUpEvent<'a> {
    /// For which delivery.
    pub delivery: Delivery<'a>,
    /// What came of it.
    pub result: Result<&'a FoundAlert, &'a ApiFailure>,
    /// From sending to the classified answer.
    pub duration: Duration,
}

impl Telemetry {
    /// SecMaster has an alert, or has not confirmed it.
    pub fn alert(&self, event: &AlertEvent<'_>) {
        if event.confirmed_by.is_none() {
            self.metrics().alert_attempt(event.result.err().map(|failure| failure.class));
        }
        let of = &event.delivery;
        match event.result {
            Ok(created) => emit_of!(
                log_events::ALERT_CREATED,
                of,
                created_alert_id = created.alert_id.as_str(),
                confirmed_by = event.confirmed_by,
                attempt = event.attempt,
                http_status = created.http_status,
                request_id = created.request_id.as_deref(),
                duration_ms = event.duration.map(millis),
            ),
            Err(failure) => emit_of!(
                log_events::ALERT_NOT_CREATED,
                of,
                attempt = event.attempt,
                http_status = failure.http_status,
                error_code = failure.error_code.as_deref(),
                request_id = failure.request_id.as_deref(),
                failure_class = failure.class.as_str(),
                failure_reason = failure.reason.as_str(),
                error = failure.message.as_str(),
                duration_ms = event.duration.map(millis),
            ),
        }
    }

    /// An alert was looked up, or could not be.
    pub fn alert_looked_up(&self, event: &AlertLookUpEvent<'_>) {
        let (mut http_status, mut request_id) = (None, None);
        let failure = event.result.err();
        let result = match event.result {
            Ok(FoundAlert::Present(created)) => {
                http_status = Some(created.http_status);
                request_id = created.request_id.as_deref();
                LookUpResult::Present
            }
            Ok(FoundAlert::Absent) => LookUpResult::Absent,
            Ok(FoundAlert::Unclear) => LookUpResult::Unclear,
            Err(failure) => {
                http_status = failure.http_status;
                request_id = failure.request_id.as_deref();
                LookUpResult::Failed
            }
        };
        self.metrics().look_up(result);
        let of = &event.delivery;
        emit_of!(
            log_events::ALERT_LOOKED_UP,
            of,
            result = result.as_str(),
            http_status,
            error_code = failure.and_then(|failure| failure.error_code.as_deref()),
            request_id,
            failure_class = failure.map(|failure| failure.class.as_str()),
            failure_reason = failure.map(|failure| failure.reason.as_str()),
            error = failure.map(|failure| failure.message.as_str()),
            duration_ms = millis(event.duration),
        );
    }

    /// Whether SecMaster has an alert cannot be learnt; it is created again.
    pub fn alert_unverified(&self, delivery: &Delivery<'_>, detail: &str) {
        if self.admits(&log_events::ALERT_UNVERIFIED, delivery.route.unwrap_or_default()) {
            emit_of!(log_events::ALERT_UNVERIFIED, delivery, detail);
        }
    }
}
