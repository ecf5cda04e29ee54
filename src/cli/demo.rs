//! `alertbridge demo`.

use clap::Args;

use super::Failure;

/// Show the whole flow on an embedded broker and the simulator
#[derive(Debug, Args)]
pub(super) struct DemoArgs {}

pub(super) fn execute(_args: DemoArgs) -> Result<(), Failure> {
    Err(Failure::RunTime(anyhow::anyhow!("not built yet")))
}
