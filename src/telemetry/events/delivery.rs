//! Deliveries: how they end, and the attempts on the way.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Telemetry, emit, millis};
use crate::domain::{
    DeadLetterClass, FailureReason, Offset, Origin, Outcome, Severity, Shape, Started, TopicPartition,
};
use crate::ports::ApiFailure;
use crate::telemetry::{catalogue, log_events};

/// The end of one delivery: ids and closed lists, no content.
#[derive(Clone, Copy, Debug)]
pub struct OutcomeEvent<'a> {
    /// How it ended.
    pub outcome: Outcome,
    /// Where its record was read.
    pub partition: &'a TopicPartition,
    /// The record's offset.
    pub offset: Offset,
    /// Where its record first stood, if that is elsewhere: it was redriven.
    pub origin: Option<&'a Origin>,
    /// Which part of the record.
    pub part: u32,
    /// The alert's id.
    pub alert_id: Option<&'a str>,
    /// The alert's severity.
    pub severity: Option<Severity>,
    /// The format that the record was read as.
    pub format: Option<&'a str>,
    /// The route that chose the workflow or the skip.
    pub route: Option<&'a str>,
    /// The workflow.
    pub workflow_id: Option<&'a str>,
    /// The instance that was started, as the service names it.
    pub action_instance_id: Option<&'a str>,
    /// What confirmed the start, where it was not the answer to the request: `look_up`.
    pub confirmed_by: Option<&'a str>,
    /// The instance id that we asked for, where it differs from the one above or none was confirmed.
    pub requested_instance_id: Option<&'a str>,
    /// How many requests were sent.
    pub attempts: u32,
    /// The last answer's status.
    pub http_status: Option<u16>,
    /// The last answer's service code.
    pub error_code: Option<&'a str>,
    /// The last answer's `X-Request-Id`.
    pub request_id: Option<&'a str>,
    /// The words of the rule that skipped it.
    pub skip_rule_reason: Option<&'a str>,
    /// Why it was not delivered, in words; names a field or code, never the content.
    pub error: Option<&'a str>,
    /// From the record's timestamp to the outcome.
    pub age_ms: Option<i64>,
    /// From reading the record to the outcome.
    pub duration_ms: Option<u64>,
    /// The trace that the record's headers named.
    pub trace_id: Option<&'a str>,
}

/// Which delivery something is said of: the keys by which all lines of one alert are found.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Where its record was read.
    pub partition: &'a TopicPartition,
    /// The record's offset.
    pub offset: Offset,
    /// Where the record first stood, if that is elsewhere: it was redriven.
    pub origin: Option<&'a Origin>,
    /// Which part of the record.
    pub part: u32,
    /// The alert's id.
    pub alert_id: Option<&'a str>,
    /// The route that chose the workflow.
    pub route: Option<&'a str>,
    /// The workflow.
    pub workflow_id: Option<&'a str>,
    /// The instance id that we ask for; of several workflows all, separated by spaces.
    pub requested_instance_id: Option<&'a str>,
}

/// One answered, or unanswered, request.
#[derive(Clone, Copy, Debug)]
pub struct AttemptEvent<'a> {
    /// Of which delivery.
    pub delivery: Delivery<'a>,
    /// The number of the attempt, 1 for the first.
    pub attempt: u32,
    /// What came of it.
    pub result: Result<&'a Started, &'a ApiFailure>,
    /// From sending to the classified answer.
    pub duration: Duration,
}

/// Writes a line about one delivery: whom it is about, then its own fields.
macro_rules! emit_of {
    ($event:expr, $of:expr $(, $($fields:tt)*)?) => {
        emit!(
            $event,
            topic = &*$of.partition.topic,
            partition = $of.partition.partition,
            offset = $of.offset.0,
            original_topic = $of.origin.map(|origin| &*origin.partition.topic),
            original_partition = $of.origin.map(|origin| origin.partition.partition),
            original_offset = $of.origin.map(|origin| origin.offset.0),
            part = $of.part,
            alert_id = $of.alert_id,
            route = $of.route,
            workflow_id = $of.workflow_id,
            requested_instance_id = $of.requested_instance_id
            $(, $($fields)*)?
        )
    };
}
pub(super) use emit_of;

/// The same for lines that may come in storms: what the storm's summary counts is written at `debug`, so that there
/// the story of one alert is whole.
macro_rules! emit_of_storm {
    ($telemetry:expr, $key:expr, $first:ident, $again:ident, $of:expr $(, $($fields:tt)*)?) => {
        if $telemetry.admits(&log_events::$first, $key) {
            emit_of!(log_events::$first, $of $(, $($fields)*)?);
        } else {
            emit_of!(log_events::$again, $of $(, $($fields)*)?);
        }
    };
}
pub(super) use emit_of_storm;

/// Writes an outcome's line; only the event differs.
macro_rules! emit_outcome {
    ($event:expr, $e:expr, $class:expr, $reason:expr, $skip:expr) => {
        emit!(
            $event,
            topic = &*$e.partition.topic,
            partition = $e.partition.partition,
            offset = $e.offset.0,
            original_topic = $e.origin.map(|origin| &*origin.partition.topic),
            original_partition = $e.origin.map(|origin| origin.partition.partition),
            original_offset = $e.origin.map(|origin| origin.offset.0),
            part = $e.part,
            alert_id = $e.alert_id,
            severity = $e.severity.map(Severity::as_str),
            format = $e.format,
            route = $e.route,
            workflow_id = $e.workflow_id,
            action_instance_id = $e.action_instance_id,
            requested_instance_id = $e.requested_instance_id,
            confirmed_by = $e.confirmed_by,
            attempts = $e.attempts,
            http_status = $e.http_status,
            error_code = $e.error_code,
            request_id = $e.request_id,
            failure_class = $class,
            failure_reason = $reason,
            skip_reason = $skip,
            skip_rule_reason = $e.skip_rule_reason,
            error = $e.error,
            age_ms = $e.age_ms,
            duration_ms = $e.duration_ms,
            trace_id = $e.trace_id,
        )
    };
}

impl Telemetry {
    /// A delivery has ended. Never summarised or dropped.
    pub fn outcome(&self, event: &OutcomeEvent<'_>) {
        let counts = &self.inner.counts;
        let (total, reason) = match event.outcome {
            Outcome::Delivered => (&counts.delivered, None),
            Outcome::Skipped(reason) => (&counts.skipped, Some(reason.as_str())),
            Outcome::DeadLettered(_, reason) => (&counts.dead_lettered, Some(reason.as_str())),
            Outcome::Abandoned => return self.partition_abandoned(event.partition, 1),
        };
        let _before = total.fetch_add(1, Ordering::Relaxed);
        self.metrics().outcome(event.outcome);
        let none: Option<&str> = None;
        match event.outcome {
            Outcome::Delivered => {
                if let (Some(severity), Some(age)) = (event.severity, event.age_ms) {
                    // A record stamped in the future by its producer is new, not negative.
                    let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
                    self.metrics().alert_age(severity, age.as_secs_f64());
                }
                emit_outcome!(log_events::ALERT_DELIVERED, event, none, none, none);
            }
            Outcome::DeadLettered(class, _) => {
                emit_outcome!(log_events::ALERT_DEAD_LETTERED, event, class.as_str(), reason, none);
            }
            Outcome::Skipped(_) | Outcome::Abandoned => {
                emit_outcome!(log_events::ALERT_SKIPPED, event, none, none, reason);
            }
        }
    }

    /// Deliveries of a partition were given up (shutdown, or the partition is no longer ours); they come again.
    pub fn partition_abandoned(&self, partition: &TopicPartition, count: u64) {
        let _before = self.inner.counts.abandoned.fetch_add(count, Ordering::Relaxed);
        self.metrics().abandoned.increment(count);
        let TopicPartition { topic, partition } = partition;
        emit!(log_events::PARTITION_ABANDONED, topic = &**topic, partition, count);
    }

    /// A request was answered, or was not.
    pub fn attempt(&self, event: &AttemptEvent<'_>) {
        self.metrics().attempt(event.result.err().map(|failure| failure.class));
        self.metrics().attempt_duration.record(event.duration.as_secs_f64());
        let of = &event.delivery;
        match event.result {
            Ok(started) => emit_of!(
                log_events::ATTEMPT_SUCCEEDED,
                of,
                attempt = event.attempt,
                http_status = started.http_status,
                request_id = started.request_id.as_deref(),
                action_instance_id = started.action_instance_id.as_str(),
                duration_ms = millis(event.duration),
            ),
            Err(failure) => emit_of!(
                log_events::ATTEMPT_FAILED,
                of,
                attempt = event.attempt,
                http_status = failure.http_status,
                error_code = failure.error_code.as_deref(),
                request_id = failure.request_id.as_deref(),
                failure_class = failure.class.as_str(),
                failure_reason = failure.reason.as_str(),
                error = failure.message.as_str(),
                duration_ms = millis(event.duration),
            ),
        }
    }

    /// A delivery will be tried again after `delay`; `attempt` is the number of the attempt that failed.
    pub fn retry_scheduled(&self, delivery: &Delivery<'_>, attempt: u32, delay: Duration) {
        emit_of!(log_events::RETRY_SCHEDULED, delivery, attempt, delay_ms = millis(delay));
    }

    /// The dead-letter topic did not take this one; it is being tried again.
    pub fn dead_letter_write_failed(&self, of: &Delivery<'_>, error: &str) {
        emit_of_storm!(self, "", DEAD_LETTER_WRITE_FAILED, DEAD_LETTER_WRITE_FAILED_AGAIN, of, error);
    }

    /// A dead letter had to be cut to fit its topic.
    pub fn dead_letter_reduced(&self, of: &Delivery<'_>, shape: Shape) {
        let shape = match shape {
            // Nothing was cut.
            Shape::Full => return,
            Shape::WithoutReport => "without_report",
            Shape::Stub => "stub",
            Shape::Bare => "bare",
        };
        emit_of!(log_events::DEAD_LETTER_REDUCED, of, shape);
    }

    /// The guard holds a dead letter back.
    pub fn dead_letter_held(&self, of: &Delivery<'_>, class: DeadLetterClass, reason: FailureReason) {
        let (failure_class, failure_reason) = (class.as_str(), reason.as_str());
        emit_of!(log_events::DEAD_LETTER_HELD, of, failure_class, failure_reason);
    }

    /// An optional field was left out because its value did not fit; `error` says what was expected, not the value.
    pub fn mapping_fault(&self, of: &Delivery<'_>, format: &str, field: &str, error: &str) {
        self.metrics().counter(&catalogue::MAPPING_FAULTS, &[format, field]).increment(1);
        let key = format!("{format}/{field}");
        emit_of_storm!(self, &key, MAPPING_FAULT, MAPPING_FAULT_AGAIN, of, format, field, error);
    }

    /// A severity word or number that the mapping does not know was replaced by the default.
    pub fn severity_defaulted(&self, of: &Delivery<'_>, format: &str) {
        self.metrics().counter(&catalogue::MAPPING_FAULTS, &[format, "severity"]).increment(1);
        emit_of_storm!(self, format, SEVERITY_DEFAULTED, SEVERITY_DEFAULTED_AGAIN, of, format);
    }
}
