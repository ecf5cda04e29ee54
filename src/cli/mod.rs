//! The command line: one file for each subcommand.
//!
//! Exit codes: 0 done or stopped cleanly, 1 failed at run time, 2 wrong command line or configuration.

mod check;
mod config;
mod daemon;
mod dead_letters;
mod demo;
mod guard;
mod log_level;
mod map;
mod output;
mod rate;
mod run;
mod secmaster;
mod simulate;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::app::AppError;

/// How a subcommand ends when it does not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It failed at run time: exit code 1.
    RunTime(anyhow::Error),
    /// Wrong command line or configuration: exit code 2.
    Usage(anyhow::Error),
    /// It has said all there is to say; only the exit code (1) is left.
    Reported,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::RunTime(error)
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Configuration(error) => Self::Usage(error),
            AppError::RunTime(error) => Self::RunTime(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::RunTime(error.into())
    }
}

const AFTER: &str = "\
Where to begin:
  alertbridge demo                       all of it, with nothing else
  alertbridge map --explain alert.json   what one of your alerts becomes, and why
  alertbridge check --online             whether your configuration, Kafka and SecMaster fit one another
  alertbridge run                        the daemon

Exit codes: 0 done or stopped cleanly, 1 failed at run time, 2 wrong command line or configuration.";

/// Delivers SOC alerts from Kafka to Huawei Cloud SecMaster workflows.
///
/// Nothing is lost, nothing is flooded, and the worst alert leaves first: every record ends as delivered, skipped on
/// purpose, or in the dead-letter topic with the reason.
#[derive(Debug, Parser)]
#[command(name = "alertbridge", version, about, long_about, propagate_version = true, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Check(check::CheckArgs),
    Map(Box<map::MapArgs>),
    Demo(demo::DemoArgs),
    Simulate(Box<simulate::SimulateArgs>),
    DeadLetters(Box<dead_letters::DeadLettersArgs>),
    Secmaster(Box<secmaster::SecmasterArgs>),
    Guard(guard::GuardArgs),
    LogLevel(log_level::LogLevelArgs),
    Config(config::ConfigArgs),
    Completions(CompletionsArgs),
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(
    after_help = "For example:\n  alertbridge completions bash > /etc/bash_completion.d/alertbridge\n  alertbridge completions zsh > \"${fpath[1]}/_alertbridge\""
)]
struct CompletionsArgs {
    /// The shell to write for
    shell: clap_complete::Shell,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::execute(args),
        Command::Check(args) => check::execute(&args),
        Command::Map(args) => map::execute(&args),
        Command::Demo(args) => demo::execute(args),
        Command::Simulate(args) => simulate::execute(*args),
        Command::DeadLetters(args) => dead_letters::execute(*args),
        Command::Secmaster(args) => secmaster::execute(*args),
        Command::Guard(args) => guard::execute(&args),
        Command::LogLevel(args) => log_level::execute(&args),
        Command::Config(args) => config::execute(args),
        Command::Completions(args) => {
            clap_complete::generate(args.shell, &mut Cli::command(), "alertbridge", &mut io::stdout());
            Ok(())
        }
    };
    let (error, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Reported) => return ExitCode::FAILURE,
        // Whoever read our output has seen enough (`alertbridge config schema | head`).
        Err(Failure::RunTime(error)) if is_broken_pipe(&error) => return ExitCode::SUCCESS,
        Err(Failure::RunTime(error)) => (error, ExitCode::FAILURE),
        Err(Failure::Usage(error)) => (error, ExitCode::from(2)),
    };
    // Nothing can be done about a standard error that does not take the text; the exit code still tells.
    drop(writeln!(io::stderr(), "alertbridge: {error:#}"));
    code
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
