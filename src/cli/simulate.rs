//! `alertbridge simulate`.

use clap::Args;

use super::Failure;

/// Stand in for SecMaster and IAM, with faults on demand
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {}

pub(super) fn execute(_args: SimulateArgs) -> Result<(), Failure> {
    Err(Failure::RunTime(anyhow::anyhow!("not built yet")))
}
