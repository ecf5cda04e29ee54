//! `alertbridge run`.

use std::io::{self, Write};

use clap::Args;

use super::Failure;
use super::config::ConfigFiles;
use crate::app;
use crate::config::Purpose;
use crate::mapping::Finding;

/// Run the daemon
///
/// Reads alerts from Kafka and starts workflows until SIGTERM or SIGINT; then finishes what is in flight, commits and
/// leaves the group. Unreachable brokers or an unreachable SecMaster do not end it: it waits and says so.
///
/// `alertbridge check --online` says beforehand what it would meet. While it runs, server.listen answers /livez, /readyz
/// and /metrics to everybody, and /status, /guard/open and /log-level to who has server.token, where that is set. A second
/// signal ends it at once.
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
    for finding in app::lint_ids(&loaded.config) {
        let file = loaded.place_of(&finding.field).unwrap_or("configuration").to_owned();
        writeln!(err, "alertbridge: {}", Finding { file, ..finding })?;
    }
    drop(err);
    Ok(app::run(&loaded.config)?)
}
