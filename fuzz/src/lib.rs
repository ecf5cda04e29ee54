//! The pure layers of the crate, and the fuzz targets over them.
#![allow(dead_code, unused_imports, unreachable_pub)]

#[path = "../../src/bounded_file.rs"]
mod bounded_file;
#[path = "../../src/domain/mod.rs"]
pub mod domain;
#[path = "../../src/mapping/mod.rs"]
pub mod mapping;
#[path = "../../src/routing/mod.rs"]
pub mod routing;
mod targets;

pub fn record(data: &[u8]) {
    targets::record(data);
}

pub fn mapping_file(data: &[u8]) {
    targets::mapping_file(data);
}

pub fn expression(data: &[u8]) {
    targets::expression(data);
}
