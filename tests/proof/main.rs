//! The long shows, each by a name of its own: `make proof SHOW=name`.
#![cfg(test)] // so that clippy lets what serves the tests unwrap, too

#[path = "../it/support/mod.rs"]
#[expect(dead_code, reason = "the shows use a part of it")]
mod support;

mod alerts;
mod chaos;
mod credentials;
mod dashboard;
mod deleted;
mod guard;
mod other_clients;
mod outage;
mod quota;
mod redrive;
mod rollout;
mod severity;
mod twenty_thousand;
mod upgrade;
