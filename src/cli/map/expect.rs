//! `map --expect`: what the test of a mapping file is to expect of a record, as YAML to put below `input` or `file`.

use std::io::{self, Write};

use anyhow::anyhow;

use super::input::Input;
use super::{MapArgs, standing};
use crate::cli::Failure;
use crate::mapping::Mapper;

/// Refuses what no test can say of a record: it would be left out of what is printed, without a word.
pub(super) fn refuse(args: &MapArgs) -> Result<(), Failure> {
    let given = [
        ("--key", args.key.is_some()),
        ("--header", !args.headers.is_empty()),
        ("--topic", args.topic != standing::NO_TOPIC),
        ("--partition", args.partition != 0),
        ("--offset", args.offset.is_some()),
        ("--timestamp", args.timestamp.is_some()),
        ("--cluster", !args.cluster.is_empty()),
    ];
    let given: Vec<&str> = given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
    if given.is_empty() {
        return Ok(());
    }
    Err(Failure::Usage(anyhow!(
        "--expect takes no {}: a test inside a mapping file has a record's value alone, so the record has no key and no \
         header there, and the place test/0/0. Leave it out; without --expect the record is shown with it",
        given.join(" and no ")
    )))
}

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
