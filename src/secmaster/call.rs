//! The calls that the bridge makes: method, path, query and body, before anything proves who sends them.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use percent_encoding::utf8_percent_encode;

use super::signing::RESERVED;
use crate::domain::{Destination, WorkflowRequest};

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Absolute, percent-encoded.
    pub(super) path: String,
    /// Percent-encoded, its names in order, as they are signed; empty for none.
    pub(super) query: String,
    pub(super) body: Bytes,
    pub(super) project_id: &'a Arc<str>,
}

impl<'a> Call<'a> {
    /// CreateWorkflowInstance.
    pub(super) fn start(request: &'a WorkflowRequest) -> Self {
        let to = &request.destination;
        Self {
            method: Method::POST,
            path: format!("{}/{}/instances", workflows(to), encoded(&to.workflow_id)),
            query: String::new(),
            body: request.body.clone(),
            project_id: &to.project_id,
        }
    }

    /// ListWorkflowInstances, for one instance of one workflow.
    pub(super) fn find(of: &'a Destination, action_instance_id: &str) -> Self {
        let (id, workflow_id) = (encoded(action_instance_id), encoded(&of.workflow_id));
        Self {
            method: Method::GET,
            path: format!("{}/instances", workflows(of)),
            query: format!("id={id}&limit=1&workflow_id={workflow_id}"),
            body: Bytes::new(),
            project_id: &of.project_id,
        }
    }
}

fn workflows(of: &Destination) -> String {
    format!("/v1/{}/workspaces/{}/soc/workflows", encoded(&of.project_id), encoded(&of.workspace_id))
}

/// As the vendor's SDK encodes ids.
fn encoded(id: &str) -> String {
    utf8_percent_encode(id, RESERVED).to_string()
}
