//! The Helm chart: what it renders is valid, restricted, and accepted by the program; its alert rules fire and do not.
//! `make chart` runs it; tests/chart/fetch.sh sees to helm, promtool and the schemas.
#![cfg(test)] // so that clippy lets what serves the tests unwrap, too

mod manifests;
#[path = "../it/support/pages.rs"]
#[expect(dead_code, reason = "a part of it is used")]
mod pages;
mod pod_security;
mod render;
mod rules;
