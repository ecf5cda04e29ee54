//! When to send, when to wait, when to give up: pure decisions over time that is passed in.
//!
//! Serves promise 4 (an outage is not the record's fault) and promise 5 (never above the quota).

mod backoff;
mod breaker;
mod gate;
mod guard;
mod rate;
mod retry;

pub use backoff::Backoff;
pub use breaker::{BreakerPolicy, FailureWindow, RatioPolicy};
pub use gate::{Admission, Gate, ProbeSchedule};
pub use guard::{DeadLetterGuard, GuardLimit, GuardPolicy, Ruling};
pub use rate::{RateLimit, RateLimiter};
pub use retry::RetryPolicy;
