//! One process: its partitions, where it reads, and how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alertbridge::domain::{Offset, TopicPartition};
use alertbridge::offsets::{CommitMetadata, CompletedOffsets};
use alertbridge::ports::{SourceEvent, Start};
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::super::harness::{Bench, partition};
use super::seen::Sent;
use super::world::{PARTITIONS, World};

pub(super) struct Process {
    bench: Bench,
    /// Where each of its partitions is read next.
    position: BTreeMap<TopicPartition, usize>,
    /// Those that it is to hand back.
    leaving: BTreeSet<TopicPartition>,
    sent: Arc<Mutex<Sent>>,
    letters_seen: usize,
}

impl Process {
    pub(super) fn start(world: &World, seed: u64) -> Self {
        let sent = Arc::<Mutex<Sent>>::default();
        let bench = Bench::start_with(world.api(seed, &sent), world.dials.settings(seed), world.dials.routes());
        // The bench begins with a partition.
        bench.tell(SourceEvent::Lost(vec![partition(0)]));
        Self { bench, position: BTreeMap::new(), leaving: BTreeSet::new(), sent, letters_seen: 0 }
    }

    pub(super) fn owns(&self, partition: &TopicPartition) -> bool {
        self.position.contains_key(partition)
    }

    /// Whether a rebalance is under way.
    pub(super) fn is_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Lets everything that is under way at this moment happen.
    async fn settle() {
        sleep(Duration::from_millis(1)).await;
    }

    /// `forgets`: what was committed besides the offset is not understood.
    pub(super) async fn assign(&mut self, world: &World, partition: &TopicPartition, forgets: bool) {
        Self::settle().await;
        let (log, end) = (&world.log[partition], world.end(partition));
        let start = match world.committed.get(partition) {
            Some(frontier) => {
                let text = frontier.metadata().encode("group", partition, frontier.offset);
                let read = CommitMetadata::decode(&text, "group", partition, frontier.offset, end);
                assert!(read.is_ok() || text.is_empty(), "{read:?}");
                let CommitMetadata { completed, mark } = read.ok().filter(|_| !forgets).unwrap_or_default();
                Start { partition: partition.clone(), offset: frontier.offset, completed, mark, end }
            }
            None => Start::without_memory(partition.clone(), Offset(0), end),
        };
        let next = log.partition_point(|record| record.offset < start.offset);
        let _none = self.position.insert(partition.clone(), next);
        self.sent.lock().unwrap().assigned(partition.partition, start.offset, start.completed.clone());
        self.bench.asked(|asked| {
            asked.committed.remove(partition);
            asked.paused.remove(partition);
        });
        let all = (0..PARTITIONS).map(super::super::harness::partition).collect();
        self.bench.tell(SourceEvent::Assigned { cluster_id: "cluster".into(), partitions: vec![start], all });
    }

    /// Tells what a partition holds next, if it is ours and not paused: so many records, after so many of those before
    /// once more, and sometimes the gap behind them.
    pub(super) fn fetch(&mut self, world: &World, of: &TopicPartition, count: usize, again: usize, gap: bool) {
        if !self.bench.asked(|asked| asked.paused.contains(of)) {
            self.hand_over(world, of, count, again, gap);
        }
    }

    fn hand_over(&mut self, world: &World, partition: &TopicPartition, count: usize, again: usize, gap: bool) {
        if self.leaving.contains(partition) {
            return;
        }
        let Some(position) = self.position.get_mut(partition) else { return };
        let log = &world.log[partition];
        let end = (*position + count).min(log.len());
        self.bench.feed(log[position.saturating_sub(again)..end].to_vec());
        *position = end;
        if gap {
            let next = log.get(end).map_or_else(|| log.last().map_or(0, |r| r.offset.0 + 2), |record| record.offset.0);
            self.bench.tell(SourceEvent::Position(vec![(partition.clone(), Offset(next))]));
        }
    }

    pub(super) fn delete(&mut self, world: &World, partition: &TopicPartition, count: usize) {
        let Some(position) = self.position.get_mut(partition).filter(|_| self.leaving.is_empty()) else { return };
        if let Some((wanted, resumed_at)) = world.delete(partition, *position, count) {
            *position += count;
            self.bench.tell(SourceEvent::OutOfRange { partition: partition.clone(), wanted, resumed_at });
        }
    }

    /// The topic is deleted and made anew under the process.
    pub(super) fn make_anew(&mut self, world: &mut World, rng: &mut StdRng, partition: &TopicPartition) {
        let read = self.position.get(partition).and_then(|position| position.checked_sub(1));
        let Some(read) = read.filter(|_| self.leaving.is_empty()) else { return };
        self.look(world);
        let wanted = world.log[partition][read].offset.next();
        world.make_anew(rng, partition);
        let to = &self.bench.source;
        self.bench.asked(|asked| {
            asked.anew.insert(partition.clone());
            asked.refuse_late(partition, to);
            asked.committed.remove(partition);
        });
        let _before = self.position.insert(partition.clone(), 0);
        self.sent.lock().unwrap().assigned(partition.partition, Offset(0), CompletedOffsets::default());
        let resumed_at = Offset(0);
        self.bench.tell(SourceEvent::OutOfRange { partition: partition.clone(), wanted, resumed_at });
    }

    /// A partition, or all, are to be handed back; they are another's when they have been.
    pub(super) fn revoke(&mut self, partition: &TopicPartition, all: bool) {
        let ours: Vec<_> = self.position.keys().filter(|ours| all || *ours == partition).cloned().collect();
        if !ours.is_empty() && self.leaving.is_empty() {
            self.leaving.extend(ours.iter().cloned());
            self.bench.tell(SourceEvent::Revoked(ours));
        }
    }

    /// The brokers go away, or are there again.
    pub(super) fn kafka_is_away(&self, is_away: bool) {
        let gone = || SourceEvent::Unavailable { error: "all brokers are down".to_owned() };
        self.bench.tell(if is_away { gone() } else { SourceEvent::Joined });
    }

    /// A secret's file has been changed.
    pub(super) fn change_secret(&self) {
        self.bench.api.is_file_changed.store(true, Ordering::Relaxed);
    }

    pub(super) async fn lose(&mut self, partition: &TopicPartition) {
        if self.position.remove(partition).is_some() {
            let _was_leaving = self.leaving.remove(partition);
            let to = &self.bench.source;
            self.bench.asked(|asked| asked.refuse_late(partition, to));
            self.bench.tell(SourceEvent::Lost(vec![partition.clone()]));
            Self::settle().await;
        }
    }

    /// What becomes of commits from now on.
    pub(super) fn commits(&self, fail: bool, failures_land: bool, hang: bool) {
        let to = &self.bench.source;
        self.bench.asked(|asked| {
            (asked.commits_fail, asked.failures_land, asked.commits_hang) = (fail, failures_land, hang);
            if !hang {
                asked.answer_late(to);
            }
        });
    }

    /// What becomes of dead letters from now on.
    pub(super) fn sink(&self, is_away: bool, hides: bool, takes: u64) {
        self.bench.sink.is_away.store(is_away, Ordering::Relaxed);
        self.bench.sink.hides.store(hides, Ordering::Relaxed);
        self.bench.sink.takes.store(takes, Ordering::Relaxed);
    }

    /// An operator lets dead letters go.
    pub(super) async fn open_guard(&self) {
        let _opened = self.bench.guard.open().await;
    }

    /// Takes over what it has committed of its partitions, what it has handed back, and what it has written.
    pub(super) fn look(&mut self, world: &mut World) {
        let mut seen = world.seen.lock().unwrap();
        let letters = self.bench.sink.letters();
        let sent = self.sent.lock().unwrap();
        letters[self.letters_seen..].iter().for_each(|letter| seen.is_buried(letter, &sent, world.runs(letter)));
        drop(sent);
        self.letters_seen = letters.len();
        let (committed, released) =
            self.bench.asked(|asked| (asked.committed.clone(), std::mem::take(&mut asked.released)));
        for (partition, frontier) in
            committed.into_iter().filter(|(partition, _)| self.position.contains_key(partition))
        {
            if world.committed.get(&partition) != Some(&frontier) {
                seen.note(&format!("{partition} {} {}", frontier.offset, frontier.completed.count()));
                let _before = world.committed.insert(partition, frontier);
            }
        }
        for partition in released.into_iter().flat_map(|(partitions, _)| partitions) {
            if self.leaving.remove(&partition) {
                let _position = self.position.remove(&partition);
            }
        }
        let status = self.bench.status.borrow();
        seen.met.extend(status.pauses.iter().map(|pause| format!("paused: {:?}", pause.reason)));
        let (ended, most) = self.outcomes(world);
        if ended > most {
            seen.broken.push(format!("more than one outcome: {:?}", self.bench.totals()));
        }
    }

    /// How many outcomes there have been, and how many there can be.
    fn outcomes(&self, world: &World) -> (u64, u64) {
        let totals = self.bench.totals();
        let ended = totals.delivered + totals.dead_lettered + totals.abandoned + totals.skipped;
        (ended, totals.records_consumed * if world.dials.starts_two { 2 } else { 1 })
    }

    /// `lands`: commits without an answer land all the same.
    pub(super) fn crash(mut self, world: &mut World, lands: bool) {
        if lands {
            self.commits(false, true, false);
        }
        self.look(world);
        world.seen.lock().unwrap().meets(&self.bench.telemetry.render());
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
            self.hand_over(world, &of, 2, 0, true);
        }
        self.ended(world).await;
    }

    async fn ended(&mut self, world: &mut World) {
        self.bench.until("it has ended", Bench::has_ended).await;
        self.look(world);
        world.seen.lock().unwrap().meets(&self.bench.telemetry.render());
        let (ended, most) = self.outcomes(world);
        let least = self.bench.totals().records_consumed;
        assert!((least..=most).contains(&ended), "one outcome for each: {:?}", self.bench.totals());
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
