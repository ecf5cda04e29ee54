//! `log`: the log on standard output.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The log on standard output.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// One JSON object a line, or text for people: time, level, event, message, and the same fields as `key=value`.
    pub format: LogFormat,
    /// The least important level that is written of alertbridge itself; libraries log at `warn`. Outcomes are `info`,
    /// attempts `debug`. `alertbridge log-level` changes it in a running daemon, until the next restart.
    pub level: LogLevel,
}

/// The log's form.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// Text for people.
    Text,
}

/// How important a line is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum LogLevel {
    /// An operator is needed.
    Error,
    /// Unexpected, nothing lost.
    Warn,
    /// Life cycle and outcomes.
    #[default]
    Info,
    /// Attempts.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// All of them, from the one that shows least. They are ordered like this, too.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The level of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }

    /// The word, which `tracing` knows too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
