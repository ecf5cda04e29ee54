//! `alertbridge map`.

use clap::Args;

use super::Failure;

/// Show what a record becomes
#[derive(Debug, Args)]
pub(super) struct MapArgs {}

pub(super) fn execute(_args: MapArgs) -> Result<(), Failure> {
    Err(Failure::RunTime(anyhow::anyhow!("not built yet")))
}
