//! Playbooks, their versions, and the workflows hung into these.

use http::Method;
use serde::{Deserialize, Serialize};

use super::Workspace;
use super::lenient::{Count, Flag, Text};
use super::operation::{Item, Operation, data};
use super::page::{Listed, Page, PageAt, page};

/// A playbook (`PlaybookInfo`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Playbook {
    /// Its UUID.
    pub id: Text,
    /// Its name.
    pub name: Text,
    /// What it is for.
    pub description: Text,
    /// Whether it runs at its trigger.
    pub enabled: Flag,
    /// The version that runs.
    pub version: Text,
    /// That version's UUID.
    pub version_id: Text,
    /// The data class that triggers it.
    pub dataclass_name: Text,
    /// When it was changed last.
    pub update_time: Text,
}

impl Listed for Playbook {
    const ITEMS: &'static str = "data";
    const TOTAL: &'static str = "total";
}

/// A playbook's version (`PlaybookVersionListEntity`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct PlaybookVersion {
    /// Its UUID, which actions are added by.
    pub id: Text,
    /// Its name, such as `v1`.
    pub version: Text,
    /// `EDITING`, `APPROVING`, `UNPASSED` or `PUBLISHED`.
    pub status: Text,
    /// Whether it is the one that runs.
    pub enabled: Flag,
    /// `EVENT` or `TIMER`.
    pub trigger_type: Text,
    /// 0 a draft, 1 a formal version.
    pub version_type: Count,
    /// The data class that triggers it.
    pub dataclass_name: Text,
    /// When it was changed last.
    pub update_time: Text,
}

impl Listed for PlaybookVersion {
    const ITEMS: &'static str = "data";
    const TOTAL: &'static str = "total";
}

/// A workflow in a playbook's version (`ActionInfo`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Action {
    /// Its own id.
    pub id: Text,
    /// Its name.
    pub name: Text,
    /// `AOP_WORKFLOW`, though examples spell it otherwise.
    pub action_type: Text,
    /// The workflow's UUID.
    pub action_id: Text,
    /// The version that it is in.
    pub playbook_version_id: Text,
}

/// What CreatePlaybookAction adds (`CreateAction`).
#[derive(Clone, Debug, Serialize)]
pub struct NewAction {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `AOP_WORKFLOW`.
    pub action_type: String,
    /// The workflow's UUID.
    pub action_id: String,
    /// Its place among the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_order: Option<String>,
}

/// Which playbooks to list.
#[derive(Clone, Debug, Default)]
pub struct PlaybookFilter {
    /// Whose name holds this.
    pub name: Option<String>,
    /// Enabled ones only, or disabled ones.
    pub enabled: Option<bool>,
    /// Of this data class.
    pub dataclass_name: Option<String>,
}

/// Which versions to list.
#[derive(Clone, Debug, Default)]
pub struct VersionFilter {
    /// In this state.
    pub status: Option<String>,
    /// Drafts (0) or formal versions (1).
    pub version_type: Option<u8>,
}

impl Workspace {
    /// ListPlaybooks.
    #[must_use]
    pub fn list_playbooks(&self, filter: &PlaybookFilter) -> Operation<Page<Playbook>> {
        Operation::new("ListPlaybooks", Method::GET, self, &["playbooks"], page)
            .with("name", filter.name.as_ref())
            // A number in this call.
            .with("enabled", filter.enabled.map(u8::from))
            .with("dataclass_name", filter.dataclass_name.as_ref())
            .page(PageAt::default())
    }

    /// ShowPlaybook.
    #[must_use]
    pub fn show_playbook(&self, playbook_id: &str) -> Operation<Item<Playbook>> {
        Operation::new("ShowPlaybook", Method::GET, self, &["playbooks", playbook_id], data)
    }

    /// ListPlaybookVersions.
    #[must_use]
    pub fn list_playbook_versions(
        &self,
        playbook_id: &str,
        filter: &VersionFilter,
    ) -> Operation<Page<PlaybookVersion>> {
        Operation::new("ListPlaybookVersions", Method::GET, self, &["playbooks", playbook_id, "versions"], page)
            .with("status", filter.status.as_ref())
            .with("version_type", filter.version_type)
            .page(PageAt::default())
    }

    /// CreatePlaybookAction: hangs workflows into a version. The body is a bare array.
    #[must_use]
    pub fn add_actions(&self, version_id: &str, actions: &[NewAction]) -> Operation<Vec<Item<Action>>> {
        let segments = ["playbooks", "versions", version_id, "actions"];
        Operation::new("CreatePlaybookAction", Method::POST, self, &segments, data).json(&actions)
    }
}
