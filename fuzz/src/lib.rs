//! The pure layers of the crate, and the fuzz targets over them.
#![allow(dead_code, unused_imports, unreachable_pub)]

#[path = "../../src/domain/mod.rs"]
pub mod domain;
#[path = "../../src/mapping/mod.rs"]
pub mod mapping;
#[path = "../../src/routing/mod.rs"]
pub mod routing;
pub mod targets;
