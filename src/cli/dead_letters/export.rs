//! `alertbridge dead-letters export`.

use std::io::{self, BufWriter, Write};

use clap::Args;
use jiff::Timestamp;

use super::filters::FilterArgs;
use super::reading;
use crate::cli::Failure;
use crate::cli::config::ConfigFiles;
use crate::letters::export;

/// Write dead letters as JSON lines, with all they hold
///
/// Each line has the coordinates of the dead letter, its key, value and headers: `{"text": …}` where the bytes are
/// UTF-8, else `{"base64": …}`; a null stays null. The lines hold the alerts' content: keep them accordingly.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    config: ConfigFiles,
    #[command(flatten)]
    filters: FilterArgs,
}

pub(super) fn execute(args: &ExportArgs) -> Result<(), Failure> {
    let (_, settings) = reading::settings(&args.config)?;
    let filter = args.filters.filter(Timestamp::now())?;
    let mut out = BufWriter::new(io::stdout().lock());
    let others = reading::each(&settings, &filter, |letter| Ok(writeln!(out, "{}", export(&letter))?))?;
    out.flush()?;
    if let Some(remark) = others.remark() {
        writeln!(io::stderr(), "{remark}")?;
    }
    Ok(())
}
