//! What is asked of SecMaster, and what it answers when all is well.

use std::sync::Arc;

use bytes::Bytes;

/// A workflow in a workspace: where a request goes. Deliveries with equal destinations share their fate
/// when the target is at fault.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Destination {
    /// The name of the route that chose it; `default` for the default workflow.
    pub route: Arc<str>,
    /// IAM project id of the region.
    pub project_id: Arc<str>,
    /// The workspace's UUID.
    pub workspace_id: Arc<str>,
    /// The workflow's UUID.
    pub workflow_id: Arc<str>,
}

/// One CreateWorkflowInstance request, serialised once: every attempt sends the same bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorkflowRequest {
    /// Where it goes.
    pub destination: Destination,
    /// The instance id that we ask for, if any.
    pub action_instance_id: Option<String>,
    /// The JSON body.
    pub body: Bytes,
}

/// A confirmed start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Started {
    /// The instance id that the service answered: ours, or one of its own.
    pub action_instance_id: String,
    /// The HTTP status (2xx).
    pub http_status: u16,
    /// The answer's `X-Request-Id`.
    pub request_id: Option<String>,
}

/// What a look-up of an instance says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Found {
    /// The instance is there: its workflow was started.
    Present {
        /// The instance, and the answer that shows it.
        started: Started,
        /// Its state, in the service's word.
        status: Option<String>,
    },
    /// There is no such instance.
    Absent,
    /// The answer says neither: it shows other instances than the one asked for, or none in a form that is known.
    Unclear,
}
