//! Several limits that hold together, each for the part of its quota that is this replica's (promise 5).

use std::time::Instant;

use super::rate::{Bucket, RateLimit};
use super::share::{GroupShare, Share};
use crate::domain::TopicPartition;

/// Whose a quota is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RateScope {
    /// All replicas of the consumer group use it together.
    Group,
    /// Each process has it for itself.
    Process,
}

/// One limit and what is left of it.
#[derive(Debug)]
struct Limited {
    limit: RateLimit,
    /// `None`: all of it is ours.
    group: Option<GroupShare>,
    in_force: Share,
    /// `None` while nothing of it is ours.
    bucket: Option<Bucket>,
}

/// Limits that hold together. It begins empty, and so does a limit of which another share is ours than before.
#[derive(Debug)]
pub struct RateLimiter {
    start: Instant,
    limits: Vec<Limited>,
    next_raise: Option<Instant>,
}

impl RateLimiter {
    /// A limiter with an interval to its first token; in the group's scope nothing leaves before partitions are
    /// assigned. Without limits everything passes.
    #[must_use]
    pub fn new(limits: &[RateLimit], scope: RateScope, now: Instant) -> Self {
        let limited = |limit: &RateLimit| {
            let group = (scope == RateScope::Group).then(|| GroupShare::new(limit.requests.get(), limit.per));
            let in_force = group.as_ref().map_or_else(|| Share::Whole(limit.requests.get()), GroupShare::share);
            Limited { limit: *limit, group, in_force, bucket: Bucket::empty(limit, in_force, now) }
        };
        // A quota without length (`per: 0`) limits nothing; the configuration refuses it.
        let limits = limits.iter().filter(|limit| !limit.per.is_zero()).map(limited).collect();
        Self { start: now, limits, next_raise: None }
    }

    /// Partitions were added to ours; `all` are those of all subscribed topics. What gives more counts one window of
    /// each limit later, what gives less at once.
    pub fn assign(&mut self, added: &[TopicPartition], all: &[TopicPartition], now: Instant) {
        self.change(now, |share| share.assign(added, all, now));
    }

    /// Partitions are not ours any more, or are about to go.
    pub fn remove(&mut self, gone: &[TopicPartition], now: Instant) {
        self.change(now, |share| share.remove(gone));
    }

    /// Lets what has waited its window count.
    pub fn advance(&mut self, now: Instant) {
        if self.next_raise.is_some_and(|at| at <= now) {
            self.change(now, |share| share.advance(now));
        }
    }

    fn change(&mut self, now: Instant, mut change: impl FnMut(&mut GroupShare)) {
        for limited in &mut self.limits {
            let Some(group) = &mut limited.group else { continue };
            change(group);
            let share = group.share();
            if share != limited.in_force {
                limited.in_force = share;
                limited.bucket = Bucket::empty(&limited.limit, share, now);
            }
        }
        self.next_raise = self.limits.iter().filter_map(|limited| limited.group.as_ref()?.next_raise()).min();
    }

    /// When a share grows next, if one is to.
    #[must_use]
    pub fn next_raise(&self) -> Option<Instant> {
        self.next_raise
    }

    /// When every limit has a token; asking costs nothing. `None` while nothing of some limit is ours.
    #[must_use]
    pub fn ready_at(&self) -> Option<Instant> {
        let later = |latest: Instant, limited: &Limited| Some(latest.max(limited.bucket.as_ref()?.ready_at()));
        self.limits.iter().try_fold(self.start, later)
    }

    /// Whether every limit has a token now.
    #[must_use]
    pub fn is_ready(&self, now: Instant) -> bool {
        self.ready_at().is_some_and(|at| at <= now)
    }

    /// Takes a token of every limit for a departure now. To be called when [`RateLimiter::is_ready`]: none is ever
    /// taken because of a departure that another limit holds back.
    pub fn spend(&mut self, now: Instant) {
        for bucket in self.limits.iter_mut().filter_map(|limited| limited.bucket.as_mut()) {
            bucket.spend(now);
        }
    }

    /// The part of the quota that is ours now, from 0 to 1; of several limits, the least. 1 without limits.
    #[must_use]
    pub fn share(&self) -> f64 {
        let part = |limited: &Limited| limited.in_force.requests() / f64::from(limited.limit.requests.get());
        self.limits.iter().map(part).fold(1.0, f64::min)
    }

    /// The limits that are smaller than the number of partitions they are divided among: of these a window may hold up
    /// to one request for each partition.
    pub fn below(&self, partitions: usize) -> impl Iterator<Item = RateLimit> {
        let is_below = move |limit: &RateLimit| usize::try_from(limit.requests.get()).is_ok_and(|n| n < partitions);
        self.limits.iter().filter(|limited| limited.group.is_some()).map(|limited| limited.limit).filter(is_below)
    }
}

#[cfg(test)]
mod tests;
