//! What one delivery has been charged, attempt by attempt, so that what turns out to be an outage's fault can be given
//! back (promise 4).

use std::time::{Duration, Instant};

/// One attempt: when it left, what it and the wait after it took.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Charge {
    sent_at: Instant,
    cost: Duration,
}

/// The attempts that count against a delivery's budget, oldest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Charges(Vec<Charge>);

impl Charges {
    /// Charges an attempt that left at this time and took so long.
    pub fn add(&mut self, sent_at: Instant, cost: Duration) {
        self.0.push(Charge { sent_at, cost });
    }

    /// Adds the wait after the latest attempt.
    pub fn add_wait(&mut self, wait: Duration) {
        if let Some(latest) = self.0.last_mut() {
            latest.cost += wait;
        }
    }

    /// How many attempts count.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The time that they and the waits after them took.
    #[must_use]
    pub fn spent(&self) -> Duration {
        self.0.iter().map(|charge| charge.cost).sum()
    }

    /// Gives back the attempts that left after this time; all of them where there is none.
    pub fn refund_after(&mut self, last_success: Option<Instant>) {
        self.0.retain(|charge| last_success.is_some_and(|success| charge.sent_at <= success));
    }

    /// Takes the latest attempt out, to be [put back](Charges::put).
    pub fn take_latest(&mut self) -> Option<Charge> {
        self.0.pop()
    }

    /// Puts an attempt back.
    pub fn put(&mut self, charge: Option<Charge>) {
        self.0.extend(charge);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::time::{Duration, Instant};

    use super::Charges;

    #[test]
    fn what_was_charged_since_the_last_success_is_given_back_and_no_more() {
        let start = Instant::now();
        let second = |n| start + Duration::from_secs(n);
        let mut charges = Charges::default();
        for n in 1..=5 {
            charges.add(second(n), Duration::from_secs(1));
            charges.add_wait(Duration::from_secs(n));
        }
        let latest = charges.take_latest();
        charges.refund_after(Some(second(3)));
        assert_eq!((charges.count(), charges.spent()), (3, Duration::from_secs(9)));
        charges.put(latest);
        assert_eq!((charges.count(), charges.spent()), (4, Duration::from_secs(15)));
        charges.refund_after(None);
        assert_eq!(charges.count(), 0, "nobody ever got through");
    }
}
