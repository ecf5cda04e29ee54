//! How many requests the service keeps up with: raised by one as long as it does, halved when it does not (AIMD).
//!
//! Serves promise 4: a service that struggles is not pushed over, and an outage does not meet a full house at its end.

use std::time::Instant;

/// A limit on the requests under way that follows what the service can take.
///
/// It is judged in rounds of as many answers as the limit. At most a tenth of a round failed, and the limit was what
/// held requests back: one more; twice as many until it has been lowered for the first time (from 1, a start would else
/// take long). More failed than chance makes of a tenth: half of it, at least 1. In between it stays. Requests that
/// left before the limit was lowered last say nothing about it.
#[derive(Debug)]
pub struct ConcurrencyLimit {
    max: usize,
    limit: usize,
    lowered_at: Option<Instant>,
    answers: usize,
    failures: usize,
    was_reached: bool,
}

impl ConcurrencyLimit {
    /// A limit that begins at 1 and never passes `max` (at least 1).
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max: max.max(1), limit: 1, lowered_at: None, answers: 0, failures: 0, was_reached: false }
    }

    /// How many requests may be under way.
    #[must_use]
    pub fn get(&self) -> usize {
        self.limit
    }

    /// A request has left; with it so many are under way.
    pub fn sent(&mut self, under_way: usize) {
        self.was_reached |= under_way >= self.limit;
    }

    /// A request that left at `sent_at` was answered; `failed`: the service did not keep up (an error of its own, a
    /// time-out).
    pub fn answered(&mut self, failed: bool, sent_at: Instant, now: Instant) {
        if self.lowered_at.is_some_and(|lowered_at| sent_at < lowered_at) {
            return;
        }
        self.answers += 1;
        self.failures += usize::from(failed);
        if self.answers >= self.limit {
            self.end_round(now);
        }
    }

    fn end_round(&mut self, now: Instant) {
        // How many more failed than a tenth, in tenths. A tenth of n scatters by the root of n/10; beyond twice that it
        // is hardly chance. Without this a few failures would keep small rounds, and so the limit, small.
        let beyond = (self.failures * 10).saturating_sub(self.answers);
        if beyond * beyond > 40 * self.answers {
            self.limit = (self.limit / 2).max(1);
            self.lowered_at = Some(now);
        } else if beyond == 0 && self.was_reached {
            let more = if self.lowered_at.is_none() { self.limit } else { 1 };
            self.limit = (self.limit + more).min(self.max);
        }
        (self.answers, self.failures, self.was_reached) = (0, 0, false);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::ConcurrencyLimit;

    const STEP: Duration = Duration::from_millis(100);

    /// Fills the limit and has all of it answered.
    fn round(limit: &mut ConcurrencyLimit, now: &mut Instant, mut fails: impl FnMut(usize) -> bool) {
        let (sent_at, count) = (*now, limit.get());
        (1..=count).for_each(|under_way| limit.sent(under_way));
        *now += STEP;
        (0..count).for_each(|n| limit.answered(fails(n), sent_at, *now));
    }

    fn grown(max: usize, now: &mut Instant) -> ConcurrencyLimit {
        let mut limit = ConcurrencyLimit::new(max);
        while limit.get() < max {
            round(&mut limit, now, |_| false);
        }
        limit
    }

    #[test]
    fn it_doubles_from_one_until_it_was_lowered_and_then_grows_by_one() {
        let mut now = Instant::now();
        let mut limit = ConcurrencyLimit::new(64);
        let limits: Vec<usize> = (0..8)
            .map(|_| {
                round(&mut limit, &mut now, |_| false);
                limit.get()
            })
            .collect();
        assert_eq!(limits, [2, 4, 8, 16, 32, 64, 64, 64]);
        round(&mut limit, &mut now, |_| true);
        assert_eq!(limit.get(), 32);
        round(&mut limit, &mut now, |_| false);
        assert_eq!(limit.get(), 33);
    }

    #[test]
    fn a_tenth_of_a_round_may_fail_and_only_what_is_beyond_chance_lowers_it() {
        let mut now = Instant::now();
        let mut limit = grown(40, &mut now);
        round(&mut limit, &mut now, |n| n < 4);
        assert_eq!(limit.get(), 40);
        round(&mut limit, &mut now, |n| n < 8);
        assert_eq!(limit.get(), 40, "between the two it stays");
        round(&mut limit, &mut now, |n| n < 9);
        assert_eq!(limit.get(), 20);
        round(&mut limit, &mut now, |n| n < 2);
        assert_eq!(limit.get(), 21);
        let mut small = grown(4, &mut now);
        round(&mut small, &mut now, |n| n == 0);
        assert_eq!(small.get(), 4);
        round(&mut small, &mut now, |n| n < 2);
        assert_eq!(small.get(), 2);
    }

    #[test]
    fn what_left_before_it_was_lowered_does_not_lower_it_again() {
        let start = Instant::now();
        let mut now = start;
        let mut limit = grown(64, &mut now);
        for _ in 0..64 {
            limit.answered(true, now, now + STEP);
        }
        assert_eq!(limit.get(), 32);
        for _ in 0..200 {
            limit.answered(true, now, now + STEP * 2);
        }
        assert_eq!(limit.get(), 32);
    }

    #[test]
    fn it_does_not_grow_while_it_holds_nobody_back() {
        let now = Instant::now();
        let mut limit = ConcurrencyLimit::new(64);
        for _ in 0..1_000 {
            limit.sent(1);
            limit.answered(false, now, now);
        }
        assert_eq!(limit.get(), 2, "one at a time never reaches two");
    }

    #[test]
    fn a_twentieth_of_random_failures_leaves_most_of_it() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut now = Instant::now();
        let mut limit = ConcurrencyLimit::new(64);
        let mut sum = 0;
        for _ in 0..10_000 {
            round(&mut limit, &mut now, |_| rng.random_bool(0.05));
            sum += limit.get();
        }
        assert!(sum / 10_000 >= 56, "{} on average", sum / 10_000);
    }

    proptest! {
        /// Whatever happened, it is between one and its maximum, and comes back once the service is well.
        #[test]
        fn it_stays_within_its_bounds_and_recovers(
            max in 1_usize..100,
            answers in prop::collection::vec((any::<bool>(), 0_usize..120, 0_u64..1_000), 0..600),
        ) {
            let mut now = Instant::now();
            let mut limit = ConcurrencyLimit::new(max);
            for (failed, under_way, ago) in answers {
                now += Duration::from_millis(100);
                limit.sent(under_way);
                limit.answered(failed, now.checked_sub(Duration::from_millis(ago)).unwrap(), now);
                prop_assert!((1..=max).contains(&limit.get()));
            }
            for _ in 0..max + 2 {
                now += STEP;
                round(&mut limit, &mut now, |_| false);
            }
            prop_assert_eq!(limit.get(), max);
        }
    }
}
