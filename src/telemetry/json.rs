//! A log line as one flat JSON object.
//!
//! Own, because the subscriber's formatter cannot promise what every line has to have: `timestamp`, `level`, `event`
//! and `message` first, then the fields as they were given.

use std::fmt;
use std::time::SystemTime;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::log_events::LIBRARY;

/// Takes one line at a time, with its line feed.
pub(super) trait LineSink: Send + Sync + 'static {
    /// Writes the line, whole.
    fn write_line(&self, line: &[u8]);
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

/// Room for most lines and for their fields, so that making one does not copy it again and again.
const USUAL_BYTES: usize = 1 << 10;

fn line(event: &Event<'_>, now: SystemTime) -> Vec<u8> {
    let mut fields = Fields { rest: Vec::with_capacity(USUAL_BYTES), ..Fields::default() };
    event.record(&mut fields);
    let metadata = event.metadata();
    let mut line = Vec::with_capacity(USUAL_BYTES);
    line.push(b'{');
    push(&mut line, "timestamp", &rfc3339(now));
    line.push(b',');
    push(&mut line, "level", metadata.level().as_str());
    line.push(b',');
    push(&mut line, "event", fields.event.as_deref().unwrap_or(LIBRARY));
    line.push(b',');
    push(&mut line, "message", fields.message.as_deref().unwrap_or_default());
    if fields.event.is_none() {
        line.push(b',');
        push(&mut line, "target", metadata.target());
    }
    line.extend_from_slice(&fields.rest);
    line.extend_from_slice(b"}\n");
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
    rest: Vec<u8>,
}

impl Fields {
    fn push<T: Serialize + ?Sized>(&mut self, field: &Field, value: &T) {
        self.rest.push(b',');
        push(&mut self.rest, field.name(), value);
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
            _ => self.push(field, value),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // What is not finite becomes null.
        self.push(field, &value);
    }
}

/// Appends `"name":value`.
fn push<T: Serialize + ?Sized>(line: &mut Vec<u8>, name: &str, value: &T) {
    push_json(line, name);
    line.push(b':');
    push_json(line, value);
}

fn push_json<T: Serialize + ?Sized>(line: &mut Vec<u8>, value: &T) {
    // Texts and numbers always serialise, and a vector takes everything; were it otherwise, null is better than no line.
    if serde_json::to_writer(&mut *line, value).is_err() {
        line.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::telemetry::testing::Capture;

    #[test]
    fn a_line_is_one_flat_object_that_begins_with_what_every_line_has() {
        let log = Capture::start();
        tracing::info!(
            event = "some.event",
            message = "constant",
            text = "a\n\"b\"\u{1b}[31m",
            number = 7,
            none = None::<u8>
        );
        let raw = log.raw();
        assert_eq!(raw.len(), 1);
        assert_eq!(raw[0].matches('\n').count(), 1, "the only line feed ends the line: {}", raw[0]);
        let line = &log.lines()[0];
        let names: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["timestamp", "level", "event", "message", "text", "number"]);
        assert_eq!(line["text"], json!("a\n\"b\"\u{1b}[31m"));
        assert_eq!(line["number"], json!(7));
        let timestamp = line["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z') && timestamp.len() == "2026-11-21T17:48:41.123Z".len(), "{timestamp}");
    }

    #[test]
    fn a_librarys_line_has_an_event_too() {
        let log = Capture::start();
        tracing::warn!(target: "hyper::proto", "odd {}", "thing");
        let line = &log.lines()[0];
        assert_eq!(line["event"], "library");
        assert_eq!(line["target"], "hyper::proto");
        assert_eq!(line["message"], "odd thing");
    }
}
