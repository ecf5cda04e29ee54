//! Keeps a storm of equal warnings readable: the first ones of each window pass, the others are counted.

use std::time::Duration;

use tokio::time::Instant;

/// How long a window lasts: a storm makes one summary line in this time.
const WINDOW: Duration = Duration::from_secs(10);
/// How many lines of a window pass.
const PASSES: u64 = 3;

/// One kind of line. Pure: time is given, lines are written by the caller.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    began: Option<Instant>,
    seen: u64,
}

/// What to do with one line.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Admission {
    /// Whether this line is to be written.
    pub(super) pass: bool,
    /// How many lines of the window that has just ended were kept back: to be said in a summary, if not zero.
    pub(super) suppressed: u64,
}

impl Throttle {
    /// Decides on one line.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        let suppressed = self.take_due(now);
        self.began.get_or_insert(now);
        self.seen += 1;
        Admission { pass: self.seen <= PASSES, suppressed }
    }

    /// Ends the window if its time is over, and tells how many of its lines were kept back.
    pub(super) fn take_due(&mut self, now: Instant) -> u64 {
        match self.began {
            Some(began) if now.saturating_duration_since(began) >= WINDOW => self.take(),
            _ => 0,
        }
    }

    /// Ends the window whatever its time, and tells how many of its lines were kept back.
    pub(super) fn take(&mut self) -> u64 {
        self.began = None;
        std::mem::take(&mut self.seen).saturating_sub(PASSES)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Throttle;

    #[test]
    fn a_storm_is_three_lines_and_then_one_count_each_ten_seconds() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        let passed = (0..1_000).filter(|_| throttle.admit(start).pass).count();
        assert_eq!(passed, 3);
        let later = throttle.admit(start + Duration::from_secs(10));
        assert!(later.pass, "a new window lets lines through again");
        assert_eq!(later.suppressed, 997);
    }

    #[test]
    fn the_end_of_a_storm_is_told_without_another_line() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..5 {
            let _admission = throttle.admit(start);
        }
        assert_eq!(throttle.take_due(start + Duration::from_secs(9)), 0, "the window is still open");
        assert_eq!(throttle.take_due(start + Duration::from_secs(10)), 2);
        assert_eq!(throttle.take_due(start + Duration::from_secs(20)), 0, "said once");
    }

    #[test]
    fn rare_lines_all_pass() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        for second in 0..100 {
            let admission = throttle.admit(start + Duration::from_secs(4 * second));
            assert!(admission.pass && admission.suppressed == 0, "line {second}");
        }
    }
}
