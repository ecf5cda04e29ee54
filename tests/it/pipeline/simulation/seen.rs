//! What the service has seen, and the promises that this can break.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alertbridge::domain::{AlertRequest, AttemptedCall, DeadLetter, DeadLetterClass, Offset, Record, WorkflowRequest};
use alertbridge::offsets::CompletedOffsets;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::dials::Dials;
use super::records::{Written, delivery, name, name_of_alert, place};

/// What is the matter with the service besides single faults.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Weather {
    Fair,
    /// Everything is a 503.
    Down,
    /// Nothing is answered.
    Silent,
    /// Everything is a 429.
    Throttled,
    /// Everything is a 401.
    Locked,
}

/// What the service has seen and is told to do.
pub(super) struct Seen {
    began: Instant,
    dials: Dials,
    /// Deliveries that were started, that are dead letters, or that Kafka has deleted.
    pub(super) done: BTreeSet<String>,
    /// What each record is to become.
    wanted: BTreeMap<String, Vec<String>>,
    lanes: BTreeMap<String, String>,
    first: BTreeMap<String, WorkflowRequest>,
    first_alert: BTreeMap<String, AlertRequest>,
    departures: Vec<Instant>,
    /// What has happened, for the comparison of two runs.
    pub(super) trace: Vec<String>,
    /// Broken promises.
    pub(super) broken: Vec<String>,
    pub(super) is_well: bool,
    /// Whether one of the workflows is missing.
    pub(super) is_missing: bool,
    /// Whether another one is forbidden to us.
    pub(super) is_forbidden: bool,
    pub(super) weather: Weather,
    /// The metrics that were not zero, and what has paused.
    pub(super) met: BTreeSet<String>,
}

impl Seen {
    pub(super) fn new(dials: &Dials) -> Self {
        Self {
            began: Instant::now(),
            dials: dials.clone(),
            done: BTreeSet::new(),
            wanted: BTreeMap::new(),
            lanes: BTreeMap::new(),
            first: BTreeMap::new(),
            first_alert: BTreeMap::new(),
            departures: Vec::new(),
            trace: Vec::new(),
            broken: Vec::new(),
            is_well: false,
            is_missing: true,
            is_forbidden: false,
            weather: Weather::Fair,
            met: BTreeSet::new(),
        }
    }

    /// What the metrics of a process that ends have counted.
    pub(super) fn meets(&mut self, metrics: &str) {
        let counted = metrics.lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0"));
        self.met.extend(counted.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())));
    }

    pub(super) fn note(&mut self, what: &str) {
        let at = self.began.elapsed().as_millis();
        self.trace.push(format!("{at} {what}"));
    }

    /// What stands in a partition from now on.
    pub(super) fn written(&mut self, log: &[Written]) {
        for Written { record, wanted, lane } in log {
            let _new = self.wanted.insert(name(record), wanted.clone());
            self.lanes.extend(lane.clone().map(|lane| (name(record), lane)));
        }
    }

    /// Kafka has deleted these.
    pub(super) fn deleted<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) {
        for record in records {
            self.done.extend(self.wanted[&name(record)].iter().cloned());
        }
    }

    /// Whether all that is to become of a record has become of it.
    pub(super) fn has_ended(&self, record: &Record) -> bool {
        self.wanted[&name(record)].iter().all(|wanted| self.done.contains(wanted))
    }

    /// The weather changes by chance.
    pub(super) fn change_weather(&mut self, rng: &mut StdRng) {
        self.weather = match (self.weather, rng.random_range(0..100)) {
            _ if self.is_well => Weather::Fair,
            (Weather::Fair, 0) => Weather::Down,
            (Weather::Fair, 1) => Weather::Silent,
            (Weather::Fair, 2) => Weather::Throttled,
            (Weather::Fair, 3) => Weather::Locked,
            (Weather::Fair, _) | (_, 0..15) => Weather::Fair,
            (weather, _) => weather,
        };
    }

    /// A request has left, of whatever kind.
    pub(super) fn departs(&mut self) {
        let now = Instant::now();
        self.departures.push(now);
        if let Some(quota) = self.dials.quota
            && let Some(before) = self.departures.len().checked_sub(quota as usize + 1)
            && now - self.departures[before] < Duration::from_secs(1)
        {
            self.broken.push(format!("{} requests within a second", quota + 1));
        }
    }

    pub(super) fn arrives(&mut self, name: &str, request: &WorkflowRequest) {
        self.departs();
        let of = delivery(name, &request.destination.workflow_id);
        self.note(&of);
        let first = self.first.entry(of.clone()).or_insert_with(|| request.clone());
        if first != request {
            self.broken.push(format!("{of} was sent with other bytes"));
        }
    }

    pub(super) fn alert_arrives(&mut self, request: &AlertRequest) {
        self.departs();
        self.note(&format!("alert {}", request.alert_id));
        let first = self.first_alert.entry(request.alert_id.clone()).or_insert_with(|| request.clone());
        if first != request {
            self.broken.push(format!("{} was to be created with other bytes", request.alert_id));
        }
    }

    /// A dead letter is there: it must be one. `runs`: its workflow runs.
    pub(super) fn is_buried(&mut self, letter: &DeadLetter, sent: &Sent, runs: bool) {
        let record = name(&letter.record);
        let value = String::from_utf8_lossy(letter.record.value.as_deref().unwrap()).into_owned();
        let must_be = match letter.class {
            DeadLetterClass::Malformed => value == "{",
            DeadLetterClass::Rejected => value.contains("refused"),
            DeadLetterClass::Exhausted if !sent.others_got_through(&record, letter) => false,
            class => self.dials.buries(class),
        };
        if !must_be {
            self.broken.push(format!("{record} is a dead letter: {:?}", letter.class));
        }
        if runs && self.dials.allows_no_repeat() {
            self.broken.push(format!("{record} is a dead letter though its workflow runs: {:?}", letter.class));
        }
        let _new = self.done.insert(match &letter.workflow_id {
            Some(workflow) => delivery(&record, workflow),
            None => record,
        });
    }
}

/// What stands for the alerts' own calls among workflows.
const ALERTS: &str = "alerts";

/// What one process has sent, by the assignment under which it did.
#[derive(Default)]
pub(super) struct Sent {
    /// The assignment of each partition.
    epochs: BTreeMap<i32, u64>,
    /// What had settled when it began, as the process was told.
    settled: BTreeMap<i32, (Offset, CompletedOffsets)>,
    arrived: BTreeSet<(u64, String)>,
    confirmed: BTreeSet<(u64, String)>,
    last_of_lane: BTreeMap<(u64, String), i64>,
    /// When each record was first tried.
    tried: BTreeMap<String, Instant>,
    /// Workflow, record and time of what was confirmed.
    got_through: Vec<(String, String, Instant)>,
}

impl Sent {
    pub(super) fn assigned(&mut self, partition: i32, from: Offset, completed: CompletedOffsets) {
        *self.epochs.entry(partition).or_default() += 1;
        let _before = self.settled.insert(partition, (from, completed));
    }

    /// A request for a record leaves. Says under which assignment.
    fn tries(&mut self, name: &str) -> u64 {
        let (partition, _) = place(name);
        let epoch = self.epochs.get(&partition).copied().unwrap_or_default();
        let _first = self.tried.entry(name.to_owned()).or_insert_with(Instant::now);
        epoch
    }

    /// A start leaves. Says under which assignment.
    pub(super) fn arrives(&mut self, name: &str, workflow: &str, seen: &mut Seen) -> u64 {
        let epoch = self.tries(name);
        let (partition, offset) = place(name);
        let of = delivery(name, workflow);
        if self.confirmed.contains(&(epoch, of.clone())) {
            seen.broken.push(format!("{of} was sent after it had been confirmed"));
        }
        if let Some((from, completed)) = self.settled.get(&partition)
            && (offset < from.0 || completed.contains(Offset(offset)))
        {
            seen.broken.push(format!("{of} was sent though it had settled"));
        }
        if self.arrived.insert((epoch, of))
            && let Some(lane) = seen.lanes.get(name)
            && let Some(before) = self.last_of_lane.insert((epoch, lane.clone()), offset)
            && before > offset
        {
            seen.broken.push(format!("{name} came after {before} of {lane}"));
        }
        epoch
    }

    pub(super) fn confirmed(&mut self, epoch: u64, name: &str, workflow: &str) {
        let _new = self.confirmed.insert((epoch, delivery(name, workflow)));
        self.got_through.push((workflow.to_owned(), name.to_owned(), Instant::now()));
    }

    pub(super) fn alert_arrives(&mut self, id: &str) {
        let _epoch = self.tries(&name_of_alert(id));
    }

    pub(super) fn alert_confirmed(&mut self, id: &str) {
        self.got_through.push((ALERTS.to_owned(), name_of_alert(id), Instant::now()));
    }

    /// Whether another delivery to the same target was confirmed since the first attempt.
    fn others_got_through(&self, record: &str, letter: &DeadLetter) -> bool {
        let is_of_alert = letter.attempts.last().is_some_and(|attempt| attempt.call == AttemptedCall::CreateAlert);
        let target = if is_of_alert { ALERTS } else { letter.workflow_id.as_deref().unwrap() };
        let since = self.tried[record];
        self.got_through.iter().any(|(to, of, at)| to == target && of != record && *at >= since)
    }
}
