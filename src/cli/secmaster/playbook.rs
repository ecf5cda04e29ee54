//! `alertbridge secmaster playbook`.

use clap::{Args, Subcommand};

use super::Many;
use super::session::Session;
use super::show::{self, Column, cell, yes};
use crate::cli::Failure;
use crate::secmaster::api::{Action, NewAction, Playbook, PlaybookFilter, PlaybookVersion, VersionFilter};

/// Playbooks, their versions, and the workflows in these
#[derive(Debug, Args)]
pub(super) struct PlaybookArgs {
    #[command(subcommand)]
    command: PlaybookCommand,
}

#[derive(Debug, Subcommand)]
enum PlaybookCommand {
    List(ListArgs),
    Show(ShowArgs),
    Versions(VersionsArgs),
    AddAction(AddActionArgs),
}

/// List playbooks
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
}

/// Show one playbook
#[derive(Debug, Args)]
struct ShowArgs {
    /// The playbook's id, from `playbook list`
    #[arg(value_name = "PLAYBOOK")]
    id: String,
}

/// List a playbook's versions; actions are added to a draft (TYPE 0), by its id
#[derive(Debug, Args)]
struct VersionsArgs {
    /// The playbook's id, from `playbook list`
    #[arg(value_name = "PLAYBOOK")]
    id: String,
    #[command(flatten)]
    many: Many,
    /// Only in this state: EDITING, APPROVING, UNPASSED or PUBLISHED
    #[arg(long)]
    status: Option<String>,
}

/// Hang workflows into a playbook's version
///
/// The version has to be a draft: TYPE 0 in `playbook versions`. What it runs changes once the draft is submitted and
/// activated in the console. The vendor is withdrawing this call; what its answer says of that is shown.
#[derive(Debug, Args)]
struct AddActionArgs {
    /// The version's id, from `playbook versions`
    #[arg(value_name = "VERSION")]
    version_id: String,
    /// The workflows' ids, from `workflow list`
    #[arg(value_name = "WORKFLOW", required = true)]
    workflows: Vec<String>,
    /// The name of each action added
    #[arg(long)]
    name: Option<String>,
    /// What each action added is for
    #[arg(long)]
    description: Option<String>,
}

const PLAYBOOKS: &[Column<Playbook>] = &[
    ("ID", |p| cell(&p.id)),
    ("NAME", |p| cell(&p.name)),
    ("ENABLED", |p| yes(p.enabled)),
    ("VERSION", |p| cell(&p.version)),
    ("DATA CLASS", |p| cell(&p.dataclass_name)),
    ("CHANGED", |p| cell(&p.update_time)),
];

const VERSIONS: &[Column<PlaybookVersion>] = &[
    ("ID", |v| cell(&v.id)),
    ("VERSION", |v| cell(&v.version)),
    ("STATUS", |v| cell(&v.status)),
    ("ENABLED", |v| yes(v.enabled)),
    ("TYPE", |v| v.version_type.0.map(|n| n.to_string()).unwrap_or_default()),
    ("TRIGGER", |v| cell(&v.trigger_type)),
];

const ACTIONS: &[Column<Action>] = &[
    ("ID", |a| cell(&a.id)),
    ("NAME", |a| cell(&a.name)),
    ("WORKFLOW", |a| cell(&a.action_id)),
    ("VERSION", |a| cell(&a.playbook_version_id)),
];

pub(super) async fn execute(args: PlaybookArgs, session: &Session) -> Result<(), Failure> {
    let place = session.place()?;
    match args.command {
        PlaybookCommand::List(args) => {
            let filter = PlaybookFilter { name: args.name, enabled: args.enabled, ..PlaybookFilter::default() };
            session.list(place.list_playbooks(&filter), &args.many, PLAYBOOKS).await
        }
        PlaybookCommand::Show(args) => session.show(place.show_playbook(&args.id), PLAYBOOKS).await,
        PlaybookCommand::Versions(args) => {
            let filter = VersionFilter { status: args.status, ..VersionFilter::default() };
            session.list(place.list_playbook_versions(&args.id, &filter), &args.many, VERSIONS).await
        }
        PlaybookCommand::AddAction(args) => {
            session.confirm("add", args.workflows.len())?;
            let action = |workflow: String| NewAction {
                name: args.name.clone(),
                description: args.description.clone(),
                action_type: "AOP_WORKFLOW".to_owned(),
                action_id: workflow,
                sort_order: None,
            };
            let actions: Vec<NewAction> = args.workflows.into_iter().map(action).collect();
            if let Some(added) = session.call(&place.add_actions(&args.version_id, &actions)).await? {
                show::list(session.output, &added, ACTIONS)?;
            }
            Ok(())
        }
    }
}
