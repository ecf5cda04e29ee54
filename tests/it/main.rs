//! Integration tests: one binary, one module for each subject.

mod command_line;
mod config_file;
mod kafka_adapter;
mod layering;
mod mapping_formats;
mod metrics_catalogue;
mod secmaster_client;
mod simulator;
mod support;
