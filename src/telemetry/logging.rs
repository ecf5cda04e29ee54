//! Sets the log up, once for each process.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::SystemTime;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
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
    /// `log.level` is neither a level nor a list of directives.
    #[error(
        "log.level: {level:?} is neither a level (error, warn, info, debug, trace) nor a list of directives: {error}"
    )]
    Level {
        /// What was given.
        level: String,
        /// What is wrong with it.
        error: tracing_subscriber::filter::ParseError,
    },
    /// The process has a log already.
    #[error("the log has been set up before")]
    Twice,
}

/// Sends the log to standard output from now on.
///
/// `level` is a level for this program (libraries then log warnings), or `EnvFilter` directives such as
/// `debug,rdkafka=info`.
///
/// # Errors
/// If the level cannot be read, or the process has a log already.
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

/// A bare level is meant for this program only.
fn filter(level: &str) -> Result<EnvFilter, LoggingError> {
    let directives = level.split(',').map(str::trim).filter(|d| !d.is_empty()).map(|directive| {
        if directive.parse::<LevelFilter>().is_ok() {
            format!("{}={directive}", env!("CARGO_CRATE_NAME"))
        } else {
            directive.to_owned()
        }
    });
    let all: Vec<String> = std::iter::once("warn".to_owned()).chain(directives).collect();
    EnvFilter::builder().parse(all.join(",")).map_err(|error| LoggingError::Level { level: level.to_owned(), error })
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
    use super::filter;

    fn directives(level: &str) -> Vec<String> {
        let mut directives: Vec<_> = filter(level).unwrap().to_string().split(',').map(str::to_owned).collect();
        directives.sort();
        directives
    }

    #[test]
    fn a_bare_level_is_for_this_program_and_libraries_stay_at_warn() {
        assert_eq!(directives("debug"), ["alertbridge=debug", "warn"]);
        assert_eq!(directives("info, rdkafka=trace"), ["alertbridge=info", "rdkafka=trace", "warn"]);
    }

    #[test]
    fn a_level_that_cannot_be_read_is_an_error_that_names_the_key() {
        let error = filter("alertbridge=loud").unwrap_err().to_string();
        assert!(error.starts_with("log.level: \"alertbridge=loud\""), "{error}");
    }
}
