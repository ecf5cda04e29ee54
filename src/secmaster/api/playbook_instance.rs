//! Playbook instances: what a trigger set off.

use http::Method;
use serde::{Deserialize, Serialize};

use super::Workspace;
use super::lenient::{Count, Text, nullable};
use super::operation::{Item, Operation, whole};
use super::page::{Listed, Page, PageAt, page};
use super::workflow_instance::Reference;

/// A playbook instance (`PlaybookInstanceInfo`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct PlaybookInstance {
    /// Its id.
    pub id: Text,
    /// Its name.
    pub name: Text,
    /// As a workflow instance's, in the service's spelling.
    pub status: Text,
    /// `EVENT` or `TIMER`.
    pub trigger_type: Text,
    /// What runs.
    #[serde(deserialize_with = "nullable")]
    pub playbook: Reference,
    /// The class of what set it off.
    #[serde(deserialize_with = "nullable")]
    pub dataclass: Reference,
    /// What set it off.
    #[serde(deserialize_with = "nullable")]
    pub dataobject: Reference,
    /// When it began.
    pub start_time: Text,
    /// When it ended.
    pub end_time: Text,
}

impl Listed for PlaybookInstance {
    const ITEMS: &'static str = "instances";
    const TOTAL: &'static str = "count";
}

/// Which instances to list.
#[derive(Clone, Debug, Default)]
pub struct PlaybookInstanceFilter {
    /// In this state.
    pub status: Option<String>,
    /// Of playbooks of this name.
    pub playbook_name: Option<String>,
    /// Set off by this class.
    pub dataclass_name: Option<String>,
    /// Set off by an object of this name.
    pub dataobject_name: Option<String>,
    /// Set off so.
    pub trigger_type: Option<String>,
    /// Begun no earlier, as `2026-02-05T10:00:00.000Z+0800`.
    pub from_date: Option<String>,
    /// Begun no later.
    pub to_date: Option<String>,
}

/// What may be done to an instance.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum PlaybookOperation {
    /// Run it again. At most 100 a day and workspace.
    #[serde(rename = "RETRY")]
    Retry,
    /// End it.
    #[serde(rename = "TERMINATE")]
    Terminate,
}

#[derive(Serialize)]
struct Operate {
    operation: PlaybookOperation,
}

/// The workflows that an instance runs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Topology {
    /// How many there are.
    pub count: Count,
}

impl Workspace {
    /// ListPlaybookInstances.
    #[must_use]
    pub fn list_playbook_instances(&self, filter: &PlaybookInstanceFilter) -> Operation<Page<PlaybookInstance>> {
        Operation::new("ListPlaybookInstances", Method::GET, self, &["playbooks", "instances"], page)
            .with("status", filter.status.as_ref())
            .with("playbook_name", filter.playbook_name.as_ref())
            .with("dataclass_name", filter.dataclass_name.as_ref())
            .with("dataobject_name", filter.dataobject_name.as_ref())
            .with("trigger_type", filter.trigger_type.as_ref())
            .with("from_date", filter.from_date.as_ref())
            .with("to_date", filter.to_date.as_ref())
            .page(PageAt::default())
    }

    /// ShowPlaybookInstance.
    #[must_use]
    pub fn show_playbook_instance(&self, instance_id: &str) -> Operation<Item<PlaybookInstance>> {
        let segments = ["playbooks", "instances", instance_id];
        Operation::new("ShowPlaybookInstance", Method::GET, self, &segments, whole)
    }

    /// ShowPlaybookTopology.
    #[must_use]
    pub fn show_playbook_topology(&self, instance_id: &str) -> Operation<Item<Topology>> {
        let segments = ["playbooks", "instances", instance_id, "topology"];
        Operation::new("ShowPlaybookTopology", Method::GET, self, &segments, whole)
    }

    /// ChangePlaybookInstance (OperatePlaybookInstance).
    #[must_use]
    pub fn operate_playbook_instance(
        &self,
        instance_id: &str,
        operation: PlaybookOperation,
    ) -> Operation<Item<PlaybookInstance>> {
        let segments = ["playbooks", "instances", instance_id, "operation"];
        Operation::new("ChangePlaybookInstance", Method::POST, self, &segments, whole).json(&Operate { operation })
    }
}
