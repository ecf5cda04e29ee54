//! `alertbridge secmaster`: the target's API by hand, one file for each resource.
//!
//! Serves promise 7 by hand, too: what a dry run and an error show holds no credential.

mod bulk;
mod dataclass;
mod instance;
mod playbook;
mod playbook_instance;
mod session;
mod show;
mod since;
mod workflow;
mod workspace;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Failure;
use super::output::Output;
use session::Session;

/// Work on SecMaster by hand: workspaces, workflows, playbooks and what they run
///
/// Everything is done with the configuration's `secmaster` section: region or endpoint, project, workspace and
/// credentials. No Kafka is needed. ./alertbridge.yaml is read where there is one; otherwise the environment is enough.
///
/// Nothing is sent with --dry-run: it shows the request instead, without credentials. (What filters choose to be
/// changed is looked up.) Each request is sent once; none is repeated by itself. `alertbridge simulate` stands in for
/// SecMaster for trials.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct SecmasterArgs {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    resource: Resource,
}

const EXAMPLE: &str = "\
Without a file:
  export HUAWEICLOUD_SDK_AK=… HUAWEICLOUD_SDK_SK=… HUAWEICLOUD_SDK_PROJECT_ID=…
  export ALERTBRIDGE__SECMASTER__REGION=ap-southeast-1
  alertbridge secmaster workspace list
  alertbridge secmaster --workspace ID workflow list

Exit codes: 0 done, 1 the service refuses or is not reached, 2 wrong command line or configuration.";

/// What all of these commands take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of all these commands")]
struct Common {
    /// Configuration file; may be repeated, later files win. Without it: ./alertbridge.yaml, else
    /// /etc/alertbridge/alertbridge.yaml, else the environment alone
    #[arg(long, value_name = "FILE", global = true)]
    config: Vec<PathBuf>,
    /// The workspace's id, from `workspace list` [default: the configuration's secmaster.workspace_id]
    #[arg(long, value_name = "ID", global = true)]
    workspace: Option<String>,
    /// How to print: table for people; json or yaml with everything that the service tells
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Output::Table, global = true)]
    output: Output,
    /// Change nothing: show the request, without credentials
    #[arg(long, global = true)]
    dry_run: bool,
    /// Do not ask before many things are changed
    #[arg(long, short, global = true)]
    yes: bool,
}

#[derive(Debug, Subcommand)]
enum Resource {
    Workspace(workspace::WorkspaceArgs),
    Workflow(workflow::WorkflowArgs),
    Instance(instance::InstanceArgs),
    Playbook(playbook::PlaybookArgs),
    PlaybookInstance(playbook_instance::PlaybookInstanceArgs),
    Dataclass(dataclass::DataclassArgs),
}

/// How much of a list is shown.
#[derive(Debug, Args)]
struct Many {
    /// How many to show at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    /// Show all of them (the API lists 9,999 at most)
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

pub(super) fn execute(args: SecmasterArgs) -> Result<(), Failure> {
    let session = Session::open(&args.common)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match args.resource {
            Resource::Workspace(args) => workspace::execute(args, &session).await,
            Resource::Workflow(args) => workflow::execute(args, &session).await,
            Resource::Instance(args) => instance::execute(args, &session).await,
            Resource::Playbook(args) => playbook::execute(args, &session).await,
            Resource::PlaybookInstance(args) => playbook_instance::execute(args, &session).await,
            Resource::Dataclass(args) => dataclass::execute(args, &session).await,
        }
    })
}
