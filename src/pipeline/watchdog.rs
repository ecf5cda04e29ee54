//! Whether the pipeline stands still although it could move: a bug, and the process is better started anew.
//!
//! Waiting is not standing still: for a gate, a token, a permit, a hold-off, the dead-letter guard or topic, a
//! rebalance, or Kafka. That the loop itself comes round is watched from outside of it, by a thread (`app`).

use std::time::{Duration, Instant};

/// So long may nothing leave although something could; it takes milliseconds.
const LEAVING: Duration = Duration::from_secs(120);

/// A request may be under way for so many times its time-out, which ends it (a token may have to be fetched before, and
/// the request be repeated with it) ...
const TIMEOUTS: u32 = 10;
/// ... and for so long in any case.
const REQUEST: Duration = Duration::from_secs(900);

/// So long may a commit be without an answer while Kafka is reached; librdkafka tries for seconds.
const COMMIT: Duration = Duration::from_secs(900);

/// What stood still.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Stall {
    /// Nothing leaves.
    #[error("deliveries could leave, and none has left for {} s", .0.as_secs())]
    NothingLeaves(Duration),
    /// An attempt does not end.
    #[error("a request has been under way for {} s, past all its time-outs", .0.as_secs())]
    RequestHangs(Duration),
    /// A commit is not answered.
    #[error("a commit has had no answer for {} s, and Kafka is reached", .0.as_secs())]
    CommitUnanswered(Duration),
}

/// What is seen of the pipeline each second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Something is ready, everything would let it go, and the dispatcher waits for nothing.
    pub(super) could_leave: bool,
    /// When the oldest attempt under way left.
    pub(super) oldest_request: Option<Instant>,
    /// Kafka is reached and partitions are ours.
    pub(super) can_commit: bool,
}

/// Decides from what is seen.
#[derive(Debug)]
pub(super) struct Watchdog {
    request_bound: Duration,
    could_leave_since: Option<Instant>,
    commit_asked: Option<Instant>,
}

impl Watchdog {
    pub(super) fn new(request_timeout: Duration) -> Self {
        let request_bound = REQUEST.max(request_timeout.saturating_mul(TIMEOUTS));
        Self { request_bound, could_leave_since: None, commit_asked: None }
    }

    /// A delivery has left.
    pub(super) fn left(&mut self) {
        self.could_leave_since = None;
    }

    /// A commit has been asked for.
    pub(super) fn commit_asked(&mut self, now: Instant) {
        let _since = self.commit_asked.get_or_insert(now);
    }

    /// A commit has been answered, well or not.
    pub(super) fn commit_answered(&mut self) {
        self.commit_asked = None;
    }

    /// What stands still, if anything does.
    pub(super) fn look(&mut self, seen: Seen, now: Instant) -> Option<Stall> {
        self.could_leave_since = seen.could_leave.then(|| self.could_leave_since.unwrap_or(now));
        if !seen.can_commit {
            self.commit_asked = self.commit_asked.map(|_| now);
        }
        let past = |since: Option<Instant>, bound| {
            since.map(|since| now.saturating_duration_since(since)).filter(|lasted| *lasted > bound)
        };
        let leaving = past(self.could_leave_since, LEAVING).map(Stall::NothingLeaves);
        let request = || past(seen.oldest_request, self.request_bound).map(Stall::RequestHangs);
        let commit = || past(self.commit_asked, COMMIT).map(Stall::CommitUnanswered);
        leaving.or_else(request).or_else(commit)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Seen, Stall, Watchdog};

    const IDLE: Seen = Seen { could_leave: false, oldest_request: None, can_commit: true };

    fn watchdog() -> Watchdog {
        Watchdog::new(Duration::from_secs(20))
    }

    /// The first second at which it barks, looking at what `seen` says each second.
    fn barks(watchdog: &mut Watchdog, start: Instant, seen: impl Fn(u64) -> Seen) -> Option<(u64, Stall)> {
        (0..4_000).find_map(|second| {
            let stall = watchdog.look(seen(second), start + Duration::from_secs(second));
            stall.map(|stall| (second, stall))
        })
    }

    #[test]
    fn something_that_could_leave_for_two_minutes_and_does_not_is_a_stall() {
        let (mut watchdog, start) = (watchdog(), Instant::now());
        let barked = barks(&mut watchdog, start, |_| Seen { could_leave: true, ..IDLE });
        assert_eq!(barked, Some((121, Stall::NothingLeaves(Duration::from_secs(121)))));
    }

    #[test]
    fn waiting_in_between_or_a_departure_begins_the_time_anew() {
        let (mut watchdog, start) = (watchdog(), Instant::now());
        assert_eq!(barks(&mut watchdog, start, |second| Seen { could_leave: second % 100 != 0, ..IDLE }), None);
        let mut watchdog = self::watchdog();
        for second in 0..1_000 {
            let now = start + Duration::from_secs(second);
            assert_eq!(watchdog.look(Seen { could_leave: true, ..IDLE }, now), None);
            if second % 60 == 0 {
                watchdog.left();
            }
        }
    }

    #[test]
    fn a_request_far_beyond_its_time_out_is_a_stall_and_a_slow_one_is_not() {
        let (mut watchdog, start) = (watchdog(), Instant::now());
        let barked = barks(&mut watchdog, start, |_| Seen { oldest_request: Some(start), ..IDLE });
        assert_eq!(barked, Some((901, Stall::RequestHangs(Duration::from_secs(901)))));
        let mut patient = Watchdog::new(Duration::from_secs(300));
        let barked = barks(&mut patient, start, |_| Seen { oldest_request: Some(start), ..IDLE });
        assert_eq!(barked.map(|(second, _)| second), Some(3_001), "ten time-outs");
    }

    #[test]
    fn a_commit_without_an_answer_is_a_stall_only_while_kafka_is_reached() {
        let (mut watchdog, start) = (watchdog(), Instant::now());
        watchdog.commit_asked(start);
        let away = |second| Seen { can_commit: second >= 1_000, ..IDLE };
        let barked = barks(&mut watchdog, start, away);
        assert_eq!(barked, Some((1_900, Stall::CommitUnanswered(Duration::from_secs(901)))));
        watchdog.commit_answered();
        assert_eq!(barks(&mut watchdog, start, |_| IDLE), None);
    }
}
