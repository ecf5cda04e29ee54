//! The calls that are made: method, path, query and body, before anything proves who sends them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method};
use percent_encoding::utf8_percent_encode;
use reqwest::Url;

use super::api::Operation;
use super::endpoint::Endpoint;
use super::signing::RESERVED;
use super::target::Target;
use crate::domain::{AlertRequest, Destination, WorkflowRequest};

/// A hundred versions with their task flows are no small answer.
const LONG_LIST: usize = 10 * 1024 * 1024;

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Its query's names in order, as they are signed.
    pub(super) url: Url,
    pub(super) body: Bytes,
    /// The answer may hold as much as a body of this length.
    pub(super) answer_like: usize,
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
            answer_like: request.body.len(),
            project_id: Arc::clone(&request.destination.project_id),
            project_header: to.project_id.clone(),
        }
    }

    /// CreateAlert.
    pub(super) fn create_alert(to: &Target, request: &AlertRequest) -> Self {
        Self {
            method: Method::POST,
            url: to.alerts.clone(),
            body: request.body.clone(),
            answer_like: request.body.len(),
            project_id: Arc::clone(&request.destination.project_id),
            project_header: to.project_id.clone(),
        }
    }

    /// ShowAlert.
    pub(super) fn find_alert(to: &Target, place: &Destination, alert_id: &str) -> Self {
        let mut url = to.alerts.clone();
        url.set_path(&format!("{}/{}", url.path(), utf8_percent_encode(alert_id, RESERVED)));
        Self {
            method: Method::GET,
            url,
            body: Bytes::new(),
            answer_like: LONG_LIST,
            project_id: Arc::clone(&place.project_id),
            project_header: to.project_id.clone(),
        }
    }

    /// A call of the API by hand; `None` where its project id cannot stand in a header.
    pub(super) fn of<T>(endpoint: &Endpoint, operation: &Operation<T>) -> Option<Self> {
        Some(Self {
            method: operation.method.clone(),
            url: endpoint.url(&operation.path, &operation.encoded_query()),
            body: operation.body.clone(),
            answer_like: LONG_LIST,
            project_header: HeaderValue::from_str(&operation.project_id).ok()?,
            project_id: Arc::clone(&operation.project_id),
        })
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
            answer_like: 0,
            project_id: Arc::clone(&of.project_id),
            project_header: to.project_id.clone(),
        }
    }
}
