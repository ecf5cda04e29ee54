//! How long a route has not been paused: the clock by which its deliveries grow old (promise 6). An outage ages nobody.

use std::time::{Duration, Instant};

/// A clock that stands still while its route is paused.
#[derive(Clone, Copy, Debug)]
pub(super) struct ActiveTime {
    /// When it began, later by all pauses that have ended.
    began: Instant,
    paused_since: Option<Instant>,
}

impl ActiveTime {
    /// A clock that begins now.
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, paused_since: None }
    }

    /// Notes whether the route is paused from now on.
    pub(super) fn set_paused(&mut self, is_paused: bool, now: Instant) {
        if is_paused {
            let _since = self.paused_since.get_or_insert(now);
        } else if let Some(since) = self.paused_since.take() {
            self.began += now.saturating_duration_since(since);
        }
    }

    /// What it shows.
    pub(super) fn at(&self, now: Instant) -> Duration {
        self.paused_since.unwrap_or(now).saturating_duration_since(self.began)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::time::{Duration, Instant};

    use super::ActiveTime;

    #[test]
    fn the_clock_of_a_paused_route_stands_still() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut clock = ActiveTime::new(start);
        assert_eq!(clock.at(at(10)), Duration::from_secs(10));
        clock.set_paused(true, at(10));
        clock.set_paused(true, at(20));
        assert_eq!(clock.at(at(60)), Duration::from_secs(10));
        clock.set_paused(false, at(60));
        clock.set_paused(false, at(61));
        assert_eq!(clock.at(at(65)), Duration::from_secs(15));
    }
}
