//! The quota: evenly paced departures, never more than the quota in any window of its length (promise 5).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter as Governor};

use super::share::Share;

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

/// What the interval is lengthened by, so that a window cannot hold one more than the quota.
const MARGIN: f64 = 1.01;

/// The part of the window by which a departure may be late and is still booked at the time its token was there:
/// half of the margin. So what a timer is late by does not add up; see [`RateLimit::pace`] for why the quota holds.
const SLACK: u32 = 200;

/// How a bucket fills.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Pace {
    /// The time between two tokens.
    interval: Duration,
    /// How many tokens it holds.
    burst: NonZeroU32,
}

impl RateLimit {
    /// How a bucket fills for this part of the quota; `None` where nothing is to leave.
    ///
    /// A bucket of `burst` tokens, one more each interval T, out of which departures come at most `slack` late, lets at
    /// most `burst + floor((per + slack) / T)` leave in a window. With T one percent above
    /// `per / (requests - burst + 1)` and a slack of half a percent, that is never more than `requests`.
    ///
    /// The burst shrinks with the share. A part of a request per window is paced without burst.
    fn pace(&self, share: Share) -> Option<Pace> {
        let (tokens, burst) = match share {
            Share::Whole(share) => {
                let share = NonZeroU32::new(share)?;
                let burst = u64::from(self.burst.get()) * u64::from(share.get()) / u64::from(self.requests.get());
                let burst = u32::try_from(burst).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
                (f64::from(share.get().saturating_sub(burst.get()) + 1), burst)
            }
            Share::Part(share) => (share, NonZeroU32::MIN),
        };
        let interval = Duration::try_from_secs_f64(self.per.as_secs_f64() / tokens * MARGIN).ok()?;
        Some(Pace { interval, burst })
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

type Tokens = Governor<NotKeyed, InMemoryState, GivenTime, StateInformationMiddleware>;

/// The tokens of one limit. It knows when the next one can be had, and asking costs nothing.
#[derive(Debug)]
pub(super) struct Bucket {
    start: Instant,
    time: GivenTime,
    tokens: Tokens,
    ready_at: Instant,
    slack: Duration,
}

impl Bucket {
    /// An empty bucket: the first token comes one interval from now. What left before, by another bucket or another
    /// process, then counts in no window together with a whole quota of this one.
    ///
    /// `None` where nothing is to leave.
    pub(super) fn empty(limit: &RateLimit, share: Share, now: Instant) -> Option<Self> {
        let Pace { interval, burst } = limit.pace(share)?;
        let time = GivenTime::default();
        let quota = Quota::with_period(interval)?.allow_burst(burst);
        let tokens = Governor::direct_with_clock(quota, time.clone()).with_middleware();
        let mut bucket = Self { start: now, time, tokens, ready_at: now, slack: limit.per / SLACK };
        // As many as it holds: it always has them.
        let _emptied = bucket.tokens.check_n(burst);
        bucket.look();
        Some(bucket)
    }

    /// When a token can be had.
    pub(super) fn ready_at(&self) -> Instant {
        self.ready_at
    }

    /// Takes a token. To be called at or after [`Bucket::ready_at`].
    pub(super) fn spend(&mut self, now: Instant) {
        let booked = now.checked_sub(self.slack).map_or(self.ready_at, |slack| self.ready_at.max(slack));
        let since_start = booked.saturating_duration_since(self.start);
        self.time.0.store(u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        match self.tokens.check() {
            Ok(left) if left.remaining_burst_capacity() > 0 => self.ready_at = booked,
            _ => self.look(),
        }
    }

    /// Finds out when the next token comes. The bucket is empty, and of an empty one a check takes nothing.
    fn look(&mut self) {
        if let Err(refusal) = self.tokens.check() {
            self.ready_at = self.start + refusal.earliest_possible();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::{RateLimit, Share};

    #[test]
    fn a_burst_is_taken_off_the_pace_and_shrinks_with_the_share() {
        let n = |n| NonZeroU32::new(n).unwrap();
        let limit = RateLimit { requests: n(60), per: Duration::from_secs(60), burst: n(20) };
        let pace = |share| limit.pace(share).map(|pace| (pace.interval.as_millis(), pace.burst.get()));
        assert_eq!(pace(Share::Whole(60)), Some((1_478, 20)), "41 a minute and 20 at once");
        assert_eq!(pace(Share::Whole(6)), Some((12_120, 2)));
        assert_eq!(pace(Share::Whole(1)), Some((60_600, 1)));
        assert_eq!(pace(Share::Part(0.5)), Some((121_200, 1)), "one in two windows");
        assert_eq!(pace(Share::Whole(0)), None);
        assert_eq!(pace(Share::Part(0.0)), None);
    }
}
