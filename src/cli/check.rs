//! `alertbridge check`.

use std::io::{self, Write};

use clap::Args;

use super::Failure;
use super::config::ConfigFiles;
use crate::app;
use crate::config::{Loaded, Purpose};

/// Validate configuration, mappings and routes without reaching anything
///
/// Reads everything that `run` would read and runs the tests inside the mapping files. Exit code 2 if anything is
/// wrong, with every fault at once.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    files: ConfigFiles,
}

pub(super) fn execute(args: CheckArgs) -> Result<(), Failure> {
    let loaded = args.files.load(Purpose::Run)?;
    let mut out = io::stdout().lock();
    writeln!(out, "ok    configuration ({})", sources(&loaded))?;
    let mapper = app::load_mapper(&loaded.config)?;
    let failures = mapper.run_tests();
    if !failures.is_empty() {
        let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
        return Err(Failure::Usage(anyhow::anyhow!("{}", lines.join("\n"))));
    }
    let formats: Vec<&str> = mapper.formats().map(|name| &**name).collect();
    writeln!(out, "ok    mappings {} (version {})", formats.join(", "), mapper.version())?;
    let _routes = app::load_routes(&loaded.config)?;
    let rules = loaded.config.routing.rules.len();
    writeln!(out, "ok    routes ({rules} rules, then {})", default_route(&loaded))?;
    app::check_clients(&loaded.config)?;
    writeln!(out, "ok    clients (files and properties; nothing was reached)")?;
    for hint in &loaded.hints {
        writeln!(out, "hint  {hint}")?;
    }
    Ok(())
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
