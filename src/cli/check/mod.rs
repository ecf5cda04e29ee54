//! `alertbridge check`.

mod online;
mod watch;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::Failure;
use super::config::ConfigFiles;
use super::output::Output;
use crate::app;
use crate::config::{Loaded, Purpose, TimeSpan};
use crate::mapping::{Finding, Level, Mapper};

/// Validate configuration, mappings and routes; with --online, Kafka and SecMaster against them
///
/// Reads everything that `run` would read, runs the tests inside the mapping files, and looks for what is hardly meant:
/// formats and routes that nothing reaches, fields that the data class does not know, words and bands that nothing leads
/// to. Exit code 2 if anything is wrong: every fault of the configuration, or, once that holds, every one of mappings,
/// routes and clients. Warnings alone do not fail. Nothing is reached.
///
/// With --online, and once all that holds, Kafka and SecMaster are asked too: whether brokers and service can be
/// reached, topics and their settings, what this user may do, where the consumer group begins, credentials, workspaces,
/// every workflow that the routes name, the data class's fields, the clock. Everything is looked at, though one part
/// be away; each line is ok, warn or fail, with what to do. Exit code 1 if anything fails, which is 0 for warnings.
/// Nothing of yours is changed in Kafka or SecMaster, and the group is not joined: it may be run beside the daemon.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    files: ConfigFiles,
    /// Check mapping files in these folders (may be repeated) and those of the configuration, and routes if it has any,
    /// whatever else it lacks to run
    #[arg(long, value_name = "DIR")]
    mappings: Vec<PathBuf>,
    /// Fail if there are warnings, too: exit with 2, with 1 for those of --online
    #[arg(long)]
    deny_warnings: bool,
    /// Check again whenever a configuration or mapping file has changed, until SIGINT or SIGTERM
    #[arg(long)]
    watch: bool,
    /// Ask Kafka and SecMaster, too, changing nothing of yours in either
    #[arg(long, conflicts_with_all = ["watch", "mappings"])]
    online: bool,
    /// With --online: for how long SecMaster may be away without alerts being lost; topics should keep them as long
    #[arg(long, value_name = "DURATION", default_value = "3d", requires = "online")]
    outage_budget: TimeSpan,
    /// With --online: how to print what it finds: table for people; json or yaml as a list of objects with `name`,
    /// `state` (ok, warning or failure), `what` and `remedy`. What is said without asking anybody goes to standard error
    /// then
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Output::Table, requires = "online")]
    output: Output,
}

const EXAMPLES: &str = r#"Examples:
  alertbridge check --config alertbridge.yaml    all that `run` would refuse, and more
  alertbridge check --mappings mappings --watch  their tests, at each save
  alertbridge check --online                     the same, and what `run` would meet
  alertbridge check --online --output json | jq '.[] | select(.state == "failure")'"#;

pub(super) fn execute(args: &CheckArgs) -> Result<(), Failure> {
    if args.watch {
        return watch::execute(args);
    }
    let checked = match args.output {
        Output::Table => check(args, &mut io::stdout().lock()),
        // Standard output is one document.
        Output::Json | Output::Yaml => check(args, &mut io::stderr().lock()),
    };
    let (round, loaded) = checked.or_else(|failure| refused(failure, args.output))?;
    if args.online && round.errors.is_empty() {
        online::execute(&loaded.config, args.outage_budget, args.deny_warnings, args.output)
            .or_else(|failure| refused(failure, args.output))?;
    } else if args.output != Output::Table {
        online::print_faults(&round.errors, args.output)?;
    }
    round.result(args.deny_warnings)
}

/// A failure that came before anything was asked; programs get a document all the same.
fn refused<T>(failure: Failure, output: Output) -> Result<T, Failure> {
    match &failure {
        Failure::Usage(error) if output != Output::Table => online::print_error(error, output)?,
        _ => {}
    }
    Err(failure)
}

/// What came of checking once.
#[derive(Debug, Default)]
struct Round {
    errors: Vec<String>,
    warnings: usize,
    /// What was read, as far as that is known: to be watched.
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Round {
    fn result(self, deny_warnings: bool) -> Result<(), Failure> {
        if !self.errors.is_empty() {
            return Err(Failure::Usage(anyhow!("{}", self.errors.join("\n"))));
        }
        if deny_warnings && self.warnings > 0 {
            let s = if self.warnings == 1 { "" } else { "s" };
            return Err(Failure::Usage(anyhow!("{} warning{s}, and --deny-warnings is given", self.warnings)));
        }
        Ok(())
    }
}

/// Checks everything once and says what is well; gives what was read, too.
fn check(args: &CheckArgs, out: &mut impl Write) -> Result<(Round, Loaded), Failure> {
    let only_mappings = !args.mappings.is_empty();
    let mut loaded = args.files.load(if only_mappings { Purpose::Offline } else { Purpose::Run })?;
    loaded.config.mapping.directories.extend(args.mappings.iter().cloned());
    let mut round =
        Round { files: loaded.files.clone(), folders: loaded.config.mapping.directories.clone(), ..Round::default() };
    if !only_mappings {
        writeln!(out, "ok    configuration ({})", sources(&loaded))?;
    }
    let mapper = mappings(&loaded, &mut round, out)?;
    if !only_mappings || !loaded.config.routing.rules.is_empty() {
        let routes = app::load_routes(&loaded.config).map_err(|error| error.to_string());
        match routes.map(|_routes| routes_said(&loaded)) {
            Ok(said) => writeln!(out, "ok    {said}")?,
            Err(said) => round.errors.push(said),
        }
        let findings = app::lint_routes(&loaded.config, mapper.as_ref());
        let placed = findings.into_iter().map(|finding| {
            let place = loaded.place_of(&finding.field).unwrap_or("configuration").to_owned();
            Finding { file: place, ..finding }
        });
        tell(placed, &mut round, out)?;
    }
    if !only_mappings {
        match app::check_clients(&loaded.config) {
            Ok(()) => writeln!(out, "ok    clients (files and properties; nothing was reached)")?,
            Err(error) => round.errors.push(error.to_string()),
        }
    }
    for hint in &loaded.hints {
        writeln!(out, "hint  {hint}")?;
    }
    Ok((round, loaded))
}

/// The mappings, the tests inside them, and what is hardly meant in them; gives those that are in force.
fn mappings(loaded: &Loaded, round: &mut Round, out: &mut impl Write) -> Result<Option<Mapper>, Failure> {
    let mapper = match app::load_mapper(&loaded.config) {
        Ok(mapper) => mapper,
        Err(error) => {
            round.errors.push(error.to_string());
            return Ok(None);
        }
    };
    round.files.extend(mapper.test_files());
    let failures = mapper.run_tests();
    if failures.is_empty() {
        let formats: Vec<&str> = mapper.formats().map(|name| &**name).collect();
        let tests = mapper.count_tests();
        let formats = formats.join(", ");
        writeln!(out, "ok    mappings {formats} ({tests} tests hold; version {})", mapper.version())?;
    }
    round.errors.extend(failures.iter().map(ToString::to_string));
    tell(app::lint_mappings(&loaded.config, &mapper), round, out)?;
    Ok(Some(mapper))
}

/// Says the notes and warnings, and keeps the errors for the end.
fn tell(findings: impl IntoIterator<Item = Finding>, round: &mut Round, out: &mut impl Write) -> Result<(), Failure> {
    for finding in findings {
        match finding.level {
            Level::Warning => {
                round.warnings += 1;
                writeln!(out, "warn  {finding}")?;
            }
            Level::Note => writeln!(out, "note  {finding}")?,
            Level::Error => round.errors.push(finding.to_string()),
        }
    }
    Ok(())
}

fn routes_said(loaded: &Loaded) -> String {
    let rules = loaded.config.routing.rules.len();
    format!("routes ({rules} rules, then {})", default_route(loaded))
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
