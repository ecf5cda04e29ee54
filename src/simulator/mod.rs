//! A strict stand-in for SecMaster and IAM, and for whoever else gives out tokens and keys, with faults on demand: for
//! tests, the demo, the bench and users' own trials.
//!
//! It judges every request as the API's pages demand and recomputes signatures from the raw request by its own code, so
//! that a mistake of the client is not repeated here. What the pages leave open is taken leniently. It promises nothing
//! of the real service beyond them: whether that honours a caller's instance id, for one, is unknown, so it plays each
//! of the ways in which it may (`InstanceIds`).

mod admin;
mod answer;
mod api;
mod broken_body;
mod create;
mod fault_state;
mod faults;
mod issuers;
mod persist;
mod query;
mod read;
mod run;
mod server;
mod settings;
mod signature;
mod socket;
mod store;
mod tokens;
mod world;

pub use faults::{
    AlertIds, Chance, FailingRuns, Faults, InstanceIds, Latency, Outage, Reject, RetryAfter, Runs, Service,
    StatusFault, Throttle, When,
};
pub use server::{RunningSimulator, Simulator, SimulatorHandle};
pub use settings::{DEMO_ACCESS_KEY, DEMO_ID_TOKEN, DEMO_SECRET_KEY, IamUser, SimulatorSettings, TlsFiles};
pub use store::{Arrival, CapturedRequest, Instance, Stats};
pub use world::World;
