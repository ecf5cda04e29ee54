//! The dead-letter guard: so many dead letters that something else must be wrong are held, not written.
//!
//! A wrong mapping or a changed feed makes every record fail. Without a limit they would all be written and committed
//! within minutes, and mending the mapping would not bring them back. It only counts and rules; the letters are the
//! caller's. Deliveries are what is counted: one record may have several.

use std::time::{Duration, Instant};

use super::breaker::{FailureWindow, RatioPolicy};

/// When the guard closes, and what opens it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardPolicy {
    /// So many dead letters without a delivery or skip between them close it; at least 1.
    pub consecutive: u32,
    /// At least this share of dead letters in the window closes it; in (0, 1].
    pub ratio: f64,
    /// How far back the share looks.
    pub window: Duration,
    /// Fewer outcomes than this in the window say nothing of the share.
    pub minimum_records: u32,
    /// So many deliveries since it closed open it; at least 1.
    pub reopen_after: u32,
}

/// Which limit closed the guard.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum GuardLimit {
    /// Dead letters in a row.
    Consecutive,
    /// The share of dead letters.
    Ratio,
}

impl GuardLimit {
    /// The word in the log: the configuration's key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consecutive => "consecutive",
            Self::Ratio => "ratio",
        }
    }
}

/// What the guard says of one dead letter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ruling {
    /// Write it.
    Write,
    /// Write it; it reaches this limit, and those behind it are held.
    WriteAsLast(GuardLimit),
    /// Hold it.
    Hold,
}

#[derive(Clone, Copy, Debug)]
struct Closed {
    since: Instant,
    deliveries: u32,
}

/// Counts dead letters and rules on each. Begins open.
#[derive(Debug)]
pub struct DeadLetterGuard {
    policy: GuardPolicy,
    in_a_row: u32,
    window: FailureWindow,
    closed: Option<Closed>,
}

impl DeadLetterGuard {
    /// A guard that has seen nothing.
    #[must_use]
    pub fn new(policy: GuardPolicy) -> Self {
        let GuardPolicy { ratio, window, minimum_records: minimum, .. } = policy;
        Self { policy, in_a_row: 0, window: FailureWindow::new(RatioPolicy { ratio, window, minimum }), closed: None }
    }

    /// Counts a dead letter and rules on it. One that is held is not counted: it is when it is offered again.
    pub fn dead_letter(&mut self, now: Instant) -> Ruling {
        if self.closed.is_some() {
            return Ruling::Hold;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        let by_ratio = self.window.failure(now);
        let limit = if self.in_a_row >= self.policy.consecutive {
            GuardLimit::Consecutive
        } else if by_ratio {
            GuardLimit::Ratio
        } else {
            return Ruling::Write;
        };
        self.closed = Some(Closed { since: now, deliveries: 0 });
        Ruling::WriteAsLast(limit)
    }

    /// Counts a delivery. Says for how long the guard was closed if this one opens it; counting then begins anew.
    pub fn delivered(&mut self, now: Instant) -> Option<Duration> {
        self.skipped(now);
        let closed = self.closed.as_mut()?;
        closed.deliveries = closed.deliveries.saturating_add(1);
        if closed.deliveries >= self.policy.reopen_after { self.open(now) } else { None }
    }

    /// Counts what was skipped by rule: it was read as it should be, but says nothing of the way to the service.
    pub fn skipped(&mut self, now: Instant) {
        self.in_a_row = 0;
        self.window.success(now);
    }

    /// Opens it. Says for how long it was closed, if it was; counting then begins anew.
    pub fn open(&mut self, now: Instant) -> Option<Duration> {
        let Closed { since, .. } = self.closed.take()?;
        self.in_a_row = 0;
        self.window.clear();
        Some(now.saturating_duration_since(since))
    }

    /// Since when it is closed, if it is.
    #[must_use]
    pub fn closed_since(&self) -> Option<Instant> {
        self.closed.map(|closed| closed.since)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::{DeadLetterGuard, GuardLimit, GuardPolicy, Ruling};

    const POLICY: GuardPolicy = GuardPolicy {
        consecutive: 10,
        ratio: 0.5,
        window: Duration::from_secs(60),
        minimum_records: 20,
        reopen_after: 3,
    };

    #[test]
    fn so_many_in_a_row_are_written_and_the_next_is_held() {
        let (mut guard, now) = (DeadLetterGuard::new(POLICY), Instant::now());
        for _ in 0..9 {
            assert_eq!(guard.dead_letter(now), Ruling::Write);
        }
        assert_eq!(guard.dead_letter(now), Ruling::WriteAsLast(GuardLimit::Consecutive));
        assert_eq!(guard.dead_letter(now), Ruling::Hold);
        assert_eq!(guard.closed_since(), Some(now));
    }

    #[test]
    fn a_delivery_or_a_skip_breaks_the_row_and_the_share_still_counts() {
        let (mut guard, now) = (DeadLetterGuard::new(POLICY), Instant::now());
        for n in 0..10 {
            if n % 2 == 0 {
                guard.skipped(now)
            } else {
                assert_eq!(guard.delivered(now), None)
            }
            if n < 9 {
                assert_eq!(guard.dead_letter(now), Ruling::Write, "{n}");
            }
        }
        assert_eq!(guard.dead_letter(now), Ruling::WriteAsLast(GuardLimit::Ratio), "10 of 20");
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count_for_the_share() {
        let (mut guard, start) = (DeadLetterGuard::new(POLICY), Instant::now());
        for n in 0..200 {
            let now = start + Duration::from_secs(4 * n);
            guard.skipped(now);
            assert_eq!(
                guard.dead_letter(now + Duration::from_secs(1)),
                Ruling::Write,
                "fewer than 20 in a minute? {n}"
            );
            if n % 2 == 0 {
                assert_eq!(guard.delivered(now), None);
            }
        }
    }

    #[test]
    fn deliveries_open_it_and_skips_do_not() {
        let (mut guard, now) = (DeadLetterGuard::new(POLICY), Instant::now());
        while guard.dead_letter(now) != Ruling::Hold {}
        for _ in 0..100 {
            guard.skipped(now);
        }
        assert_eq!((guard.delivered(now), guard.delivered(now)), (None, None));
        let later = now + Duration::from_secs(7);
        assert_eq!(guard.delivered(later), Some(Duration::from_secs(7)));
        assert_eq!(guard.dead_letter(later), Ruling::Write, "counting begins anew");
        assert_eq!(guard.open(later), None, "there is nothing to open");
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        DeadLetter,
        Delivered,
        Skipped,
        Later,
        Opened,
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let one = prop_oneof![
            20 => Just(Event::DeadLetter), 3 => Just(Event::Delivered), 3 => Just(Event::Skipped),
            1 => Just(Event::Later), 1 => Just(Event::Opened),
        ];
        vec(one, 0..600)
    }

    fn policies() -> impl Strategy<Value = GuardPolicy> {
        (1..20_u32, 0.05..1.0_f64, 1..40_u32, 1..5_u32).prop_map(|(consecutive, ratio, minimum, reopen_after)| {
            GuardPolicy { consecutive, ratio, window: Duration::from_secs(60), minimum_records: minimum, reopen_after }
        })
    }

    proptest! {
        /// Whatever happens: never more in a row than the limit, never past the share, nothing while it is closed,
        /// and so many deliveries always open it.
        #[test]
        fn no_more_is_written_than_the_limits_allow(policy in policies(), events in events()) {
            let (mut guard, mut now) = (DeadLetterGuard::new(policy), Instant::now());
            let (mut row, mut bad, mut all, mut deliveries) = (0_u32, 0_u32, 0_u32, 0_u32);
            for event in events {
                let was_closed = guard.closed_since().is_some();
                match event {
                    Event::DeadLetter => {
                        let ruling = guard.dead_letter(now);
                        prop_assert_eq!(ruling == Ruling::Hold, was_closed);
                        if !was_closed {
                            (row, bad, all) = (row + 1, bad + 1, all + 1);
                            let is_over = row >= policy.consecutive
                                || all >= policy.minimum_records && f64::from(bad) >= policy.ratio * f64::from(all);
                            prop_assert_eq!(ruling == Ruling::Write, !is_over);
                        }
                    }
                    Event::Delivered => {
                        (row, all) = (0, all + 1);
                        deliveries = if was_closed { deliveries + 1 } else { 0 };
                        let opens = was_closed && deliveries >= policy.reopen_after;
                        prop_assert_eq!(guard.delivered(now).is_some(), opens);
                        if opens {
                            (row, bad, all, deliveries) = (0, 0, 0, 0);
                        }
                    }
                    Event::Skipped => {
                        (row, all) = (0, all + 1);
                        guard.skipped(now);
                    }
                    Event::Later => {
                        now += policy.window;
                        (bad, all) = (0, 0);
                    }
                    Event::Opened => {
                        prop_assert_eq!(guard.open(now).is_some(), was_closed);
                        if was_closed {
                            (row, bad, all, deliveries) = (0, 0, 0, 0);
                        }
                    }
                }
                prop_assert!(guard.closed_since().is_none_or(|since| since <= now));
            }
        }
    }
}
