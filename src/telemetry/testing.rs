//! For tests: the log lines of this thread, as they would be written.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use super::json::{JsonLines, LineSink};

/// Collects the lines that this thread writes, at every level, until it is dropped.
pub(crate) struct Capture {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl LineSink for Lines {
    fn write_line(&self, line: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }
}

impl Capture {
    /// Starts to collect.
    pub(crate) fn start() -> Self {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::registry().with(JsonLines::new(lines.clone()));
        Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
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
