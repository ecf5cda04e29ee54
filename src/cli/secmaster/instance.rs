//! `alertbridge secmaster instance`.

use std::io::{self, Write};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Many;
use super::bulk::{self, ChangeArgs, Filter as _};
use super::session::Session;
use super::show::{self, Column, cell};
use super::since::Since;
use crate::cli::Failure;
use crate::cli::output::Output;
use crate::secmaster::api::{Command, InstanceFilter, Operation, Page, WorkflowInstance, Workspace};

/// Workflow instances: what `workflow run`, the daemon and playbooks started
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
    /// By their ids, or all that fit the filters: FAILED ones, unless --status says otherwise. These are listed first,
    /// and you are asked before more than one is changed. Exits with 1 unless all are accepted.
    ///
    /// An instance must have ended before it is retried. The service takes at most 100 retries a day and workspace.
    #[command(after_long_help = RETRY)]
    Retry(ChangeArgs<Filter>),
    /// End running instances
    ///
    /// By their ids, or all that fit the filters: RUNNING ones, unless --status says otherwise. These are listed first,
    /// and you are asked before more than one is changed. Exits with 1 unless all are accepted.
    Terminate(ChangeArgs<Filter>),
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
    /// Only begun since: an age such as 2h, or a time with its zone such as 2026-02-05T10:00:00+08:00
    #[arg(long, value_name = "TIME|AGE")]
    since: Option<Since>,
}

impl bulk::Filter for Filter {
    type Instance = WorkflowInstance;
    const COLUMNS: &'static [Column<WorkflowInstance>] = COLUMNS;

    fn is_given(&self) -> bool {
        self.workflow.is_some() || self.status.is_some() || self.object.is_some() || self.since.is_some()
    }

    fn listed(&self, place: &Workspace, status: Option<&str>) -> Operation<Page<WorkflowInstance>> {
        let filter = InstanceFilter {
            workflow_id: self.workflow.clone(),
            status: self.status.as_deref().or(status).map(str::to_ascii_uppercase),
            dataobject_id: self.object.clone(),
            from_date: self.since.map(Since::text),
            ..InstanceFilter::default()
        };
        place.list_instances(&filter)
    }

    fn fits(&self, status: &str, instance: &WorkflowInstance) -> bool {
        let same =
            |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(is));
        same(&self.workflow, &instance.workflow.id)
            && self.status.as_deref().unwrap_or(status).eq_ignore_ascii_case(&instance.status)
            && same(&self.object, &instance.dataobject_id)
            && self.since.is_none_or(|since| since.admits(&instance.start_time))
    }

    fn id(instance: &WorkflowInstance) -> &str {
        &instance.id
    }
}

const RETRY: &str = "\
Examples:
  alertbridge secmaster instance retry ID ID                 these two
  alertbridge secmaster instance retry --since 2h            all that failed and began in the last two hours
  alertbridge secmaster instance retry --workflow ID --yes   of one workflow, without a question";

/// Show one workflow instance; --output json shows what each node did, too
#[derive(Debug, Args)]
struct ShowArgs {
    /// The instance's id, such as the daemon's action_instance_id
    #[arg(value_name = "INSTANCE")]
    id: String,
}

/// Wait until a workflow instance has ended, and tell each change of its state
///
/// Exits with 1 unless it has finished. Interrupted (Ctrl-C), the watch ends and the instance goes on.
#[derive(Debug, Args)]
struct WatchArgs {
    /// The instance's id, from `workflow run` or `instance list`
    #[arg(value_name = "INSTANCE")]
    id: String,
    /// Ask again after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
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
            session.list(filter.listed(&place, None), &many, COLUMNS).await
        }
        InstanceCommand::Show(args) => {
            session.show(place.show_instance(&args.id, session.output != Output::Table), COLUMNS).await
        }
        InstanceCommand::Watch(args) => watch(&args, session).await,
        InstanceCommand::Retry(args) => {
            bulk::run(session, bulk::RETRY, &args, |place, id| place.update_instance(id, Command::Retry)).await
        }
        InstanceCommand::Terminate(args) => {
            bulk::run(session, bulk::TERMINATE, &args, |place, id| place.update_instance(id, Command::Terminate)).await
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
