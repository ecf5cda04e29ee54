//! `alertbridge log-level`: what the log of a running daemon shows.

use std::io::{self, Write};

use clap::Args;

use super::Failure;
use super::daemon::DaemonArgs;

/// Show or change the level of a running daemon's log
///
/// Without a level, prints the one in force. With one, it holds from the next line until it is changed again or the
/// daemon restarts, which goes back to the configuration's log.level.
///
/// Each replica has a level of its own. Exits with 1 if the daemon cannot be reached.
#[derive(Debug, Args)]
pub(super) struct LogLevelArgs {
    /// The level from now on: error, warn, info, debug or trace. Attempts, retries and look-ups are `debug`
    #[arg(value_parser = ["error", "warn", "info", "debug", "trace"])]
    level: Option<String>,
    #[command(flatten)]
    daemon: DaemonArgs,
}

pub(super) fn execute(args: &LogLevelArgs) -> Result<(), Failure> {
    let daemon = args.daemon.daemon()?;
    let answer = match &args.level {
        None => daemon.ask("GET", "/log-level")?,
        Some(level) => daemon.ask("POST", &format!("/log-level/{level}"))?,
    };
    match (answer.status, answer.body["level"].as_str(), answer.body["configured"].as_str()) {
        (200, Some(level), Some(configured)) if level == configured => {
            writeln!(io::stdout(), "{level}, as configured")?;
            Ok(())
        }
        (200, Some(level), Some(configured)) => {
            writeln!(io::stdout(), "{level} until the next restart; configured is {configured}")?;
            Ok(())
        }
        _ => Err(daemon.unexpected(&answer)),
    }
}
