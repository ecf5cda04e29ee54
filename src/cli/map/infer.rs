//! `map --infer`.

use super::MapArgs;
use crate::cli::Failure;

pub(super) fn execute(_args: &MapArgs) -> Result<(), Failure> {
    Ok(())
}
