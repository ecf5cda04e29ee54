//! A log line for people: `time LEVEL event message key=value ...`. The same fields as the JSON form has, so that
//! nothing is in one that is not in the other (promise 7).

use std::fmt::{self, Write as _};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::json::{LineSink, rfc3339};
use super::log_events::LIBRARY;

const RESET: &str = "\u{1b}[0m";
const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";

/// Writes every event as a line for people.
#[derive(Debug)]
pub(super) struct TextLines<W> {
    sink: W,
    colour: bool,
}

impl<W: LineSink> TextLines<W> {
    pub(super) fn new(sink: W, colour: bool) -> Self {
        Self { sink, colour }
    }
}

impl<S: Subscriber, W: LineSink> Layer<S> for TextLines<W> {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.sink.write_line(line(event, self.colour, SystemTime::now()).as_bytes());
    }
}

fn line(event: &Event<'_>, colour: bool, now: SystemTime) -> String {
    let paint = |on: &'static str| if colour { on } else { "" };
    let off = paint(RESET);
    let mut fields = Fields { key: paint(DIM), off, ..Fields::default() };
    event.record(&mut fields);
    let metadata = event.metadata();
    if fields.event.is_none() {
        fields.push("target", &value(metadata.target()));
    }
    let Fields { event: name, message, rest, .. } = fields;
    let (name, level) = (name.as_deref().unwrap_or(LIBRARY), metadata.level());
    let (dim, bold, of_level) = (paint(DIM), paint(BOLD), paint(colour_of(*level)));
    format!("{dim}{}{off} {of_level}{level:>5}{off} {bold}{name}{off}: {message}{rest}\n", rfc3339(now))
}

fn colour_of(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}

/// A text as it is where nothing in it could be taken for something else; quoted and escaped otherwise, so that it can
/// neither break the line nor speak to the terminal.
fn value(text: &str) -> String {
    let is_plain = |c: char| is_visible(c) && !matches!(c, '"' | '=' | '\\');
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("{text:?}") }
}

/// Nothing that a terminal obeys, and nothing that turns the direction of what follows.
fn is_visible(c: char) -> bool {
    c.is_ascii_graphic() || c.is_alphanumeric()
}

/// Collects the fields: two by name, the others as ` name=value`.
#[derive(Default)]
struct Fields {
    key: &'static str,
    off: &'static str,
    event: Option<String>,
    message: String,
    rest: String,
}

impl Fields {
    fn push(&mut self, name: &str, value: &dyn fmt::Display) {
        // Writing to a String does not fail.
        let _infallible = write!(self.rest, " {}{name}={}{value}", self.key, self.off);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, text: &str) {
        match field.name() {
            "event" => self.event = Some(text.to_owned()),
            // Ours are constant; a library's may hold anything.
            "message" if !text.chars().all(|c| c == ' ' || is_visible(c)) => self.message = value(text),
            "message" => text.clone_into(&mut self.message),
            name => self.push(name, &value(text)),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field.name(), &value);
    }
}

#[cfg(test)]
mod tests {
    use crate::telemetry::testing::Capture;

    fn write() {
        tracing::warn!(
            event = "some.event",
            message = "a constant text",
            topic = "soc.alerts",
            offset = 42,
            none = None::<u8>,
            error = "a\n\"b\" \u{1b}[31m\u{9b}31m",
        );
    }

    #[test]
    fn a_line_is_time_level_event_message_and_fields_and_nothing_in_it_breaks_it() {
        let log = Capture::text(false);
        write();
        tracing::error!(target: "hyper::proto", "odd {}", "thing");
        let lines = log.raw();
        let (time, rest) = lines[0].split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.len() == "2026-11-21T17:48:41.123Z".len(), "{time}");
        let expected =
            r#" WARN some.event: a constant text topic=soc.alerts offset=42 error="a\n\"b\" \u{1b}[31m\u{9b}31m""#;
        assert_eq!(rest, format!("{expected}\n"));
        assert!(lines[1].ends_with("ERROR library: odd thing target=hyper::proto\n"), "{}", lines[1]);
    }

    #[test]
    fn colour_marks_the_level_and_changes_no_word() {
        let (plain, coloured) = {
            let log = Capture::text(false);
            write();
            let plain = log.raw().remove(0);
            drop(log);
            let log = Capture::text(true);
            write();
            (plain, log.raw().remove(0))
        };
        assert!(coloured.contains("\u{1b}[33m WARN\u{1b}[0m"), "{coloured:?}");
        let codes = regex::Regex::new("\u{1b}\\[[0-9]+m").unwrap();
        let words = codes.replace_all(&coloured, "").into_owned();
        assert_eq!(words.split_once(' ').unwrap().1, plain.split_once(' ').unwrap().1);
    }
}
