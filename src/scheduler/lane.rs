//! The deliveries of one key, in their order.

use std::collections::VecDeque;

use super::DeliveryId;
use crate::domain::Severity;

/// Deliveries that leave one after another. The severities of all members are counted, so that the worst of them is
/// known without a walk.
#[derive(Debug, Default)]
pub(super) struct Members {
    order: VecDeque<(DeliveryId, Severity)>,
    counts: [usize; Severity::ALL.len()],
}

impl Members {
    pub(super) fn push(&mut self, id: DeliveryId, severity: Severity) {
        self.order.push_back((id, severity));
        self.counts[severity as usize] += 1;
    }

    /// The only one that may leave.
    pub(super) fn head(&self) -> Option<DeliveryId> {
        self.order.front().map(|(id, _)| *id)
    }

    pub(super) fn remove(&mut self, id: DeliveryId) {
        if let Some(position) = self.order.iter().position(|(member, _)| *member == id)
            && let Some((_, severity)) = self.order.remove(position)
        {
            self.counts[severity as usize] -= 1;
        }
    }

    /// The worst severity in the lane: what its head leaves with.
    pub(super) fn worst(&self) -> Option<Severity> {
        Severity::ALL.into_iter().rev().find(|severity| self.counts[*severity as usize] > 0)
    }
}
