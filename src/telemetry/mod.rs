//! What the outside sees of the process: log lines, metrics, health and status.
//!
//! A log line and its metric are one thing: every event is one method of [`Telemetry`], and nothing else in the crate
//! counts. What is written elsewhere are the clients' lines ([`CLIENT_EVENTS`]) and the simulator's. Serves promise 1
//! (one counter and one log line for each outcome) and promise 7 (no credential, token or alert content): the methods
//! take ids and closed lists, never a record, a body or a header.

mod catalogue;
mod events;
mod health;
mod json;
mod log_events;
mod log_level;
mod logging;
mod metrics;
mod pause;
mod status;
mod stdout;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod throttle;

pub use catalogue::{CATALOGUE, Definition, Kind, reference as metrics_reference};
pub use events::{
    AlertEvent, AttemptEvent, Delivery, GuardClosedEvent, GuardOpenedBy, LookUpEvent, OutcomeEvent, PauseEvent,
    StartEvent, Telemetry, Totals,
};
pub use health::{Health, Heart};
pub use log_events::{CLIENT_EVENTS, EVENTS, LogEvent, reference as logging_reference};
pub use log_level::{LogEnded, LogLevelControl};
pub use logging::{LoggingError, init};
pub use metrics::MetricsError;
pub use pause::{BreakerState, PauseReason};
pub use status::{
    Breaker, Buffer, BufferedBySeverity, Credentials, GuardStatus, LAST_DEAD_LETTERS, LastDeadLetter, PartitionStatus,
    Pause, State, Status,
};
pub(crate) use stdout::LinesTogether;
