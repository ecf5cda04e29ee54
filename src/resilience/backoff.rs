//! Exponential backoff with full jitter.

use std::time::Duration;

use rand::{Rng, RngExt};

/// The waits between attempts: before retry n a random time between nothing and `initial * 2^(n-1)`, at most `max`.
///
/// Full jitter spreads the retries of many deliveries that failed together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backoff {
    /// The bound of the first wait.
    pub initial: Duration,
    /// The bound of any wait.
    pub max: Duration,
}

impl Backoff {
    /// The longest possible wait after this many failed attempts (1 for the first).
    #[must_use]
    pub fn bound(&self, failed: u32) -> Duration {
        let factor = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        self.initial.saturating_mul(factor).min(self.max)
    }

    /// A wait after this many failed attempts.
    #[must_use]
    pub fn wait(&self, failed: u32, rng: &mut impl Rng) -> Duration {
        self.bound(failed).mul_f64(rng.random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::Backoff;

    #[test]
    fn bounds_double_up_to_the_maximum() {
        let backoff = Backoff { initial: Duration::from_millis(250), max: Duration::from_secs(30) };
        let bounds: Vec<u128> = [1, 2, 3, 8, 40, u32::MAX].map(|n| backoff.bound(n).as_millis()).to_vec();
        assert_eq!(bounds, [250, 500, 1_000, 30_000, 30_000, 30_000]);
    }

    proptest! {
        #[test]
        fn a_wait_never_exceeds_its_bound(failed in 1_u32.., initial in 1_u64..10_000, max in 1_u64..100_000) {
            let backoff = Backoff { initial: Duration::from_millis(initial), max: Duration::from_millis(max) };
            prop_assert!(backoff.wait(failed, &mut rand::rng()) <= backoff.bound(failed));
            prop_assert!(backoff.bound(failed) <= Duration::from_millis(max));
        }
    }
}
