//! alertbridge: SOC alerts from Kafka to SecMaster workflows. The map of the crate, in reading order.
//!
//! Imports go down only (a test keeps it so):
//! `cli > app > { pipeline | kafka | oauth | secmaster | server | simulator | supervisor } >
//! { config | ports | telemetry | tls } > { routing | letters > mapping | scheduler | resilience | offsets } > domain`.

mod bounded_file;
pub mod domain;

pub mod letters;
pub mod mapping;
pub mod offsets;
pub mod resilience;
pub mod routing;
pub mod scheduler;

pub mod config;
pub mod ports;
pub mod telemetry;
pub mod tls;

pub mod kafka;
pub mod oauth;
pub mod pipeline;
pub mod secmaster;
pub mod server;
pub mod simulator;
pub mod supervisor;

pub mod app;
pub mod cli;

#[cfg(test)]
#[path = "../fuzz/src/targets.rs"]
mod fuzz_targets;
