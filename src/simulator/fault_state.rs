//! Decides, for each request, which fault strikes.

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use super::faults::{Chance, Faults, Latency, Service, StatusFault, Throttle, When};

/// The faults in force, what they have done so far, and chance.
#[derive(Debug)]
pub(super) struct FaultState {
    faults: Faults,
    since: Instant,
    struck: Struck,
    passed: VecDeque<Instant>,
    rng: StdRng,
}

/// How often each fault has struck.
#[derive(Debug, Default)]
struct Struck {
    status: Vec<u64>,
    hang: u64,
    reset: u64,
    partial: u64,
}

/// A request over the quota.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Throttled {
    pub(super) throttle: Throttle,
    /// Until the next request would pass.
    pub(super) wait: Duration,
}

/// How an answer is kept from its caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Breakage {
    Hang,
    Reset,
    Partial,
}

impl FaultState {
    pub(super) fn new(faults: Faults, seed: Option<u64>) -> Self {
        let rng = seed.map_or_else(rand::make_rng, StdRng::seed_from_u64);
        let mut state = Self {
            faults: Faults::default(),
            since: Instant::now(),
            struck: Struck::default(),
            passed: VecDeque::new(),
            rng,
        };
        state.replace(faults);
        state
    }

    /// Puts other faults in force. Counts and outage begin anew; the throttle's window goes on.
    pub(super) fn replace(&mut self, faults: Faults) {
        self.struck = Struck { status: vec![0; faults.status.len()], ..Struck::default() };
        self.faults = faults;
        self.since = Instant::now();
    }

    pub(super) const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The status of an outage of this service.
    pub(super) fn outage(&self, of: Service) -> Option<u16> {
        let outage = self.faults.outage.filter(|o| !o.refused && (o.service == of || o.service == Service::All))?;
        self.outage_lasts(outage.for_ms).then_some(outage.status)
    }

    /// Until when connections are refused: `None` not at all, else the end if it has one.
    pub(super) fn refused_until(&self) -> Option<Option<Instant>> {
        let outage = self.faults.outage.filter(|o| o.refused)?;
        self.outage_lasts(outage.for_ms).then(|| outage.for_ms.map(|ms| self.since + Duration::from_millis(ms)))
    }

    fn outage_lasts(&self, for_ms: Option<u64>) -> bool {
        for_ms.is_none_or(|ms| self.since.elapsed() < Duration::from_millis(ms))
    }

    pub(super) fn latency(&mut self) -> Duration {
        match self.faults.latency {
            None => Duration::ZERO,
            Some(Latency::Fixed { ms }) => Duration::from_millis(ms),
            Some(Latency::Between { min_ms, max_ms }) => {
                Duration::from_millis(self.rng.random_range(min_ms..=max_ms.max(min_ms)))
            }
        }
    }

    /// Counts a request against the quota, or says that it is over it.
    pub(super) fn throttled(&mut self) -> Option<Throttled> {
        let throttle = self.faults.throttle?;
        let window = Duration::from_millis(throttle.per_ms);
        let now = Instant::now();
        while self.passed.front().is_some_and(|at| now.duration_since(*at) >= window) {
            let _oldest = self.passed.pop_front();
        }
        if self.passed.len() < throttle.requests {
            self.passed.push_back(now);
            return None;
        }
        let wait = self.passed.front().map_or(window, |oldest| window.saturating_sub(now.duration_since(*oldest)));
        Some(Throttled { throttle, wait })
    }

    /// The first status fault that strikes.
    pub(super) fn status(&mut self) -> Option<StatusFault> {
        let rng = &mut self.rng;
        let mut rows = self.faults.status.iter().zip(&mut self.struck.status);
        rows.find_map(|(fault, count)| strikes(rng, fault.probability, fault.times, count).then(|| fault.clone()))
    }

    /// What breaks at this point.
    pub(super) fn breakage(&mut self, now: When) -> Option<Breakage> {
        let Self { faults, struck, rng, .. } = self;
        let mut draw = |chance: Option<Chance>, count: &mut u64, when: Option<When>| {
            chance
                .filter(|chance| when.unwrap_or(chance.when) == now)
                .is_some_and(|chance| strikes(rng, chance.probability, chance.times, count))
        };
        if draw(faults.hang, &mut struck.hang, None) {
            Some(Breakage::Hang)
        } else if draw(faults.reset, &mut struck.reset, None) {
            Some(Breakage::Reset)
        } else if draw(faults.partial, &mut struck.partial, Some(When::After)) {
            Some(Breakage::Partial)
        } else {
            None
        }
    }
}

fn strikes(rng: &mut StdRng, probability: f64, times: Option<u64>, count: &mut u64) -> bool {
    if times.is_some_and(|times| *count >= times) || !rng.random_bool(probability.clamp(0.0, 1.0)) {
        return false;
    }
    *count += 1;
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::FaultState;
    use crate::simulator::{Faults, StatusFault};

    fn state(faults: &str) -> FaultState {
        FaultState::new(serde_json::from_str::<Faults>(faults).unwrap(), Some(1))
    }

    #[tokio::test(start_paused = true)]
    async fn the_throttles_window_slides() {
        let mut state = state(r#"{"throttle":{"requests":2,"per_ms":1000}}"#);
        assert_eq!(state.throttled(), None);
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(state.throttled(), None);
        assert_eq!(state.throttled().unwrap().wait, Duration::from_millis(400));
        tokio::time::advance(Duration::from_millis(400)).await;
        assert_eq!(state.throttled(), None, "the first has left the window");
        assert!(state.throttled().is_some(), "the second has not");
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_ends_by_itself() {
        let state = state(r#"{"outage":{"for_ms":100}}"#);
        assert_eq!(state.outage(super::Service::Secmaster), Some(503));
        assert_eq!(state.outage(super::Service::Iam), None);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(state.outage(super::Service::Secmaster), None);
    }

    #[tokio::test]
    async fn a_fault_strikes_no_more_often_than_asked_and_the_next_in_the_list_follows() {
        let mut state = state(r#"{"status":[{"status":503,"times":2},{"status":500,"probability":1.0}]}"#);
        let statuses: Vec<u16> = (0..4).filter_map(|_| state.status()).map(|f: StatusFault| f.status).collect();
        assert_eq!(statuses, [503, 503, 500, 500]);
    }

    #[tokio::test]
    async fn a_probability_is_kept_to() {
        let mut state = state(r#"{"status":[{"status":503,"probability":0.05}]}"#);
        let struck = (0..10_000).filter(|_| state.status().is_some()).count();
        assert!((400..600).contains(&struck), "{struck} of 10,000 at 5 %");
    }

    #[test]
    fn a_misspelt_fault_is_refused() {
        assert!(serde_json::from_str::<Faults>(r#"{"latencies":{"ms":1}}"#).is_err());
        assert!(serde_json::from_str::<Faults>(r#"{"latency":{"millis":1}}"#).is_err());
    }
}
