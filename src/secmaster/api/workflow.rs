//! Workflows and their versions.

use http::Method;
use serde::{Deserialize, Serialize};

use super::Workspace;
use super::lenient::{Flag, Text};
use super::operation::{Item, Operation, data};
use super::page::{Listed, Page, PageAt, page};
use crate::secmaster::confirmation::Confirmation;

/// A workflow (`AopWorkflowInfo`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Workflow {
    /// Its UUID.
    pub id: Text,
    /// Its name.
    pub name: Text,
    /// What it is for.
    pub description: Text,
    /// Whether it may run.
    pub enabled: Flag,
    /// The version that runs; empty until one was activated.
    pub version: Text,
    /// That version's UUID.
    pub version_id: Text,
    /// `NORMAL`, `SURVEY`, `HEMOSTASIS` or `EASE`.
    pub aop_type: Text,
    /// The data class that it works on.
    pub dataclass_id: Text,
    /// That class's name.
    pub dataclass_name: Text,
    /// `IP`, `ACCOUNT` or `DOMAIN`.
    pub labels: Text,
    /// When it was changed last.
    pub update_time: Text,
}

impl Listed for Workflow {
    const ITEMS: &'static str = "data";
    const TOTAL: &'static str = "total";
}

/// A workflow's version (`AopWorkflowVersionInfo`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct WorkflowVersion {
    /// Its UUID.
    pub id: Text,
    /// Its name, such as `v1`.
    pub version: Text,
    /// `pending_submit` to `activated`.
    pub status: Text,
    /// Whether it is the one that runs.
    pub enabled: Flag,
    /// When it was changed last.
    pub update_time: Text,
}

impl Listed for WorkflowVersion {
    const ITEMS: &'static str = "data";
    const TOTAL: &'static str = "total";
}

/// What CreateWorkflow asks for (`CreateAopWorkflowInfo`).
#[derive(Clone, Debug, Serialize)]
pub struct NewWorkflow {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `public_engine`.
    pub engine_type: String,
    /// `NORMAL` general, `SURVEY` investigation, `HEMOSTASIS` containment, `EASE` mitigation.
    pub aop_type: String,
    /// The data class that it works on (a UUID).
    pub dataclass_id: String,
    /// `IP`, `ACCOUNT` or `DOMAIN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
}

/// Which workflows to list.
#[derive(Clone, Debug, Default)]
pub struct WorkflowFilter {
    /// Whose name holds this.
    pub name: Option<String>,
    /// Enabled ones only, or disabled ones.
    pub enabled: Option<bool>,
    /// Of this type.
    pub aop_type: Option<String>,
    /// Of this data class, by its id.
    pub dataclass_id: Option<String>,
    /// Of this data class, by its name.
    pub dataclass_name: Option<String>,
}

impl Workspace {
    /// ListWorkflows.
    #[must_use]
    pub fn list_workflows(&self, filter: &WorkflowFilter) -> Operation<Page<Workflow>> {
        Operation::new("ListWorkflows", Method::GET, self, &["workflows"], page)
            .with("name", filter.name.as_ref())
            .with("enabled", filter.enabled)
            .with("aop_type", filter.aop_type.as_ref())
            .with("dataclass_id", filter.dataclass_id.as_ref())
            .with("dataclass_name", filter.dataclass_name.as_ref())
            .page(PageAt::default())
    }

    /// ShowAopWorkflow.
    #[must_use]
    pub fn show_workflow(&self, workflow_id: &str) -> Operation<Item<Workflow>> {
        Operation::new("ShowAopWorkflow", Method::GET, self, &["workflows", workflow_id], data)
    }

    /// ListAopWorkflowVersions. All of them come at once.
    #[must_use]
    pub fn list_workflow_versions(&self, workflow_id: &str) -> Operation<Page<WorkflowVersion>> {
        let segments = ["workflows", workflow_id, "versions"];
        Operation::new("ListAopWorkflowVersions", Method::GET, self, &segments, page)
    }

    /// CreateAopWorkflow. The new workflow is disabled and has no version.
    #[must_use]
    pub fn create_workflow(&self, workflow: &NewWorkflow) -> Operation<Item<Workflow>> {
        Operation::new("CreateAopWorkflow", Method::POST, self, &["workflows"], data).json(workflow)
    }

    /// CreateWorkflowInstance with a body as `routing::build` makes it. Gives the instance's id.
    #[must_use]
    pub fn run_workflow(&self, workflow_id: &str, body: bytes::Bytes) -> Operation<String> {
        let segments = ["workflows", workflow_id, "instances"];
        let read = Confirmation::<String>::of_start;
        let mut run = Operation::new("CreateWorkflowInstance", Method::POST, self, &segments, read);
        run.body = body;
        run
    }
}
