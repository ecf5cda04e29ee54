//! `alertbridge check`.

use clap::Args;

use super::Failure;

/// Validate configuration and mappings without reaching anything
#[derive(Debug, Args)]
pub(super) struct CheckArgs {}

pub(super) fn execute(_args: CheckArgs) -> Result<(), Failure> {
    Err(Failure::RunTime(anyhow::anyhow!("not built yet")))
}
