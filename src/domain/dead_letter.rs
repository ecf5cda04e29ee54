//! A dead letter: the record byte for byte, and beside it everything that is known of why it was not delivered.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{FailureReason, Header, Origin, Record, Severity};

/// Every header that the bridge adds begins with this.
pub const HEADER_PREFIX: &str = "alertbridge-";

/// Why a delivery went to the dead-letter topic: a closed list.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DeadLetterClass {
    /// The record cannot be decoded.
    Malformed,
    /// No mapping matched.
    Unmapped,
    /// The mapped alert misses something that the data class demands.
    Invalid,
    /// No rule matched and there is no default workflow.
    Unroutable,
    /// Too old to be worth a workflow.
    Stale,
    /// The service will never take it.
    Rejected,
    /// Its attempts are spent while others got through.
    Exhausted,
    /// Sent, and what became of it is unknown.
    Ambiguous,
    /// Its route stayed paused for longer than the configuration allows.
    Target,
}

impl DeadLetterClass {
    /// All classes.
    pub const ALL: [Self; 9] = [
        Self::Malformed,
        Self::Unmapped,
        Self::Invalid,
        Self::Unroutable,
        Self::Stale,
        Self::Rejected,
        Self::Exhausted,
        Self::Ambiguous,
        Self::Target,
    ];

    /// The label in metrics, logs and headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unmapped => "unmapped",
            Self::Invalid => "invalid",
            Self::Unroutable => "unroutable",
            Self::Stale => "stale",
            Self::Rejected => "rejected",
            Self::Exhausted => "exhausted",
            Self::Ambiguous => "ambiguous",
            Self::Target => "target",
        }
    }
}

impl fmt::Display for DeadLetterClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The calls that a delivery is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AttemptedCall {
    /// CreateAlert, where the route asks for it.
    CreateAlert,
    /// CreateWorkflowInstance.
    StartWorkflow,
}

impl AttemptedCall {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateAlert => "create_alert",
            Self::StartWorkflow => "start_workflow",
        }
    }
}

/// One attempt, as the report tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttemptReport {
    /// What was attempted.
    pub call: AttemptedCall,
    /// When the request was sent, RFC 3339 in UTC.
    pub at: String,
    /// Why it failed.
    pub reason: FailureReason,
    /// The HTTP status, if there was an answer.
    pub http_status: Option<u16>,
    /// The service's own code, e.g. `SecMaster.20030001`.
    pub error_code: Option<String>,
    /// The answer's `X-Request-Id`.
    pub request_id: Option<String>,
    /// The service's message or an excerpt of its answer, without secrets, at most a few hundred characters.
    pub message: String,
}

/// How much of a dead letter is written. Each next one is smaller, for topics that refuse the one before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// Everything.
    Full,
    /// Without the `-report` header.
    WithoutReport,
    /// Without the value: its size and SHA-256 stand in headers instead.
    Stub,
    /// Without value, key and the record's own headers: coordinates and reason only.
    Bare,
}

impl Shape {
    /// All shapes, largest first.
    pub const ALL: [Self; 4] = [Self::Full, Self::WithoutReport, Self::Stub, Self::Bare];
}

/// A delivery that cannot be made, with all that an engineer needs to act on it.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The record as it was read.
    pub record: Arc<Record>,
    /// Where it first stood.
    pub origin: Origin,
    /// Which part of it failed.
    pub part: u32,
    /// Why, in short.
    pub class: DeadLetterClass,
    /// Why, precisely.
    pub reason: FailureReason,
    /// Why, in words; names the field or code, never the content.
    pub error: String,
    /// Every attempt, oldest first.
    pub attempts: Vec<AttemptReport>,
    /// How many attempts were made (the list above may be cut).
    pub attempt_count: u32,
    /// The workflow that was to run.
    pub workflow_id: Option<Arc<str>>,
    /// The instance id that was asked for.
    pub action_instance_id: Option<String>,
    /// The alert's id.
    pub alert_id: Option<String>,
    /// The id under which SecMaster has the alert, where it was created (`create_alert`).
    pub created_alert_id: Option<String>,
    /// The alert's severity.
    pub severity: Option<Severity>,
    /// The format that the record was read as.
    pub format: Option<Arc<str>>,
    /// The route that chose the workflow.
    pub route: Option<Arc<str>>,
    /// The version of the mappings in force.
    pub mapping_version: Arc<str>,
    /// The consumer group that gave it up.
    pub consumer_group: Arc<str>,
    /// The process that gave it up.
    pub instance: Arc<str>,
    /// How often it has been redriven.
    pub redrive_count: u32,
}

impl DeadLetter {
    /// The headers of the record to write: the record's own, then ours.
    #[must_use]
    pub fn headers(&self, shape: Shape) -> Vec<Header> {
        let mut headers = if shape == Shape::Bare { Vec::new() } else { self.record.headers.clone() };
        if self.redrive_count > 0 {
            // The mark has had its effect: the letter is of the record as it first stood.
            headers.retain(|header| !header.name.starts_with(HEADER_PREFIX));
        }
        let mut push = |name: &str, value: String| {
            headers.push(Header { name: format!("{HEADER_PREFIX}{name}"), value: Some(Bytes::from(value)) });
        };
        for (name, value) in self.fields() {
            push(name, value);
        }
        match shape {
            Shape::Full => push("report", self.report().to_string()),
            Shape::WithoutReport => {}
            Shape::Stub | Shape::Bare => {
                let value = self.record.value.as_deref().unwrap_or_default();
                push("value-size", value.len().to_string());
                push("value-sha256", hex::encode(Sha256::digest(value)));
            }
        }
        headers
    }

    /// The key to write.
    #[must_use]
    pub fn key(&self, shape: Shape) -> Option<&Bytes> {
        if shape == Shape::Bare { None } else { self.record.key.as_ref() }
    }

    /// The value to write.
    #[must_use]
    pub fn value(&self, shape: Shape) -> Option<&Bytes> {
        match shape {
            Shape::Full | Shape::WithoutReport => self.record.value.as_ref(),
            Shape::Stub | Shape::Bare => None,
        }
    }

    /// Every field that applies, by its header's name without the prefix.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let last = self.attempts.last();
        let text = |v: &Option<Arc<str>>| v.as_ref().map(ToString::to_string);
        let optional: [(&'static str, Option<String>); 27] = [
            ("original-cluster", Some(self.origin.cluster_id.to_string())),
            ("original-topic", Some(self.origin.partition.topic.to_string())),
            ("original-partition", Some(self.origin.partition.partition.to_string())),
            ("original-offset", Some(self.origin.offset.to_string())),
            ("original-timestamp-ms", self.origin.timestamp_ms.map(|t| t.to_string())),
            ("part", Some(self.part.to_string())),
            ("failure-class", Some(self.class.to_string())),
            ("failure-reason", Some(self.reason.to_string())),
            ("error", Some(self.error.clone())),
            ("http-status", last.and_then(|a| a.http_status).map(|s| s.to_string())),
            ("error-code", last.and_then(|a| a.error_code.clone())),
            ("request-id", last.and_then(|a| a.request_id.clone())),
            ("attempts", Some(self.attempt_count.to_string())),
            ("first-attempt-at", self.attempts.first().map(|a| a.at.clone())),
            ("last-attempt-at", last.map(|a| a.at.clone())),
            ("workflow-id", text(&self.workflow_id)),
            ("action-instance-id", self.action_instance_id.clone()),
            ("alert-id", self.alert_id.clone()),
            ("created-alert-id", self.created_alert_id.clone()),
            ("severity", self.severity.map(|s| s.to_string())),
            ("format", text(&self.format)),
            ("route", text(&self.route)),
            ("mapping-version", Some(self.mapping_version.to_string())),
            ("consumer-group", Some(self.consumer_group.to_string())),
            ("instance", Some(self.instance.to_string())),
            ("version", Some(env!("CARGO_PKG_VERSION").to_owned())),
            ("redrive-count", Some(self.redrive_count.to_string())),
        ];
        optional.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// All of it as one JSON document.
    fn report(&self) -> Value {
        let mut report: serde_json::Map<String, Value> =
            self.fields().into_iter().map(|(name, value)| (name.replace('-', "_"), Value::String(value))).collect();
        let attempts = self.attempts.iter().map(|a| {
            json!({
                "call": a.call.as_str(),
                "at": a.at,
                "reason": a.reason.as_str(),
                "http_status": a.http_status,
                "error_code": a.error_code,
                "request_id": a.request_id,
                "message": a.message,
            })
        });
        let _previous = report.insert("attempt_reports".to_owned(), attempts.collect());
        Value::Object(report)
    }
}
