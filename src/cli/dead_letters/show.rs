//! `alertbridge dead-letters show`.

use std::io::{self, Write};

use anyhow::anyhow;
use clap::Args;
use jiff::Timestamp;

use super::filters::FilterArgs;
use super::reading;
use crate::cli::Failure;
use crate::cli::config::ConfigFiles;
use crate::letters::{Letter, export, summary};

/// Show everything about a dead letter
///
/// Prints a JSON document for each that fits. Exits with 1 if there is none.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Its place or that of the alert's record (TOPIC/PARTITION/OFFSET), the alert's id, or the workflow instance's
    #[arg(value_name = "PLACE|ALERT-ID|INSTANCE-ID")]
    what: String,
    /// Show key, value and headers too: the alert's content
    #[arg(long)]
    value: bool,
    #[command(flatten)]
    config: ConfigFiles,
    #[command(flatten)]
    filters: FilterArgs,
}

pub(super) fn execute(args: &ShowArgs) -> Result<(), Failure> {
    let (_, settings) = reading::settings(&args.config)?;
    let filter = args.filters.filter(Timestamp::now())?;
    let mut out = io::stdout().lock();
    let mut found = false;
    let _others = reading::each(&settings, &filter, |letter| {
        if is_meant(&letter, &args.what) {
            found = true;
            let mut document = summary(&letter);
            if args.value
                && let Some(document) = document.as_object_mut()
            {
                drop(document.insert("record".to_owned(), export(&letter)));
            }
            writeln!(out, "{document:#}")?;
        }
        Ok(())
    })?;
    if found {
        return Ok(());
    }
    Err(anyhow!("no dead letter of {} is or concerns `{}`", settings.dead_letter_topic, args.what).into())
}

fn is_meant(letter: &Letter, what: &str) -> bool {
    letter.place() == what
        || letter.first_place() == what
        || ["alert-id", "action-instance-id"].iter().any(|field| letter.field(field) == Some(what))
}
