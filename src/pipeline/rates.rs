//! The quotas: the tenant's, and those of single routes (promise 5). A route without a token waits alone.

use std::sync::Arc;
use std::time::Instant;

use super::settings::RateSettings;
use crate::domain::TopicPartition;
use crate::resilience::{RateLimit, RateLimiter};
use crate::scheduler::RouteId;

/// All limiters, and which of them concerns which route.
#[derive(Debug)]
pub(super) struct Rates {
    tenant: RateLimiter,
    /// By the name of the rule: all its workflows share them.
    routes: Vec<(Arc<str>, RateLimiter)>,
    /// For each route the place of its limiter, if it has one.
    limiter_of: Vec<Option<usize>>,
}

impl Rates {
    pub(super) fn new(settings: &RateSettings, now: Instant) -> Self {
        let limiter = |limits: &[RateLimit]| RateLimiter::new(limits, settings.scope, now);
        Self {
            tenant: limiter(&settings.tenant),
            routes: settings.routes.iter().map(|(name, limits)| (Arc::clone(name), limiter(limits))).collect(),
            limiter_of: Vec::new(),
        }
    }

    /// Makes the next route known: one workflow of the rule of this name.
    pub(super) fn add_route(&mut self, rule: &str) {
        self.limiter_of.push(self.routes.iter().position(|(name, _)| **name == *rule));
    }

    /// Partitions were added to ours; `all` are those of all subscribed topics. Says which limits they are too many
    /// for, each with its rule.
    pub(super) fn assign(
        &mut self,
        added: &[TopicPartition],
        all: &[TopicPartition],
        now: Instant,
    ) -> Vec<(Option<Arc<str>>, RateLimit)> {
        self.each(|limiter| limiter.assign(added, all, now));
        let tenant = self.tenant.below(all.len()).map(|limit| (None, limit));
        let of_rule = |(name, limiter): &'_ (Arc<str>, RateLimiter)| {
            let name = Arc::clone(name);
            limiter.below(all.len()).map(move |limit| (Some(Arc::clone(&name)), limit)).collect::<Vec<_>>()
        };
        tenant.chain(self.routes.iter().flat_map(of_rule)).collect()
    }

    /// Partitions go.
    pub(super) fn remove(&mut self, gone: &[TopicPartition], now: Instant) {
        self.each(|limiter| limiter.remove(gone, now));
    }

    /// Lets shares count that have waited long enough.
    pub(super) fn advance(&mut self, now: Instant) {
        self.each(|limiter| limiter.advance(now));
    }

    fn each(&mut self, change: impl FnMut(&mut RateLimiter)) {
        let routes = self.routes.iter_mut().map(|(_, limiter)| limiter);
        std::iter::once(&mut self.tenant).chain(routes).for_each(change);
    }

    /// Whether a delivery of this route may leave now, as far as the route's own limits are concerned.
    pub(super) fn route_is_ready(&self, route: RouteId, now: Instant) -> bool {
        self.limiter_of(route).is_none_or(|limiter| limiter.is_ready(now))
    }

    /// When the tenant's quota has a token; `None` while nothing of it is ours.
    pub(super) fn tenant_ready_at(&self) -> Option<Instant> {
        self.tenant.ready_at()
    }

    /// Takes the tokens for a departure of this route.
    pub(super) fn spend(&mut self, route: RouteId, now: Instant) {
        self.tenant.spend(now);
        if let Some(place) = self.limiter_of.get(route.0).copied().flatten()
            && let Some((_, limiter)) = self.routes.get_mut(place)
        {
            limiter.spend(now);
        }
    }

    /// When the next route that has no token gets one.
    pub(super) fn next_route_token(&self, now: Instant) -> Option<Instant> {
        self.routes.iter().filter_map(|(_, limiter)| limiter.ready_at()).filter(|at| *at > now).min()
    }

    /// When a share grows next, if one is to.
    pub(super) fn next_raise(&self) -> Option<Instant> {
        let limiters = std::iter::once(&self.tenant).chain(self.routes.iter().map(|(_, limiter)| limiter));
        limiters.filter_map(RateLimiter::next_raise).min()
    }

    /// The part of the tenant's quota that is ours now.
    pub(super) fn share(&self) -> f64 {
        self.tenant.share()
    }

    fn limiter_of(&self, route: RouteId) -> Option<&RateLimiter> {
        let place = self.limiter_of.get(route.0).copied().flatten()?;
        self.routes.get(place).map(|(_, limiter)| limiter)
    }
}
