//! Where requests go: URL and headers of each destination, put together once.

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
    pub(super) url: Url,
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

    /// The target of a destination; `None` where its project id cannot stand in a header.
    pub(super) fn of(&self, destination: &Destination) -> Option<Arc<Target>> {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(destination) {
            return Some(Arc::clone(known));
        }
        let target = Arc::new(Target {
            url: self.endpoint.url(&path(destination), ""),
            project_id: HeaderValue::from_str(&destination.project_id).ok()?,
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(known.entry(destination.clone()).or_insert(target)))
    }
}

/// The path of CreateWorkflowInstance, every id percent-encoded as the vendor's SDK does.
fn path(to: &Destination) -> String {
    let encode = |text| utf8_percent_encode(text, RESERVED);
    format!(
        "/v1/{}/workspaces/{}/soc/workflows/{}/instances",
        encode(&to.project_id),
        encode(&to.workspace_id),
        encode(&to.workflow_id)
    )
}
