//! `alertbridge secmaster playbook-instance`.

use clap::{Args, Subcommand};

use super::Many;
use super::bulk::{self, Change, Pace};
use super::session::Session;
use super::show::{Column, cell};
use super::since::Since;
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
    ///
    /// By their ids, or all that fit the filters: FAILED ones, unless --status says otherwise. These are listed first,
    /// and you are asked before more than one is changed. Exits with 1 unless all are accepted.
    Retry(ChangeArgs),
    /// End running instances
    ///
    /// By their ids, or all that fit the filters: RUNNING ones, unless --status says otherwise. These are listed first,
    /// and you are asked before more than one is changed. Exits with 1 unless all are accepted.
    Terminate(ChangeArgs),
}

/// List playbook instances (kept by the service for 180 days)
#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    many: Many,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Args)]
struct Filter {
    /// Only in this state: RUNNING, FINISHED, FAILED, RETRYING, TERMINATING or TERMINATED
    #[arg(long)]
    status: Option<String>,
    /// Only of this playbook, by its name
    #[arg(long)]
    playbook: Option<String>,
    /// Only begun since: an age such as 2h, or a time with its zone
    #[arg(long, value_name = "TIME|AGE")]
    since: Option<Since>,
}

impl Filter {
    fn is_given(&self) -> bool {
        self.status.is_some() || self.playbook.is_some() || self.since.is_some()
    }

    /// What the service is asked for; in this state where none is given.
    fn asked(&self, status: Option<&str>) -> PlaybookInstanceFilter {
        PlaybookInstanceFilter {
            status: self.status.as_deref().or(status).map(str::to_ascii_uppercase),
            playbook_name: self.playbook.clone(),
            from_date: self.since.map(Since::text),
            ..PlaybookInstanceFilter::default()
        }
    }

    /// Whether an instance is as was asked.
    fn fits(&self, status: &str, instance: &PlaybookInstance) -> bool {
        self.status.as_deref().unwrap_or(status).eq_ignore_ascii_case(&instance.status)
            && self.playbook.as_ref().is_none_or(|name| *instance.playbook.name == **name)
            && self.since.is_none_or(|since| since.admits(&instance.start_time))
    }
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
    #[arg(value_name = "INSTANCE")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    pace: Pace,
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
            session.list(place.list_playbook_instances(&args.filter.asked(None)), &args.many, COLUMNS).await
        }
        PlaybookInstanceCommand::Show(args) => session.show(place.show_playbook_instance(&args.id), COLUMNS).await,
        PlaybookInstanceCommand::Retry(args) => {
            change(&args, "retry", "FAILED", PlaybookOperation::Retry, session).await
        }
        PlaybookInstanceCommand::Terminate(args) => {
            change(&args, "terminate", "RUNNING", PlaybookOperation::Terminate, session).await
        }
    }
}

/// Retries or ends those that are named, or those in this state that fit the filters.
async fn change(
    args: &ChangeArgs,
    verb: &'static str,
    status: &str,
    operation: PlaybookOperation,
    session: &Session,
) -> Result<(), Failure> {
    let place = session.place()?;
    bulk::needs_one(&args.ids, args.filter.is_given())?;
    let change = Change {
        verb,
        ids: &args.ids,
        pace: &args.pace,
        listed: place.list_playbook_instances(&args.filter.asked(Some(status))),
        fits: &|instance| args.filter.fits(status, instance),
        id: |instance| &instance.id,
        columns: COLUMNS,
    };
    bulk::run(session, change, |id| place.operate_playbook_instance(id, operation)).await
}
