//! `alertbridge config`.

use clap::Args;

use super::Failure;

/// Show the effective configuration or its schema
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {}

pub(super) fn execute(_args: ConfigArgs) -> Result<(), Failure> {
    Err(Failure::RunTime(anyhow::anyhow!("not built yet")))
}
