//! `alertbridge secmaster workspace`.

use clap::{Args, Subcommand};

use super::Many;
use super::session::Session;
use super::show::{Column, cell, yes};
use crate::cli::Failure;
use crate::secmaster::api::{WorkspaceFilter, WorkspaceInfo, list_workspaces};

/// The project's workspaces
#[derive(Debug, Args)]
pub(super) struct WorkspaceArgs {
    #[command(subcommand)]
    command: WorkspaceCommand,
}

#[derive(Debug, Subcommand)]
enum WorkspaceCommand {
    List(ListArgs),
}

/// List workspaces: where the ids for secmaster.workspace_id come from
#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    many: Many,
    /// Only of this name
    #[arg(long)]
    name: Option<String>,
    /// Only of this region
    #[arg(long)]
    region: Option<String>,
}

const COLUMNS: &[Column<WorkspaceInfo>] = &[
    ("ID", |w| cell(&w.id)),
    ("NAME", |w| cell(&w.name)),
    ("REGION", |w| cell(&w.region_id)),
    ("VIEW", |w| yes(w.is_view)),
    ("CREATED", |w| cell(&w.create_time)),
];

pub(super) async fn execute(args: WorkspaceArgs, session: &Session) -> Result<(), Failure> {
    let WorkspaceCommand::List(args) = args.command;
    let filter = WorkspaceFilter { name: args.name, region_id: args.region, is_view: None };
    session.list(list_workspaces(&session.project_id(), &filter), &args.many, COLUMNS).await
}
