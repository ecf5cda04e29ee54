//! Which workflow an alert starts, or why none: an ordered list of rules over the mapped alert.
//!
//! A pure function of alert and configuration (promise 3).

mod destinations;
mod explain;
mod lint;
mod request;
mod settings;
mod table;

pub use explain::RuleTrace;
pub use lint::{lint, lint_ids};
pub use request::{about, body, build, build_alert};
pub use settings::{RouteSettings, RuleSettings};
pub use table::{Decision, RouteError, RouteTable};

/// An alert of this content, which is an object.
#[cfg(test)]
fn alert_of(content: &serde_json::Value) -> crate::domain::Alert {
    use crate::domain::{Alert, DataClass, Severity};
    Alert {
        format: "f".into(),
        part: 0,
        id: "i".to_owned(),
        severity: Severity::High,
        data_class: DataClass { id: None, name: "Alert".into() },
        content: content.as_object().unwrap().clone().into(),
        skip: None,
    }
}
