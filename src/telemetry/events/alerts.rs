//! Alerts that a route creates in SecMaster before its workflows (`create_alert`); `verify` has their look-ups.

use std::time::Duration;

use super::delivery::emit_of;
use super::{Delivery, Telemetry, emit, millis};
use crate::domain::Created;
use crate::ports::ApiFailure;
use crate::telemetry::log_events;

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
}
