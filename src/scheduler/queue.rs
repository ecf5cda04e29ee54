//! The queue: ready deliveries by route, severity and age.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use bytes::Bytes;

use super::lane::Members;
use crate::domain::{Severity, TopicPartition};

/// A delivery, numbered in the order in which deliveries were made: the smaller, the older.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DeliveryId(pub u64);

/// A route's target; what is paused is paused by route.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RouteId(pub usize);

/// What is kept in order: a key within a partition, or (without a key) the whole partition.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Lane {
    /// The partition.
    pub partition: TopicPartition,
    /// The key; `None` where the whole partition is one lane.
    pub key: Option<Bytes>,
}

/// Which of a route's deliveries may leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    /// None: the route is held back.
    Nobody,
    /// The worst, then the oldest.
    Worst,
    /// Another one than the last time: a delivery that fails for its own sake must not be the only probe for ever.
    Another,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// May leave as soon as its lane lets it.
    Waiting,
    /// Has left; its lane waits for it.
    Away,
}

#[derive(Debug)]
struct Entry {
    severity: Severity,
    route: RouteId,
    lane: Option<Lane>,
    state: State,
    /// The rank under which it stands in the ready queue now, if it does.
    ready_as: Option<Severity>,
}

type Rank = (Reverse<Severity>, DeliveryId);

/// Decides which delivery leaves next.
#[derive(Debug, Default)]
pub struct Scheduler {
    entries: HashMap<DeliveryId, Entry>,
    lanes: HashMap<Lane, Members>,
    ready: BTreeMap<RouteId, BTreeSet<Rank>>,
    /// What was taken last by [`Turn::Another`].
    probed: HashMap<RouteId, Rank>,
    counts: [usize; Severity::ALL.len()],
}

impl Scheduler {
    /// Adds a delivery; ids must grow from call to call.
    pub fn add(&mut self, id: DeliveryId, severity: Severity, route: RouteId, lane: Option<Lane>) {
        if let Some(lane) = &lane {
            self.lanes.entry(lane.clone()).or_default().push(id, severity);
        }
        let entry = Entry { severity, route, lane: lane.clone(), state: State::Waiting, ready_as: None };
        drop(self.entries.insert(id, entry));
        self.counts[severity as usize] += 1;
        match lane {
            Some(lane) => self.refresh_head(&lane),
            None => self.place(id, Some(severity)),
        }
    }

    /// Whether a delivery could leave now.
    #[must_use]
    pub fn has_ready(&self, mut turn: impl FnMut(RouteId) -> Turn) -> bool {
        self.ready.iter().any(|(route, ranks)| !ranks.is_empty() && turn(*route) != Turn::Nobody)
    }

    /// Takes the delivery that leaves next: the worst of what each route lets leave. It is away until
    /// [`Scheduler::put_back`] or [`Scheduler::remove`].
    pub fn take(&mut self, mut turn: impl FnMut(RouteId) -> Turn) -> Option<DeliveryId> {
        let next_of = |(route, ranks): (&RouteId, &BTreeSet<Rank>)| {
            let turn = turn(*route);
            let rank = match turn {
                Turn::Nobody => None,
                Turn::Worst => ranks.first(),
                Turn::Another => self.probed.get(route).and_then(|last| behind(ranks, last)).or_else(|| ranks.first()),
            };
            rank.map(|rank| (*rank, *route, turn))
        };
        let (rank, route, turn) = self.ready.iter().filter_map(next_of).min_by_key(|(rank, ..)| *rank)?;
        if turn == Turn::Another {
            let _last = self.probed.insert(route, rank);
        }
        let id = rank.1;
        self.place(id, None);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.state = State::Away;
        }
        Some(id)
    }

    /// A delivery that was away may leave again.
    pub fn put_back(&mut self, id: DeliveryId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.state = State::Waiting;
        let severity = entry.severity;
        match entry.lane.clone() {
            Some(lane) => self.refresh_head(&lane),
            None => self.place(id, Some(severity)),
        }
    }

    /// A delivery has ended, or is given up: the next one of its lane may leave.
    pub fn remove(&mut self, id: DeliveryId) {
        self.place(id, None);
        let Some(entry) = self.entries.remove(&id) else { return };
        self.counts[entry.severity as usize] -= 1;
        let Some(lane) = entry.lane else { return };
        if let Some(members) = self.lanes.get_mut(&lane) {
            members.remove(id);
            if members.head().is_none() {
                drop(self.lanes.remove(&lane));
            } else {
                self.refresh_head(&lane);
            }
        }
    }

    /// How many deliveries there are of each severity, those that are away included.
    #[must_use]
    pub fn counts(&self) -> [(Severity, usize); Severity::ALL.len()] {
        Severity::ALL.map(|severity| (severity, self.counts[severity as usize]))
    }

    /// Puts a lane's head into the ready queue under the worst severity of its lane.
    fn refresh_head(&mut self, lane: &Lane) {
        let Some((head, worst)) = self.lanes.get(lane).and_then(|members| members.head().zip(members.worst())) else {
            return;
        };
        if self.entries.get(&head).is_some_and(|entry| entry.state == State::Waiting) {
            self.place(head, Some(worst));
        }
    }

    /// Moves a delivery to its place in the ready queue, or out of it.
    fn place(&mut self, id: DeliveryId, severity: Option<Severity>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.ready_as == severity {
            return;
        }
        let ranks = self.ready.entry(entry.route).or_default();
        if let Some(old) = entry.ready_as {
            let _was_there = ranks.remove(&(Reverse(old), id));
        }
        if let Some(new) = severity {
            let _is_new = ranks.insert((Reverse(new), id));
        }
        entry.ready_as = severity;
    }
}

fn behind<'a>(ranks: &'a BTreeSet<Rank>, last: &Rank) -> Option<&'a Rank> {
    ranks.range((Bound::Excluded(last), Bound::Unbounded)).next()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{DeliveryId, Lane, RouteId, Scheduler, Turn};
    use crate::domain::{Severity, TopicPartition};

    const ROUTE: RouteId = RouteId(0);

    fn lane(key: &str) -> Option<Lane> {
        Some(Lane { partition: TopicPartition::new("t", 0), key: Some(Bytes::copy_from_slice(key.as_bytes())) })
    }

    fn worst(_: RouteId) -> Turn {
        Turn::Worst
    }

    fn is_empty(scheduler: &Scheduler) -> bool {
        scheduler.counts().iter().all(|(_, count)| *count == 0)
    }

    fn take_all(scheduler: &mut Scheduler) -> Vec<u64> {
        std::iter::from_fn(|| {
            let id = scheduler.take(worst)?;
            scheduler.remove(id);
            Some(id.0)
        })
        .collect()
    }

    #[test]
    fn a_fatal_leaves_before_the_lows_that_were_read_before_it() {
        let mut scheduler = Scheduler::default();
        for id in 0..3 {
            scheduler.add(DeliveryId(id), Severity::Low, ROUTE, None);
        }
        scheduler.add(DeliveryId(3), Severity::Fatal, ROUTE, None);
        assert_eq!(take_all(&mut scheduler), [3, 0, 1, 2]);
    }

    #[test]
    fn a_retrying_delivery_blocks_its_own_key_and_no_other() {
        let mut scheduler = Scheduler::default();
        scheduler.add(DeliveryId(0), Severity::Low, ROUTE, lane("a"));
        scheduler.add(DeliveryId(1), Severity::Low, ROUTE, lane("a"));
        scheduler.add(DeliveryId(2), Severity::Low, ROUTE, lane("b"));
        assert_eq!(scheduler.take(worst), Some(DeliveryId(0)));
        assert_eq!(scheduler.take(worst), Some(DeliveryId(2)));
        assert_eq!(scheduler.take(worst), None, "1 waits behind 0");
        scheduler.put_back(DeliveryId(0));
        assert_eq!(scheduler.take(worst), Some(DeliveryId(0)), "0 again, not 1");
        scheduler.remove(DeliveryId(0));
        assert_eq!(scheduler.take(worst), Some(DeliveryId(1)));
    }

    #[test]
    fn what_waits_behind_a_head_lends_it_its_severity() {
        let mut scheduler = Scheduler::default();
        scheduler.add(DeliveryId(0), Severity::Medium, ROUTE, None);
        scheduler.add(DeliveryId(1), Severity::Low, ROUTE, lane("a"));
        scheduler.add(DeliveryId(2), Severity::Fatal, ROUTE, lane("a"));
        assert_eq!(take_all(&mut scheduler), [1, 2, 0]);
    }

    #[test]
    fn a_route_that_is_not_admitted_waits_and_the_others_go_on() {
        let mut scheduler = Scheduler::default();
        scheduler.add(DeliveryId(0), Severity::Fatal, RouteId(1), None);
        scheduler.add(DeliveryId(1), Severity::Low, RouteId(2), None);
        let not_one = |route: RouteId| if route == RouteId(1) { Turn::Nobody } else { Turn::Worst };
        assert_eq!(scheduler.take(not_one), Some(DeliveryId(1)));
        assert!(!scheduler.has_ready(not_one));
        assert!(scheduler.has_ready(worst));
    }

    #[test]
    fn probes_go_round_and_the_worst_leaves_again_first_afterwards() {
        let mut scheduler = Scheduler::default();
        scheduler.add(DeliveryId(0), Severity::Low, ROUTE, None);
        scheduler.add(DeliveryId(1), Severity::Fatal, ROUTE, None);
        scheduler.add(DeliveryId(2), Severity::Low, ROUTE, None);
        let mut probe = || {
            let id = scheduler.take(|_| Turn::Another).unwrap();
            scheduler.put_back(id);
            id.0
        };
        assert_eq!([probe(), probe(), probe(), probe()], [1, 0, 2, 1]);
        assert_eq!(take_all(&mut scheduler), [1, 0, 2]);
    }

    #[test]
    fn a_delivery_given_up_in_the_middle_of_its_lane_leaves_no_trace() {
        let mut scheduler = Scheduler::default();
        scheduler.add(DeliveryId(0), Severity::Low, ROUTE, lane("a"));
        scheduler.add(DeliveryId(1), Severity::Fatal, ROUTE, lane("a"));
        scheduler.add(DeliveryId(2), Severity::Medium, ROUTE, None);
        scheduler.remove(DeliveryId(1));
        assert_eq!(take_all(&mut scheduler), [2, 0], "the lent severity is taken back once the head is placed anew");
        assert!(is_empty(&scheduler));
    }

    proptest! {
        /// Whatever is added, put back and removed: within a lane deliveries end in the order in which they came.
        #[test]
        fn key_order_is_never_broken(
            works in prop::collection::vec((0_usize..5, 0_u8..4), 1..80),
            put_backs in prop::collection::vec(any::<bool>(), 0..200),
        ) {
            let mut scheduler = Scheduler::default();
            let keys: HashMap<u64, u8> = works.iter().enumerate().map(|(i, (_, key))| (i as u64, *key)).collect();
            for (i, (severity, key)) in works.iter().enumerate() {
                let lane = (*key > 0).then(|| lane(&key.to_string())).flatten();
                scheduler.add(DeliveryId(i as u64), Severity::ALL[*severity], ROUTE, lane);
            }
            let mut put_backs = put_backs.into_iter();
            let mut last: HashMap<u8, u64> = HashMap::new();
            let mut ended = 0;
            while let Some(id) = scheduler.take(worst) {
                let key = keys[&id.0];
                if key > 0 {
                    prop_assert!(last.get(&key).is_none_or(|before| *before <= id.0));
                    last.insert(key, id.0);
                }
                if put_backs.next().unwrap_or(false) {
                    scheduler.put_back(id);
                } else {
                    scheduler.remove(id);
                    ended += 1;
                }
            }
            prop_assert_eq!(ended, works.len());
            prop_assert!(is_empty(&scheduler));
        }
    }
}
