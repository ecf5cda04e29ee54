//! A gate that an outage closes: what waits behind it costs nothing, and one delivery at a time is sent to see whether
//! the outage is over.
//!
//! Credentials, the quota's hold-off, a target that does not exist and the circuit breaker are all gates; they differ
//! in the waits between probes and in which answers close and open them.

use std::time::{Duration, Instant};

/// The waits between probes: the first after closing, then one for each probe that did not open the gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProbeSchedule {
    /// Fixed waits; the last one repeats.
    Steps(&'static [Duration]),
    /// Doubling from the first to the last.
    Doubling {
        /// The first wait.
        first: Duration,
        /// No wait is longer.
        max: Duration,
    },
}

impl ProbeSchedule {
    /// Credentials and targets: an access key locks for five minutes after more than five bad signatures in a row, so
    /// four probes come within two minutes and every later one after the lock would have passed.
    pub const SYSTEMIC: Self = Self::Steps(&[
        Duration::from_secs(15),
        Duration::from_secs(30),
        Duration::from_secs(60),
        Duration::from_secs(310),
    ]);

    /// The quota: a growing wait, five minutes at most.
    pub const HOLD_OFF: Self = Self::Doubling { first: Duration::from_secs(1), max: Duration::from_secs(300) };

    fn wait(&self, step: u32) -> Duration {
        match self {
            Self::Steps(waits) => {
                let index = usize::try_from(step).unwrap_or(usize::MAX).min(waits.len().saturating_sub(1));
                waits.get(index).copied().unwrap_or_default()
            }
            Self::Doubling { first, max } => {
                first.saturating_mul(1_u32.checked_shl(step).unwrap_or(u32::MAX)).min(*max)
            }
        }
    }
}

/// What a gate says to a delivery that would leave now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// Go.
    Pass,
    /// Go, alone: the answer decides.
    Probe,
    /// Not before this time.
    Wait(Instant),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Open,
    /// Nothing is known yet: one goes first.
    Unproven {
        probing: bool,
    },
    Closed {
        since: Instant,
        step: u32,
        next_probe: Instant,
    },
}

/// One gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gate {
    schedule: ProbeSchedule,
    state: State,
    /// When it was opened last, after it had been closed.
    opened: Option<Instant>,
}

impl Gate {
    /// A gate that lets everything through.
    #[must_use]
    pub const fn open(schedule: ProbeSchedule) -> Self {
        Self { schedule, state: State::Open, opened: None }
    }

    /// A gate that lets one through, and the others once that one has been answered.
    #[must_use]
    pub const fn unproven(schedule: ProbeSchedule) -> Self {
        Self { schedule, state: State::Unproven { probing: false }, opened: None }
    }

    /// Since when the gate is closed, if it is.
    #[must_use]
    pub const fn closed_since(&self) -> Option<Instant> {
        match self.state {
            State::Closed { since, .. } => Some(since),
            State::Open | State::Unproven { .. } => None,
        }
    }

    /// Whether it lets everything through.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether it was opened after this time: what was sent before says nothing of how things are since.
    #[must_use]
    pub fn was_opened_after(&self, sent_at: Instant) -> bool {
        self.opened.is_some_and(|opened| sent_at < opened)
    }

    /// When the next probe may leave, if the gate is closed.
    #[must_use]
    pub const fn next_probe(&self) -> Option<Instant> {
        match self.state {
            State::Closed { next_probe, .. } => Some(next_probe),
            State::Open | State::Unproven { .. } => None,
        }
    }

    /// What it says to a delivery that would leave now. Changes nothing.
    #[must_use]
    pub fn admission(&self, now: Instant) -> Option<Admission> {
        match self.state {
            State::Open => Some(Admission::Pass),
            State::Unproven { probing: false } => Some(Admission::Probe),
            State::Unproven { probing: true } => None,
            State::Closed { next_probe, .. } if next_probe <= now => Some(Admission::Probe),
            State::Closed { next_probe, .. } => Some(Admission::Wait(next_probe)),
        }
    }

    /// A probe leaves. The next one follows after the schedule's wait, even while this one hangs.
    pub fn probe_sent(&mut self, now: Instant) {
        match &mut self.state {
            State::Open => {}
            State::Unproven { probing } => *probing = true,
            State::Closed { step, next_probe, .. } => {
                *step = step.saturating_add(1);
                *next_probe = now + self.schedule.wait(*step);
            }
        }
    }

    /// A probe's answer says nothing about what this gate guards.
    pub fn probe_said_nothing(&mut self) {
        if let State::Unproven { probing } = &mut self.state {
            *probing = false;
        }
    }

    /// A probe has come to no answer that could tell, and does not count: the next one waits no longer than if it had not
    /// left. Else an outage would use up the schedule of another trouble, and its end be noticed late.
    pub fn probe_was_lost(&mut self, now: Instant) {
        if let State::Closed { step, next_probe, .. } = &mut self.state {
            *step = step.saturating_sub(1);
            *next_probe = (*next_probe).min(now + self.schedule.wait(*step));
        }
        self.probe_said_nothing();
    }

    /// Something has changed: the next probe need not wait for its turn. Those after it wait as they would.
    pub fn probe_at(&mut self, at: Instant) {
        if let State::Closed { next_probe, .. } = &mut self.state {
            *next_probe = (*next_probe).min(at);
        }
    }

    /// The trouble is there. A closed gate stays as it is, but for `cap`: no wait from now is longer than that, nor
    /// shorter than the schedule's first. Says whether the gate was not closed before.
    pub fn close(&mut self, now: Instant, cap: Option<Duration>) -> bool {
        let newly = self.closed_since().is_none();
        if newly {
            self.state = State::Closed { since: now, step: 0, next_probe: now + self.schedule.wait(0) };
        }
        if let (State::Closed { next_probe, .. }, Some(cap)) = (&mut self.state, cap) {
            *next_probe = (*next_probe).min(now + cap.max(self.schedule.wait(0)));
        }
        newly
    }

    /// The trouble seems to be over: one goes through first, and the others once that one has been answered.
    pub fn prove(&mut self) {
        self.state = State::Unproven { probing: false };
    }

    /// The trouble is over. Says for how long the gate was closed, if it was.
    pub fn reopen(&mut self, now: Instant) -> Option<Duration> {
        let since = self.closed_since();
        self.state = State::Open;
        self.opened = since.map(|_| now).or(self.opened);
        since.map(|since| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Admission, Gate, ProbeSchedule};

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn bad_credentials_cost_four_probes_in_two_minutes_and_then_one_each_five() {
        let start = Instant::now();
        let mut gate = Gate::open(ProbeSchedule::SYSTEMIC);
        assert!(gate.close(start, None));
        let mut probes = Vec::new();
        for second in 0..900 {
            let now = start + seconds(second);
            if gate.admission(now) == Some(Admission::Probe) {
                gate.probe_sent(now);
                assert!(!gate.close(now, None), "still closed");
                probes.push(second);
            }
        }
        assert_eq!(probes, [15, 45, 105, 415, 725]);
    }

    #[test]
    fn an_unproven_gate_lets_one_through_at_a_time_until_an_answer_proves_it() {
        let now = Instant::now();
        let mut gate = Gate::unproven(ProbeSchedule::SYSTEMIC);
        assert_eq!(gate.admission(now), Some(Admission::Probe));
        gate.probe_sent(now);
        assert_eq!(gate.admission(now), None);
        gate.probe_said_nothing();
        assert_eq!(gate.admission(now), Some(Admission::Probe), "the next one tries");
        gate.probe_sent(now);
        assert_eq!(gate.reopen(now), None, "it was never closed");
        assert_eq!(gate.admission(now), Some(Admission::Pass));
    }

    #[test]
    fn a_hanging_probe_does_not_hold_the_next_one_back() {
        let start = Instant::now();
        let mut gate = Gate::open(ProbeSchedule::Doubling { first: seconds(1), max: seconds(3) });
        gate.close(start, None);
        assert_eq!(gate.admission(start), Some(Admission::Wait(start + seconds(1))));
        gate.probe_sent(start + seconds(1));
        assert_eq!(gate.admission(start + seconds(3)), Some(Admission::Probe));
        gate.probe_sent(start + seconds(3));
        assert_eq!(gate.next_probe(), Some(start + seconds(6)), "never longer than the maximum");
        assert_eq!(gate.reopen(start + seconds(7)), Some(seconds(7)));
    }

    #[test]
    fn a_lost_probe_does_not_lengthen_the_wait() {
        let start = Instant::now();
        let mut gate = Gate::open(ProbeSchedule::HOLD_OFF);
        gate.close(start, None);
        for second in 1..100 {
            assert_eq!(gate.admission(start + seconds(second)), Some(Admission::Probe));
            gate.probe_sent(start + seconds(second));
            gate.probe_was_lost(start + seconds(second));
        }
        gate.probe_sent(start + seconds(100));
        assert_eq!(gate.next_probe(), Some(start + seconds(102)), "one that is under way does");
        let mut first = Gate::unproven(ProbeSchedule::SYSTEMIC);
        first.probe_sent(start);
        first.probe_was_lost(start);
        assert_eq!(first.admission(start), Some(Admission::Probe));
    }

    #[test]
    fn a_change_brings_one_probe_forward_and_no_other() {
        let start = Instant::now();
        let mut gate = Gate::open(ProbeSchedule::SYSTEMIC);
        gate.probe_at(start);
        assert_eq!(gate.admission(start), Some(Admission::Pass), "there is nothing to probe");
        gate.close(start, None);
        gate.probe_at(start + seconds(2));
        assert_eq!(gate.admission(start + seconds(2)), Some(Admission::Probe));
        gate.probe_sent(start + seconds(2));
        assert_eq!(gate.next_probe(), Some(start + seconds(32)));
        gate.probe_at(start + seconds(100));
        assert_eq!(gate.next_probe(), Some(start + seconds(32)), "never later");
    }

    #[test]
    fn a_gate_remembers_when_it_was_opened_and_an_open_one_is_not_opened_again() {
        let start = Instant::now();
        let mut gate = Gate::open(ProbeSchedule::SYSTEMIC);
        assert_eq!(gate.reopen(start + seconds(1)), None);
        assert!(!gate.was_opened_after(start), "it never was closed");
        gate.close(start + seconds(2), None);
        gate.reopen(start + seconds(5));
        assert!(gate.was_opened_after(start + seconds(4)) && !gate.was_opened_after(start + seconds(5)));
        gate.reopen(start + seconds(9));
        assert!(!gate.was_opened_after(start + seconds(6)));
    }

    #[test]
    fn what_the_service_asks_for_caps_the_growing_wait() {
        let start = Instant::now();
        let mut gate = Gate::open(ProbeSchedule::HOLD_OFF);
        gate.close(start, Some(seconds(60)));
        assert_eq!(gate.next_probe(), Some(start + seconds(1)), "the growing wait is shorter than the cap");
        for _ in 0..4 {
            gate.probe_sent(start);
        }
        assert_eq!(gate.next_probe(), Some(start + seconds(16)));
        gate.close(start, Some(seconds(5)));
        assert_eq!(gate.next_probe(), Some(start + seconds(5)));
        gate.close(start, Some(seconds(0)));
        assert_eq!(gate.next_probe(), Some(start + seconds(1)), "no wait at all would be a storm");
    }
}
