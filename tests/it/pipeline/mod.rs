//! The pipeline over its three seams, under paused time.

mod ageing;
mod concurrency;
mod delivery;
mod fakes;
mod guard;
mod harness;
mod log;
mod order;
mod outage;
mod paused_route;
mod rates;
mod rebalance;
mod redriven;
mod service;
mod settling;
mod simulation;
mod span;
mod stall;
mod story;
mod verify;
mod verify_in_outages;
mod write_ahead;
