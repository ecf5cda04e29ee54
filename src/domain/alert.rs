//! A mapped alert: the content of SecMaster's Alert data class and what the bridge needs to know of it.

use std::sync::Arc;

use super::{Fields, Severity};

/// The data class that a content belongs to, as the request names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DataClass {
    /// The data class's id in the workspace (a UUID); optional in the API.
    pub id: Option<Arc<str>>,
    /// The data class's name, `Alert` for all shipped mappings.
    pub name: Arc<str>,
}

/// One alert, mapped and checked: ready to be routed and sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The name of the format that it was read as.
    pub format: Arc<str>,
    /// Which part of the record it is: 0 unless the record was split.
    pub part: u32,
    /// The alert's id, at most 36 characters.
    pub id: String,
    /// Its severity.
    pub severity: Severity,
    /// The data class of the content.
    pub data_class: DataClass,
    /// The data object's fields, in the order in which they are sent.
    pub content: Fields,
    /// Why it starts nothing, where its format's mapping says that it is not to (an update, an all-clear).
    pub skip: Option<Arc<str>>,
}
