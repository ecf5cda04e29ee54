//! What may leave next: the worst severity first, then the oldest, in order by key (promise 6). No I/O, no clock.
//!
//! Among deliveries that share a lane (the key of their records) only the first may leave, through its retries too;
//! what waits behind it lends it its severity, so that a Fatal is not held up by a Low of the same key.

mod lane;
mod queue;

pub use queue::{DeliveryId, Lane, RouteId, Scheduler, Turn};
