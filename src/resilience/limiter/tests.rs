//! Departures under limits, alone and in a group.

#![expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{RateLimit, RateLimiter, RateScope};
use crate::domain::TopicPartition;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn limit(requests: u32, per: Duration, burst: u32) -> RateLimit {
    RateLimit { requests: NonZeroU32::new(requests).unwrap(), per, burst: NonZeroU32::new(burst).unwrap() }
}

fn partitions(numbers: std::ops::Range<u32>) -> Vec<TopicPartition> {
    numbers.map(|number| TopicPartition::new("t", i32::try_from(number).unwrap())).collect()
}

/// Departures of a sender that always has something to send, woken as late as `late` says after each token.
fn departures(limits: &[RateLimit], length: Duration, late: impl Fn(Duration) -> Duration) -> Vec<Duration> {
    let start = Instant::now();
    let mut limiter = RateLimiter::new(limits, RateScope::Process, start);
    let mut now = start;
    let mut departures = Vec::new();
    while now < start + length {
        match limiter.ready_at().unwrap() {
            at if at <= now => {
                limiter.spend(now);
                departures.push(now - start);
            }
            at => now = start + late(at - start),
        }
    }
    departures
}

fn punctual(at: Duration) -> Duration {
    at
}

/// tokio's timers end at whole milliseconds.
fn at_a_whole_millisecond(at: Duration) -> Duration {
    Duration::from_millis(u64::try_from(at.as_nanos().div_ceil(1_000_000)).unwrap())
}

/// The most departures in any window of this length.
fn fullest_window(departures: &[Duration], per: Duration) -> usize {
    let (mut from, mut fullest) = (0, 0);
    for (to, at) in departures.iter().enumerate() {
        while *at - departures[from] >= per {
            from += 1;
        }
        fullest = fullest.max(to + 1 - from);
    }
    fullest
}

#[test]
fn a_quota_of_fifty_a_second_is_used_to_ninety_eight_percent_and_never_passed() {
    for late in [punctual, at_a_whole_millisecond] {
        let departures = departures(&[limit(50, SECOND, 1)], MINUTE, late);
        assert!(fullest_window(&departures, SECOND) <= 50);
        assert!(departures.len() >= 50 * 60 * 98 / 100, "{} departures in a minute", departures.len());
    }
}

#[test]
fn a_quota_faster_than_the_timers_is_used_too() {
    let departures = departures(&[limit(3_000, SECOND, 1)], MINUTE, at_a_whole_millisecond);
    assert!(fullest_window(&departures, SECOND) <= 3_000);
    assert!(departures.len() >= 3_000 * 60 * 98 / 100, "{} departures in a minute", departures.len());
}

#[test]
fn several_limits_hold_together() {
    let departures = departures(&[limit(10, SECOND, 1), limit(60, MINUTE, 20)], MINUTE * 10, punctual);
    assert!(fullest_window(&departures, SECOND) <= 10);
    assert!(fullest_window(&departures, MINUTE) <= 60);
    assert!(departures.len() > 350, "the minute's quota is what holds: {}", departures.len());
}

#[test]
fn no_token_of_a_limit_is_wasted_while_another_one_has_none() {
    let start = Instant::now();
    let mut limiter = RateLimiter::new(&[limit(60, MINUTE, 30), limit(10, SECOND, 1)], RateScope::Process, start);
    // A minute fills both: thirty at once by the one, one by the other.
    let mut now = start + MINUTE;
    let mut sent = 0;
    while now < start + MINUTE + SECOND * 3 {
        now = now.max(limiter.ready_at().unwrap());
        limiter.spend(now);
        sent += 1;
    }
    assert!(sent >= 29, "ten a second out of the thirty that were saved: {sent}");
}

#[test]
fn without_limits_everything_passes() {
    let now = Instant::now();
    let mut limiter = RateLimiter::new(&[], RateScope::Group, now);
    for _ in 0..1_000 {
        assert!(limiter.is_ready(now));
        limiter.spend(now);
    }
}

#[test]
fn a_limiter_begins_empty_and_so_does_one_whose_share_has_changed() {
    let start = Instant::now();
    let mut limiter = RateLimiter::new(&[limit(10, SECOND, 1)], RateScope::Group, start);
    assert_eq!((limiter.ready_at(), limiter.share()), (None, 0.0), "nothing is ours");
    limiter.assign(&partitions(0..2), &partitions(0..2), start);
    assert_eq!(limiter.ready_at(), None, "others may still use it");
    limiter.advance(start + SECOND);
    assert_eq!((limiter.ready_at(), limiter.share()), (Some(start + Duration::from_millis(1_101)), 1.0));
    limiter.remove(&partitions(0..1), start + SECOND * 5);
    assert_eq!((limiter.ready_at(), limiter.share()), (Some(start + Duration::from_millis(5_202)), 0.5));
}

#[test]
fn each_limit_is_raised_after_its_own_window() {
    let start = Instant::now();
    let mut limiter = RateLimiter::new(&[limit(10, SECOND, 1), limit(60, MINUTE, 1)], RateScope::Group, start);
    limiter.assign(&partitions(0..1), &partitions(0..1), start);
    limiter.advance(start + SECOND);
    assert_eq!((limiter.ready_at(), limiter.next_raise()), (None, Some(start + MINUTE)));
    limiter.advance(start + MINUTE);
    assert_eq!(limiter.ready_at(), Some(start + MINUTE + Duration::from_millis(1_010)));
}

#[test]
fn a_limit_below_the_number_of_partitions_is_told() {
    let limits = [limit(10, SECOND, 1), limit(600, MINUTE, 1)];
    let below = |scope, count| RateLimiter::new(&limits, scope, Instant::now()).below(count).collect::<Vec<_>>();
    assert_eq!(below(RateScope::Group, 12), [limits[0]]);
    assert_eq!(below(RateScope::Group, 10), []);
    assert_eq!(below(RateScope::Process, 12), [], "nothing is divided");
}

/// What happens to a group, in its order.
#[derive(Clone, Debug)]
enum Step {
    /// A replica tries to send so often, with such gaps (µs).
    Send(usize, Vec<u64>),
    /// A partition's owner gives it up, and after so many µs another replica gets it.
    Move(u32, usize, u64),
    /// Everybody gives up everything at once, as eager rebalances do, and it is dealt out anew.
    Deal(Vec<usize>),
    /// The topic has so many partitions more; those who know of it first are the new owners.
    Grow(u32, usize),
    /// Nothing happens for so many ms.
    Wait(u64),
    /// For so many ms everybody sends whatever may leave.
    Rush(u64),
}

const REPLICAS: usize = 4;
const MOST_PARTITIONS: u32 = 12;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..REPLICAS, prop::collection::vec(0_u64..60_000, 1..60)).prop_map(|(who, gaps)| Step::Send(who, gaps)),
        3 => (0..MOST_PARTITIONS, 0..REPLICAS, 0_u64..400_000).prop_map(|(p, to, after)| Step::Move(p, to, after)),
        1 => prop::collection::vec(0..REPLICAS, MOST_PARTITIONS as usize).prop_map(Step::Deal),
        1 => (1_u32..4, 0..REPLICAS).prop_map(|(more, who)| Step::Grow(more, who)),
        2 => (0_u64..1_500).prop_map(Step::Wait),
        8 => (0_u64..1_200).prop_map(Step::Rush),
    ]
}

/// A consumer group: who has what, and what has left.
struct Group {
    now: Instant,
    owners: Vec<usize>,
    replicas: Vec<RateLimiter>,
    departures: Vec<Instant>,
}

impl Group {
    fn new(limits: &[RateLimit], start: Instant) -> Self {
        let replicas = (0..REPLICAS).map(|_| RateLimiter::new(limits, RateScope::Group, start)).collect();
        let mut group = Self { now: start, owners: vec![0; 4], replicas, departures: Vec::new() };
        group.replicas[0].assign(&partitions(0..4), &partitions(0..4), start);
        group
    }

    fn all(&self) -> Vec<TopicPartition> {
        partitions(0..u32::try_from(self.owners.len()).unwrap())
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.replicas.iter_mut().for_each(|replica| replica.advance(self.now));
    }

    fn send(&mut self, who: usize) {
        if self.replicas[who].is_ready(self.now) {
            self.replicas[who].spend(self.now);
            self.departures.push(self.now);
        }
    }

    fn happen(&mut self, step: Step) {
        match step {
            Step::Send(who, gaps) => {
                for gap in gaps {
                    self.pass(Duration::from_micros(gap));
                    // One replica is busiest, and the others send what they can.
                    (0..REPLICAS).filter(|other| *other == who || gap % 3 == 0).for_each(|other| self.send(other));
                }
            }
            Step::Move(number, to, after) if (number as usize) < self.owners.len() => {
                let moved = partitions(number..number + 1);
                self.replicas[self.owners[number as usize]].remove(&moved, self.now);
                self.pass(Duration::from_micros(after));
                let all = self.all();
                self.replicas[to].assign(&moved, &all, self.now);
                self.owners[number as usize] = to;
            }
            Step::Move(..) => {}
            Step::Deal(owners) => {
                let all = self.all();
                self.replicas.iter_mut().for_each(|replica| replica.remove(&all, self.now));
                self.owners = owners[..all.len()].to_vec();
                self.tell_all(&all);
            }
            Step::Grow(more, who) => {
                let count = (self.owners.len() + more as usize).min(MOST_PARTITIONS as usize);
                let (before, count) = (self.owners.len(), u32::try_from(count).unwrap());
                self.owners.resize(count as usize, who);
                let added = partitions(u32::try_from(before).unwrap()..count);
                let all = self.all();
                for (number, replica) in self.replicas.iter_mut().enumerate() {
                    replica.assign(if number == who { &added } else { &[] }, &all, self.now);
                }
            }
            Step::Wait(ms) => self.pass(Duration::from_millis(ms)),
            Step::Rush(ms) => self.rush(self.now + Duration::from_millis(ms)),
        }
    }

    fn rush(&mut self, end: Instant) {
        loop {
            let ready = self.replicas.iter().filter_map(RateLimiter::ready_at);
            let next = ready.chain(self.replicas.iter().filter_map(RateLimiter::next_raise)).min();
            let Some(at) = next.filter(|at| *at < end) else { break };
            self.pass(at.saturating_duration_since(self.now));
            (0..REPLICAS).for_each(|who| self.send(who));
        }
        self.pass(end.saturating_duration_since(self.now));
    }

    fn tell_all(&mut self, all: &[TopicPartition]) {
        for (number, replica) in self.replicas.iter_mut().enumerate() {
            let ours: Vec<_> =
                all.iter().zip(&self.owners).filter(|(_, o)| **o == number).map(|(p, _)| p.clone()).collect();
            replica.assign(&ours, all, self.now);
        }
    }
}

proptest! {
    /// Any quota, any burst, any times of asking: no window holds more than the quota.
    #[test]
    fn no_window_holds_more_than_the_quota(
        requests in 1_u32..300,
        burst_percent in 0_u32..100,
        per_ms in 50_u64..5_000,
        gaps in prop::collection::vec(0_u64..200_000, 1..600),
    ) {
        let per = Duration::from_millis(per_ms);
        let start = Instant::now();
        let limits = [limit(requests, per, (requests * burst_percent / 100).max(1))];
        let mut limiter = RateLimiter::new(&limits, RateScope::Process, start);
        let mut now = start;
        let mut departures = Vec::new();
        for gap in gaps {
            now += Duration::from_micros(gap);
            while limiter.is_ready(now) {
                limiter.spend(now);
                departures.push(now - start);
            }
        }
        prop_assert!(fullest_window(&departures, per) <= requests as usize);
    }

    /// Any replicas, rebalances and arrivals: no window over all replicas holds more than the quota, of no limit. The
    /// old owner of a partition lowers its share before the new one is assigned.
    #[test]
    fn no_window_of_the_group_holds_more_than_the_quota(
        requests in MOST_PARTITIONS..120,
        burst in 1_u32..12,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let slow = Duration::from_secs(5);
        let limits = [limit(requests, SECOND, burst.min(requests - 1)), limit(requests * 3, slow, 1)];
        let start = Instant::now();
        let mut group = Group::new(&limits, start);
        for step in steps {
            group.happen(step);
            let sum: f64 = group.replicas.iter().map(RateLimiter::share).sum();
            prop_assert!(sum <= 1.0 + 1e-9, "shares of {}", sum);
        }
        let departures: Vec<_> = group.departures.iter().map(|at| *at - start).collect();
        prop_assert!(fullest_window(&departures, SECOND) <= requests as usize);
        prop_assert!(fullest_window(&departures, slow) <= 3 * requests as usize);
    }
}
