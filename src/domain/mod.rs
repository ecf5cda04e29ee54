//! The words of the program as types: what a record, an alert, a request and an outcome are.
//!
//! Everything here is pure: no clock, no I/O, no Kafka, no HTTP. Every other module may import this
//! one; it imports none of them.

mod alert;
mod content;
mod dead_letter;
mod failure;
mod ids;
mod json;
mod outcome;
mod record;
mod redrive;
mod request;
mod severity;

pub use alert::{Alert, DataClass};
pub use content::{Data, Digits, Fields};
pub use dead_letter::{AttemptReport, AttemptedCall, DeadLetter, DeadLetterClass, HEADER_PREFIX, Shape};
pub use failure::{FailureClass, FailureReason};
pub use ids::{
    alert_id, alert_name, instance_id, instance_id_of_alert, instance_name, instance_name_of_alert, is_uuid,
};
pub use json::write_text;
pub use outcome::{Outcome, OutcomeKind, SkipReason};
pub use record::{Header, Offset, Origin, Record, TopicPartition};
pub use redrive::{RedriveMark, is_dead_letter_copy, read_origin};
pub use request::{AlertRequest, Created, Destination, Found, FoundAlert, Started, WorkflowRequest};
pub use severity::Severity;
