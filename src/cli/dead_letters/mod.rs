//! `alertbridge dead-letters`: what the dead-letter topic holds, and the way back into the stream.
//!
//! The daemon's group is neither joined nor committed to: partitions are assigned by hand, and a redrive keeps its own
//! account under a group of its own.

mod export;
mod filters;
mod interrupt;
mod list;
mod reading;
mod redrive;
mod show;
mod writing;

use clap::{Args, Subcommand};

use super::Failure;

/// List, show, export and redrive dead letters
///
/// A dead letter is a record that the daemon has given up, with why and where it stood in its headers.
///
/// All of these read the dead-letter topic (kafka.dead_letter_topic) up to where it ends at the start. None of them
/// joins the daemon's consumer group or changes its offsets; the topic itself is never changed.
#[derive(Debug, Args)]
pub(super) struct DeadLettersArgs {
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Debug, Subcommand)]
enum DeadLettersCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Export(export::ExportArgs),
    Redrive(redrive::RedriveArgs),
}

pub(super) fn execute(args: DeadLettersArgs) -> Result<(), Failure> {
    match args.command {
        DeadLettersCommand::List(args) => list::execute(&args),
        DeadLettersCommand::Show(args) => show::execute(&args),
        DeadLettersCommand::Export(args) => export::execute(&args),
        DeadLettersCommand::Redrive(args) => redrive::execute(&args),
    }
}
