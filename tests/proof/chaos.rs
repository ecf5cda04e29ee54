//! 100,000 records, three replicas, three brokers, and everything goes wrong on the way.
//!
//! **What is promised of order.** The first requests for the alerts of a key come in the order of the key's offsets,
//! through retries, hand-overs and crashes: a delivery leaves only when its key's earlier ones have ended, and who takes
//! a partition over begins at its frontier. Repeats after a crash come when they come; each follows its own first.
//!
//! **What is promised of repeats.** A SIGKILL repeats at most what its victim had in flight then, and what had ended
//! there since its last commit.

use std::time::Duration;

use alertbridge::simulator::{Chance, Faults, Latency, Outage, RetryAfter, Throttle};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::alerts::{share, with_quota};
use crate::support::bridge::{PATIENCE, events};
use crate::support::fleet::{Fleet, OUTCOMES};
use crate::support::kafka::KafkaBroker;
use crate::support::world::{Fate, World, drafts, faults};

/// `CHAOS_RECORDS` makes a small run of it.
const RECORDS: usize = 100_000;
const REPLICAS: usize = 3;
const IN_FLIGHT: usize = 32;
/// Of all replicas together: so that the run lasts long enough for all that happens on the way.
const QUOTA: u32 = 600;
const OUTAGE: Duration = Duration::from_secs(60);
const THROTTLING: Duration = Duration::from_secs(30);
/// `verify` looks before it repeats, so that with a service that honours ids nothing is started twice, by kills neither.
const AMBIGUOUS: &str = "verify";
/// Longer than anything takes that the shows wait for.
const LONG: Duration = Duration::from_secs(1_200);

/// What happens, in this order, each when its part of the records has been delivered.
#[derive(Clone, Copy, Debug)]
enum Blow {
    /// SIGKILL, and another one is started.
    Kill,
    Join,
    /// SIGTERM.
    Leave,
    /// A broker is killed and comes back.
    Broker,
    Outage,
    Throttling,
}

const BLOWS: [Blow; 18] = {
    use Blow::{Broker, Join, Kill, Leave, Outage, Throttling};
    [
        Kill, Join, Leave, Outage, Kill, Join, Leave, Broker, Join, Kill, Leave, Throttling, Join, Leave, Kill, Join,
        Leave, Kill,
    ]
};

/// Every twentieth request gets 503, some are reset or never answered; nothing is started by those. Of some others half
/// of the answer comes: their instance is there.
fn weather() -> Faults {
    let chance = |probability| Some(Chance { probability, ..Chance::default() });
    Faults {
        status: vec![share(503, 0.05)],
        reset: chance(0.01),
        hang: chance(0.001),
        partial: chance(0.005),
        latency: Some(Latency::Between { min_ms: 5, max_ms: 30 }),
        ..faults()
    }
}

/// A SIGKILL, and how many repeats it may cost.
#[derive(Debug)]
struct Kill {
    at: Timestamp,
    may_repeat: usize,
}

/// What had ended since the last commit that the victim knew of, at most, and what it had in flight. The commit before
/// that one counts: what ended between a commit and its answer is in neither line.
fn may_repeat(log: &str) -> usize {
    let committed = "offsets.committed";
    let lines = events(log, &[&OUTCOMES[..], &[committed]].concat());
    let commits: Vec<usize> = (0..lines.len()).filter(|n| lines[*n]["event"] == committed).collect();
    let since = commits.len().checked_sub(2).map_or(0, |at| commits[at]);
    IN_FLIGHT + lines[since..].iter().filter(|line| line["event"] != committed).count()
}

struct Chaos<'a> {
    world: &'a World,
    fleet: Fleet<'a>,
    kills: Vec<Kill>,
    brokers_stopped: usize,
}

impl Chaos<'_> {
    async fn strike(&mut self, blow: Blow) {
        let simulator = self.world.simulator.handle();
        match blow {
            Blow::Kill => {
                let log = self.fleet.kill(0);
                self.kills.push(Kill { at: Timestamp::now(), may_repeat: may_repeat(&log) });
                self.fleet.join();
            }
            Blow::Join => self.fleet.join(),
            Blow::Leave => self.fleet.leave(0).await,
            Blow::Broker => {
                let index = self.brokers_stopped % 3;
                self.brokers_stopped += 1;
                tokio::task::block_in_place(|| self.world.broker.stop_one(index));
                sleep(Duration::from_secs(10)).await;
                tokio::task::block_in_place(|| self.world.broker.start_one(index));
            }
            Blow::Outage => {
                simulator.set_faults(Faults { outage: Some(Outage::default()), ..weather() });
                sleep(OUTAGE / 2).await;
                let refused = Outage { refused: true, ..Outage::default() };
                simulator.set_faults(Faults { outage: Some(refused), ..weather() });
                sleep(OUTAGE / 2).await;
                simulator.set_faults(weather());
            }
            Blow::Throttling => {
                let throttle = Throttle { requests: 20, per_ms: 1_000, retry_after: RetryAfter::Seconds };
                simulator.set_faults(Faults { throttle: Some(throttle), ..weather() });
                sleep(THROTTLING).await;
                simulator.set_faults(weather());
            }
        }
    }

    /// The repeats of instances that were there before each kill and not before the one before it. A victim's repeats
    /// are of what it had begun shortly before its end.
    fn repeats_by_kill(&self) -> Vec<(usize, usize)> {
        let mut since = Timestamp::MIN;
        let mut by_kill = Vec::new();
        for kill in &self.kills {
            by_kill.push((self.world.repeated(since..kill.at), kill.may_repeat));
            since = kill.at;
        }
        by_kill
    }
}

fn records() -> usize {
    std::env::var("CHAOS_RECORDS").map_or(RECORDS, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_records_through_kills_joins_leaves_outages_and_a_broker_restart() {
    let records = records();
    let broker = tokio::task::spawn_blocking(KafkaBroker::start_three).await.unwrap();
    let broker: &'static KafkaBroker = Box::leak(Box::new(broker));
    let world = World::new(broker, "chaos").await;
    world.simulator.handle().set_faults(weather());
    let written = world.write(drafts(0..records)).await;
    let configuration = world.configuration(&format!("  max_in_flight: {IN_FLIGHT}\n  ambiguous: {AMBIGUOUS}\n"));
    let configuration = configuration.replace("secmaster:\n", "secmaster:\n  request_timeout: 6s\n");
    let configuration = with_quota(&configuration, QUOTA) + "log:\n  level: debug\n";

    let begun = Instant::now();
    let fleet = Fleet::start(&world, configuration, REPLICAS);
    let mut chaos = Chaos { world: &world, fleet, kills: Vec::new(), brokers_stopped: 0 };
    for (number, blow) in BLOWS.into_iter().enumerate() {
        let part = records * (number + 1) / (BLOWS.len() + 2);
        world.accepted_within(part as u64, LONG).await;
        chaos.strike(blow).await;
    }
    chaos.fleet.all_committed(LONG).await;
    let took = begun.elapsed();
    chaos.fleet.leave_all().await;

    let repeats = world.audit(&written).await;
    let keys = world.arrivals.assert_keys_in_order(&written);
    let by_kill = chaos.repeats_by_kill();
    let after_the_last = world.repeated(chaos.kills.last().unwrap().at..Timestamp::MAX);
    let outcomes = chaos.fleet.counts(&OUTCOMES);
    let stats = world.simulator.handle().stats();
    tokio::task::block_in_place(|| broker.stop());
    println!(
        "chaos: {records} records in {took:?}, lost 0, dead letters only those that must be, {keys} keys in order; \
         repeats {repeats}, by kill (at most) {by_kill:?}, {after_the_last} after the last; {outcomes:?}; \
         requests {}, refused {:?}, unanswered {}",
        stats.requests, stats.refused, stats.unanswered
    );
    assert!(by_kill.iter().all(|(repeats, may)| repeats <= may), "{by_kill:?}");
    assert_eq!(after_the_last, 0, "repeats without a kill");
    let deliveries = written.iter().filter(|record| matches!(record.fate, Some(Fate::Delivered(_)))).count();
    assert_eq!(stats.instances, deliveries as u64, "one instance for each delivery, whatever was repeated");
    if AMBIGUOUS == "verify" {
        assert_eq!((repeats, stats.runs), (0, stats.instances), "each was started exactly once");
    }
    assert!(took < LONG + PATIENCE);
}
