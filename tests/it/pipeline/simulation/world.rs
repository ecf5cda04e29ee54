//! What outlives a process: Kafka's partitions and offsets, and what the service and the dead-letter topic hold.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use alertbridge::domain::{DeadLetter, Offset, Record, TopicPartition};
use alertbridge::offsets::Frontier;
use rand::rngs::StdRng;

use super::super::alert_fakes::AlertService;
use super::super::fakes::FakeApi;
use super::super::harness::partition;
use super::super::service::Service;
use super::dials::Dials;
use super::records::{Written, log, name};
use super::seen::{Seen, Sent};
use super::service::Behind;

pub(super) const PARTITIONS: i32 = 2;

pub(super) struct World {
    pub(super) dials: Dials,
    pub(super) log: BTreeMap<TopicPartition, Vec<Record>>,
    pub(super) committed: BTreeMap<TopicPartition, Frontier>,
    pub(super) seen: Arc<Mutex<Seen>>,
    behind: Behind,
    generations: i64,
}

impl World {
    pub(super) fn new(rng: &mut StdRng, dials: Dials) -> Self {
        let seen = Arc::new(Mutex::new(Seen::new(&dials)));
        let (instances, alerts) = (Service::new(dials.ids), AlertService::new(dials.ids));
        let gives_up_look_ups = dials.gives_up_look_ups();
        let behind = Behind { instances, alerts, seen: Arc::clone(&seen), gives_up_look_ups };
        let (log, committed) = (BTreeMap::new(), BTreeMap::new());
        let mut world = Self { dials, log, committed, seen, behind, generations: 0 };
        (0..PARTITIONS).for_each(|number| world.write(rng, &partition(number)));
        world
    }

    /// Fills a partition.
    fn write(&mut self, rng: &mut StdRng, partition: &TopicPartition) {
        let written = log(rng, &self.dials, partition.partition, self.generations);
        self.seen.lock().unwrap().written(&written);
        let records = written.into_iter().map(|Written { record, .. }| record).collect();
        let _before = self.log.insert(partition.clone(), records);
    }

    /// A service for one process.
    pub(super) fn api(&self, seed: u64, sent: &Arc<Mutex<Sent>>) -> Arc<FakeApi> {
        self.behind.api(seed, sent)
    }

    /// Whether the workflow that a dead letter is about runs.
    pub(super) fn runs(&self, letter: &DeadLetter) -> bool {
        letter.action_instance_id.as_deref().is_some_and(|id| self.behind.instances.has(id))
    }

    /// Where a partition ends.
    pub(super) fn end(&self, partition: &TopicPartition) -> Offset {
        self.log[partition].last().map_or(Offset(0), |record| record.offset.next())
    }

    pub(super) fn is_committed(&self) -> bool {
        let offset = |partition| self.committed.get(partition).map(|frontier| frontier.offset);
        self.log.iter().all(|(partition, log)| offset(partition) > log.last().map(|record| record.offset))
    }

    /// That nothing is passed that has not ended, and nothing done twice that must not be.
    pub(super) fn check(&self) {
        let mut seen = self.seen.lock().unwrap();
        for (partition, Frontier { offset, completed, .. }) in &self.committed {
            let said = |record: &&Record| record.offset < *offset || completed.contains(record.offset);
            let passed = self.log[partition].iter().filter(said).find(|record| !seen.has_ended(record)).map(name);
            seen.broken.extend(passed.map(|name| format!("{name} was passed by {offset}")));
        }
        if self.dials.allows_no_repeat() && self.behind.instances.runs().iter().any(|runs| *runs > 1) {
            seen.broken.push("a workflow was started twice".to_owned());
        }
        if self.dials.allows_no_repeat() && self.behind.alerts.counts().iter().any(|count| *count > 1) {
            seen.broken.push("an alert was created twice".to_owned());
        }
        assert!(seen.broken.is_empty(), "{:?} with {:?}", seen.broken, self.dials);
    }

    /// Deletes what a partition holds next; says where reading goes on.
    pub(super) fn delete(&self, partition: &TopicPartition, next: usize, count: usize) -> Option<(Offset, Offset)> {
        let log = &self.log[partition];
        let (from, to) = (log.get(next)?, log.get(next + count)?);
        self.seen.lock().unwrap().deleted(&log[next..next + count]);
        Some((from.offset, to.offset))
    }

    /// Deletes a partition's topic and makes it anew, with other records under the same offsets.
    pub(super) fn make_anew(&mut self, rng: &mut StdRng, partition: &TopicPartition) {
        self.seen.lock().unwrap().deleted(&self.log[partition]);
        let _offset = self.committed.remove(partition);
        self.generations += 1;
        self.write(rng, partition);
    }
}
