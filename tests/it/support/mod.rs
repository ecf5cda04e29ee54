//! What the tests share.

pub(crate) mod arrivals;
pub(crate) mod bridge;
pub(crate) mod fleet;
pub(crate) mod kafka;
pub(crate) mod node;
pub(crate) mod pages;
pub(crate) mod probes;
pub(crate) mod redrive;
pub(crate) mod security;
pub(crate) mod token_endpoint;
pub(crate) mod world;
