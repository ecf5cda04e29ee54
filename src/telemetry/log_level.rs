//! The level of the log, changed while the process runs: an operator who looks into an outage needs the attempts now,
//! and not a restart that ends what is looked into.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::reload;

use super::Telemetry;
use crate::config::LogLevel;

/// Where the level stands, and the way to change it. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct LogLevelControl {
    inner: Arc<Inner>,
}

struct Inner {
    configured: LogLevel,
    /// An index of `LogLevel::ALL`.
    current: AtomicU8,
    filter: reload::Handle<Targets, Registry>,
    /// One change at a time, so that the filter and what is said of it agree.
    changing: Mutex<()>,
}

impl fmt::Debug for LogLevelControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLevelControl").field("current", &self.current()).finish_non_exhaustive()
    }
}

/// The process's log has ended, which it does with the process.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the log has ended")]
pub struct LogEnded;

impl LogLevelControl {
    /// A filter that lets this level through, and its control.
    pub(super) fn new(level: LogLevel) -> (reload::Layer<Targets, Registry>, Self) {
        let (layer, filter) = reload::Layer::new(targets(level));
        let current = AtomicU8::new(index(level));
        (layer, Self { inner: Arc::new(Inner { configured: level, current, filter, changing: Mutex::default() }) })
    }

    /// The level that the configuration names: it holds again after a restart.
    #[must_use]
    pub fn configured(&self) -> LogLevel {
        self.inner.configured
    }

    /// The level in force.
    #[must_use]
    pub fn current(&self) -> LogLevel {
        let at = usize::from(self.inner.current.load(Ordering::Relaxed));
        LogLevel::ALL.get(at).copied().unwrap_or_default()
    }

    /// Changes the level until the next change or restart, and says so in the log, at whichever of both levels shows
    /// more. Says what it was.
    ///
    /// # Errors
    /// If there is no log any more.
    pub fn change(&self, level: LogLevel, telemetry: &Telemetry) -> Result<LogLevel, LogEnded> {
        let _one_at_a_time = self.inner.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current();
        if level < before {
            telemetry.log_level_changed(before, level);
        }
        self.inner.filter.reload(targets(level)).map_err(|_| LogEnded)?;
        self.inner.current.store(index(level), Ordering::Relaxed);
        if level > before {
            telemetry.log_level_changed(before, level);
        }
        Ok(before)
    }
}

/// The level is meant for this program only; libraries log warnings.
fn targets(level: LogLevel) -> Targets {
    let own = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_default(LevelFilter::WARN).with_target(env!("CARGO_CRATE_NAME"), own)
}

fn index(level: LogLevel) -> u8 {
    LogLevel::ALL.iter().zip(0..).find(|(other, _)| **other == level).map_or(0, |(_, index)| index)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::targets;
    use crate::config::LogLevel;
    use crate::telemetry::Telemetry;
    use crate::telemetry::testing::Capture;

    #[test]
    fn the_level_is_for_this_program_and_libraries_stay_at_warn() {
        let filter = targets(LogLevel::Debug);
        assert!(filter.would_enable("alertbridge::pipeline", &Level::DEBUG));
        assert!(!filter.would_enable("alertbridge::pipeline", &Level::TRACE));
        assert!(filter.would_enable("rdkafka", &Level::WARN) && !filter.would_enable("rdkafka", &Level::INFO));
    }

    #[test]
    fn a_changed_level_holds_for_the_next_line_and_the_change_itself_is_told() {
        let (log, control) = Capture::at(LogLevel::Info);
        let telemetry = Telemetry::try_new().unwrap();
        let write = || tracing::debug!(target: "alertbridge", event = "x", message = "y");
        write();
        assert_eq!(control.change(LogLevel::Debug, &telemetry).unwrap(), LogLevel::Info);
        write();
        assert_eq!(control.change(LogLevel::Error, &telemetry).unwrap(), LogLevel::Debug);
        write();
        assert_eq!((control.current(), control.configured()), (LogLevel::Error, LogLevel::Info));
        let told = |line: &serde_json::Value| format!("{} {} {}", line["event"], line["was"], line["log_level"]);
        let lines: Vec<_> = log.lines().iter().map(told).collect();
        let expected =
            [r#""log.level_changed" "info" "debug""#, r#""x" null null"#, r#""log.level_changed" "debug" "error""#];
        assert_eq!(lines, expected);
    }
}
