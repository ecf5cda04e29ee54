//! `alertbridge check`.

use std::io::{self, Write};

use anyhow::anyhow;
use clap::Args;

use super::Failure;
use super::config::ConfigFiles;
use crate::app;
use crate::config::{Loaded, Purpose};

/// Validate configuration, mappings and routes without reaching anything
///
/// Reads everything that `run` would read and runs the tests inside the mapping files. Exit code 2 if anything is
/// wrong: every fault of the configuration, or, once that holds, every one of mappings, routes and clients.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    files: ConfigFiles,
}

pub(super) fn execute(args: CheckArgs) -> Result<(), Failure> {
    let loaded = args.files.load(Purpose::Run)?;
    let mut out = io::stdout().lock();
    writeln!(out, "ok    configuration ({})", sources(&loaded))?;
    let mut faults = Vec::new();
    for result in [mappings(&loaded), routes(&loaded), clients(&loaded)] {
        match result {
            Ok(said) => writeln!(out, "ok    {said}")?,
            Err(said) => faults.push(said),
        }
    }
    for hint in &loaded.hints {
        writeln!(out, "hint  {hint}")?;
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::Usage(anyhow!("{}", faults.join("\n")))) }
}

/// What is well with the mappings and the tests inside them, or what is not, one fault a line.
fn mappings(loaded: &Loaded) -> Result<String, String> {
    let mapper = app::load_mapper(&loaded.config).map_err(|error| error.to_string())?;
    let failures: Vec<String> = mapper.run_tests().iter().map(ToString::to_string).collect();
    if !failures.is_empty() {
        return Err(failures.join("\n"));
    }
    let formats: Vec<&str> = mapper.formats().map(|name| &**name).collect();
    Ok(format!("mappings {} (version {})", formats.join(", "), mapper.version()))
}

fn routes(loaded: &Loaded) -> Result<String, String> {
    let _routes = app::load_routes(&loaded.config).map_err(|error| error.to_string())?;
    let rules = loaded.config.routing.rules.len();
    Ok(format!("routes ({rules} rules, then {})", default_route(loaded)))
}

fn clients(loaded: &Loaded) -> Result<String, String> {
    app::check_clients(&loaded.config).map_err(|error| error.to_string())?;
    Ok("clients (files and properties; nothing was reached)".to_owned())
}

fn default_route(loaded: &Loaded) -> String {
    match &loaded.config.routing.default_workflow_id {
        Some(workflow) => format!("workflow {workflow}"),
        None => "dead letter `unroutable`".to_owned(),
    }
}

fn sources(loaded: &Loaded) -> String {
    if loaded.files.is_empty() {
        return "no file: defaults and environment".to_owned();
    }
    loaded.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}
