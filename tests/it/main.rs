//! Integration tests: one binary, one module for each subject.
#![cfg(test)] // so that clippy lets what serves the tests unwrap, too

mod check_online;
mod checking;
mod command_line;
mod config_file;
mod deployment;
mod documentation;
mod end_to_end;
mod formats;
mod fuzz_targets;
mod kafka_adapter;
mod layering;
mod metrics_catalogue;
mod pipeline;
mod secmaster_client;
mod secmaster_commands;
mod secrets;
mod security_page;
mod simulator;
#[expect(dead_code, reason = "the shows use the rest")]
mod support;
mod tutorial;
mod upgrades;
