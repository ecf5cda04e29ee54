//! `alertbridge secmaster playbook-instance`.

use clap::{Args, Subcommand};

use super::Many;
use super::bulk::{self, ChangeArgs, Filter as _};
use super::session::Session;
use super::show::{Column, cell};
use super::since::Since;
use crate::cli::Failure;
use crate::secmaster::api::{Operation, Page, PlaybookInstance, PlaybookInstanceFilter, PlaybookOperation, Workspace};

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
    Retry(ChangeArgs<Filter>),
    /// End running instances
    ///
    /// By their ids, or all that fit the filters: RUNNING ones, unless --status says otherwise. These are listed first,
    /// and you are asked before more than one is changed. Exits with 1 unless all are accepted.
    Terminate(ChangeArgs<Filter>),
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
    /// Only begun since: an age such as 2h, or a time with its zone such as 2026-02-05T10:00:00+08:00
    #[arg(long, value_name = "TIME|AGE")]
    since: Option<Since>,
}

impl bulk::Filter for Filter {
    type Instance = PlaybookInstance;
    const COLUMNS: &'static [Column<PlaybookInstance>] = COLUMNS;

    fn is_given(&self) -> bool {
        self.status.is_some() || self.playbook.is_some() || self.since.is_some()
    }

    fn listed(&self, place: &Workspace, status: Option<&str>) -> Operation<Page<PlaybookInstance>> {
        let filter = PlaybookInstanceFilter {
            status: self.status.as_deref().or(status).map(str::to_ascii_uppercase),
            playbook_name: self.playbook.clone(),
            from_date: self.since.map(Since::text),
            ..PlaybookInstanceFilter::default()
        };
        place.list_playbook_instances(&filter)
    }

    fn fits(&self, status: &str, instance: &PlaybookInstance) -> bool {
        self.status.as_deref().unwrap_or(status).eq_ignore_ascii_case(&instance.status)
            && self.playbook.as_ref().is_none_or(|name| *instance.playbook.name == **name)
            && self.since.is_none_or(|since| since.admits(&instance.start_time))
    }

    fn id(instance: &PlaybookInstance) -> &str {
        &instance.id
    }
}

/// Show one playbook instance
#[derive(Debug, Args)]
struct ShowArgs {
    /// The instance's id, from `playbook-instance list`
    #[arg(value_name = "INSTANCE")]
    id: String,
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
            session.list(args.filter.listed(&place, None), &args.many, COLUMNS).await
        }
        PlaybookInstanceCommand::Show(args) => session.show(place.show_playbook_instance(&args.id), COLUMNS).await,
        PlaybookInstanceCommand::Retry(args) => {
            let operation = PlaybookOperation::Retry;
            bulk::run(session, bulk::RETRY, &args, |place, id| place.operate_playbook_instance(id, operation)).await
        }
        PlaybookInstanceCommand::Terminate(args) => {
            let operation = PlaybookOperation::Terminate;
            bulk::run(session, bulk::TERMINATE, &args, |place, id| place.operate_playbook_instance(id, operation)).await
        }
    }
}
