//! The flow: one record's way from the source to the outcome of each of its deliveries.
//!
//! One loop owns everything (`engine`); what it decides is in the rooms below (offsets, scheduler, resilience) and in
//! the files here, each for one concern of the `flow`. Nothing here knows rdkafka or reqwest: the three seams are the
//! traits of [`crate::ports`].

mod accepted;
mod active_time;
mod alerts;
mod budget;
mod credential_watch;
mod delivery;
mod dispatch;
mod doubt;
mod engine;
mod faults;
mod flow;
mod gates;
mod guarded;
mod handback;
mod held;
mod in_turn;
mod intake;
mod letters;
mod look_up;
mod paused_route;
mod prepare;
mod rates;
mod redriven;
mod report;
mod settings;
mod timers;
mod under_way;
mod verdicts;
mod verify;
mod watchdog;

pub use budget::BudgetLimits;
pub use engine::{Parts, Pipeline, PipelineError};
pub use prepare::Preparer;
pub use settings::{AmbiguousPolicy, InstanceIdMode, Ordering, PipelineSettings, RateSettings};
pub use watchdog::Stall;
