//! What the tests share.

pub(crate) mod bridge;
pub(crate) mod kafka;
pub(crate) mod pages;
pub(crate) mod world;
