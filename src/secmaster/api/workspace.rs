//! Workspaces.

use std::sync::Arc;

use http::Method;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::lenient::{Flag, Text};
use super::operation::Operation;
use super::page::{Listed, Page, PageAt, page};
use crate::secmaster::signing::RESERVED;

/// A workspace as lists show it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct WorkspaceInfo {
    /// Its UUID.
    pub id: Text,
    /// Its name.
    pub name: Text,
    /// What it is for.
    pub description: Text,
    /// Its region.
    pub region_id: Text,
    /// Its project.
    pub project_id: Text,
    /// Whether it only shows what others hold.
    pub is_view: Flag,
    /// When it was created.
    pub create_time: Text,
}

impl Listed for WorkspaceInfo {
    const ITEMS: &'static str = "workspaces";
    const TOTAL: &'static str = "count";
}

/// Which workspaces to list.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceFilter {
    /// Of this name.
    pub name: Option<String>,
    /// Of this region.
    pub region_id: Option<String>,
    /// Views only, or none.
    pub is_view: Option<bool>,
}

/// ListWorkspaces, of a project.
#[must_use]
pub fn list_workspaces(project_id: &Arc<str>, filter: &WorkspaceFilter) -> Operation<Page<WorkspaceInfo>> {
    let path = format!("/v1/{}/workspaces", utf8_percent_encode(project_id, RESERVED));
    Operation::at("ListWorkspaces", Method::GET, path, project_id, page)
        .with("name", filter.name.as_ref())
        .with("region_id", filter.region_id.as_ref())
        .with("is_view", filter.is_view)
        .page(PageAt::default())
}
