//! For tests: the log lines of this thread, as they would be written.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use super::json::{JsonLines, LineSink};
use super::log_level::LogLevelControl;
use super::text::TextLines;
use crate::config::LogLevel;

/// Collects the lines that this thread writes, at every level, until it is dropped.
pub(crate) struct Capture {
    lines: Lines,
    _guard: DefaultGuard,
}

/// With fewer than two subscribers alive, `tracing` asks only the thread that comes to an event first whether anybody
/// listens, and remembers a no for all threads. These two keep the answer at yes.
static LISTENERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [Dispatch::new(tracing_subscriber::registry()), Dispatch::new(tracing_subscriber::registry())]);

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl LineSink for Lines {
    fn write_line(&self, line: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(String::from_utf8(line.to_vec()).unwrap());
    }
}

impl Capture {
    /// Starts to collect.
    pub(crate) fn start() -> Self {
        let lines = Lines::default();
        Self::with(lines.clone(), tracing_subscriber::registry().with(JsonLines::new(lines)))
    }

    /// The same in the form for people.
    pub(crate) fn text(colour: bool) -> Self {
        let lines = Lines::default();
        Self::with(lines.clone(), tracing_subscriber::registry().with(TextLines::new(lines, colour)))
    }

    /// The same at a level that can be changed.
    pub(crate) fn at(level: LogLevel) -> (Self, LogLevelControl) {
        let (filter, control) = LogLevelControl::new(level);
        let lines = Lines::default();
        let subscriber = tracing_subscriber::registry().with(filter).with(JsonLines::new(lines.clone()));
        (Self::with(lines, subscriber), control)
    }

    fn with(lines: Lines, subscriber: impl Into<Dispatch>) -> Self {
        LazyLock::force(&LISTENERS);
        tracing::callsite::rebuild_interest_cache();
        Self { lines, _guard: tracing::dispatcher::set_default(&subscriber.into()) }
    }

    /// The lines so far, as they were written.
    pub(crate) fn raw(&self) -> Vec<String> {
        self.lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lines so far, parsed.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.raw().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The lines of one event so far.
    pub(crate) fn of(&self, event: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["event"] == event).collect()
    }
}
