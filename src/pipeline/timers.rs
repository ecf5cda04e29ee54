//! What is to happen later: retries of deliveries and of dead letters.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::letters::LetterId;
use crate::scheduler::DeliveryId;

/// What a timer wakes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Wake {
    Delivery(DeliveryId),
    Letter(LetterId),
}

/// Timers by time. What has ended meanwhile is still woken and finds nothing to do.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Wake)>>,
}

impl Timers {
    pub(super) fn set(&mut self, at: Instant, wake: Wake) {
        self.heap.push(Reverse((at, wake)));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<Wake> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, wake))| wake)
    }
}
