//! Where requests go: URLs and headers of each destination, put together once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderValue;
use percent_encoding::utf8_percent_encode;
use reqwest::Url;

use super::endpoint::Endpoint;
use super::signing::RESERVED;
use crate::domain::Destination;

/// What is the same in all requests to one destination.
#[derive(Debug)]
pub(super) struct Target {
    /// Of CreateWorkflowInstance.
    pub(super) start: Url,
    /// Of ListWorkflowInstances, without its query.
    pub(super) list: Url,
    /// Of CreateAlert.
    pub(super) alerts: Url,
    pub(super) project_id: HeaderValue,
}

/// The targets that were asked for. There are as many as the configuration's routes have destinations.
#[derive(Debug)]
pub(super) struct Targets {
    endpoint: Endpoint,
    known: RwLock<HashMap<Destination, Arc<Target>>>,
}

impl Targets {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, known: RwLock::default() }
    }

    pub(super) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The target of a destination; `None` where its project id cannot stand in a header.
    pub(super) fn of(&self, destination: &Destination) -> Option<Arc<Target>> {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(destination) {
            return Some(Arc::clone(known));
        }
        let Paths { start, list, alerts } = paths(destination);
        let target = Arc::new(Target {
            start: self.endpoint.url(&start, ""),
            list: self.endpoint.url(&list, ""),
            alerts: self.endpoint.url(&alerts, ""),
            project_id: HeaderValue::from_str(&destination.project_id).ok()?,
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(known.entry(destination.clone()).or_insert(target)))
    }
}

struct Paths {
    start: String,
    list: String,
    alerts: String,
}

/// The paths of CreateWorkflowInstance, ListWorkflowInstances and CreateAlert, every id percent-encoded as the vendor's
/// SDK does.
fn paths(to: &Destination) -> Paths {
    let encode = |text| utf8_percent_encode(text, RESERVED);
    let soc = format!("/v1/{}/workspaces/{}/soc", encode(&to.project_id), encode(&to.workspace_id));
    Paths {
        start: format!("{soc}/workflows/{}/instances", encode(&to.workflow_id)),
        list: format!("{soc}/workflows/instances"),
        alerts: format!("{soc}/alerts"),
    }
}
