//! How often and how long one delivery is tried.

use std::time::Duration;

use super::{Backoff, Charges};

/// The budget of one delivery. Attempts and time that an outage of the target or the quota cost are not charged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RetryPolicy {
    /// How many attempts are made at most, the first included; at least 1.
    pub max_attempts: u32,
    /// How long its attempts and the waits between them may take together before no other one begins.
    pub max_elapsed: Duration,
    /// The waits in between.
    pub backoff: Backoff,
}

impl RetryPolicy {
    /// Whether the budget is spent by these attempts.
    #[must_use]
    pub fn is_spent(&self, charges: &Charges) -> bool {
        charges.count() >= self.max_attempts || charges.spent() >= self.max_elapsed
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Backoff, Charges, RetryPolicy};

    #[test]
    fn the_budget_is_spent_by_attempts_or_by_time() {
        let backoff = Backoff { initial: Duration::from_millis(1), max: Duration::from_secs(1) };
        let policy = RetryPolicy { max_attempts: 3, max_elapsed: Duration::from_secs(60), backoff };
        let is_spent = |attempts: u32, each: u64| {
            let mut charges = Charges::default();
            (0..attempts).for_each(|_| charges.add(Instant::now(), Duration::from_secs(each)));
            policy.is_spent(&charges)
        };
        assert!(!is_spent(2, 29));
        assert!(is_spent(3, 0));
        assert!(is_spent(1, 60));
    }
}
