//! Which workflow an alert starts, or why none: an ordered list of rules over the mapped alert.
//!
//! A pure function of alert and configuration (promise 3).

mod request;
mod settings;
mod table;

pub use request::{body, build};
pub use settings::{RouteSettings, RuleSettings};
pub use table::{Decision, RouteError, RouteTable};
