//! The circuit breaker's count: how many of the last deliveries to a route failed on the way.
//!
//! Opening and probing is a [`super::Gate`]'s work; this only says when.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// When a route's breaker opens, and how it probes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// Opens when at least this share of the deliveries in the window failed; in (0, 1].
    pub failure_ratio: f64,
    /// How far back it looks.
    pub window: Duration,
    /// Fewer deliveries than this in the window never open it.
    pub minimum_requests: u32,
    /// The wait before the first probe.
    pub open_for: Duration,
    /// The longest wait between probes.
    pub max_open_for: Duration,
}

/// A share of failures over a moving window, and of how many deliveries it says anything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioPolicy {
    /// The share; in (0, 1].
    pub ratio: f64,
    /// How far back it looks.
    pub window: Duration,
    /// Fewer deliveries than this in the window say nothing.
    pub minimum: u32,
}

impl From<BreakerPolicy> for RatioPolicy {
    fn from(policy: BreakerPolicy) -> Self {
        Self { ratio: policy.failure_ratio, window: policy.window, minimum: policy.minimum_requests }
    }
}

/// In how many slices the window moves.
const SLICES: u32 = 10;

#[derive(Debug)]
struct Slice {
    from: Instant,
    successes: u32,
    failures: u32,
}

/// Successes and failures over a moving window.
#[derive(Debug)]
pub struct FailureWindow {
    policy: RatioPolicy,
    slices: VecDeque<Slice>,
}

impl FailureWindow {
    /// An empty window.
    #[must_use]
    pub fn new(policy: impl Into<RatioPolicy>) -> Self {
        Self { policy: policy.into(), slices: VecDeque::new() }
    }

    /// Counts a delivery that got through, or was refused for its own sake.
    pub fn success(&mut self, now: Instant) {
        self.slice(now).successes += 1;
    }

    /// Counts a delivery that failed on the way (once, however often it is tried); says whether that
    /// is too many.
    pub fn failure(&mut self, now: Instant) -> bool {
        self.slice(now).failures += 1;
        let failures: u32 = self.slices.iter().map(|slice| slice.failures).sum();
        let all: u32 = failures + self.slices.iter().map(|slice| slice.successes).sum::<u32>();
        all >= self.policy.minimum && f64::from(failures) >= self.policy.ratio * f64::from(all)
    }

    /// Forgets everything: what was in flight when the breaker opened must not count against its closing.
    pub fn clear(&mut self) {
        self.slices.clear();
    }

    fn slice(&mut self, now: Instant) -> &mut Slice {
        let width = self.policy.window / SLICES;
        while self.slices.front().is_some_and(|s| now.saturating_duration_since(s.from) >= self.policy.window) {
            let _old = self.slices.pop_front();
        }
        if self.slices.back().is_none_or(|s| now.saturating_duration_since(s.from) >= width) {
            self.slices.push_back(Slice { from: now, successes: 0, failures: 0 });
        }
        let last = self.slices.len() - 1;
        &mut self.slices[last]
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::time::{Duration, Instant};

    use super::{BreakerPolicy, FailureWindow};

    fn window() -> FailureWindow {
        FailureWindow::new(BreakerPolicy {
            failure_ratio: 0.5,
            window: Duration::from_secs(30),
            minimum_requests: 10,
            open_for: Duration::from_secs(1),
            max_open_for: Duration::from_secs(3),
        })
    }

    #[test]
    fn it_opens_at_the_ratio_and_not_below_the_minimum() {
        let now = Instant::now();
        let mut window = window();
        for _ in 0..5 {
            window.success(now);
        }
        for n in 1..=4 {
            assert!(!window.failure(now), "{n} of {} failed", n + 5);
        }
        assert!(window.failure(now), "5 of 10 failed");
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count() {
        let start = Instant::now();
        let mut window = window();
        for _ in 0..9 {
            assert!(!window.failure(start));
        }
        assert!(!window.failure(start + Duration::from_secs(30)), "the nine are too old");
    }

    #[test]
    fn a_cleared_window_starts_from_nothing() {
        let now = Instant::now();
        let mut window = window();
        for _ in 0..9 {
            window.failure(now);
        }
        window.clear();
        assert!(!window.failure(now));
    }
}
