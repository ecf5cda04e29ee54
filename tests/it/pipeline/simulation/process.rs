//! One process: its partitions, where it reads, and how it ends.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alertbridge::domain::{DeadLetterClass, Offset, TopicPartition};
use alertbridge::offsets::CommitMetadata;
use alertbridge::pipeline::AmbiguousPolicy;
use alertbridge::ports::{SourceEvent, Start};
use alertbridge::routing::{RouteSettings, RuleSettings};
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::super::harness::{Bench, one_route, partition, settings};
use super::world::{PARTITIONS, Sent, World, name};

pub(super) struct Process {
    bench: Bench,
    /// Where each of its partitions is read next.
    position: BTreeMap<TopicPartition, usize>,
    sent: Arc<Mutex<Sent>>,
    letters_seen: usize,
}

fn routes(creates_alerts: bool) -> RouteSettings {
    let high = RuleSettings {
        name: "high".into(),
        when: Some(r#".severity == "High""#.into()),
        workflow_id: Some("wf-high".into()),
        create_alert: creates_alerts,
        ..RuleSettings::default()
    };
    RouteSettings { rules: vec![high], ..one_route() }
}

impl Process {
    pub(super) fn start(world: &World, seed: u64) -> Self {
        let mut settings = settings();
        settings.seed = seed;
        settings.ambiguous = if world.is_verifying { AmbiguousPolicy::Verify } else { AmbiguousPolicy::Retry };
        settings.budget.records = 30;
        settings.max_in_flight = 6;
        // No delivery is ever spent, and the guard does not close: every dead letter must be one.
        settings.retry.max_attempts = u32::MAX;
        settings.retry.max_elapsed = Duration::MAX;
        settings.guard.consecutive = 1_000;
        settings.guard.minimum_records = 1_000;
        settings.age_to_top = Duration::from_secs(20);
        let sent = Arc::<Mutex<Sent>>::default();
        let bench = Bench::start_with(world.api(seed, &sent), settings, routes(world.creates_alerts));
        // The bench begins with a partition.
        bench.tell(SourceEvent::Lost(vec![partition(0)]));
        Self { bench, position: BTreeMap::new(), sent, letters_seen: 0 }
    }

    pub(super) fn owns(&self, partition: &TopicPartition) -> bool {
        self.position.contains_key(partition)
    }

    /// Lets everything that is under way at this moment happen.
    async fn settle() {
        sleep(Duration::from_millis(1)).await;
    }

    pub(super) async fn assign(&mut self, world: &World, partition: &TopicPartition) {
        Self::settle().await;
        let log = &world.log[partition];
        let end = log.last().map_or(Offset(0), |record| record.offset.next());
        let start = match world.committed.get(partition) {
            Some(frontier) => {
                let text = frontier.metadata().encode("group", partition, frontier.offset);
                let read = CommitMetadata::decode(&text, "group", partition, frontier.offset, Offset(i64::MAX));
                let CommitMetadata { completed, mark } = read.unwrap_or_default();
                Start { partition: partition.clone(), offset: frontier.offset, completed, mark, end }
            }
            None => Start::without_memory(partition.clone(), Offset(0), end),
        };
        let next = log.partition_point(|record| record.offset < start.offset);
        let _none = self.position.insert(partition.clone(), next);
        *self.sent.lock().unwrap().epochs.entry(partition.partition).or_default() += 1;
        self.bench.asked(|asked| {
            asked.committed.remove(partition);
            asked.paused.remove(partition);
        });
        self.bench.assign_start(start);
    }

    /// Tells what a partition holds next, if it is ours and not paused; sometimes the gap behind it, too.
    pub(super) fn fetch(&mut self, world: &World, partition: &TopicPartition, count: usize, gap: bool) {
        if !self.bench.asked(|asked| asked.paused.contains(partition)) {
            self.hand_over(world, partition, count, gap);
        }
    }

    fn hand_over(&mut self, world: &World, partition: &TopicPartition, count: usize, gap: bool) {
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

    pub(super) fn delete(&mut self, world: &World, partition: &TopicPartition, count: usize) {
        let Some(position) = self.position.get_mut(partition) else { return };
        if let Some((wanted, resumed_at)) = world.delete(partition, *position, count) {
            *position += count;
            self.bench.tell(SourceEvent::OutOfRange { partition: partition.clone(), wanted, resumed_at });
        }
    }

    pub(super) async fn revoke(&mut self, world: &mut World, partition: &TopicPartition) {
        if self.owns(partition) {
            let released = self.bench.asked(|asked| asked.released.len());
            self.bench.tell(SourceEvent::Revoked(vec![partition.clone()]));
            self.bench.until("it is handed back", |b| b.asked(|asked| asked.released.len() > released)).await;
            self.look(world);
            let _position = self.position.remove(partition);
        }
    }

    pub(super) async fn lose(&mut self, partition: &TopicPartition) {
        if self.position.remove(partition).is_some() {
            self.bench.tell(SourceEvent::Lost(vec![partition.clone()]));
            Self::settle().await;
        }
    }

    pub(super) fn commits_fail(&self, fail: bool) {
        self.bench.asked(|asked| asked.commits_fail = fail);
    }

    pub(super) fn sink_is_away(&self, is_away: bool) {
        self.bench.sink.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Takes over what it has committed of its partitions, and what it has written.
    pub(super) fn look(&mut self, world: &mut World) {
        let mut seen = world.seen.lock().unwrap();
        let letters = self.bench.sink.letters();
        for letter in &letters[self.letters_seen..] {
            let value = String::from_utf8_lossy(letter.record.value.as_deref().unwrap()).into_owned();
            let must_be = match letter.class {
                DeadLetterClass::Malformed => value == "{",
                DeadLetterClass::Rejected => value.contains("refused"),
                _ => false,
            };
            if !must_be {
                seen.broken.push(format!("{} is a dead letter: {:?}", name(&letter.record), letter.class));
            }
            seen.done.insert(name(&letter.record));
        }
        self.letters_seen = letters.len();
        let committed = self.bench.asked(|asked| asked.committed.clone());
        for (partition, frontier) in
            committed.into_iter().filter(|(partition, _)| self.position.contains_key(partition))
        {
            if world.committed.get(&partition) != Some(&frontier) {
                seen.note(&format!("{partition} {} {}", frontier.offset, frontier.completed.count()));
                let _before = world.committed.insert(partition, frontier);
            }
        }
        let totals = self.bench.totals();
        let ended = totals.delivered + totals.dead_lettered + totals.abandoned;
        if ended > totals.records_consumed {
            seen.broken.push(format!("more than one outcome: {totals:?}"));
        }
    }

    pub(super) fn crash(mut self, world: &mut World) {
        self.look(world);
        self.bench.crash();
    }

    pub(super) async fn stop(mut self, world: &mut World, rng: &mut StdRng) {
        self.bench.begin_stop();
        for _ in 0..5 {
            sleep(Duration::from_millis(100)).await;
            if self.bench.has_ended() {
                break;
            }
            // What was read before the pause may still come.
            let of = partition(rng.random_range(0..PARTITIONS));
            self.hand_over(world, &of, 2, true);
        }
        self.ended(world).await;
    }

    async fn ended(&mut self, world: &mut World) {
        self.bench.until("it has ended", Bench::has_ended).await;
        self.look(world);
        let totals = self.bench.totals();
        let ended = totals.delivered + totals.dead_lettered + totals.abandoned;
        assert_eq!(ended, totals.records_consumed, "one outcome for each: {totals:?}");
    }

    /// Ends it after all has been committed: nothing is left in its budgets.
    pub(super) async fn end_with_nothing_left(mut self, world: &mut World) {
        sleep(Duration::from_secs(30)).await;
        let buffer = self.bench.status.borrow().buffer.clone();
        assert_eq!(buffer, Default::default(), "what is left in the buffer");
        self.bench.begin_stop();
        self.ended(world).await;
    }
}
