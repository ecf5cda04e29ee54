//! A log line as one flat JSON object.
//!
//! Own, because the subscriber's formatter cannot promise what every line has to have: `timestamp`, `level`, `event`
//! and `message` first, then the fields as they were given.

use std::fmt;
use std::time::SystemTime;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::log_events::LIBRARY;

/// Takes one line at a time, with its line feed.
pub(super) trait LineSink: Send + Sync + 'static {
    /// Writes the line, whole.
    fn write_line(&self, line: &str);
}

/// Writes every event as a line of JSON.
#[derive(Debug)]
pub(super) struct JsonLines<W> {
    sink: W,
}

impl<W: LineSink> JsonLines<W> {
    pub(super) fn new(sink: W) -> Self {
        Self { sink }
    }
}

impl<S: Subscriber, W: LineSink> Layer<S> for JsonLines<W> {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.sink.write_line(&line(event, SystemTime::now()));
    }
}

fn line(event: &Event<'_>, now: SystemTime) -> String {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let metadata = event.metadata();
    let mut line = String::with_capacity(256 + fields.rest.len());
    line.push_str("{\"timestamp\":\"");
    line.push_str(&rfc3339(now));
    line.push_str("\",\"level\":\"");
    line.push_str(metadata.level().as_str());
    line.push_str("\",\"event\":");
    match &fields.event {
        Some(event) => push_text(&mut line, event),
        None => {
            push_text(&mut line, LIBRARY);
            line.push_str(",\"target\":");
            push_text(&mut line, metadata.target());
        }
    }
    line.push_str(",\"message\":");
    push_text(&mut line, fields.message.as_deref().unwrap_or_default());
    line.push_str(&fields.rest);
    line.push_str("}\n");
    line
}

/// A time in RFC 3339, with milliseconds, in UTC.
pub(super) fn rfc3339(at: SystemTime) -> String {
    match jiff::Timestamp::try_from(at) {
        Ok(timestamp) => format!("{timestamp:.3}"),
        // A clock beyond the year 9999.
        Err(_) => format!("{:.3}", jiff::Timestamp::MAX),
    }
}

/// Collects the fields: two by name, the others as `,"name":value`.
#[derive(Default)]
struct Fields {
    event: Option<String>,
    message: Option<String>,
    rest: String,
}

impl Fields {
    fn push(&mut self, field: &Field, value: impl fmt::Display) {
        use fmt::Write as _;
        self.rest.push(',');
        push_text(&mut self.rest, field.name());
        // Writing to a String does not fail.
        let _infallible = write!(self.rest, ":{value}");
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => self.event = Some(value.to_owned()),
            "message" => self.message = Some(value.to_owned()),
            name => {
                self.rest.push(',');
                push_text(&mut self.rest, name);
                self.rest.push(':');
                push_text(&mut self.rest, value);
            }
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity and no NaN.
        self.push(field, Value::from(value));
    }
}

/// Appends a JSON string.
fn push_text(line: &mut String, text: &str) {
    use fmt::Write as _;
    // Writing to a String does not fail; `Value` writes itself as JSON.
    let _infallible = write!(line, "{}", Value::from(text));
}
