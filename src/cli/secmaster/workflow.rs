//! `alertbridge secmaster workflow`.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::Many;
use super::session::{Session, say};
use super::show::{Column, cell, yes};
use crate::app;
use crate::cli::Failure;
use crate::cli::output::{Output, document};
use crate::domain::{Alert, DataClass, Offset, Record, Severity, TopicPartition};
use crate::mapping::Mapped;
use crate::routing;
use crate::secmaster::api::{NewWorkflow, Workflow, WorkflowFilter};

/// Workflows
#[derive(Debug, Args)]
pub(super) struct WorkflowArgs {
    #[command(subcommand)]
    command: WorkflowCommand,
}

#[derive(Debug, Subcommand)]
enum WorkflowCommand {
    List(ListArgs),
    Show(ShowArgs),
    Create(CreateArgs),
    Run(RunArgs),
}

/// List workflows; their ids are what routes name
#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    many: Many,
    /// Only whose name holds this
    #[arg(long)]
    name: Option<String>,
    /// Only enabled ones (true) or disabled ones (false)
    #[arg(long, value_name = "BOOL")]
    enabled: Option<bool>,
    /// Only of this type: NORMAL, SURVEY, HEMOSTASIS or EASE
    #[arg(long = "type", value_name = "TYPE")]
    aop_type: Option<String>,
}

/// Show one workflow
#[derive(Debug, Args)]
struct ShowArgs {
    /// The workflow's id, from `workflow list`
    #[arg(value_name = "WORKFLOW")]
    id: String,
}

/// Create a workflow
///
/// Prints it, with its id. It is disabled and has no version: draw it, submit it and enable it in the console before it
/// can run.
#[derive(Debug, Args)]
struct CreateArgs {
    /// Its name
    name: String,
    /// The id of the data class that it works on, from `dataclass list`
    #[arg(long, value_name = "ID")]
    dataclass: String,
    /// NORMAL (general), SURVEY (investigation), HEMOSTASIS (containment) or EASE (mitigation)
    #[arg(long = "type", value_name = "TYPE", default_value = "NORMAL")]
    aop_type: String,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// What it works on: IP, ACCOUNT or DOMAIN
    #[arg(long)]
    label: Option<String>,
}

/// Run a workflow on an alert
///
/// The file is the alert's content, as SecMaster's data class Alert has it (`alertbridge map --fields` lists what there
/// is). With --raw it is a SIEM's record, which the mappings make
/// the content of: the daemon's, with the configuration's folders (`alertbridge map` shows what comes of it).
///
/// Prints the id of each instance; `instance watch` follows it. A repeat starts the workflow once more.
#[derive(Debug, Args)]
#[command(after_long_help = RUN)]
struct RunArgs {
    /// The workflow's id, from `workflow list`
    #[arg(value_name = "WORKFLOW")]
    id: String,
    /// The content, JSON; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The file is a SIEM's record: map it first
    #[arg(long)]
    raw: bool,
    /// Run it on a content that has neither `title` nor `severity`, too
    #[arg(long, conflicts_with = "raw")]
    force: bool,
    /// Read the record as this format, whatever it looks like
    #[arg(long, value_name = "NAME", requires = "raw")]
    format: Option<String>,
    /// Ask for this instance id; the one that is printed says whether the service took it
    #[arg(long, value_name = "UUID")]
    instance_id: Option<String>,
}

const RUN: &str = r#"Examples:
  alertbridge secmaster workflow run ID --raw wazuh.json --dry-run    what would be sent
  echo '{"title": "a trial", "severity": "Low"}' | alertbridge secmaster workflow run ID"#;

const COLUMNS: &[Column<Workflow>] = &[
    ("ID", |w| cell(&w.id)),
    ("NAME", |w| cell(&w.name)),
    ("ENABLED", |w| yes(w.enabled)),
    ("TYPE", |w| cell(&w.aop_type)),
    ("VERSION", |w| cell(&w.version)),
    ("DATA CLASS", |w| cell(&w.dataclass_name)),
    ("CHANGED", |w| cell(&w.update_time)),
];

pub(super) async fn execute(args: WorkflowArgs, session: &Session) -> Result<(), Failure> {
    let place = session.place()?;
    match args.command {
        WorkflowCommand::List(args) => {
            let filter = WorkflowFilter {
                name: args.name,
                enabled: args.enabled,
                aop_type: args.aop_type.map(|word| word.to_ascii_uppercase()),
                ..WorkflowFilter::default()
            };
            session.list(place.list_workflows(&filter), &args.many, COLUMNS).await
        }
        WorkflowCommand::Show(args) => session.show(place.show_workflow(&args.id), COLUMNS).await,
        WorkflowCommand::Create(args) => {
            let workflow = NewWorkflow {
                name: args.name,
                description: args.description,
                engine_type: "public_engine".to_owned(),
                aop_type: args.aop_type.to_ascii_uppercase(),
                dataclass_id: args.dataclass,
                labels: args.label.map(|word| word.to_ascii_uppercase()),
            };
            session.show(place.create_workflow(&workflow), COLUMNS).await
        }
        WorkflowCommand::Run(args) => run(&args, session).await,
    }
}

async fn run(args: &RunArgs, session: &Session) -> Result<(), Failure> {
    let place = session.place()?;
    let input = read(&args.file)?;
    let alerts = if args.raw { mapped(args, input, session)? } else { vec![content(&input, args.force)?] };
    if alerts.len() > 1 && args.instance_id.is_some() {
        return Err(Failure::Usage(anyhow!("--instance-id: the record has {} alerts", alerts.len())));
    }
    session.confirm("run the workflow on", alerts.len())?;
    let mut started = Vec::new();
    for alert in &alerts {
        let body = routing::body(Some(&args.id), alert, args.instance_id.as_deref());
        if let Some(instance) = session.call(&place.run_workflow(&args.id, body)).await? {
            match session.output {
                Output::Table => writeln!(io::stdout(), "{instance}")?,
                Output::Json | Output::Yaml => started.push(Value::from(instance)),
            }
        }
    }
    if !started.is_empty() {
        document(session.output, &Value::Array(started))?;
    }
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Bytes> {
    if file.as_os_str() != "-" {
        return Ok(fs::read(file).with_context(|| format!("cannot read {}", file.display()))?.into());
    }
    let mut bytes = Vec::new();
    let _length = io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(bytes.into())
}

/// An alert whose content is given as it is.
fn content(input: &[u8], force: bool) -> Result<Alert, Failure> {
    let Ok(Value::Object(content)) = serde_json::from_slice(input) else {
        return Err(anyhow!("the content is not a JSON object (a SIEM's record needs --raw)").into());
    };
    if !force && !["title", "severity"].iter().any(|name| content.contains_key(*name)) {
        let why = "the content has neither `title` nor `severity`, so it is hardly an alert of SecMaster's: is it a \
                   SIEM's record? Then give --raw; else --force";
        return Err(Failure::Usage(anyhow!(why)));
    }
    Ok(Alert {
        format: "".into(),
        part: 0,
        id: String::new(),
        severity: Severity::Medium,
        data_class: DataClass { id: None, name: "Alert".into() },
        content: content.into(),
        skip: None,
    })
}

/// The alerts of a raw record. What is left out of them is said.
fn mapped(args: &RunArgs, value: Bytes, session: &Session) -> Result<Vec<Alert>, Failure> {
    let mapper = app::load_mapper(&session.config)?;
    let record = Record {
        partition: TopicPartition::new("stdin", 0),
        offset: Offset(0),
        timestamp_ms: None,
        key: None,
        value: Some(value),
        headers: Vec::new(),
    };
    let origin = record.origin(&Arc::from(""));
    let mapped = match &args.format {
        None => mapper.map(&record, &origin),
        Some(format) => mapper
            .map_as(format, &record, &origin)
            .ok_or_else(|| Failure::Usage(anyhow!("there is no format `{format}`")))?,
    };
    let Mapped::Parts(parts) = mapped else {
        return Err(anyhow!("no format takes this record: `alertbridge map` says more").into());
    };
    let mut alerts = Vec::new();
    for part in parts {
        for fault in &part.faults {
            say(&format!("warning: part {}: {}: {}", part.part, fault.field, fault.message));
        }
        let alert = part.result.map_err(|failure| anyhow!("part {}: {failure}", part.part))?;
        match &alert.skip {
            Some(reason) => say(&format!("part {} is skipped by its mapping: {reason}", part.part)),
            None => alerts.push(alert),
        }
    }
    Ok(alerts)
}
