//! What outlives a process: Kafka's partitions and offsets, and what the service and the dead-letter topic hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alertbridge::domain::{
    AlertRequest, FailureClass, FailureReason, Found, Offset, Record, TopicPartition, WorkflowRequest,
};
use alertbridge::offsets::Frontier;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

use super::super::alert_fakes::{AlertDesk, AlertService, Creation};
use super::super::fakes::{Answer, Call, FakeApi, failed, unavailable};
use super::super::harness::{alert, partition};
use super::super::service::{Ids, Service};

pub(super) const PARTITIONS: i32 = 2;
const RECORDS: u32 = 60;
/// A request that hangs ends after this time.
const TIME_OUT: Duration = Duration::from_secs(20);

pub(super) struct World {
    /// Whether what may have been started is looked up; then nothing is started twice.
    pub(super) is_verifying: bool,
    /// Whether alerts of high severity are created first.
    pub(super) creates_alerts: bool,
    service: Arc<Service>,
    alerts: Arc<AlertService>,
    pub(super) log: BTreeMap<TopicPartition, Vec<Record>>,
    pub(super) committed: BTreeMap<TopicPartition, Frontier>,
    pub(super) seen: Arc<Mutex<Seen>>,
    keys: Arc<BTreeMap<String, String>>,
}

/// What the service has seen and is told to do.
pub(super) struct Seen {
    began: Instant,
    /// Records whose workflow was started, that are dead letters, or that Kafka has deleted.
    pub(super) done: BTreeSet<String>,
    first: BTreeMap<String, WorkflowRequest>,
    first_alert: BTreeMap<String, AlertRequest>,
    /// What has happened, for the comparison of two runs.
    pub(super) trace: Vec<String>,
    /// Broken promises.
    pub(super) broken: Vec<String>,
    pub(super) is_well: bool,
    /// Whether one of the workflows is missing.
    pub(super) is_missing: bool,
}

/// What one process has sent, by the assignment under which it did.
#[derive(Default)]
pub(super) struct Sent {
    /// The assignment of each partition.
    pub(super) epochs: BTreeMap<i32, u64>,
    arrived: BTreeSet<(u64, String)>,
    confirmed: BTreeSet<(u64, String)>,
    last_of_key: BTreeMap<(u64, String), i64>,
}

/// A record by partition and offset, which is its alert's title.
pub(super) fn name(record: &Record) -> String {
    format!("{}@{}", record.partition.partition, record.offset)
}

fn place(name: &str) -> (i32, i64) {
    let (partition, offset) = name.split_once('@').unwrap();
    (partition.parse().unwrap(), offset.parse().unwrap())
}

fn log(rng: &mut StdRng, number: i32) -> Vec<Record> {
    let mut offset = 0;
    let record = |_| {
        // Gaps: what was compacted or aborted, and the markers of transactions.
        offset += rng.random_range(1..=3);
        let key = [None, None, Some("host-1"), Some("host-2")][rng.random_range(0..4)];
        let mut record = alert(offset, "", ["Low", "High", "Fatal"][rng.random_range(0..3)], key);
        record.partition = partition(number);
        let kind = if rng.random_bool(0.1) { "refused " } else { "" };
        let text = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
        let text = text.replace(r#""title":"""#, &format!(r#""title":"{kind}{number}@{offset}""#));
        // No two alerts have one id.
        let text = text.replace("-4000-8000-", &format!("-4000-800{number}-"));
        record.value = Some(if rng.random_bool(0.05) { "{".to_owned() } else { text }.into());
        record
    };
    (0..RECORDS).map(record).collect()
}

impl World {
    pub(super) fn new(rng: &mut StdRng, is_verifying: bool, creates_alerts: bool) -> Self {
        let log: BTreeMap<_, _> = (0..PARTITIONS).map(|number| (partition(number), log(rng, number))).collect();
        let key = |record: &Record| Some((name(record), format!("{:?} of {}", record.key.clone()?, record.partition)));
        let keys = Arc::new(log.values().flatten().filter_map(key).collect());
        let seen = Seen {
            began: Instant::now(),
            done: BTreeSet::new(),
            first: BTreeMap::new(),
            first_alert: BTreeMap::new(),
            trace: Vec::new(),
            broken: Vec::new(),
            is_well: false,
            is_missing: true,
        };
        let (service, seen) = (Service::new(Ids::Honour), Arc::new(Mutex::new(seen)));
        let alerts = AlertService::new(Ids::Honour);
        Self { is_verifying, creates_alerts, service, alerts, log, committed: BTreeMap::new(), seen, keys }
    }

    /// A service for one process.
    pub(super) fn api(&self, seed: u64, sent: &Arc<Mutex<Sent>>) -> Arc<FakeApi> {
        let rng = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
        let chances = Arc::clone(&rng);
        let (seen, sent, keys) = (Arc::clone(&self.seen), Arc::clone(sent), Arc::clone(&self.keys));
        let (service, listing) = (Arc::clone(&self.service), Arc::clone(&self.service));
        let seen_too = Arc::clone(&self.seen);
        let desk = self.desk(&rng);
        let (alerts, creates_alerts) = (Arc::clone(&self.alerts), self.creates_alerts);
        let start = move |call: Call| {
            let (wait, chance) = draw(&chances);
            let name = call.title().replace("refused ", "");
            let epoch = {
                let (mut seen, mut sent) = (seen.lock().unwrap(), sent.lock().unwrap());
                seen.arrives(&name, &call.request);
                if creates_alerts && call.request.destination.creates_alert && !alerts.has(&id_of(&call.request.body)) {
                    seen.broken.push(format!("{name} was started before its alert was there"));
                }
                sent.arrives(&name, keys.get(&name), &mut seen.broken)
            };
            let (seen, sent, service) = (Arc::clone(&seen), Arc::clone(&sent), Arc::clone(&service));
            async move {
                sleep(wait).await;
                let (is_well, is_missing) = {
                    let seen = seen.lock().unwrap();
                    (seen.is_well, seen.is_missing)
                };
                let (answer, is_started) = answer(&call, chance, is_well, is_missing, &service);
                if is_started {
                    seen.lock().unwrap().done.insert(name.clone());
                }
                match &answer {
                    Ok(_) => drop(sent.lock().unwrap().confirmed.insert((epoch, name))),
                    Err(failure) if failure.reason == FailureReason::NoAnswer => sleep(TIME_OUT - wait).await,
                    Err(_) => {}
                }
                answer
            }
        };
        let find = move |id: String| {
            let (wait, chance) = draw(&rng);
            let (seen, service) = (Arc::clone(&seen_too), Arc::clone(&listing));
            async move {
                sleep(wait).await;
                let is_well = seen.lock().unwrap().is_well;
                if chance < 3 && !is_well { unavailable().map(|_| Found::Absent) } else { service.find(&id) }
            }
        };
        FakeApi::with_find(start, find).with_alerts(desk)
    }

    /// The same for alerts.
    fn desk(&self, rng: &Arc<Mutex<StdRng>>) -> AlertDesk {
        let (chances, rng) = (Arc::clone(rng), Arc::clone(rng));
        let (seen, seen_too) = (Arc::clone(&self.seen), Arc::clone(&self.seen));
        let (service, shown) = (Arc::clone(&self.alerts), Arc::clone(&self.alerts));
        let create = move |request: AlertRequest| {
            let (wait, chance) = draw(&chances);
            seen.lock().unwrap().alert_arrives(&request);
            let (seen, service) = (Arc::clone(&seen), Arc::clone(&service));
            async move {
                sleep(wait).await;
                let is_well = seen.lock().unwrap().is_well;
                let answer = created(&request, chance, is_well, &service);
                if answer.as_ref().is_err_and(|failure| failure.reason == FailureReason::NoAnswer) {
                    sleep(TIME_OUT - wait).await;
                }
                answer
            }
        };
        let find = move |id: String| {
            let (wait, chance) = draw(&rng);
            let (seen, service) = (Arc::clone(&seen_too), Arc::clone(&shown));
            async move {
                sleep(wait).await;
                let is_well = seen.lock().unwrap().is_well;
                if chance < 3 && !is_well { Err(unavailable().unwrap_err()) } else { service.find(&id) }
            }
        };
        AlertDesk::new(create, find)
    }

    pub(super) fn is_committed(&self) -> bool {
        let offset = |partition| self.committed.get(partition).map(|frontier| frontier.offset);
        self.log.iter().all(|(partition, log)| offset(partition) > log.last().map(|record| record.offset))
    }

    /// That nothing is passed that has not ended.
    pub(super) fn check(&self) {
        let mut seen = self.seen.lock().unwrap();
        for (partition, Frontier { offset, completed, .. }) in &self.committed {
            let said = |record: &&Record| record.offset < *offset || completed.contains(record.offset);
            let passed = self.log[partition].iter().filter(said).map(name).find(|name| !seen.done.contains(name));
            seen.broken.extend(passed.map(|name| format!("{name} was passed by {offset}")));
        }
        if self.is_verifying && self.service.runs().iter().any(|runs| *runs > 1) {
            seen.broken.push("a workflow was started twice".to_owned());
        }
        if self.is_verifying && self.alerts.counts().iter().any(|count| *count > 1) {
            seen.broken.push("an alert was created twice".to_owned());
        }
        assert!(seen.broken.is_empty(), "{:?}", seen.broken);
    }

    /// Deletes what a partition holds next; says where reading goes on.
    pub(super) fn delete(&self, partition: &TopicPartition, next: usize, count: usize) -> Option<(Offset, Offset)> {
        let log = &self.log[partition];
        let (from, to) = (log.get(next)?, log.get(next + count)?);
        self.seen.lock().unwrap().done.extend(log[next..next + count].iter().map(name));
        Some((from.offset, to.offset))
    }
}

impl Seen {
    pub(super) fn note(&mut self, what: &str) {
        let at = self.began.elapsed().as_millis();
        self.trace.push(format!("{at} {what}"));
    }

    fn arrives(&mut self, name: &str, request: &WorkflowRequest) {
        self.note(name);
        let first = self.first.entry(name.to_owned()).or_insert_with(|| request.clone());
        if first != request {
            self.broken.push(format!("{name} was sent with other bytes"));
        }
    }

    fn alert_arrives(&mut self, request: &AlertRequest) {
        self.note(&format!("alert {}", request.alert_id));
        let first = self.first_alert.entry(request.alert_id.clone()).or_insert_with(|| request.clone());
        if first != request {
            self.broken.push(format!("{} was to be created with other bytes", request.alert_id));
        }
    }
}

impl Sent {
    /// Says under which assignment.
    fn arrives(&mut self, name: &str, key: Option<&String>, broken: &mut Vec<String>) -> u64 {
        let (partition, offset) = place(name);
        let epoch = self.epochs.get(&partition).copied().unwrap_or_default();
        if self.confirmed.contains(&(epoch, name.to_owned())) {
            broken.push(format!("{name} was sent after it had been confirmed"));
        }
        if self.arrived.insert((epoch, name.to_owned()))
            && let Some(key) = key
            && let Some(before) = self.last_of_key.insert((epoch, key.clone()), offset)
            && before > offset
        {
            broken.push(format!("{name} came after {before} of the same key"));
        }
        epoch
    }
}

/// How long a call takes, and what becomes of it.
fn draw(rng: &Mutex<StdRng>) -> (Duration, u32) {
    let mut rng = rng.lock().unwrap();
    (Duration::from_millis(rng.random_range(0..3_000)), rng.random_range(0..40))
}

/// The id of the alert that a workflow is about.
fn id_of(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body["playbook_context"]["data_object"]["content"]["id"].as_str().unwrap().to_owned()
}

/// The answer to a creation by chance, mostly well.
fn created(request: &AlertRequest, chance: u32, is_well: bool, service: &AlertService) -> Creation {
    if String::from_utf8_lossy(&request.body).contains("refused") {
        return super::super::alert_fakes::refused();
    }
    let answer = match chance {
        _ if is_well => return service.create(request),
        0..4 => unavailable(),
        4..6 => {
            if chance == 4 {
                let _answer = service.create(request);
            }
            failed(FailureClass::Ambiguous, FailureReason::NoAnswer, None)
        }
        6 => failed(FailureClass::Throttled, FailureReason::QuotaExceeded, Some(429)),
        7 => failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(401)),
        8 => failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404)),
        _ => return service.create(request),
    };
    Err(answer.unwrap_err())
}

/// An answer by chance, mostly well, and whether the workflow was started.
fn answer(call: &Call, chance: u32, is_well: bool, is_missing: bool, service: &Service) -> (Answer, bool) {
    if call.title().starts_with("refused") {
        return (failed(FailureClass::Rejected, FailureReason::RequestRefused, Some(400)), false);
    }
    if is_missing && &*call.request.destination.workflow_id == "wf-high" {
        return (failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404)), false);
    }
    let answer = match chance {
        _ if is_well => service.start(call),
        0..4 => unavailable(),
        4..6 => {
            let is_started = chance == 4 && service.start(call).is_ok();
            return (failed(FailureClass::Ambiguous, FailureReason::NoAnswer, None), is_started);
        }
        6 => failed(FailureClass::Throttled, FailureReason::QuotaExceeded, Some(429)).map_err(|mut failure| {
            failure.retry_after = Some(Duration::from_secs(7));
            failure
        }),
        7 => failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(401)),
        8 => failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404)),
        _ => service.start(call),
    };
    let is_started = answer.is_ok();
    (answer, is_started)
}
