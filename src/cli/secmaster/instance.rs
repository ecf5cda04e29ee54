//! `alertbridge secmaster instance`.

use std::io::{self, Write};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Many;
use super::session::Session;
use super::show::{self, Column, Output, cell};
use crate::cli::Failure;
use crate::secmaster::api::{Command, InstanceFilter, WorkflowInstance};

/// Workflow instances: what `run`, the daemon and playbooks started
#[derive(Debug, Args)]
pub(super) struct InstanceArgs {
    #[command(subcommand)]
    command: InstanceCommand,
}

#[derive(Debug, Subcommand)]
enum InstanceCommand {
    List(ListArgs),
    Show(ShowArgs),
    Watch(WatchArgs),
    /// Run failed instances again
    ///
    /// An instance must have ended before it is retried. The service takes at most 100 retries a day and workspace.
    Retry(ChangeArgs),
    /// End running instances
    Terminate(ChangeArgs),
}

/// List workflow instances, the latest first
#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    many: Many,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Args)]
struct Filter {
    /// Only of this workflow, by its id
    #[arg(long, value_name = "ID")]
    workflow: Option<String>,
    /// Only in this state: RUNNING, FINISHED, FAILED, RETRYING, TERMINATING or TERMINATED
    #[arg(long)]
    status: Option<String>,
    /// Only on this data object, such as an alert's id
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only begun since, as 2026-02-05T10:00:00.000Z+0800
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// Show one workflow instance; --output json shows what each node did, too
#[derive(Debug, Args)]
struct ShowArgs {
    /// The instance's id, such as the daemon's action_instance_id
    #[arg(value_name = "INSTANCE")]
    id: String,
}

/// Wait until a workflow instance has ended, and tell each change of its state
///
/// Exits with 1 unless it has finished.
#[derive(Debug, Args)]
struct WatchArgs {
    /// The instance's id
    #[arg(value_name = "INSTANCE")]
    id: String,
    /// Ask again after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// The instances' ids
    #[arg(value_name = "INSTANCE", required = true)]
    ids: Vec<String>,
}

const COLUMNS: &[Column<WorkflowInstance>] = &[
    ("ID", |i| cell(&i.id)),
    ("WORKFLOW", |i| cell(if i.workflow.name.is_empty() { &i.workflow.id } else { &i.workflow.name })),
    ("STATUS", |i| cell(&i.status)),
    ("TRIGGER", |i| cell(&i.trigger_type)),
    ("RETRIES", |i| i.retry_count.0.map(|n| n.to_string()).unwrap_or_default()),
    ("BEGAN", |i| cell(&i.start_time)),
    ("ENDED", |i| cell(&i.end_time)),
];

pub(super) async fn execute(args: InstanceArgs, session: &Session) -> Result<(), Failure> {
    let place = session.place()?;
    match args.command {
        InstanceCommand::List(ListArgs { many, filter }) => {
            let filter = InstanceFilter {
                workflow_id: filter.workflow,
                status: filter.status,
                dataobject_id: filter.object,
                from_date: filter.since,
                ..InstanceFilter::default()
            };
            session.list(place.list_instances(&filter), &many, COLUMNS).await
        }
        InstanceCommand::Show(args) => {
            session.show(place.show_instance(&args.id, session.output != Output::Table), COLUMNS).await
        }
        InstanceCommand::Watch(args) => watch(&args, session).await,
        InstanceCommand::Retry(args) => {
            session.each("retry", &args.ids, |id| place.update_instance(id, Command::Retry)).await
        }
        InstanceCommand::Terminate(args) => {
            session.each("terminate", &args.ids, |id| place.update_instance(id, Command::Terminate)).await
        }
    }
}

async fn watch(args: &WatchArgs, session: &Session) -> Result<(), Failure> {
    let operation = session.place()?.show_instance(&args.id, false);
    let mut before = None;
    loop {
        let Some(instance) = session.call(&operation).await? else { return Ok(()) };
        let status = cell(&instance.is.status);
        if session.output == Output::Table && before.as_ref() != Some(&status) {
            writeln!(io::stdout(), "{}  {status}", args.id)?;
        }
        if instance.is.has_ended() {
            if session.output != Output::Table {
                show::one(session.output, &instance, COLUMNS)?;
            }
            return if status.eq_ignore_ascii_case("FINISHED") { Ok(()) } else { Err(Failure::Reported) };
        }
        before = Some(status);
        tokio::time::sleep(Duration::from_secs(args.every)).await;
    }
}
