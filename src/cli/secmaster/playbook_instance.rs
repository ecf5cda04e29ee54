//! `alertbridge secmaster playbook-instance`.

use clap::{Args, Subcommand};

use super::Many;
use super::session::Session;
use super::show::{Column, cell};
use crate::cli::Failure;
use crate::secmaster::api::{PlaybookInstance, PlaybookInstanceFilter, PlaybookOperation};

/// Playbook instances: what triggers set off. (What CreateWorkflowInstance starts is an `instance`.)
#[derive(Debug, Args)]
pub(super) struct PlaybookInstanceArgs {
    #[command(subcommand)]
    command: PlaybookInstanceCommand,
}

#[derive(Debug, Subcommand)]
enum PlaybookInstanceCommand {
    List(ListArgs),
    Show(ShowArgs),
    /// Run failed instances again (at most 100 a day and workspace)
    Retry(ChangeArgs),
    /// End running instances
    Terminate(ChangeArgs),
}

/// List playbook instances (kept by the service for 180 days)
#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    many: Many,
    /// Only in this state: RUNNING, FINISHED, FAILED, RETRYING, TERMINATING or TERMINATED
    #[arg(long)]
    status: Option<String>,
    /// Only of this playbook, by its name
    #[arg(long)]
    playbook: Option<String>,
    /// Only begun since, as 2026-02-05T10:00:00.000Z+0800
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// Show one playbook instance
#[derive(Debug, Args)]
struct ShowArgs {
    /// The instance's id
    #[arg(value_name = "INSTANCE")]
    id: String,
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// The instances' ids
    #[arg(value_name = "INSTANCE", required = true)]
    ids: Vec<String>,
}

const COLUMNS: &[Column<PlaybookInstance>] = &[
    ("ID", |i| cell(&i.id)),
    ("PLAYBOOK", |i| cell(&i.playbook.name)),
    ("STATUS", |i| cell(&i.status)),
    ("TRIGGER", |i| cell(&i.trigger_type)),
    ("OBJECT", |i| cell(&i.dataobject.name)),
    ("BEGAN", |i| cell(&i.start_time)),
    ("ENDED", |i| cell(&i.end_time)),
];

pub(super) async fn execute(args: PlaybookInstanceArgs, session: &Session) -> Result<(), Failure> {
    let place = session.place()?;
    match args.command {
        PlaybookInstanceCommand::List(args) => {
            let filter = PlaybookInstanceFilter {
                status: args.status,
                playbook_name: args.playbook,
                from_date: args.since,
                ..PlaybookInstanceFilter::default()
            };
            session.list(place.list_playbook_instances(&filter), &args.many, COLUMNS).await
        }
        PlaybookInstanceCommand::Show(args) => session.show(place.show_playbook_instance(&args.id), COLUMNS).await,
        PlaybookInstanceCommand::Retry(args) => {
            let retry = |id: &str| place.operate_playbook_instance(id, PlaybookOperation::Retry);
            session.each("retry", &args.ids, retry).await
        }
        PlaybookInstanceCommand::Terminate(args) => {
            let terminate = |id: &str| place.operate_playbook_instance(id, PlaybookOperation::Terminate);
            session.each("terminate", &args.ids, terminate).await
        }
    }
}
