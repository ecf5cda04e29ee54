//! Sentences about single cases, and random operations held against a plain model.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::{DeliveryId, Lane, RouteId, Scheduler, Turn};
use crate::domain::{Severity, TopicPartition};

const ROUTE: RouteId = RouteId(0);
const AGE_TO_TOP: Duration = Duration::from_secs(300);

fn lane(key: &str) -> Option<Lane> {
    Some(Lane { partition: TopicPartition::new("t", 0), key: Some(Bytes::copy_from_slice(key.as_bytes())) })
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A scheduler at one point of time.
struct Case {
    scheduler: Scheduler,
    now: Duration,
}

impl Case {
    fn new() -> Self {
        Self { scheduler: Scheduler::new(AGE_TO_TOP), now: Duration::ZERO }
    }

    fn add(&mut self, id: u64, severity: Severity, lane: Option<Lane>) {
        self.add_to(ROUTE, id, severity, lane);
    }

    fn add_to(&mut self, route: RouteId, id: u64, severity: Severity, lane: Option<Lane>) {
        self.scheduler.add(DeliveryId(id), severity, route, lane, self.now);
    }

    fn take_by(&mut self, turn: impl Fn(RouteId) -> Turn) -> Option<u64> {
        let now = self.now;
        self.scheduler.take(turn, |_| now).map(|id| id.0)
    }

    fn take(&mut self) -> Option<u64> {
        self.take_by(|_| Turn::Worst)
    }

    /// Takes and ends one.
    fn send(&mut self) -> Option<u64> {
        let id = self.take()?;
        self.scheduler.remove(DeliveryId(id));
        Some(id)
    }

    fn send_all(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.send()).collect()
    }

    fn is_empty(&self) -> bool {
        self.scheduler.counts().iter().all(|(_, count)| *count == 0) && !self.scheduler.has_ready(|_| Turn::Worst)
    }
}

#[test]
fn a_fatal_leaves_before_the_lows_that_were_read_before_it() {
    let mut case = Case::new();
    for id in 0..3 {
        case.add(id, Severity::Low, None);
    }
    case.add(3, Severity::Fatal, None);
    assert_eq!(case.send_all(), [3, 0, 1, 2]);
}

#[test]
fn a_retrying_delivery_blocks_its_own_key_and_no_other() {
    let mut case = Case::new();
    case.add(0, Severity::Low, lane("a"));
    case.add(1, Severity::Low, lane("a"));
    case.add(2, Severity::Low, lane("b"));
    assert_eq!(case.take(), Some(0));
    assert_eq!(case.take(), Some(2));
    assert_eq!(case.take(), None, "1 waits behind 0");
    case.scheduler.put_back(DeliveryId(0));
    assert_eq!(case.take(), Some(0), "0 again, not 1");
    case.scheduler.remove(DeliveryId(0));
    assert_eq!(case.take(), Some(1));
}

#[test]
fn what_waits_behind_a_head_lends_it_its_severity() {
    let mut case = Case::new();
    case.add(0, Severity::Medium, None);
    case.add(1, Severity::Low, lane("a"));
    case.add(2, Severity::Fatal, lane("a"));
    assert_eq!(case.send_all(), [1, 2, 0]);
}

#[test]
fn a_lent_severity_is_taken_back_when_what_lent_it_goes() {
    let mut case = Case::new();
    case.add(0, Severity::Low, lane("a"));
    case.add(1, Severity::Fatal, lane("a"));
    case.add(2, Severity::Medium, None);
    case.scheduler.remove(DeliveryId(1));
    assert_eq!(case.send_all(), [2, 0]);
    assert!(case.is_empty());
}

#[test]
fn a_route_that_is_not_admitted_waits_and_the_others_go_on() {
    let mut case = Case::new();
    case.add_to(RouteId(1), 0, Severity::Fatal, None);
    case.add_to(RouteId(2), 1, Severity::Low, None);
    let not_one = |route: RouteId| if route == RouteId(1) { Turn::Nobody } else { Turn::Worst };
    assert_eq!(case.take_by(not_one), Some(1));
    assert!(!case.scheduler.has_ready(not_one));
    assert!(case.scheduler.has_ready(|_| Turn::Worst));
}

#[test]
fn probes_go_round_and_the_worst_leaves_again_first_afterwards() {
    let mut case = Case::new();
    case.add(0, Severity::Low, None);
    case.add(1, Severity::Fatal, None);
    case.add(2, Severity::Low, None);
    let mut probe = || {
        let id = case.take_by(|_| Turn::Another).unwrap();
        case.scheduler.put_back(DeliveryId(id));
        id
    };
    assert_eq!([probe(), probe(), probe(), probe()], [1, 0, 2, 1]);
    assert_eq!(case.send_all(), [1, 0, 2]);
}

#[test]
fn every_tenth_departure_is_the_oldest_that_has_waited_too_long() {
    let mut case = Case::new();
    case.add(0, Severity::Low, None);
    case.add(1, Severity::Tips, None);
    case.now = seconds(301);
    for id in 2..40 {
        case.add(id, Severity::Fatal, None);
    }
    let sent = case.send_all();
    assert_eq!((sent[9], sent[19]), (0, 1), "{sent:?}");
}

#[test]
fn a_delivery_that_has_not_waited_long_enough_has_no_share() {
    let mut case = Case::new();
    case.add(0, Severity::Low, None);
    case.now = seconds(300);
    for id in 1..30 {
        case.add(id, Severity::Fatal, None);
    }
    assert_eq!(case.send_all().last(), Some(&0));
}

#[test]
fn the_time_for_which_a_route_is_paused_makes_nothing_older() {
    let mut case = Case::new();
    case.add_to(RouteId(0), 0, Severity::Low, None);
    case.add_to(RouteId(1), 1, Severity::Low, None);
    for id in 2..40 {
        case.add_to(RouteId(0), id, Severity::Fatal, None);
    }
    // The second route's clock has stood still.
    let clock = |route: RouteId| if route == RouteId(1) { seconds(10) } else { seconds(1_000) };
    let sent: Vec<u64> =
        std::iter::from_fn(|| case.scheduler.take(|_| Turn::Worst, clock).map(|id| id.0)).take(30).collect();
    assert!(sent.contains(&0) && !sent.contains(&1), "{sent:?}");
}

#[test]
fn the_probe_of_a_paused_route_leaves_under_a_flood_of_worse_ones() {
    let mut case = Case::new();
    case.add_to(RouteId(1), 0, Severity::Low, None);
    for id in 1..40 {
        case.add_to(RouteId(0), id, Severity::Fatal, None);
    }
    let is_due = Cell::new(true);
    let turn = |route: RouteId| match route {
        RouteId(0) => Turn::Worst,
        _ if is_due.get() => Turn::Another,
        _ => Turn::Nobody,
    };
    let sent: Vec<Option<u64>> = (0..10).map(|_| case.take_by(turn)).collect();
    assert_eq!(sent[9], Some(0));
    case.scheduler.put_back(DeliveryId(0));
    is_due.set(false);
    assert!((0..20).all(|_| case.take_by(turn) != Some(0)));
}

#[test]
fn what_goes_on_under_another_route_is_as_old_as_before_and_what_is_held_waits() {
    let mut case = Case::new();
    case.add_to(RouteId(1), 0, Severity::Low, lane("k"));
    case.add_to(RouteId(0), 1, Severity::Fatal, None);
    case.scheduler.hold(DeliveryId(1));
    assert_eq!(case.take(), Some(0));
    case.scheduler.reroute(DeliveryId(0), RouteId(0), seconds(1_000), seconds(5_000));
    case.now = seconds(5_000);
    assert_eq!(case.take(), None, "one is away, and one is held");
    case.scheduler.put_back(DeliveryId(0));
    case.scheduler.put_back(DeliveryId(1));
    for id in 2..40 {
        case.add_to(RouteId(0), id, Severity::Fatal, None);
    }
    let by_route = |route: RouteId| if route == RouteId(0) { Turn::Worst } else { Turn::Nobody };
    let sent: Vec<Option<u64>> = (0..10).map(|_| case.take_by(by_route)).collect();
    assert_eq!((sent[0], sent.contains(&Some(0))), (Some(1), true), "{sent:?}");
}

/// What the scheduler promises, by looking at everything each time.
#[derive(Default)]
struct Model {
    deliveries: BTreeMap<u64, Modelled>,
    since_aged: u32,
}

struct Modelled {
    severity: Severity,
    key: u8,
    route: usize,
    read_at: Duration,
    is_away: bool,
}

impl Model {
    /// Those that may leave, each with the severity that it leaves with.
    fn ready(&self, is_open: &dyn Fn(usize) -> bool) -> Vec<(u64, Severity)> {
        let is_head =
            |id: u64, of: &Modelled| of.key == 0 || !self.deliveries.range(..id).any(|(_, d)| d.key == of.key);
        let lent = |of: &Modelled| {
            let same = self.deliveries.values().filter(|d| of.key > 0 && d.key == of.key);
            same.map(|d| d.severity).max().unwrap_or(of.severity)
        };
        let may_leave = |(id, d): &(&u64, &Modelled)| !d.is_away && is_open(d.route) && is_head(**id, d);
        self.deliveries.iter().filter(may_leave).map(|(id, d)| (*id, lent(d))).collect()
    }

    fn next(&mut self, now: Duration, is_open: &dyn Fn(usize) -> bool) -> Option<u64> {
        let ready = self.ready(is_open);
        let aged = ready.iter().find(|(id, _)| now - self.deliveries[id].read_at > AGE_TO_TOP);
        let aged = aged.filter(|_| self.since_aged >= 9).map(|(id, _)| *id);
        let worst = ready.iter().min_by_key(|(id, severity)| (Reverse(*severity), *id)).map(|(id, _)| *id);
        let next = aged.or(worst)?;
        self.since_aged = if aged.is_some() { 0 } else { self.since_aged + 1 };
        Some(next)
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Add { severity: usize, key: u8 },
    Take { closed: Option<usize> },
    PutBack(prop::sample::Index),
    Remove(prop::sample::Index),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0_usize..5, 0_u8..5).prop_map(|(severity, key)| Step::Add { severity, key }),
        5 => prop::option::weighted(0.2, 0_usize..3).prop_map(|closed| Step::Take { closed }),
        1 => any::<prop::sample::Index>().prop_map(Step::PutBack),
        3 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => (0_u64..200).prop_map(Step::Wait),
    ]
}

/// Keys belong to one route each, as records of one key mostly do; what has no key goes by its severity.
fn route_of(severity: usize, key: u8) -> usize {
    if key == 0 { severity % 3 } else { usize::from(key) % 3 }
}

proptest! {
    /// Any operations: what leaves is what the model says. So Fatal leaves before Low, severity is lent and taken back,
    /// the order of a key is kept, the aged have their share, and counts are what is there.
    #[test]
    fn whatever_happens_the_next_one_is_the_one_that_the_promise_names(steps in prop::collection::vec(step(), 1..300)) {
        let (mut case, mut model) = (Case::new(), Model::default());
        for (id, step) in (0_u64..).zip(steps) {
            let pick = |index: prop::sample::Index, ids: Vec<u64>| (!ids.is_empty()).then(|| *index.get(&ids));
            match step {
                Step::Add { severity, key } => {
                    let (route, severity) = (route_of(severity, key), Severity::ALL[severity]);
                    let of = (key > 0).then(|| lane(&key.to_string())).flatten();
                    case.add_to(RouteId(route), id, severity, of);
                    model.deliveries.insert(id, Modelled { severity, key, route, read_at: case.now, is_away: false });
                }
                Step::Take { closed } => {
                    let expected = model.next(case.now, &|route| Some(route) != closed);
                    let turn = |route: RouteId| if Some(route.0) == closed { Turn::Nobody } else { Turn::Worst };
                    prop_assert_eq!(case.scheduler.has_ready(turn), expected.is_some());
                    prop_assert_eq!(case.take_by(turn), expected);
                    if let Some(taken) = expected {
                        model.deliveries.get_mut(&taken).unwrap().is_away = true;
                    }
                }
                Step::PutBack(index) => {
                    let away = model.deliveries.iter().filter(|(_, d)| d.is_away).map(|(id, _)| *id).collect();
                    if let Some(id) = pick(index, away) {
                        case.scheduler.put_back(DeliveryId(id));
                        model.deliveries.get_mut(&id).unwrap().is_away = false;
                    }
                }
                Step::Remove(index) => {
                    if let Some(id) = pick(index, model.deliveries.keys().copied().collect()) {
                        case.scheduler.remove(DeliveryId(id));
                        model.deliveries.remove(&id);
                    }
                }
                Step::Wait(time) => case.now += seconds(time),
            }
            let count = |severity| model.deliveries.values().filter(|d| d.severity == severity).count();
            prop_assert_eq!(case.scheduler.counts(), Severity::ALL.map(|severity| (severity, count(severity))));
        }
        for id in model.deliveries.keys() {
            case.scheduler.remove(DeliveryId(*id));
        }
        prop_assert!(case.is_empty());
    }

    /// Whatever is added, put back and removed: within a lane deliveries end in the order in which they came.
    #[test]
    fn key_order_is_never_broken(
        works in prop::collection::vec((0_usize..5, 0_u8..4), 1..80),
        put_backs in prop::collection::vec(any::<bool>(), 0..200),
        age in 0_u64..600,
    ) {
        let mut case = Case::new();
        let keys: HashMap<u64, u8> = (0..).zip(&works).map(|(id, (_, key))| (id, *key)).collect();
        for (id, (severity, key)) in (0..).zip(&works) {
            let lane = (*key > 0).then(|| lane(&key.to_string())).flatten();
            case.add(id, Severity::ALL[*severity], lane);
        }
        case.now = seconds(age);
        let mut put_backs = put_backs.into_iter();
        let mut last: HashMap<u8, u64> = HashMap::new();
        let mut ended = 0;
        while let Some(id) = case.take() {
            let key = keys[&id];
            if key > 0 {
                prop_assert!(last.get(&key).is_none_or(|before| *before <= id));
                last.insert(key, id);
            }
            if put_backs.next().unwrap_or(false) {
                case.scheduler.put_back(DeliveryId(id));
            } else {
                case.scheduler.remove(DeliveryId(id));
                ended += 1;
            }
        }
        prop_assert_eq!(ended, works.len());
        prop_assert!(case.is_empty());
    }

    /// Under a flood of Fatals that never ends, the k-th oldest of the aged leaves with the 10k-th departure at the
    /// latest, and no ten departures in a row hold more than one of them.
    #[test]
    fn an_aged_low_is_overtaken_by_at_most_nine_for_each_that_is_older(aged in 1_u64..40, sent_before in 0_u64..30) {
        let mut case = Case::new();
        for id in 0..aged {
            case.add(id, Severity::Low, None);
        }
        let mut next = aged;
        let mut fatal = |case: &mut Case| {
            case.add(next, Severity::Fatal, None);
            next += 1;
        };
        for _ in 0..sent_before {
            fatal(&mut case);
            prop_assert!(case.send() >= Some(aged), "nobody is aged yet");
        }
        case.now = seconds(301);
        let mut left = Vec::new();
        for departure in 1..=10 * aged {
            fatal(&mut case);
            fatal(&mut case);
            if let Some(id) = case.send().filter(|id| *id < aged) {
                left.push((id, departure));
            }
        }
        prop_assert!(left.iter().enumerate().all(|(k, (id, departure))| *id == k as u64 && *departure <= 10 * (id + 1)));
        prop_assert_eq!(left.len() as u64, aged);
        prop_assert!(left.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 10));
    }
}
