//! `alertbridge check`.

use std::io::{self, Write};

use clap::Args;

use super::Failure;
use super::config::ConfigFiles;
use crate::config::{Loaded, Purpose};

/// Validate configuration and mappings without reaching anything
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    files: ConfigFiles,
}

pub(super) fn execute(args: CheckArgs) -> Result<(), Failure> {
    let loaded = args.files.load(Purpose::Run)?;
    // Here mappings and routes are to be built from `loaded.config`, each with its own `ok` line.
    let mut out = io::stdout().lock();
    writeln!(out, "ok  configuration ({})", sources(&loaded))?;
    for hint in &loaded.hints {
        writeln!(out, "hint  {hint}")?;
    }
    Ok(())
}

fn sources(loaded: &Loaded) -> String {
    if loaded.files.is_empty() {
        return "no file: defaults and environment".to_owned();
    }
    loaded.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}
