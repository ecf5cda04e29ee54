//! Data classes and their fields: what a workspace's `Alert` really has.

use http::Method;
use serde::Deserialize;

use super::Workspace;
use super::lenient::{Flag, Text};
use super::operation::Operation;
use super::page::{Listed, Page, PageAt, page};

/// A data class (`DataClassResponseBody`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct DataClass {
    /// Its UUID.
    pub id: Text,
    /// Its name.
    pub name: Text,
    /// Its code, such as `Alert`.
    pub business_code: Text,
    /// Whether the service brings it.
    pub is_built_in: Flag,
    /// What it holds.
    pub description: Text,
}

impl Listed for DataClass {
    const ITEMS: &'static str = "dataclass_details";
    const TOTAL: &'static str = "total";
}

/// A field of a class (`FieldResponseBody`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Field {
    /// The member's name in an object's content.
    pub field_key: Text,
    /// Its name for people.
    pub name: Text,
    /// Its type.
    pub field_type: Text,
    /// Whether an object must have it.
    pub required: Flag,
    /// Whether it can only be read.
    pub read_only: Flag,
    /// Whether the service brings it.
    pub is_built_in: Flag,
    /// What it holds.
    pub description: Text,
}

impl Listed for Field {
    const ITEMS: &'static str = "field_details";
    const TOTAL: &'static str = "total";
}

/// Which classes to list.
#[derive(Clone, Debug, Default)]
pub struct DataClassFilter {
    /// Of this name.
    pub name: Option<String>,
    /// Of this code.
    pub business_code: Option<String>,
    /// The service's own only, or others.
    pub is_built_in: Option<bool>,
}

/// Which fields to list.
#[derive(Clone, Debug, Default)]
pub struct FieldFilter {
    /// Of this name.
    pub name: Option<String>,
    /// The service's own only, or others.
    pub is_built_in: Option<bool>,
}

impl Workspace {
    /// ListDataclass.
    #[must_use]
    pub fn list_dataclasses(&self, filter: &DataClassFilter) -> Operation<Page<DataClass>> {
        Operation::new("ListDataclass", Method::GET, self, &["dataclasses"], page)
            .with("name", filter.name.as_ref())
            .with("business_code", filter.business_code.as_ref())
            .with("is_built_in", filter.is_built_in)
            .page(PageAt::default())
    }

    /// ListDataclassFields.
    #[must_use]
    pub fn list_dataclass_fields(&self, dataclass_id: &str, filter: &FieldFilter) -> Operation<Page<Field>> {
        Operation::new("ListDataclassFields", Method::GET, self, &["dataclasses", dataclass_id, "fields"], page)
            .with("name", filter.name.as_ref())
            .with("is_built_in", filter.is_built_in)
            .page(PageAt::default())
    }
}
