//! How often and how long one delivery is tried.

use std::time::Duration;

use super::Backoff;

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
    /// Whether the budget is spent after this many failed attempts and this time.
    #[must_use]
    pub fn is_spent(&self, failed: u32, spent: Duration) -> bool {
        failed >= self.max_attempts || spent >= self.max_elapsed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, RetryPolicy};

    #[test]
    fn the_budget_is_spent_by_attempts_or_by_time() {
        let backoff = Backoff { initial: Duration::from_millis(1), max: Duration::from_secs(1) };
        let policy = RetryPolicy { max_attempts: 3, max_elapsed: Duration::from_secs(60), backoff };
        assert!(!policy.is_spent(2, Duration::from_secs(59)));
        assert!(policy.is_spent(3, Duration::ZERO));
        assert!(policy.is_spent(1, Duration::from_secs(60)));
    }
}
