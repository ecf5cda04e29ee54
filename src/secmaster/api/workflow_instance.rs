//! Workflow instances: what CreateWorkflowInstance started.

use http::Method;
use serde::{Deserialize, Serialize};

use super::Workspace;
use super::lenient::{Count, Text, nullable};
use super::operation::{Item, Operation, whole};
use super::page::{Listed, Page, PageAt, page};

/// Another thing, by id and name.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Reference {
    /// Its id.
    pub id: Text,
    /// Its name.
    pub name: Text,
}

/// A workflow instance (`AopworkflowInstanceDetail`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct WorkflowInstance {
    /// Its id.
    pub id: Text,
    /// Its name.
    pub name: Text,
    /// `RUNNING`, `FINISHED`, `FAILED`, `RETRYING`, `TERMINATING` or `TERMINATED`, in the service's spelling.
    pub status: Text,
    /// `EVENT`, `TIMER`, `MANUAL` or `DEBUG`.
    pub trigger_type: Text,
    /// What runs.
    #[serde(deserialize_with = "nullable")]
    pub workflow: Reference,
    /// The class of what it works on.
    #[serde(deserialize_with = "nullable")]
    pub dataclass: Reference,
    /// What it works on.
    pub dataobject_id: Text,
    /// When it began.
    pub start_time: Text,
    /// When it ended; empty until then.
    pub end_time: Text,
    /// How often it was retried.
    pub retry_count: Count,
}

impl WorkflowInstance {
    /// Whether nothing more happens to it by itself. A state that is not known counts as going on.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        ["FINISHED", "FAILED", "TERMINATED"].iter().any(|end| self.status.eq_ignore_ascii_case(end))
    }
}

impl Listed for WorkflowInstance {
    const ITEMS: &'static str = "instances";
    const TOTAL: &'static str = "count";
}

/// Which instances to list.
#[derive(Clone, Debug, Default)]
pub struct InstanceFilter {
    /// Of this workflow.
    pub workflow_id: Option<String>,
    /// In this state.
    pub status: Option<String>,
    /// Begun by this trigger.
    pub trigger_type: Option<String>,
    /// On this data object, such as an alert's id.
    pub dataobject_id: Option<String>,
    /// Begun no earlier, as `2026-02-05T10:00:00.000Z+0800`.
    pub from_date: Option<String>,
    /// Begun no later.
    pub to_date: Option<String>,
    /// Of this name.
    pub name: Option<String>,
}

/// What UpdateWorkflowInstance may ask for. (Its third command, for debugging, is not offered.)
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Command {
    /// Run a failed instance again.
    #[serde(rename = "ActionInstanceRetryCommand")]
    Retry,
    /// End a running instance.
    #[serde(rename = "ActionInstanceTerminateCommand")]
    Terminate,
}

#[derive(Serialize)]
struct Update {
    command_type: Command,
}

/// An answer that only says yes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Done {}

impl Workspace {
    /// ListAopWorkflowInstance, the latest first.
    #[must_use]
    pub fn list_instances(&self, filter: &InstanceFilter) -> Operation<Page<WorkflowInstance>> {
        Operation::new("ListAopWorkflowInstance", Method::GET, self, &["workflows", "instances"], page)
            .with("sort_key", Some("create_time"))
            .with("sort_dir", Some("DESC"))
            .with("workflow_id", filter.workflow_id.as_ref())
            .with("status", filter.status.as_ref())
            .with("trigger_type", filter.trigger_type.as_ref())
            .with("dataobject_id", filter.dataobject_id.as_ref())
            .with("from_date", filter.from_date.as_ref())
            .with("to_date", filter.to_date.as_ref())
            .with("name", filter.name.as_ref())
            .page(PageAt::default())
    }

    /// ShowAopWorkflowInstance, with what each node did if `with_topology`.
    #[must_use]
    pub fn show_instance(&self, instance_id: &str, with_topology: bool) -> Operation<Item<WorkflowInstance>> {
        let segments = ["workflows", "instances", instance_id];
        Operation::new("ShowAopWorkflowInstance", Method::GET, self, &segments, whole)
            .with("show_topology", with_topology.then_some(true))
    }

    /// UpdateWorkflowInstance.
    #[must_use]
    pub fn update_instance(&self, instance_id: &str, command: Command) -> Operation<Item<Done>> {
        let segments = ["workflows", "instances", instance_id];
        Operation::new("UpdateWorkflowInstance", Method::PUT, self, &segments, whole)
            .json(&Update { command_type: command })
    }
}
