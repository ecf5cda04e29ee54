//! The rest of SecMaster's API, by hand and for programs: workspaces, workflows and their instances, playbooks and
//! theirs, data classes, alerts.
//!
//! A call is an [`Operation`]: made by a method of [`Workspace`], shown or sent by [`SecMasterClient::call`], a list
//! also read as a stream by [`SecMasterClient::list`]. Answers are read tolerantly, for the vendor's pages, examples and
//! SDK disagree on types; what is not known here is kept as it came. The daemon's own calls do not go through here.
//!
//! Sources: the API's pages and the vendor's Python SDK 3.1.219; tests/sdk holds every request against that SDK's.

mod alert;
mod dataclass;
mod lenient;
mod operation;
mod page;
mod playbook;
mod playbook_instance;
mod workflow;
mod workflow_instance;
mod workspace;

use std::sync::Arc;

pub use alert::{Alert, AlertSearch};
pub use dataclass::{DataClass, DataClassFilter, Field, FieldFilter};
pub use lenient::{Count, Flag, Text};
pub(in crate::secmaster) use operation::read;
pub use operation::{Answer, Deprecation, Item, Operation};
pub use page::{Listed, MAX_PAGE, MAX_REACH, Page, PageAt};
pub use playbook::{Action, NewAction, Playbook, PlaybookFilter, PlaybookVersion, VersionFilter};
pub use playbook_instance::{PlaybookInstance, PlaybookInstanceFilter, PlaybookOperation, Topology};
pub use workflow::{NewWorkflow, Workflow, WorkflowFilter, WorkflowVersion};
pub use workflow_instance::{Command, InstanceFilter, Reference, WorkflowInstance};
pub use workspace::{WorkspaceFilter, WorkspaceInfo, list_workspaces};

use super::SecMasterClient;
use super::call::Call;
use super::response::failure;
use crate::domain::{FailureClass, FailureReason};
use crate::ports::ApiFailure;

/// A workspace of a project: where almost every call goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Workspace {
    /// IAM project id of the region.
    pub project_id: Arc<str>,
    /// The workspace's UUID.
    pub workspace_id: Arc<str>,
}

impl SecMasterClient {
    /// The address that a call goes to, query included.
    #[must_use]
    pub fn url<T>(&self, operation: &Operation<T>) -> String {
        self.endpoint().url(&operation.path, &operation.encoded_query()).into()
    }

    /// Sends a call once, under this client's credentials.
    ///
    /// # Errors
    /// [`ApiFailure`] with status, service code, message, request id and failure class.
    pub async fn call<T>(&self, operation: &Operation<T>) -> Result<Answer<T>, ApiFailure> {
        let call = Call::of(self.endpoint(), operation).ok_or_else(|| {
            let problem = "a project id cannot stand in a header".to_owned();
            failure(FailureClass::Target, FailureReason::TargetNotFound, problem)
        })?;
        let confirmed = self.send(&call, operation.read).await?;
        Ok(Answer {
            what: confirmed.what,
            http_status: confirmed.http_status,
            request_id: confirmed.request_id,
            deprecation: confirmed.deprecation,
        })
    }
}
