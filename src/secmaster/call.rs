//! The calls that the bridge makes: method, path, query and body, before anything proves who sends them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method};
use percent_encoding::utf8_percent_encode;
use reqwest::Url;

use super::signing::RESERVED;
use super::target::Target;
use crate::domain::{Destination, WorkflowRequest};

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Its query's names in order, as they are signed.
    pub(super) url: Url,
    pub(super) body: Bytes,
    pub(super) project_id: Arc<str>,
    /// The same for a header.
    pub(super) project_header: HeaderValue,
}

impl Call {
    /// CreateWorkflowInstance.
    pub(super) fn start(to: &Target, request: &WorkflowRequest) -> Self {
        Self {
            method: Method::POST,
            url: to.start.clone(),
            body: request.body.clone(),
            project_id: Arc::clone(&request.destination.project_id),
            project_header: to.project_id.clone(),
        }
    }

    /// ListWorkflowInstances, for one instance of one workflow.
    pub(super) fn find(to: &Target, of: &Destination, action_instance_id: &str) -> Self {
        let encode = |id| utf8_percent_encode(id, RESERVED);
        let (id, workflow_id) = (encode(action_instance_id), encode(&of.workflow_id));
        let mut url = to.list.clone();
        url.set_query(Some(&format!("id={id}&limit=1&workflow_id={workflow_id}")));
        Self {
            method: Method::GET,
            url,
            body: Bytes::new(),
            project_id: Arc::clone(&of.project_id),
            project_header: to.project_id.clone(),
        }
    }
}
