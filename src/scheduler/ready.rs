//! The deliveries of one route that may leave as soon as the route lets them.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Bound;

use super::DeliveryId;
use crate::domain::Severity;

/// The order in which deliveries leave: the worst first, then the oldest.
pub(super) type Rank = (Reverse<Severity>, DeliveryId);

/// What is ready, by the severity that it leaves with.
#[derive(Debug, Default)]
pub(super) struct ReadyQueue {
    by_severity: [BTreeSet<DeliveryId>; Severity::ALL.len()],
    /// The latest probe.
    probed: Option<Rank>,
}

impl ReadyQueue {
    pub(super) fn insert(&mut self, severity: Severity, id: DeliveryId) {
        let _is_new = self.by_severity[severity as usize].insert(id);
    }

    pub(super) fn remove(&mut self, severity: Severity, id: DeliveryId) {
        let _was_there = self.by_severity[severity as usize].remove(&id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_severity.iter().all(BTreeSet::is_empty)
    }

    /// The worst, then the oldest.
    pub(super) fn worst(&self) -> Option<Rank> {
        self.first_below(Severity::ALL.len())
    }

    /// The oldest, whatever its severity. Within a route ids are as old as they are small.
    pub(super) fn oldest(&self) -> Option<Rank> {
        Severity::ALL.into_iter().filter_map(|severity| self.first_of(severity)).min_by_key(|(_, id)| *id)
    }

    /// The one behind the latest probe, or the worst where there is none.
    pub(super) fn next_probe(&self) -> Option<Rank> {
        let behind = |(Reverse(severity), last): Rank| {
            let rest = (Bound::Excluded(last), Bound::Unbounded);
            let same = self.by_severity[severity as usize].range(rest).next().map(|id| (Reverse(severity), *id));
            same.or_else(|| self.first_below(severity as usize))
        };
        self.probed.and_then(behind).or_else(|| self.worst())
    }

    /// Notes which one a probe leaves with.
    pub(super) fn probed(&mut self, rank: Rank) {
        self.probed = Some(rank);
    }

    /// The first in order among those of lesser severities than that of this number.
    fn first_below(&self, severity: usize) -> Option<Rank> {
        Severity::ALL[..severity].iter().rev().find_map(|severity| self.first_of(*severity))
    }

    fn first_of(&self, severity: Severity) -> Option<Rank> {
        self.by_severity[severity as usize].first().map(|id| (Reverse(severity), *id))
    }
}
