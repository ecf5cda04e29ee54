//! Random schedules of records, faults, rebalances, shutdowns and crashes, and the promises that hold in all of them.
//!
//! The schedule comes from the seed, which a failure names. The pipeline's own jitter does not: a failure may need a few
//! runs of its seed to come again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason, Offset, Record, TopicPartition, WorkflowRequest};
use alertbridge::offsets::{CompletedOffsets, Frontier};
use alertbridge::ports::SourceEvent;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::fakes::{Answer, Call, FakeApi, failed, started, unavailable};
use super::harness::{Bench, alert, one_route, partition, settings};

/// How many schedules are tried; `SIMULATION_SEEDS` asks for more.
const SEEDS: u64 = 40;
const PARTITIONS: i32 = 2;
const STEPS: u32 = 30;

/// What outlives a process: Kafka's partitions and offsets, and what the service and the dead-letter topic hold.
struct World {
    log: BTreeMap<TopicPartition, Vec<Record>>,
    committed: BTreeMap<TopicPartition, Frontier>,
    /// Titles of alerts whose workflow was started, or that are in the dead-letter topic.
    done: Arc<Mutex<BTreeSet<String>>>,
    sent: Arc<Mutex<BTreeMap<String, WorkflowRequest>>>,
    is_well: Arc<AtomicBool>,
}

fn title(record: &Record) -> String {
    format!("{}@{}", record.partition, record.offset)
}

fn log(rng: &mut StdRng, number: i32) -> Vec<Record> {
    let mut offset = 0;
    let record = |_| {
        // Gaps: what was compacted or aborted, and the markers of transactions.
        offset += rng.random_range(1..=3);
        let key = rng.random_bool(0.3).then_some("host-1");
        let mut record = alert(offset, "", ["Low", "Fatal"][rng.random_range(0..2)], key);
        record.partition = partition(number);
        let broken = rng.random_bool(0.1);
        let kind = if rng.random_bool(0.1) { "refused " } else { "" };
        let text = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
        let text = text.replace(r#""title":"""#, &format!(r#""title":"{kind}{number}@{offset}""#));
        record.value = Some(if broken { "{".to_owned() } else { text }.into());
        record
    };
    (0..60).map(record).collect()
}

/// An answer by chance: mostly well, in an outage hardly ever.
fn answer(call: &Call, chance: u32, is_well: bool) -> Answer {
    if call.title().starts_with("refused") {
        return failed(FailureClass::Rejected, FailureReason::RequestRefused, Some(400));
    }
    match chance {
        _ if is_well => started(&call.request),
        0..4 => unavailable(),
        4..6 => failed(FailureClass::Ambiguous, FailureReason::NoAnswer, None),
        6 => failed(FailureClass::Throttled, FailureReason::QuotaExceeded, Some(429)),
        7 => failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(401)),
        8 => failed(FailureClass::Target, FailureReason::TargetNotFound, Some(404)),
        _ => started(&call.request),
    }
}

impl World {
    fn new(rng: &mut StdRng) -> Self {
        let log = (0..PARTITIONS).map(|number| (partition(number), log(rng, number))).collect();
        Self { log, committed: BTreeMap::new(), done: Arc::default(), sent: Arc::default(), is_well: Arc::default() }
    }

    fn api(&self, seed: u64) -> Arc<FakeApi> {
        let rng = Mutex::new(StdRng::seed_from_u64(seed));
        let (done, sent, is_well) = (Arc::clone(&self.done), Arc::clone(&self.sent), Arc::clone(&self.is_well));
        FakeApi::new(move |call| {
            let (wait, chance) = {
                let mut rng = rng.lock().unwrap();
                (rng.random_range(0..3_000), rng.random_range(0..30))
            };
            let title = call.title().replace("refused ", "");
            let first = sent.lock().unwrap().entry(title.clone()).or_insert_with(|| call.request.clone()).clone();
            assert_eq!(first, call.request, "every attempt has the same bytes");
            let (done, is_well) = (Arc::clone(&done), Arc::clone(&is_well));
            async move {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                let answer = answer(&call, chance, is_well.load(Ordering::Relaxed));
                if answer.is_ok() {
                    done.lock().unwrap().insert(title);
                }
                answer
            }
        })
    }

    /// Takes over what the process has committed and written, and checks that nothing was passed.
    fn check(&mut self, bench: &Bench, seed: u64) {
        let mut done = self.done.lock().unwrap();
        done.extend(bench.sink.letters().iter().map(|letter| short(&letter.record)));
        let landed = bench.asked(|asked| asked.committed.clone());
        self.committed.extend(landed);
        for (partition, Frontier { offset, completed, .. }) in &self.committed {
            let said = |record: &&Record| record.offset < *offset || completed.contains(record.offset);
            for record in self.log[partition].iter().filter(said) {
                assert!(done.contains(&short(record)), "seed {seed}: {} was passed by {offset}", title(record));
            }
        }
    }

    fn is_committed(&self) -> bool {
        let offset = |partition| self.committed.get(partition).map(|frontier| frontier.offset);
        self.log.iter().all(|(partition, log)| offset(partition) > log.last().map(|record| record.offset))
    }
}

fn short(record: &Record) -> String {
    format!("{}@{}", record.partition.partition, record.offset)
}

/// One process's reading: where each of its partitions stands.
struct Reading<'a> {
    bench: &'a Bench,
    position: BTreeMap<TopicPartition, usize>,
}

impl Reading<'_> {
    fn assign(&mut self, world: &World, partition: &TopicPartition) {
        let (start, completed) = match world.committed.get(partition) {
            Some(frontier) => (frontier.offset, frontier.completed.clone()),
            None => (Offset(0), CompletedOffsets::default()),
        };
        let next = world.log[partition].partition_point(|record| record.offset < start);
        self.position.insert(partition.clone(), next);
        self.bench.assign_with(partition.partition, start.0, completed);
    }

    fn is_paused(&self, partition: &TopicPartition) -> bool {
        self.bench.asked(|asked| asked.paused.contains(partition))
    }

    /// Tells what a partition holds next; sometimes the gap behind it, too.
    fn fetch(&mut self, world: &World, partition: &TopicPartition, count: usize, gap: bool) {
        let Some(position) = self.position.get_mut(partition) else { return };
        let log = &world.log[partition];
        let end = (*position + count).min(log.len());
        self.bench.feed(log[*position..end].to_vec());
        *position = end;
        if gap {
            let next = log.get(end).map_or_else(|| log.last().map_or(0, |r| r.offset.0 + 2), |record| record.offset.0);
            self.bench.tell(SourceEvent::Position(vec![(partition.clone(), Offset(next))]));
        }
    }

    async fn revoke(&mut self, partition: &TopicPartition) {
        if self.position.remove(partition).is_some() {
            let released = self.bench.asked(|asked| asked.released.len());
            self.bench.tell(SourceEvent::Revoked(vec![partition.clone()]));
            self.bench.until("it is handed back", |b| b.asked(|asked| asked.released.len() > released)).await;
        }
    }

    fn lose(&mut self, partition: &TopicPartition) {
        self.position.remove(partition);
        self.bench.tell(SourceEvent::Lost(vec![partition.clone()]));
    }
}

/// One process from its start to its crash or shutdown.
async fn live(world: &mut World, rng: &mut StdRng, seed: u64) {
    let mut settings = settings();
    settings.budget.records = 20;
    let bench = Bench::start_with(world.api(seed), settings, one_route());
    let mut reading = Reading { bench: &bench, position: BTreeMap::new() };
    reading.lose(&partition(0));
    let is_last = world.is_well.load(Ordering::Relaxed);
    for step in 0.. {
        for number in 0..PARTITIONS {
            if !reading.position.contains_key(&partition(number)) && (is_last || rng.random_bool(0.5)) {
                reading.assign(world, &partition(number));
            }
        }
        let of = partition(rng.random_range(0..PARTITIONS));
        match rng.random_range(0..20) {
            0 if !is_last => reading.lose(&of),
            1 if !is_last => reading.revoke(&of).await,
            2 => bench.asked(|asked| asked.commits_fail = !is_last && !asked.commits_fail),
            3 => bench.sink.is_away.store(!is_last && rng.random_bool(0.5), Ordering::Relaxed),
            _ if reading.is_paused(&of) => {}
            _ => reading.fetch(world, &of, rng.random_range(0..8), rng.random_bool(0.5)),
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..4_000))).await;
        world.check(&bench, seed);
        if if is_last { world.is_committed() } else { step == STEPS } {
            break;
        }
        assert!(step < 10_000, "seed {seed}: it does not come to its end: {:?}", world.committed);
    }
    if rng.random_bool(0.5) {
        bench.begin_stop();
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if bench.has_ended() {
                break;
            }
            // What was read before the pause may still come.
            let of = partition(rng.random_range(0..PARTITIONS));
            reading.fetch(world, &of, 2, true);
        }
        bench.until("it has ended", Bench::has_ended).await;
        let totals = bench.totals();
        let ended = totals.delivered + totals.dead_lettered + totals.abandoned;
        assert_eq!(ended, totals.records_consumed, "seed {seed}: one outcome for each: {totals:?}");
    }
    world.check(&bench, seed);
    bench.crash();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_whatever_happens() {
    let more = std::env::var("SIMULATION_SEEDS").ok().and_then(|text| text.parse().ok());
    for seed in 0..more.unwrap_or(SEEDS) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = World::new(&mut rng);
        for life in 0..3 {
            live(&mut world, &mut rng, seed * 10 + life).await;
        }
        world.is_well.store(true, Ordering::Relaxed);
        live(&mut world, &mut rng, seed * 10 + 9).await;
    }
}
