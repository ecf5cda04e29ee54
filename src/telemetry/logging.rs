//! Sets the log up, once for each process.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::SystemTime;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::json::{JsonLines, rfc3339};
use super::stdout::Stdout;

/// How lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people; coloured on a terminal, unless `NO_COLOR` is set.
    Text,
}

/// The log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// `log.level` is no level.
    #[error("log.level: {0:?} is none of error, warn, info, debug, trace")]
    Level(String),
    /// The process has a log already.
    #[error("the log has been set up before")]
    Twice,
}

/// Sends the log to standard output from now on.
///
/// `level` is one of error, warn, info, debug and trace, and is for this program; libraries log warnings.
///
/// # Errors
/// If the level is none of these, or the process has a log already.
pub fn init(format: Format, level: &str) -> Result<(), LoggingError> {
    let registry = tracing_subscriber::registry().with(filter(level)?);
    let result = match format {
        Format::Json => registry.with(JsonLines::new(Stdout)).try_init(),
        Format::Text => {
            let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            let text = tracing_subscriber::fmt::layer()
                .with_timer(Utc)
                .with_target(false)
                .with_ansi(colour)
                .with_writer(Stdout)
                .log_internal_errors(false);
            registry.with(text).try_init()
        }
    };
    result.map_err(|_| LoggingError::Twice)
}

/// The level is meant for this program only.
fn filter(level: &str) -> Result<Targets, LoggingError> {
    let own: Level = level.parse().map_err(|_| LoggingError::Level(level.to_owned()))?;
    Ok(Targets::new().with_default(LevelFilter::WARN).with_target(env!("CARGO_CRATE_NAME"), own))
}

/// The same timestamps in both formats.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.write_str(&rfc3339(SystemTime::now()))
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::filter;

    #[test]
    fn the_level_is_for_this_program_and_libraries_stay_at_warn() {
        let filter = filter("debug").unwrap();
        assert!(filter.would_enable("alertbridge::pipeline", &Level::DEBUG));
        assert!(!filter.would_enable("alertbridge::pipeline", &Level::TRACE));
        assert!(filter.would_enable("rdkafka", &Level::WARN) && !filter.would_enable("rdkafka", &Level::INFO));
    }

    #[test]
    fn what_is_no_level_is_an_error_that_names_the_key() {
        for level in ["loud", "debug,rdkafka=info", ""] {
            let error = filter(level).unwrap_err().to_string();
            assert!(error.starts_with(&format!("log.level: {level:?}")), "{error}");
        }
    }
}
