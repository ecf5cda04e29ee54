//! Alert formats: which one a record is in, and what it becomes in SecMaster's Alert data class.
//!
//! A mapping is a YAML file of jq expressions (docs/mappings.md); those for common SIEMs are inside the binary. The
//! result is checked against the data class before it is sent, and is a pure function of record and mapping files
//! (promise 3). Whatever a record or a mapping holds, it costs at most a dead letter or a field, never the process.

mod alert_fields;
mod attack;
mod check;
mod cite;
mod compiled;
mod definition;
mod envelope;
mod error;
mod explain;
mod expression;
mod finding;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod given;
mod infer;
mod json;
mod lint;
mod mapper;
mod nested;
mod opening;
mod places;
mod record;
mod schema;
mod selftest;
mod settings;
mod severity;
mod shipped;
mod time;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use alert_fields::{AlertField, alert_fields};
pub use check::FieldFault;
pub use envelope::{is_gzip, text as value_text};
pub use error::MappingError;
pub use explain::{DocumentTrace, Explanation, FieldTrace, IdTrace, PartTrace, SeverityTrace, Tried};
pub use expression::Verdict;
pub use finding::{Finding, Level};
pub use given::{Given, JsonType, alert_field_type};
pub use infer::{NoDraft, infer};
pub use lint::lint_predicate;
pub use mapper::{MapFailure, Mapped, MappedPart, Mapper};
pub use places::At;
pub use selftest::TestFailure;
pub use settings::{MappingSettings, OnInvalidField, OnUnmatched};
pub use time::is_zone_offset;

pub(crate) use error::suggestion as suggest;
pub(crate) use expression::{
    Content, Document, Env, Expression, certain, from_json, reads, words_compared_with, words_ordered_with,
};
pub(crate) use schema::{alert_words, is_alert_field, near_alert_path};
