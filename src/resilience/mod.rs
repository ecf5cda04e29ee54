//! When to send, when to wait, when to give up: pure decisions over time that is passed in.
//!
//! Serves promise 4 (an outage is not the record's fault) and promise 5 (never above the quota).

mod backoff;
mod breaker;
mod charges;
mod concurrency;
mod gate;
mod guard;
mod limiter;
mod rate;
mod retry;
mod share;

pub use backoff::Backoff;
pub use breaker::{BreakerPolicy, FailureWindow, RatioPolicy};
pub use charges::{Charge, Charges};
pub use concurrency::ConcurrencyLimit;
pub use gate::{Admission, Gate, ProbeSchedule};
pub use guard::{DeadLetterGuard, GuardLimit, GuardPolicy, Ruling};
pub use limiter::{RateLimiter, RateScope};
pub use rate::RateLimit;
pub use retry::RetryPolicy;
