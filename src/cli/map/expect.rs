//! `map --expect`: what the test of a mapping file is to expect of a record, as YAML to put below `input` or `file`.

use std::io::{self, Write};

use anyhow::anyhow;

use super::MapArgs;
use super::input::Input;
use crate::cli::Failure;
use crate::mapping::Mapper;

pub(super) fn execute(args: &MapArgs, mapper: &Mapper, inputs: &[Input]) -> Result<(), Failure> {
    let format = (args.format != "auto").then_some(args.format.as_str());
    let mut out = io::stdout().lock();
    for input in inputs {
        let value = input.record.value.as_deref().unwrap_or_default();
        let advice = || super::advice(args, input).map(|advice| format!("; {advice}")).unwrap_or_default();
        let text = mapper.expectation(format, value);
        let text = text.map_err(|why| Failure::RunTime(anyhow!("{why}{}", advice())))?;
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}
