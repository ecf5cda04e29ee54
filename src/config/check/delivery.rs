//! Checks of `delivery`, and of what its times have to do with the target's.

use super::Faults;
use crate::config::{
    CircuitBreaker, Config, DeadLetterGuard, Delivery, PausedRoute, PausedRoutePolicy, RateLimit, RateScope, TimeSpan,
};

pub(super) fn check(config: &Config, faults: &mut Faults) {
    let delivery = &config.delivery;
    buffer(delivery, faults);
    rate_limits("delivery.rate_limits", &delivery.rate_limits, faults);
    retry(delivery, faults);
    circuit_breaker(&delivery.circuit_breaker, faults);
    paused_route(&delivery.paused_route, faults);
    dead_letter_guard(&delivery.dead_letter_guard, faults);
    for (i, rule) in delivery.failure_classes.iter().enumerate() {
        let path = format!("delivery.failure_classes[{i}]");
        faults.unless(rule.status.is_some() || rule.code.is_some(), &path, || {
            format!("`{path}` needs a status, a code or both: without them it would fit every answer")
        });
    }
    positive("delivery.commit_interval", delivery.commit_interval, faults);
    let (request, drain) = (config.secmaster.request_timeout, delivery.drain_timeout);
    faults.unless(request < drain, "delivery.drain_timeout", || {
        format!(
            "`delivery.drain_timeout` ({drain}) must be longer than `secmaster.request_timeout` ({request}), \
             so that requests under way can finish at shutdown"
        )
    });
}

fn positive(path: &str, span: TimeSpan, faults: &mut Faults) {
    faults.unless(!span.get().is_zero(), path, || format!("`{path}` must be longer than nothing, e.g. `1s`"));
}

/// A wait that grows begins with no more than it grows to.
fn in_order((path, first): (&str, TimeSpan), (most_path, most): (&str, TimeSpan), faults: &mut Faults) {
    faults.unless(first <= most, path, || format!("`{path}` ({first}) must not be above `{most_path}` ({most})"));
}

fn ratio(path: &str, ratio: f64, faults: &mut Faults) {
    faults.unless(ratio > 0.0 && ratio <= 1.0, path, || {
        format!("`{path}` is {ratio}, but must be above 0 and at most 1, e.g. `0.5`")
    });
}

fn buffer(delivery: &Delivery, faults: &mut Faults) {
    let buffer = &delivery.buffer;
    faults.unless(buffer.bytes.get() >= 1, "delivery.buffer.bytes", || {
        "`delivery.buffer.bytes` must be more than nothing, e.g. `64MiB`".to_owned()
    });
}

pub(super) fn rate_limits(path: &str, limits: &[RateLimit], faults: &mut Faults) {
    for (i, limit) in limits.iter().enumerate() {
        let path = format!("{path}[{i}]");
        positive(&format!("{path}.per"), limit.per, faults);
        faults.unless(limit.burst <= 1 || limit.burst < limit.requests, &format!("{path}.burst"), || {
            format!(
                "`{path}.burst` ({}) must be below `{path}.requests` ({}): what is above one is taken off the quota",
                limit.burst, limit.requests
            )
        });
    }
}

fn retry(delivery: &Delivery, faults: &mut Faults) {
    let retry = &delivery.retry;
    positive("delivery.retry.initial_backoff", retry.initial_backoff, faults);
    positive("delivery.retry.max_elapsed", retry.max_elapsed, faults);
    let first = ("delivery.retry.initial_backoff", retry.initial_backoff);
    in_order(first, ("delivery.retry.max_backoff", retry.max_backoff), faults);
}

fn circuit_breaker(breaker: &CircuitBreaker, faults: &mut Faults) {
    ratio("delivery.circuit_breaker.failure_ratio", breaker.failure_ratio, faults);
    positive("delivery.circuit_breaker.window", breaker.window, faults);
    positive("delivery.circuit_breaker.open_for", breaker.open_for, faults);
    let first = ("delivery.circuit_breaker.open_for", breaker.open_for);
    in_order(first, ("delivery.circuit_breaker.max_open_for", breaker.max_open_for), faults);
}

fn paused_route(paused: &PausedRoute, faults: &mut Faults) {
    let needs_time = paused.policy == PausedRoutePolicy::DeadLetter;
    faults.unless(!needs_time || paused.after.is_some(), "delivery.paused_route.policy", || {
        "`delivery.paused_route.policy: dead_letter` needs `after`: how long a route may be paused before its \
         deliveries become dead letters, e.g. `4h`"
            .to_owned()
    });
    if let Some(after) = paused.after {
        positive("delivery.paused_route.after", after, faults);
    }
}

fn dead_letter_guard(guard: &DeadLetterGuard, faults: &mut Faults) {
    ratio("delivery.dead_letter_guard.ratio", guard.ratio, faults);
    positive("delivery.dead_letter_guard.window", guard.window, faults);
}

/// A limit over a long time, of which a group pays the price at each assignment.
pub(super) fn hint(config: &Config) -> Option<String> {
    let of_rules = config.routing.rules.iter().flat_map(|rule| &rule.rate_limits);
    let longest = config.delivery.rate_limits.iter().chain(of_rules).map(|limit| limit.per).max()?;
    (config.delivery.rate_scope == RateScope::Group && longest > TimeSpan::from_secs(60)).then(|| {
        format!(
            "delivery: with rate_scope group a replica sends nothing by a rate limit for one window after a start, here \
             {longest}: give the limit for a shorter time, e.g. 600 requests per 60s instead of 6000 per 10m"
        )
    })
}
