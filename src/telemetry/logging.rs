//! Sets the log up, once for each process.

use std::io::{self, IsTerminal};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::json::JsonLines;
use super::log_level::LogLevelControl;
use super::stdout::Stdout;
use super::text::TextLines;
use crate::config::{Log, LogFormat};

/// The process has a log already.
#[derive(Debug, thiserror::Error)]
#[error("the log has been set up before")]
pub struct LoggingError;

/// Sends the log to standard output from now on. Text is coloured on a terminal, unless `NO_COLOR` is set.
///
/// The level is for this program; libraries log warnings.
///
/// # Errors
/// If the process has a log already.
pub fn init(log: Log) -> Result<LogLevelControl, LoggingError> {
    let (filter, control) = LogLevelControl::new(log.level);
    let registry = tracing_subscriber::registry().with(filter);
    let result = match log.format {
        LogFormat::Json => registry.with(JsonLines::new(Stdout)).try_init(),
        LogFormat::Text => {
            let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            registry.with(TextLines::new(Stdout, colour)).try_init()
        }
    };
    result.map(|()| control).map_err(|_| LoggingError)
}
