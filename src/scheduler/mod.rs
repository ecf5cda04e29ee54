//! What may leave next: the worst severity first, then the oldest, in order by key (promise 6). No I/O, no clock.
//!
//! Among deliveries that share a lane (the key of their records) only the first may leave, through its retries too;
//! what waits behind it lends it its severity, so that a Fatal is not held up by a Low of the same key. One departure in
//! ten goes to the oldest delivery that has waited too long, so that a Low is not held up for ever by a flood of Fatals.

mod lane;
mod queue;
mod ready;
#[cfg(test)]
mod tests;

pub use lane::Lane;
pub use queue::{DeliveryId, RouteId, Scheduler, Turn};
