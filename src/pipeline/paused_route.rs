//! What becomes of a route that stays paused (`delivery.paused_route`): its deliveries wait for ever, or become dead
//! letters of class `target` once they have waited for it for too long.
//!
//! Each waits its whole time, however long the target has been away, so that they go no faster than they come; the
//! dead-letter guard, which would pause the reading that brings the next probe, has no say in what the operator has
//! decided.
//!
//! Probing goes on with one delivery at a time: of those that have not been tried since the target went away, the
//! newest is kept. What may run already is left to its look-up. When its probe has failed it becomes a dead letter, too, and the next one that comes is the probe.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::delivery::OpenDelivery;
use super::flow::Flow;
use crate::domain::{DeadLetterClass, FailureClass};
use crate::ports::{ApiFailure, DeadLetterSink, WorkflowApi};
use crate::scheduler::{DeliveryId, RouteId};

/// Why each route is paused, and for how long that is borne.
#[derive(Debug)]
pub(super) struct PausedRoutes {
    /// `None`: for ever.
    after: Option<Duration>,
    /// The latest answer of each route that said that its target is not there.
    answers: HashMap<RouteId, ApiFailure>,
}

impl PausedRoutes {
    pub(super) fn new(after: Option<Duration>) -> Self {
        Self { after, answers: HashMap::new() }
    }

    /// Remembers what is said of a route's target. Where the latest word is that its project refuses us, credentials
    /// are at fault, for which nothing is given up.
    pub(super) fn answered(&mut self, route: RouteId, failure: &ApiFailure) {
        match failure.class {
            FailureClass::Target if self.after.is_some() => drop(self.answers.insert(route, failure.clone())),
            FailureClass::Credentials => drop(self.answers.remove(&route)),
            _ => {}
        }
    }
}

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Dead-letters what has waited for an absent target for too long.
    pub(super) fn bury_overdue(&mut self, now: Instant) {
        let Some(after) = self.paused_routes.after.filter(|_| !self.is_draining) else { return };
        let overdue: Vec<(RouteId, Instant, ApiFailure)> = self
            .paused_routes
            .answers
            .iter()
            .filter_map(|(route, answer)| Some((*route, self.gates.target_closed_since(*route)?, answer.clone())))
            .filter(|(_, since, _)| now.saturating_duration_since(*since) > after)
            .collect();
        for (route, since, answer) in overdue {
            // Those that wait for another's alert go with that.
            let is_waiting = |d: &OpenDelivery| !d.in_flight && !d.doubt.awaits_look_up() && !d.waits_for_alert();
            let waiting = || self.deliveries.iter().filter(|(_, d)| d.route == route && is_waiting(d));
            let next_probe = waiting().filter(|(_, d)| !d.was_tried_since(since)).map(|(id, _)| *id).max();
            let overdue = waiting().filter(|(_, d)| now.saturating_duration_since(d.created) > after);
            let mut ids: Vec<DeliveryId> = overdue.map(|(id, _)| *id).filter(|id| Some(*id) != next_probe).collect();
            ids.sort_unstable();
            for id in ids {
                self.bury_delivery(id, DeadLetterClass::Target, &answer);
            }
        }
    }
}
