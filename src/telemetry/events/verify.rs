//! Verification: what is looked up, and what could not be learnt.

use std::time::Duration;

use super::delivery::{emit_of, emit_of_storm};
use super::{Delivery, Telemetry, emit, millis};
use crate::domain::{Found, FoundAlert, Offset, TopicPartition};
use crate::ports::ApiFailure;
use crate::telemetry::log_events;
use crate::telemetry::metrics::LookUpResult;

/// One look-up, of an instance or of an alert, that was answered or was not.
#[derive(Clone, Copy, Debug)]
pub struct LookUpEvent<'a, F = Found> {
    /// Of which delivery.
    pub delivery: Delivery<'a>,
    /// What came of it.
    pub result: Result<&'a F, &'a ApiFailure>,
    /// From sending to the classified answer.
    pub duration: Duration,
}

/// What the line of a look-up says of its answer.
#[derive(Default)]
struct Answer<'a> {
    instance_status: Option<&'a str>,
    http_status: Option<u16>,
    request_id: Option<&'a str>,
    failure: Option<&'a ApiFailure>,
}

impl<'a> Answer<'a> {
    fn failed(failure: &'a ApiFailure) -> (LookUpResult, Self) {
        let (http_status, request_id) = (failure.http_status, failure.request_id.as_deref());
        (LookUpResult::Failed, Self { http_status, request_id, failure: Some(failure), ..Self::default() })
    }
}

/// Writes the line of a look-up; only the event and the fields of its own differ.
macro_rules! emit_look_up {
    ($event:expr, $look_up:expr, $result:expr, $answer:expr $(, $($fields:tt)*)?) => {
        emit_of!(
            $event,
            $look_up.delivery,
            result = $result.as_str(),
            $($($fields)*,)?
            http_status = $answer.http_status,
            error_code = $answer.failure.and_then(|failure| failure.error_code.as_deref()),
            request_id = $answer.request_id,
            failure_class = $answer.failure.map(|failure| failure.class.as_str()),
            failure_reason = $answer.failure.map(|failure| failure.reason.as_str()),
            error = $answer.failure.map(|failure| failure.message.as_str()),
            duration_ms = millis($look_up.duration),
        )
    };
}

impl Telemetry {
    /// An instance was looked up, or could not be.
    pub fn looked_up(&self, event: &LookUpEvent<'_>) {
        let (result, answer) = match event.result {
            Ok(Found::Present { started, status }) => {
                let (http_status, request_id) = (Some(started.http_status), started.request_id.as_deref());
                let instance_status = status.as_deref();
                (LookUpResult::Present, Answer { instance_status, http_status, request_id, failure: None })
            }
            Ok(Found::Absent) => (LookUpResult::Absent, Answer::default()),
            Ok(Found::Unclear) => (LookUpResult::Unclear, Answer::default()),
            Err(failure) => Answer::failed(failure),
        };
        self.metrics().look_up(result);
        emit_look_up!(log_events::LOOKED_UP, event, result, answer, instance_status = answer.instance_status);
    }

    /// An alert was looked up, or could not be.
    pub fn alert_looked_up(&self, event: &LookUpEvent<'_, FoundAlert>) {
        let (result, answer) = match event.result {
            Ok(FoundAlert::Present(created)) => {
                let (http_status, request_id) = (Some(created.http_status), created.request_id.as_deref());
                (LookUpResult::Present, Answer { http_status, request_id, ..Answer::default() })
            }
            Ok(FoundAlert::Absent) => (LookUpResult::Absent, Answer::default()),
            Ok(FoundAlert::Unclear) => (LookUpResult::Unclear, Answer::default()),
            Err(failure) => Answer::failed(failure),
        };
        self.metrics().look_up(result);
        emit_look_up!(log_events::ALERT_LOOKED_UP, event, result, answer);
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

    /// Whether SecMaster has an alert cannot be learnt; it is created again.
    pub fn alert_unverified(&self, delivery: &Delivery<'_>, detail: &str) {
        if self.admits(&log_events::ALERT_UNVERIFIED, delivery.route.unwrap_or_default()) {
            emit_of!(log_events::ALERT_UNVERIFIED, delivery, detail);
        }
    }

    /// Deliveries of a partition below an offset may have been started by who had it before.
    pub fn suspected(&self, partition: &TopicPartition, below: Offset, look_ups_in: Duration) {
        let TopicPartition { topic, partition } = partition;
        let look_ups_in_ms = millis(look_ups_in);
        emit!(log_events::SUSPECTED, topic = &**topic, partition, below = below.0, look_ups_in_ms);
    }
}
