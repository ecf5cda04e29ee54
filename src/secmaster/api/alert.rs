//! Alerts that SecMaster keeps.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Workspace;
use super::lenient::{Count, Text};
use super::operation::{Item, Operation, data, read};

/// An alert in SecMaster (`AlertDetail`). Its content is in the item's document, under `data_object`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Alert {
    /// Its id.
    pub id: Text,
    /// When it was created.
    pub create_time: Text,
    /// When it was changed last.
    pub update_time: Text,
    /// How often it was changed.
    pub version: Count,
}

/// Which alerts ListAlerts finds, and which page of them (its page is in the body).
#[derive(Clone, Debug, Default, Serialize)]
pub struct AlertSearch {
    /// How many at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// How many come before them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// The member to sort by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<String>,
    /// `ASC` or `DESC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// No earlier, as `2023-02-20T00:00:00.000Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_date: Option<String>,
    /// No later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_date: Option<String>,
    /// `{"conditions": [{"name", "data": [member, operator, value]}], "logics": [...]}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
}

impl Workspace {
    /// CreateAlert, with the content that a mapping makes.
    #[must_use]
    pub fn create_alert(&self, content: &Value) -> Operation<Item<Alert>> {
        Operation::new("CreateAlert", Method::POST, self, &["alerts"], data).json(&json!({"data_object": content}))
    }

    /// ShowAlert.
    #[must_use]
    pub fn show_alert(&self, alert_id: &str) -> Operation<Item<Alert>> {
        Operation::new("ShowAlert", Method::GET, self, &["alerts", alert_id], data)
    }

    /// ListAlerts, one page.
    #[must_use]
    pub fn search_alerts(&self, search: &AlertSearch) -> Operation<Vec<Item<Alert>>> {
        // Not a `Page`: that is turned by the query.
        let items = |body: &[u8]| read(body, |document| Vec::deserialize(document.get("data")?).ok());
        Operation::new("ListAlerts", Method::POST, self, &["alerts", "search"], items).json(search)
    }
}
