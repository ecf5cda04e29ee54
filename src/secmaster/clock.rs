//! Whether this machine's clock agrees with the service's, by the `Date` of its answers.
//!
//! The gateway refuses signatures whose date is more than a quarter of an hour off. That shows as refused credentials
//! and sends people looking for a bad key, so it is said while it builds up: at each change, though at most
//! once a minute, with the seconds.
//! Signatures are not corrected by it (docs/adr/0024): the clock is to be set, and once it is, a probe goes out at once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{AGE, DATE};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use tokio::time::Instant;

use super::retry_after::server_date;

/// From so many seconds on it is said.
const SAID_FROM: i64 = 60;

/// Said anew when it has changed by this much, and not more often than each [`SAY_EACH`].
const SAID_STEP: i64 = 60;
const SAY_EACH: Duration = Duration::from_secs(60);

/// How far off the gateway takes signatures.
const ACCEPTED_SECONDS: i64 = 15 * 60;

/// The clock's watch.
#[derive(Debug, Default)]
pub(super) struct ClockWatch(Mutex<Skew>);

/// What is known of the clock. Seconds by which ours is ahead.
#[derive(Debug, Default)]
struct Skew {
    /// The header of the last answer that told.
    date: Option<HeaderValue>,
    last: Option<Seen>,
    /// What was said last; zero: that all is well, or nothing.
    said: i64,
    said_at: Option<Instant>,
}

/// The clock at an answer.
#[derive(Clone, Copy, Debug)]
struct Seen {
    seconds: i64,
    /// Our clock, and one that nobody sets.
    clock: Timestamp,
    steady: Instant,
}

/// What is to be said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Change {
    Skewed(i64),
    InStep,
}

impl ClockWatch {
    /// Learns from an answer to a request that was sent and received at these times by our clock.
    pub(super) fn observe(&self, headers: &HeaderMap, sent: Timestamp, received: Timestamp) {
        let date = headers.get(DATE);
        if date == self.skew().date.as_ref() {
            // Of the thousands of answers of one second the first has told all.
            return;
        }
        // A stored answer has the date of another one.
        let Some(theirs) = server_date(headers).filter(|_| !headers.contains_key(AGE)) else { return };
        let seen = Seen { seconds: ahead(theirs, sent, received), clock: received, steady: Instant::now() };
        let change = {
            let mut skew = self.skew();
            skew.date = date.cloned();
            skew.saw(seen)
        };
        match change {
            Some(Change::Skewed(skew_seconds)) => tracing::warn!(
                event = "clock.skewed",
                skew_seconds,
                accepted_seconds = ACCEPTED_SECONDS,
                "this machine's clock differs from the service's: set it (NTP)"
            ),
            Some(Change::InStep) => tracing::info!(event = "clock.in_step", "this machine's clock agrees again"),
            None => {}
        }
    }

    /// By how many seconds our clock was ahead at the last answer that told.
    pub(super) fn skew_seconds(&self) -> Option<i64> {
        self.skew().last.map(|seen| seen.seconds)
    }

    /// Whether the clock was off by more than the gateway takes and has been set since. True once for each time.
    pub(super) fn has_been_set(&self, matters: bool) -> bool {
        matters && self.skew().has_been_set(Timestamp::now(), Instant::now())
    }

    /// A panic while the lock is held leaves nothing half done.
    fn skew(&self) -> MutexGuard<'_, Skew> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Skew {
    fn saw(&mut self, seen: Seen) -> Option<Change> {
        self.last = Some(seen);
        let moved = (seen.seconds - self.said).abs() >= SAID_STEP;
        let is_early = self.said_at.is_some_and(|at| seen.steady.saturating_duration_since(at) < SAY_EACH);
        let change = match (seen.seconds.abs() >= SAID_FROM, self.said != 0) {
            (true, _) if moved => Change::Skewed(seen.seconds),
            // Half of it, so that a skew about the border is not told to and fro.
            (false, true) if seen.seconds.abs() < SAID_FROM / 2 => Change::InStep,
            _ => return None,
        };
        if is_early {
            return None;
        }
        self.said = if change == Change::InStep { 0 } else { seen.seconds };
        self.said_at = Some(seen.steady);
        Some(change)
    }

    fn has_been_set(&mut self, clock: Timestamp, steady: Instant) -> bool {
        let Some(seen) = self.last.filter(|seen| seen.seconds.abs() > ACCEPTED_SECONDS) else { return false };
        let elapsed = i64::try_from(steady.saturating_duration_since(seen.steady).as_secs()).unwrap_or(i64::MAX);
        let moved = clock.duration_since(seen.clock).as_secs().saturating_sub(elapsed);
        let seconds = seen.seconds.saturating_add(moved);
        let is_set = seconds.abs() < ACCEPTED_SECONDS;
        if is_set {
            self.last = Some(Seen { seconds, clock, steady });
        }
        is_set
    }
}

/// By how many seconds ours is ahead at least: the service dated its answer between sending and receiving, and cut the
/// fraction off.
fn ahead(theirs: Timestamp, sent: Timestamp, received: Timestamp) -> i64 {
    let (ours_first, ours_last) = (sent.as_second(), received.as_second());
    let theirs = theirs.as_second();
    if theirs < ours_first - 1 {
        ours_first - theirs
    } else if theirs > ours_last + 1 {
        ours_last - theirs
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use tokio::time::Instant;

    use super::{Change, Seen, Skew, ahead};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_slow_answer_and_the_fraction_of_a_second_are_no_skew() {
        assert_eq!(ahead(at(0), at(0), at(20)), 0);
        assert_eq!(ahead(at(20), at(0), at(20)), 0);
        assert_eq!(ahead(at(-1), at(0), at(20)), 0);
        assert_eq!(ahead(at(-90), at(0), at(20)), 90);
        assert_eq!(ahead(at(90), at(0), at(20)), -70);
    }

    #[tokio::test(start_paused = true)]
    async fn a_skew_is_said_once_for_each_change_and_its_end_too() {
        let mut skew = Skew::default();
        let mut said = Vec::new();
        for (minute, seconds) in [0, 59, 61, 70, -300, -301, -200, -45, -20, 0, 59].into_iter().enumerate() {
            if let Some(change) = skew.saw(Seen { seconds, clock: at(0), steady: Instant::now() }) {
                said.push((minute, change));
            }
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        let expected =
            [(2, Change::Skewed(61)), (4, Change::Skewed(-300)), (6, Change::Skewed(-200)), (8, Change::InStep)];
        assert_eq!(said, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn two_services_that_disagree_are_told_once_a_minute_at_most() {
        let mut skew = Skew::default();
        let mut said = 0;
        for second in 0..600 {
            let seconds = if second % 2 == 0 { 0 } else { 500 };
            said += u32::from(skew.saw(Seen { seconds, clock: at(0), steady: Instant::now() }).is_some());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!(said <= 10, "{said}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_is_noticed_once_and_one_that_only_goes_on_is_not() {
        let mut skew = Skew::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(!skew.has_been_set(at(0), start), "nothing is known");
        let _said = skew.saw(Seen { seconds: 3_600, clock: at(0), steady: start });
        assert!(!skew.has_been_set(at(300), after(300)));
        assert!(!skew.has_been_set(at(300 - 600), after(300)), "set, but not enough");
        assert!(skew.has_been_set(at(300 - 3_595), after(300)));
        assert!(!skew.has_been_set(at(301 - 3_595), after(301)), "once");
        let _said = skew.saw(Seen { seconds: 100, clock: at(0), steady: after(400) });
        assert!(!skew.has_been_set(at(100), after(400)), "it was no trouble");
    }
}
