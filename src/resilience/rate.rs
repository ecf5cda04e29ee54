//! The quota: evenly paced departures, never more than the quota in any window of its length (promise 5).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter as Governor};

/// A quota: so many requests in any window of this length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateLimit {
    /// How many requests a window may hold.
    pub requests: NonZeroU32,
    /// The window's length.
    pub per: Duration,
    /// How many may leave at once after a quiet time; 1 paces evenly. What is more is taken off the pace.
    pub burst: NonZeroU32,
}

impl RateLimit {
    /// The time between two departures at full pace.
    ///
    /// A bucket of `burst` tokens, one more each interval T, lets at most `burst + floor(per / T)` leave in a window.
    /// With T one percent above `per / (requests - burst + 1)` that is never more than `requests`.
    fn interval(&self) -> Duration {
        let paced = self.requests.get().saturating_sub(self.burst.get()) + 1;
        (self.per / paced).mul_f64(1.01)
    }
}

/// governor's clock, set by hand: the time is the one that is passed in.
#[derive(Clone, Debug, Default)]
struct GivenTime(Arc<AtomicU64>);

impl Clock for GivenTime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

type Bucket = Governor<NotKeyed, InMemoryState, GivenTime, NoOpMiddleware<Duration>>;

/// Several limits that hold together.
#[derive(Debug)]
pub struct RateLimiter {
    start: Instant,
    time: GivenTime,
    /// The slowest first: where it holds a departure back, no token of a faster one is spent for nothing.
    buckets: Vec<Bucket>,
    not_before: Instant,
}

impl RateLimiter {
    /// A limiter that starts full. Without limits everything passes.
    #[must_use]
    pub fn new(limits: &[RateLimit], now: Instant) -> Self {
        let time = GivenTime::default();
        let mut limits = limits.to_vec();
        limits.sort_by_key(|limit| std::cmp::Reverse(limit.interval()));
        let bucket = |limit: &RateLimit| {
            let quota = Quota::with_period(limit.interval())?.allow_burst(limit.burst);
            Some(Governor::direct_with_clock(quota, time.clone()))
        };
        // A quota without length (`per: 0`) limits nothing; the configuration refuses it.
        let buckets = limits.iter().filter_map(bucket).collect();
        Self { start: now, time, buckets, not_before: now }
    }

    /// Spends a token for a departure now.
    ///
    /// # Errors
    /// The earliest time at which a token can be had; asking before it costs nothing and gives the same answer.
    pub fn spend(&mut self, now: Instant) -> Result<(), Instant> {
        if now < self.not_before {
            return Err(self.not_before);
        }
        let since_start = now.saturating_duration_since(self.start);
        self.time.0.store(u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        for bucket in &self.buckets {
            if let Err(refusal) = bucket.check() {
                self.not_before = now + refusal.wait_time_from(self.time.now());
                return Err(self.not_before);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::num::NonZeroU32;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{RateLimit, RateLimiter};

    fn limit(requests: u32, per: Duration, burst: u32) -> RateLimit {
        RateLimit { requests: NonZeroU32::new(requests).unwrap(), per, burst: NonZeroU32::new(burst).unwrap() }
    }

    /// Departures of a sender that always has something to send, asking when it was told to.
    fn departures(limits: &[RateLimit], start: Instant, length: Duration) -> Vec<Duration> {
        let mut limiter = RateLimiter::new(limits, start);
        let mut now = start;
        let mut departures = Vec::new();
        while now < start + length {
            match limiter.spend(now) {
                Ok(()) => departures.push(now - start),
                Err(later) => now = later,
            }
        }
        departures
    }

    /// The most departures in any window of this length.
    fn fullest_window(departures: &[Duration], per: Duration) -> usize {
        departures
            .iter()
            .enumerate()
            .map(|(i, from)| departures[i..].iter().take_while(|at| **at - *from < per).count())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn a_quota_of_fifty_a_second_is_used_to_ninety_seven_percent_and_never_passed() {
        let second = Duration::from_secs(1);
        let departures = departures(&[limit(50, second, 1)], Instant::now(), second * 60);
        assert!(fullest_window(&departures, second) <= 50);
        assert!(departures.len() >= 50 * 60 * 97 / 100, "{} departures in a minute", departures.len());
    }

    #[test]
    fn several_limits_hold_together() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let departures = departures(&[limit(10, second, 1), limit(60, minute, 20)], Instant::now(), minute * 10);
        assert!(fullest_window(&departures, second) <= 10);
        assert!(fullest_window(&departures, minute) <= 60);
        assert!(departures.len() > 350, "the minute's quota is what holds: {}", departures.len());
    }

    #[test]
    fn without_limits_everything_passes() {
        let now = Instant::now();
        let mut limiter = RateLimiter::new(&[], now);
        assert!((0..1000).all(|_| limiter.spend(now).is_ok()));
    }

    proptest! {
        /// Any quota, any burst, any times of asking: no window holds more than the quota.
        #[test]
        fn no_window_holds_more_than_the_quota(
            requests in 1_u32..300,
            burst_percent in 0_u32..100,
            per_ms in 50_u64..5_000,
            gaps in prop::collection::vec(0_u64..200_000, 1..600),
        ) {
            let burst = (requests * burst_percent / 100).max(1);
            let per = Duration::from_millis(per_ms);
            let start = Instant::now();
            let mut limiter = RateLimiter::new(&[limit(requests, per, burst)], start);
            let mut now = start;
            let mut departures = Vec::new();
            for gap in gaps {
                now += Duration::from_micros(gap);
                if limiter.spend(now).is_ok() {
                    departures.push(now - start);
                }
            }
            prop_assert!(fullest_window(&departures, per) <= requests as usize);
        }
    }
}
