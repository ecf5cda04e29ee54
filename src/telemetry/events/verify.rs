//! Verification: what is looked up, and what could not be learnt.

use std::time::Duration;

use super::delivery::{emit_of, emit_of_storm};
use super::{Delivery, Telemetry, emit, millis};
use crate::domain::{Found, Offset, TopicPartition};
use crate::ports::ApiFailure;
use crate::telemetry::log_events;
use crate::telemetry::metrics::LookUpResult;

/// One look-up that was answered, or was not.
#[derive(Clone, Copy, Debug)]
pub struct LookUpEvent<'a> {
    /// Of which delivery.
    pub delivery: Delivery<'a>,
    /// What came of it.
    pub result: Result<&'a Found, &'a ApiFailure>,
    /// From sending to the classified answer.
    pub duration: Duration,
}

impl Telemetry {
    /// An instance was looked up, or could not be.
    pub fn looked_up(&self, event: &LookUpEvent<'_>) {
        let (mut status, mut http_status, mut request_id) = (None, None, None);
        let failure = event.result.err();
        let result = match event.result {
            Ok(Found::Present { started, status: state }) => {
                status = state.as_deref();
                http_status = Some(started.http_status);
                request_id = started.request_id.as_deref();
                LookUpResult::Present
            }
            Ok(Found::Absent) => LookUpResult::Absent,
            Ok(Found::Unclear) => LookUpResult::Unclear,
            Err(failure) => {
                http_status = failure.http_status;
                request_id = failure.request_id.as_deref();
                LookUpResult::Failed
            }
        };
        self.metrics().look_up(result);
        let of = &event.delivery;
        emit_of!(
            log_events::LOOKED_UP,
            of,
            result = result.as_str(),
            instance_status = status,
            http_status,
            error_code = failure.and_then(|failure| failure.error_code.as_deref()),
            request_id,
            failure_class = failure.map(|failure| failure.class.as_str()),
            failure_reason = failure.map(|failure| failure.reason.as_str()),
            error = failure.map(|failure| failure.message.as_str()),
            duration_ms = millis(event.duration),
        );
    }

    /// A look-up failed and is repeated.
    pub fn look_up_failed(&self, delivery: &Delivery<'_>, failure: &ApiFailure) {
        // Those that are kept back are told by `instance.looked_up`.
        if self.admits(&log_events::LOOK_UP_FAILED, delivery.route.unwrap_or_default()) {
            emit_of!(log_events::LOOK_UP_FAILED, delivery, error = failure.to_string());
        }
    }

    /// Whether a workflow was started cannot be learnt; it is started again.
    pub fn unverified(&self, delivery: &Delivery<'_>, detail: &str) {
        let key = delivery.route.unwrap_or_default();
        emit_of_storm!(self, key, UNVERIFIED, UNVERIFIED_AGAIN, delivery, detail);
    }

    /// Deliveries of a partition below an offset may have been started by who had it before.
    pub fn suspected(&self, partition: &TopicPartition, below: Offset, look_ups_in: Duration) {
        let TopicPartition { topic, partition } = partition;
        let look_ups_in_ms = millis(look_ups_in);
        emit!(log_events::SUSPECTED, topic = &**topic, partition, below = below.0, look_ups_in_ms);
    }
}
