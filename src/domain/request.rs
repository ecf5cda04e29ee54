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
    /// The workflow's UUID; empty where it is about the alerts that the route creates.
    pub workflow_id: Arc<str>,
    /// Whether the alert is created in the workspace before the workflow starts (`create_alert`).
    pub creates_alert: bool,
}

impl Destination {
    /// The same route and workspace as the place of its alerts: where they are created, whatever workflow follows.
    #[must_use]
    pub fn of_alerts(&self) -> Self {
        Self { workflow_id: Arc::from(""), ..self.clone() }
    }

    /// Whether an alert that is created for one of them serves the other, too.
    #[must_use]
    pub fn shares_alerts_with(&self, other: &Self) -> bool {
        self.workspace_id == other.workspace_id && self.project_id == other.project_id
    }
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

/// One CreateAlert request, serialised once like the one above.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AlertRequest {
    /// Where it goes ([`Destination::of_alerts`]).
    pub destination: Destination,
    /// The alert's id that we ask for.
    pub alert_id: String,
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

/// An alert that SecMaster has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Created {
    /// The id that the service answered: ours, or one of its own.
    pub alert_id: String,
    /// The HTTP status (2xx).
    pub http_status: u16,
    /// The answer's `X-Request-Id`.
    pub request_id: Option<String>,
}

/// What a look-up of an alert says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FoundAlert {
    /// It is there.
    Present(Created),
    /// There is no such alert.
    Absent,
    /// The answer says neither.
    Unclear,
}
