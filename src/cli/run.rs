//! `alertbridge run`.

use clap::Args;

use super::Failure;

/// Run the daemon
#[derive(Debug, Args)]
pub(super) struct RunArgs {}

pub(super) fn execute(_args: RunArgs) -> Result<(), Failure> {
    Err(Failure::RunTime(anyhow::anyhow!("not built yet")))
}
