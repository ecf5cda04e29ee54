//! The pipeline over its three seams, under paused time.

mod ageing;
mod delivery;
mod fakes;
mod guard;
mod harness;
mod order;
mod outage;
mod rebalance;
mod service;
mod settling;
mod simulation;
mod verify;
mod write_ahead;
