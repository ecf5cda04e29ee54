//! The queue: who leaves next, over all routes and lanes.

use std::collections::HashMap;
use std::time::Duration;

use super::lane::{Lane, LaneId, Lanes};
use super::ready::{Rank, ReadyQueue};
use crate::domain::Severity;

/// The aged have one departure in this many.
const SHARE_OF_AGED: u32 = 10;

/// A delivery, numbered in the order in which deliveries were made: the smaller, the older.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DeliveryId(pub u64);

/// A route's target; what is paused is paused by route. Numbered from zero.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RouteId(pub usize);

/// Which of a route's deliveries may leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    /// None: the route is held back.
    Nobody,
    /// The worst, then the oldest.
    Worst,
    /// Another one than the last time: a delivery that fails for its own sake must not be the only probe for ever.
    Another,
    /// The same, once no route with a lower number has any: nor must a route that fails for its own sake.
    After(u32),
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
    lane: Option<LaneId>,
    state: State,
    /// The severity under which it stands in the ready queue now, if it does.
    ready_as: Option<Severity>,
    /// What its route's clock showed when it was read.
    read_at: Duration,
}

/// Decides which delivery leaves next.
///
/// Of ten departures at least nine go to the worst, and at most one to the oldest of those older than `age_to_top`,
/// which leaves with the tenth departure at the latest; so the k-th oldest leaves with the 10k-th at the latest. That
/// holds for those that may leave: heads of their lanes whose routes are open.
#[derive(Debug)]
pub struct Scheduler {
    entries: HashMap<DeliveryId, Entry>,
    lanes: Lanes,
    /// By route.
    ready: Vec<ReadyQueue>,
    counts: [usize; Severity::ALL.len()],
    age_to_top: Duration,
    /// How many have left since the latest one that left for its age.
    since_aged: u32,
}

impl Scheduler {
    /// An empty queue; what waits for longer than `age_to_top` gets a share of the departures.
    #[must_use]
    pub fn new(age_to_top: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            lanes: Lanes::default(),
            ready: Vec::new(),
            counts: [0; Severity::ALL.len()],
            age_to_top,
            since_aged: 0,
        }
    }

    /// Adds a delivery that is read now; ids must grow from call to call. `clock` is the time for which its route has
    /// not been paused.
    pub fn add(&mut self, id: DeliveryId, severity: Severity, route: RouteId, lane: Option<Lane>, clock: Duration) {
        let lane = lane.map(|lane| self.lanes.push(lane, id, severity));
        let entry = Entry { severity, route, lane, state: State::Waiting, ready_as: None, read_at: clock };
        let _none = self.entries.insert(id, entry);
        self.counts[severity as usize] += 1;
        match lane {
            Some(lane) => self.refresh_head(lane),
            None => self.place(id, Some(severity)),
        }
    }

    /// Whether a delivery could leave now.
    #[must_use]
    pub fn has_ready(&self, turn: impl Fn(RouteId) -> Turn) -> bool {
        self.routes().any(|(route, ready)| !ready.is_empty() && turn(route) != Turn::Nobody)
    }

    /// Takes the delivery that leaves next: the worst of what each route lets leave, or the oldest where it is the
    /// turn of the aged. `clock` is the time for which a route has not been paused. The delivery is away until
    /// [`Scheduler::put_back`] or [`Scheduler::remove`].
    pub fn take(&mut self, turn: impl Fn(RouteId) -> Turn, clock: impl Fn(RouteId) -> Duration) -> Option<DeliveryId> {
        let aged = if self.since_aged + 1 >= SHARE_OF_AGED { self.oldest_aged(&turn, &clock) } else { None };
        let since_aged = if aged.is_some() { 0 } else { (self.since_aged + 1).min(SHARE_OF_AGED) };
        let (rank, route) = aged.or_else(|| self.worst(&turn))?;
        self.since_aged = since_aged;
        if matches!(turn(route), Turn::Another | Turn::After(_))
            && let Some(ready) = self.ready.get_mut(route.0)
        {
            ready.probed(rank);
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
        match entry.lane {
            Some(lane) => self.refresh_head(lane),
            None => self.place(id, Some(severity)),
        }
    }

    /// A delivery waits for another one: it is away until [`Scheduler::put_back`].
    pub fn hold(&mut self, id: DeliveryId) {
        self.place(id, None);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.state = State::Away;
        }
    }

    /// A delivery goes on under another route, no older and no younger than before. Each clock shows the time for which
    /// its route has not been paused.
    pub fn reroute(&mut self, id: DeliveryId, route: RouteId, clock_before: Duration, clock: Duration) {
        self.place(id, None);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.route = route;
        entry.read_at = clock.saturating_sub(clock_before.saturating_sub(entry.read_at));
        if entry.state == State::Waiting {
            self.put_back(id);
        }
    }

    /// A delivery has ended, or is given up: the next one of its lane may leave.
    pub fn remove(&mut self, id: DeliveryId) {
        self.place(id, None);
        let Some(entry) = self.entries.remove(&id) else { return };
        self.counts[entry.severity as usize] -= 1;
        if let Some(lane) = entry.lane {
            self.lanes.remove(lane, id);
            self.refresh_head(lane);
        }
    }

    /// How many deliveries there are of each severity, those that are away included.
    #[must_use]
    pub fn counts(&self) -> [(Severity, usize); Severity::ALL.len()] {
        Severity::ALL.map(|severity| (severity, self.counts[severity as usize]))
    }

    fn routes(&self) -> impl Iterator<Item = (RouteId, &ReadyQueue)> {
        self.ready.iter().enumerate().map(|(index, ready)| (RouteId(index), ready))
    }

    fn worst(&self, turn: &impl Fn(RouteId) -> Turn) -> Option<(Rank, RouteId)> {
        let next_of = |(route, ready): (RouteId, &ReadyQueue)| {
            let rank = ready.worst()?;
            match turn(route) {
                Turn::Nobody => None,
                Turn::Worst => Some((0, rank, route)),
                Turn::Another => Some((0, ready.next_probe()?, route)),
                Turn::After(number) => Some((number, ready.next_probe()?, route)),
            }
        };
        let next = self.routes().filter_map(next_of).min_by_key(|(number, rank, _)| (*number, *rank));
        next.map(|(_, rank, route)| (rank, route))
    }

    /// The oldest of those that have waited too long. The next probe of a paused route has its chance here whatever its
    /// age: the route's clock stands still, and its recovery must be noticed under a flood of worse ones, too.
    fn oldest_aged(
        &self,
        turn: &impl Fn(RouteId) -> Turn,
        clock: &impl Fn(RouteId) -> Duration,
    ) -> Option<(Rank, RouteId)> {
        let oldest_of = |(route, ready): (RouteId, &ReadyQueue)| {
            let oldest = ready.oldest()?;
            let turn = turn(route);
            let rank = match turn {
                Turn::Nobody | Turn::After(_) => return None,
                Turn::Worst => oldest,
                Turn::Another => ready.next_probe()?,
            };
            let age = clock(route).saturating_sub(self.entries.get(&rank.1)?.read_at);
            (age > self.age_to_top || turn == Turn::Another).then_some((age, rank, route))
        };
        let oldest = self.routes().filter_map(oldest_of).max_by_key(|(age, rank, _)| (*age, std::cmp::Reverse(rank.1)));
        oldest.map(|(_, rank, route)| (rank, route))
    }

    /// Puts a lane's head into the ready queue under the worst severity of its lane.
    fn refresh_head(&mut self, lane: LaneId) {
        let Some((head, worst)) = self.lanes.head(lane) else { return };
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
        if self.ready.len() <= entry.route.0 {
            self.ready.resize_with(entry.route.0 + 1, ReadyQueue::default);
        }
        let Some(ready) = self.ready.get_mut(entry.route.0) else { return };
        if let Some(old) = entry.ready_as {
            ready.remove(old, id);
        }
        if let Some(new) = severity {
            ready.insert(new, id);
        }
        entry.ready_as = severity;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DeliveryId, RouteId, Scheduler, Turn};
    use crate::domain::Severity;

    #[test]
    fn a_route_leaves_after_all_of_a_lower_number_whatever_its_severity() {
        let mut scheduler = Scheduler::new(Duration::from_secs(300));
        for (id, route, severity) in [(0, 0, Severity::Fatal), (1, 1, Severity::Low), (2, 1, Severity::Medium)] {
            scheduler.add(DeliveryId(id), severity, RouteId(route), None, Duration::ZERO);
        }
        let mut probe = |numbers: [u32; 2]| {
            let id = scheduler.take(|route| Turn::After(numbers[route.0]), |_| Duration::ZERO).unwrap();
            scheduler.put_back(id);
            id.0
        };
        let probes = [probe([0, 0]), probe([1, 0]), probe([1, 0]), probe([1, 1])];
        assert_eq!(probes, [0, 2, 1, 0], "and another one of it each time");
    }
}
