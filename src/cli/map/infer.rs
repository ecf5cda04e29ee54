//! `map --infer`: a first draft of a mapping file from sample records.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use super::standing::Topics;
use super::{MapArgs, input, several};
use crate::app;
use crate::cli::Failure;
use crate::config::Purpose;
use crate::letters::is_export;
use crate::mapping::{Mapped, infer, is_gzip, value_text};

pub(super) fn execute(args: &MapArgs) -> Result<(), Failure> {
    let mut config = args.config.load(Purpose::Offline)?.config;
    config.mapping.directories.extend(args.mappings.iter().cloned());
    let (mut samples, mut remarks) = (Vec::new(), Vec::new());
    let values = input::values(args, &mut remarks)?;
    remarks.iter().for_each(|remark| super::warn(&mut io::stderr(), remark));
    let limit = app::mapping_settings(&config).max_record_bytes;
    for (i, (file, value)) in values.into_iter().enumerate() {
        let text = if is_gzip(&value) {
            value_text(&value, limit).with_context(|| format!("{file}: sample {}", i + 1))?
        } else {
            value
        };
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        if is_export(text) {
            return Err(anyhow!("{file}: sample {}: {}", i + 1, super::EXPORTED).into());
        }
        let sample: Result<Value, _> = serde_json::from_slice(text);
        let advice = several::advice(text).filter(|_| !args.lines).map(|advice| format!("; {advice}"));
        let advice = advice.unwrap_or_default();
        samples.push(sample.with_context(|| format!("{file}: sample {} is not JSON{advice}", i + 1))?);
    }
    let file = args.records.first().and_then(|file| file.file_stem()).and_then(|stem| stem.to_str());
    let name = args.name.as_deref().or(file).unwrap_or_default();
    let notes: Vec<String> = recognised(args, &config)?
        .into_iter()
        .map(|format| {
            format!("`{format}` takes the first sample already: this file comes before it if that is shipped.")
        })
        .collect();
    let draft = infer(&samples, name, &app::mapping_settings(&config), &notes)
        .map_err(|why| Failure::RunTime(anyhow!("no draft can be made: {why}")))?;
    let mut out = io::stdout().lock();
    out.write_all(draft.as_bytes())?;
    Ok(())
}

/// The format in force that takes the first sample; none where the mapping files do not load, since the draft may be what
/// is to mend them.
fn recognised(args: &MapArgs, config: &crate::config::Config) -> Result<Option<String>, Failure> {
    let Ok(mapper) = app::load_mapper(config) else { return Ok(None) };
    if args.records.iter().any(|file| file == Path::new("-")) {
        // Standard input is read already.
        return Ok(None);
    }
    let Some(input) = input::from_files(args, &Topics::of(config), &mut Vec::new())?.into_iter().next() else {
        return Ok(None);
    };
    let Mapped::Parts(parts) = mapper.map(&input.record, &input.origin) else { return Ok(None) };
    Ok(parts.first().and_then(|part| part.format.as_ref()).map(|format| format.to_string()))
}
