//! The rule that all gates share: what an answer does to one of them, by when its request left (promise 4).

use std::time::{Duration, Instant};

use super::gates::{GateChange, Moved};
use crate::resilience::Gate;
use crate::scheduler::RouteId;
use crate::telemetry::PauseReason;

/// What an answer says about one gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The trouble that it guards against is there.
    Trouble,
    /// It is not.
    Fine,
    /// Neither.
    Nothing,
    /// Neither, and another request might tell: a probe that ended so does not count.
    Lost,
}

/// Trouble before all else.
pub(super) fn verdict(trouble: bool, fine: bool) -> Verdict {
    match (trouble, fine) {
        (true, _) => Verdict::Trouble,
        (false, true) => Verdict::Fine,
        (false, false) => Verdict::Nothing,
    }
}

impl Verdict {
    /// The same, for a gate of which a probe that says nothing costs nothing.
    pub(super) fn or_lost(self) -> Self {
        if self == Self::Nothing { Self::Lost } else { self }
    }
}

/// The gates that an answer has moved.
#[derive(Default)]
pub(super) struct Changes(pub(super) Vec<GateChange>);

impl Changes {
    /// What an answer to a request that left at `sent_at` does to a gate. `cap`: see [`Gate::close`].
    #[expect(clippy::too_many_arguments, reason = "one place for the rule that all gates share")]
    pub(super) fn apply(
        &mut self,
        gate: &mut Gate,
        verdict: Verdict,
        reason: PauseReason,
        route: Option<RouteId>,
        cap: Option<Duration>,
        sent_at: Instant,
        now: Instant,
    ) {
        match verdict {
            // A request that left before the gate was opened: others that left later have shown that it may be open.
            Verdict::Trouble if gate.was_opened_after(sent_at) => gate.probe_said_nothing(),
            Verdict::Trouble => {
                let newly = gate.close(now, cap);
                if let Some(next_probe) = gate.next_probe().filter(|_| newly) {
                    let probe_in = next_probe.saturating_duration_since(now);
                    self.0.push(GateChange { reason, route, to: Moved::Closed { probe_in } });
                }
            }
            Verdict::Fine if gate.closed_since().is_none_or(|closed| sent_at > closed) => {
                if !self.reopen(gate, reason, route, now) {
                    let _proven = gate.reopen(now);
                }
            }
            Verdict::Lost if gate.closed_since().is_none_or(|closed| sent_at > closed) => gate.probe_was_lost(now),
            Verdict::Fine | Verdict::Nothing | Verdict::Lost => gate.probe_said_nothing(),
        }
    }

    /// Says whether the gate was closed; one that was not stays as it is.
    pub(super) fn reopen(
        &mut self,
        gate: &mut Gate,
        reason: PauseReason,
        route: Option<RouteId>,
        now: Instant,
    ) -> bool {
        let was_closed = gate.closed_since().is_some();
        let closed_for = if was_closed { gate.reopen(now) } else { None };
        self.0.extend(closed_for.map(|after| GateChange { reason, route, to: Moved::Opened { after } }));
        was_closed
    }
}
