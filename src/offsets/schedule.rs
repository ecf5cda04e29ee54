//! When to commit: each interval, or after many completions, whichever comes first.

use std::time::{Duration, Instant};

/// After this many completions a commit does not wait for its interval.
const COMPLETIONS: u32 = 1_000;

/// Batches commits, so that a busy partition costs one request a second and a crash repeats little.
#[derive(Debug)]
pub struct CommitSchedule {
    interval: Duration,
    last: Instant,
    completions: u32,
}

impl CommitSchedule {
    /// A schedule whose first commit is due one interval from now.
    #[must_use]
    pub fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, last: now, completions: 0 }
    }

    /// Counts a settled record.
    pub fn completed(&mut self) {
        self.completions = self.completions.saturating_add(1);
    }

    /// When the next commit is due at the latest.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.last + self.interval
    }

    /// Whether a commit is due; if so, the next one is scheduled.
    pub fn take_due(&mut self, now: Instant) -> bool {
        let due = self.completions >= COMPLETIONS || now >= self.deadline();
        if due {
            self.last = now;
            self.completions = 0;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::CommitSchedule;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
    fn a_commit_is_due_after_the_interval_or_after_a_thousand_completions() {
        let start = Instant::now();
        let mut schedule = CommitSchedule::new(Duration::from_secs(1), start);
        assert!(!schedule.take_due(start + Duration::from_millis(999)));
        assert!(schedule.take_due(start + Duration::from_secs(1)));
        assert!(!schedule.take_due(start + Duration::from_secs(1)), "taken once");
        for _ in 0..999 {
            schedule.completed();
        }
        assert!(!schedule.take_due(start + Duration::from_secs(1)));
        schedule.completed();
        assert!(schedule.take_due(start + Duration::from_secs(1)));
    }
}
