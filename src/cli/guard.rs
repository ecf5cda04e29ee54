//! `alertbridge guard`: what an operator asks of a running daemon about its dead-letter guard.

use std::io::{self, Write};

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::Failure;
use super::daemon::DaemonArgs;

/// Have a daemon write the dead letters that its guard holds
#[derive(Debug, Args)]
pub(super) struct GuardArgs {
    #[command(subcommand)]
    command: GuardCommand,
}

#[derive(Debug, Subcommand)]
enum GuardCommand {
    Open(OpenArgs),
}

/// Open the dead-letter guard of a running daemon
///
/// Everything that it holds is written to the dead-letter topic and committed, and the daemon goes on. An open guard lets
/// dead letters through (it is an open circuit breaker that blocks). Counting then begins anew, so the guard closes again
/// at the next limit.
///
/// Where a mapping is what is wrong, rather mend it and restart: what is held was not committed, and is mapped again.
///
/// Each replica has a guard of its own. Exits with 1 if the guard is not closed or the daemon cannot be reached.
#[derive(Debug, Args)]
struct OpenArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
}

pub(super) fn execute(args: &GuardArgs) -> Result<(), Failure> {
    let GuardCommand::Open(args) = &args.command;
    let daemon = args.daemon.daemon()?;
    let answer = daemon.ask("POST", "/guard/open")?;
    match (answer.status, answer.body["released"].as_u64()) {
        (200, Some(released)) => {
            let seconds = answer.body["held_for_seconds"].as_u64().unwrap_or_default();
            writeln!(io::stdout(), "released {released} dead letters; the guard was closed for {seconds} s")?;
            Ok(())
        }
        (409, _) => Err(anyhow!(
            "the dead-letter guard of {} is not closed: nothing is held there (each replica has its own; /status shows \
             dead_letter_guard)",
            daemon.url()
        )
        .into()),
        _ => Err(daemon.unexpected(&answer)),
    }
}
