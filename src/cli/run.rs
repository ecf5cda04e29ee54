//! `alertbridge run`.

use std::io::{self, Write};

use clap::Args;

use super::Failure;
use super::config::ConfigFiles;
use crate::app::{self, AppError};
use crate::config::Purpose;

/// Run the daemon
///
/// Reads alerts from Kafka and starts workflows until SIGTERM or SIGINT; then finishes what is in flight, commits and
/// leaves the group. Unreachable brokers or an unreachable SecMaster do not end it: it waits and says so.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    config: ConfigFiles,
}

pub(super) fn execute(args: RunArgs) -> Result<(), Failure> {
    let loaded = args.config.load(Purpose::Run)?;
    let mut err = io::stderr().lock();
    for hint in &loaded.hints {
        writeln!(err, "alertbridge: {hint}")?;
    }
    drop(err);
    app::run(&loaded.config).map_err(|error| match error {
        AppError::Configuration(error) => Failure::Usage(error),
        AppError::RunTime(error) => Failure::RunTime(error),
    })
}
