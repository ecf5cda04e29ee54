//! All gates together: which delivery may leave now, and what an answer says about each of them (promise 4).

use std::time::{Duration, Instant};

use super::accepted::{Accepted, Told};
use super::active_time::ActiveTime;
use super::verdicts::{Changes, Verdict, verdict};
use crate::domain::{FailureClass, FailureReason};
use crate::ports::ApiFailure;
use crate::resilience::{Admission, BreakerPolicy, FailureWindow, Gate, ProbeSchedule};
use crate::scheduler::{RouteId, Turn};
use crate::telemetry::PauseReason;

/// A gate that was closed or opened, for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct GateChange {
    pub(super) reason: PauseReason,
    /// Whose gate it is; `None` for the process's own.
    pub(super) route: Option<RouteId>,
    pub(super) to: Moved,
}

/// Where a gate moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Moved {
    Closed { probe_in: Duration },
    Opened { after: Duration },
}

/// What a look-up says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Says {
    /// What was asked for is there.
    Present,
    /// It is not, or the answer says neither.
    NotPresent,
    /// It will never be told.
    Refused,
}

#[derive(Debug)]
struct RouteGates {
    target: Gate,
    breaker: Gate,
    window: FailureWindow,
    /// When the breaker closed last, until a request that left after that has shown that it may stay so.
    warming_since: Option<Instant>,
    last_success: Option<Instant>,
    /// The route of the alerts that are created first.
    first: Option<RouteId>,
    /// It is such a route, and leads to others only.
    is_first: bool,
    /// The time for which neither these gates nor those of the process were closed.
    active: ActiveTime,
}

/// The gates of the process (credentials, quota) and of each route (target, breaker).
#[derive(Debug)]
pub(super) struct Gates {
    policy: BreakerPolicy,
    credentials: Gate,
    hold_off: Gate,
    accepted: Accepted,
    routes: Vec<RouteGates>,
}

impl Gates {
    pub(super) fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            credentials: Gate::unproven(ProbeSchedule::SYSTEMIC),
            hold_off: Gate::open(ProbeSchedule::HOLD_OFF),
            accepted: Accepted::default(),
            routes: Vec::new(),
        }
    }

    pub(super) fn add_route(&mut self, now: Instant) -> RouteId {
        let BreakerPolicy { open_for, max_open_for, .. } = self.policy;
        self.routes.push(RouteGates {
            target: Gate::open(ProbeSchedule::SYSTEMIC),
            breaker: Gate::open(ProbeSchedule::Doubling { first: open_for, max: max_open_for }),
            window: FailureWindow::new(self.policy),
            warming_since: None,
            last_success: None,
            first: None,
            is_first: false,
            active: ActiveTime::new(now),
        });
        self.follow_pauses(now);
        RouteId(self.routes.len() - 1)
    }

    /// Deliveries come to a route through another one first.
    pub(super) fn comes_first(&mut self, first: RouteId, then: RouteId) {
        if let Some(gates) = self.routes.get_mut(then.0) {
            gates.first = Some(first);
        }
        if let Some(gates) = self.routes.get_mut(first.0) {
            gates.is_first = true;
        }
    }

    /// Whether any delivery may leave now, as far as the process is concerned.
    pub(super) fn process_admits(&self, now: Instant) -> bool {
        admits(&self.credentials, now) && admits(&self.hold_off, now)
    }

    /// Which delivery of this route may leave now, as far as the route is concerned.
    pub(super) fn turn(&self, route: RouteId, now: Instant) -> Turn {
        let Some(gates) = self.routes.get(route.0) else { return Turn::Nobody };
        let turn = match (gates.target.admission(now), gates.breaker.admission(now)) {
            (Some(Admission::Pass), Some(Admission::Pass)) => Turn::Worst,
            _ if admits(&gates.target, now) && admits(&gates.breaker, now) => Turn::Another,
            _ => Turn::Nobody,
        };
        // A route that is refused for its own sake must not have all the probes of the credentials.
        let is_probe = turn != Turn::Nobody && self.credentials_are_refused();
        if is_probe { Turn::After(self.accepted.in_vain(route)) } else { turn }
    }

    /// For how long this route has not been paused: the clock by which its deliveries grow old.
    pub(super) fn active_time(&self, route: RouteId, now: Instant) -> Duration {
        self.routes.get(route.0).map_or(Duration::ZERO, |gates| gates.active.at(now))
    }

    /// Stops and starts the routes' clocks after a gate has moved.
    fn follow_pauses(&mut self, now: Instant) {
        for index in 0..self.routes.len() {
            let is_paused = self.is_paused(RouteId(index));
            if let Some(gates) = self.routes.get_mut(index) {
                gates.active.set_paused(is_paused, now);
            }
        }
    }

    /// The earliest time at which a closed gate lets its next probe through.
    pub(super) fn next_probe(&self, now: Instant) -> Option<Instant> {
        let routes = self.routes.iter().flat_map(|gates| [&gates.target, &gates.breaker]);
        let all = [&self.credentials, &self.hold_off].into_iter().chain(routes);
        all.filter_map(Gate::next_probe).filter(|at| *at > now).min()
    }

    /// A delivery of this route leaves: a probe, where a gate is not open.
    pub(super) fn sent(&mut self, route: RouteId, now: Instant) {
        self.credentials.probe_sent(now);
        self.hold_off.probe_sent(now);
        if let Some(gates) = self.routes.get_mut(route.0) {
            gates.target.probe_sent(now);
            gates.breaker.probe_sent(now);
        }
    }

    /// What an answer (`None`: a confirmed start) says about the gates. Requests that were sent before a gate closed do
    /// not open it again, except the breaker: any success shows that the target works. Nor do those that were sent
    /// before a gate was opened close it again.
    pub(super) fn answered(
        &mut self,
        route: RouteId,
        failure: Option<&ApiFailure>,
        sent_at: Instant,
        now: Instant,
    ) -> Vec<GateChange> {
        let class = failure.map(|failure| failure.class);
        let is_answer = failure.is_none_or(|failure| failure.http_status.is_some());
        let cap = failure.and_then(|failure| failure.retry_after);
        let mut changes = Changes::default();

        let is_of_route = failure.is_some_and(|failure| self.accepted.is_of_route(route, failure, sent_at));
        let is_refused = class == Some(FailureClass::Credentials);
        let verdict = match verdict(is_refused && !is_of_route, is_answer && !is_refused) {
            // Where it was sent, its signature may have been judged.
            Verdict::Nothing if failure.is_some_and(|f| f.reason == FailureReason::ConnectFailed) => Verdict::Lost,
            verdict => verdict,
        };
        // Where nothing was sent, no key can lock: who gives out tokens and keys says how soon to ask again.
        let told = Told::by_attempt(verdict, sent_at, self.credentials.closed_since());
        let ask_again = cap.filter(|_| failure.is_some_and(|f| f.reason == FailureReason::CredentialsUnavailable));
        changes.apply(&mut self.credentials, verdict, PauseReason::Credentials, None, ask_again, sent_at, now);
        self.accepted.answered(route, told, self.credentials.is_open(), now);
        let verdict = self::verdict(class == Some(FailureClass::Throttled), is_answer).or_lost();
        changes.apply(&mut self.hold_off, verdict, PauseReason::HoldOff, None, cap, sent_at, now);

        if let Some(gates) = self.routes.get_mut(route.0) {
            let works = matches!(class, None | Some(FailureClass::Rejected));
            let verdict = self::verdict(
                class == Some(FailureClass::Target) || is_of_route,
                works || class == Some(FailureClass::Ambiguous) && is_answer,
            )
            .or_lost();
            changes.apply(&mut gates.target, verdict, PauseReason::Target, Some(route), None, sent_at, now);
            let failed = class == Some(FailureClass::Transient) || class == Some(FailureClass::Ambiguous) && !is_answer;
            gates.judge_breaker(self::verdict(failed, works), route, sent_at, now, &mut changes);
            if class.is_none() {
                gates.last_success = Some(now);
            }
        }
        if !changes.0.is_empty() {
            self.follow_pauses(now);
        }
        changes.0
    }

    /// What a look-up says about the gates. That reading works says that the target answers, and nothing of whether a
    /// workflow can be started: only what is found was. Nor does it say anything where reading is refused for good.
    pub(super) fn looked_up(&mut self, route: RouteId, says: Says, sent_at: Instant, now: Instant) -> Vec<GateChange> {
        let mut changes = Changes::default();
        let refused = says == Says::Refused;
        let credentials = verdict(false, !refused);
        let told = if refused {
            Told::by_attempt(credentials, sent_at, self.credentials.closed_since())
        } else {
            Told::Nothing
        };
        changes.apply(&mut self.credentials, credentials, PauseReason::Credentials, None, None, sent_at, now);
        self.accepted.answered(route, told, self.credentials.is_open(), now);
        changes.apply(&mut self.hold_off, Verdict::Fine, PauseReason::HoldOff, None, None, sent_at, now);
        if let Some(gates) = self.routes.get_mut(route.0) {
            if !refused {
                // Only a create tells whether the target is there, or the outage over: its turn is next.
                gates.target.probe_at(now);
                gates.breaker.probe_at(now);
            }
            gates.judge_breaker(verdict(false, says == Says::Present), route, sent_at, now, &mut changes);
        }
        if !changes.0.is_empty() {
            self.follow_pauses(now);
        }
        changes.0
    }

    /// Whether what is refused to a delivery of this route may be refused to all: its target is away, or the credentials
    /// are not known to be good.
    pub(super) fn is_in_doubt(&self, route: RouteId) -> bool {
        let target = self.routes.get(route.0).map(|gates| &gates.target);
        std::iter::once(&self.credentials).chain(target).any(|gate| !gate.is_open())
    }

    /// Counts a delivery that failed on the way for the first time; the breaker may open.
    pub(super) fn delivery_failed(&mut self, route: RouteId, now: Instant) -> Option<GateChange> {
        let opens = self.routes.get_mut(route.0).is_some_and(|gates| gates.window.failure(now));
        if opens { self.open_breaker(route, now) } else { None }
    }

    /// Opens a route's breaker.
    pub(super) fn open_breaker(&mut self, route: RouteId, now: Instant) -> Option<GateChange> {
        let gates = self.routes.get_mut(route.0)?;
        gates.window.clear();
        gates.warming_since = None;
        let newly = gates.breaker.close(now, None);
        let probe_in = gates.breaker.next_probe()?.saturating_duration_since(now);
        self.follow_pauses(now);
        newly.then_some(GateChange {
            reason: PauseReason::CircuitBreaker,
            route: Some(route),
            to: Moved::Closed { probe_in },
        })
    }

    /// Whether the credentials are refused.
    pub(super) fn credentials_are_refused(&self) -> bool {
        self.credentials.closed_since().is_some()
    }

    /// Lets the next probe of the credentials through now.
    pub(super) fn probe_credentials(&mut self, now: Instant) {
        self.credentials.probe_at(now);
    }

    /// Since when a route's target is not there, if that is so.
    pub(super) fn target_closed_since(&self, route: RouteId) -> Option<Instant> {
        self.routes.get(route.0).and_then(|gates| gates.target.closed_since())
    }

    /// Whether an attempt of this route is spent on an outage: it is not charged to its delivery.
    pub(super) fn is_paused(&self, route: RouteId) -> bool {
        let route = self.routes.get(route.0);
        let route_gates = route.into_iter().flat_map(|gates| [&gates.target, &gates.breaker]);
        [&self.credentials, &self.hold_off].into_iter().chain(route_gates).any(|gate| gate.closed_since().is_some())
    }

    /// When a delivery of this route was last confirmed.
    pub(super) fn last_success(&self, route: RouteId) -> Option<Instant> {
        self.routes.get(route.0).and_then(|gates| gates.last_success)
    }

    /// Whether a delivery of this route has been confirmed since then.
    pub(super) fn succeeded_since(&self, route: RouteId, since: Instant) -> bool {
        self.routes.get(route.0).and_then(|gates| gates.last_success).is_some_and(|at| at > since)
    }

    /// Whether no route at all lets deliveries through.
    pub(super) fn all_routes_closed(&self) -> bool {
        let is_closed = |gates: &RouteGates| [&gates.target, &gates.breaker].iter().any(|g| g.closed_since().is_some());
        let holds_up = |gates: &RouteGates| {
            is_closed(gates) || gates.first.and_then(|first| self.routes.get(first.0)).is_some_and(is_closed)
        };
        !self.routes.is_empty() && self.routes.iter().filter(|gates| !gates.is_first).all(holds_up)
    }

    /// Each route's breaker and whether it is open.
    pub(super) fn breakers(&self) -> impl Iterator<Item = (RouteId, bool)> {
        let state = |(index, gates): (usize, &RouteGates)| (RouteId(index), gates.breaker.closed_since().is_some());
        self.routes.iter().enumerate().map(state)
    }

    /// Every closed gate with its reason and route, the most serious first.
    pub(super) fn closed(&self) -> Vec<(PauseReason, Option<RouteId>, Instant)> {
        let process = [(PauseReason::Credentials, &self.credentials), (PauseReason::HoldOff, &self.hold_off)];
        let process = process.into_iter().map(|(reason, gate)| (reason, None, gate));
        let routes = self.routes.iter().enumerate().flat_map(|(index, gates)| {
            let route = Some(RouteId(index));
            [(PauseReason::Target, route, &gates.target), (PauseReason::CircuitBreaker, route, &gates.breaker)]
        });
        process.chain(routes).filter_map(|(reason, route, gate)| Some((reason, route, gate.closed_since()?))).collect()
    }
}

impl RouteGates {
    /// Any success closes the breaker; then one request goes first, whose failure opens it again at once.
    fn judge_breaker(
        &mut self,
        verdict: Verdict,
        route: RouteId,
        sent_at: Instant,
        now: Instant,
        changes: &mut Changes,
    ) {
        let is_warm_up = self.warming_since.is_some_and(|since| sent_at >= since);
        if verdict == Verdict::Fine {
            if changes.reopen(&mut self.breaker, PauseReason::CircuitBreaker, Some(route), now) {
                // What failed while it was open must not open it again.
                self.window.clear();
                self.breaker.prove();
                self.warming_since = Some(now);
            } else if is_warm_up {
                let _proven = self.breaker.reopen(now);
                self.warming_since = None;
            }
            self.window.success(now);
        } else if is_warm_up {
            changes.apply(&mut self.breaker, verdict, PauseReason::CircuitBreaker, Some(route), None, sent_at, now);
            if verdict == Verdict::Trouble {
                self.warming_since = None;
            }
        }
    }
}

fn admits(gate: &Gate, now: Instant) -> bool {
    matches!(gate.admission(now), Some(Admission::Pass | Admission::Probe))
}
