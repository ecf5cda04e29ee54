//! The target away for a minute, in each way that a target can be away, and Kafka away for five.

use std::time::Duration;

use alertbridge::simulator::{Chance, Faults, Outage};
use tokio::time::{Instant, sleep};

use crate::alerts::{alerts, until, with_quota, write_each};
use crate::support::bridge::PATIENCE;
use crate::support::fleet::Fleet;
use crate::support::kafka::{KafkaBroker, shared};
use crate::support::world::{World, Written, drafts, faults};

const PHASE: Duration = Duration::from_secs(20);
/// What the issue allows, and the default of `secmaster.connect_timeout`.
const RECOVERY: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(5);
const BACKLOG: usize = 20_000;

/// A way to be away.
#[derive(Clone, Copy, Debug)]
enum Away {
    Unavailable,
    Refused,
    Hanging,
}

impl Away {
    const ALL: [Self; 3] = [Self::Unavailable, Self::Refused, Self::Hanging];

    fn faults(self) -> Faults {
        let refused = Outage { refused: true, ..Outage::default() };
        match self {
            Self::Unavailable => Faults { outage: Some(Outage::default()), ..faults() },
            Self::Refused => Faults { outage: Some(refused), ..faults() },
            Self::Hanging => Faults { hang: Some(Chance::default()), ..faults() },
        }
    }

    const fn bound(self) -> Duration {
        match self {
            Self::Hanging => RECOVERY.saturating_add(CONNECT),
            Self::Unavailable | Self::Refused => RECOVERY,
        }
    }
}

/// Goes through these, then all is well again; says how long the first delivery took from then.
async fn outage(world: &World, phases: &[Away]) -> Duration {
    for away in phases {
        world.simulator.handle().set_faults(away.faults());
        sleep(PHASE).await;
    }
    let accepted = || world.simulator.handle().stats().accepted;
    let before = accepted();
    world.simulator.handle().set_faults(faults());
    let recovered = until(PATIENCE, || accepted() > before).await.unwrap();
    let bound = phases.last().unwrap().bound();
    assert!(recovered <= bound, "the first delivery came {recovered:?} after the end of {phases:?}");
    recovered
}

/// Nothing is lost, nobody was dead-lettered for the outage, nobody left.
async fn settle_up(world: &World, fleet: &mut Fleet<'_>, written: &[Written]) {
    fleet.all_committed(PATIENCE * 5).await;
    world.audit(written).await;
    let moved = fleet.counts(&["partitions.revoked", "partitions.lost", "kafka.unavailable"]);
    assert!(moved.is_empty(), "the membership was not kept: {moved:?}");
    assert_eq!(fleet.counts(&["service.started"])["service.started"], 1, "no restart");
    fleet.leave_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_with_a_backlog_ends_within_seconds_of_the_targets_recovery() {
    let world = World::new(shared(), "outage").await;
    let written = world.write(alerts(0..BACKLOG, "Medium", 500)).await;
    let mut fleet = Fleet::start(&world, with_quota(&world.configuration(""), 200), 1);
    world.accepted(500).await;
    let all = outage(&world, &Away::ALL).await;
    let mut alone = Vec::new();
    for away in Away::ALL {
        sleep(Duration::from_secs(3)).await;
        alone.push((away, outage(&world, &[away]).await));
    }
    settle_up(&world, &mut fleet, &written).await;
    assert!(world.letters().await.is_empty());
    println!("outage, backlog {BACKLOG}: first delivery {all:?} after 60 s of all three; each alone {alone:?}; lost 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_with_one_alert_each_ten_seconds_ends_within_seconds_of_the_targets_recovery() {
    let world = World::new(shared(), "trickle").await;
    let mut fleet = Fleet::start(&world, world.configuration(""), 1);
    let drip = write_each(&world, alerts(0..8, "Medium", 8), Duration::from_secs(10));
    let (written, recovered) = tokio::join!(drip, async {
        world.accepted(1).await;
        outage(&world, &Away::ALL).await
    });
    settle_up(&world, &mut fleet, &written).await;
    assert!(world.letters().await.is_empty());
    println!("outage, one alert each 10 s: first delivery {recovered:?} after it; lost 0, dead letters 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_away_for_five_minutes_ends_nobody_and_loses_nothing() {
    const AWAY: Duration = Duration::from_secs(300);
    let broker = tokio::task::spawn_blocking(KafkaBroker::start).await.unwrap();
    let broker: &'static KafkaBroker = Box::leak(Box::new(broker));
    let world = World::new(broker, "kafka-away").await;
    let mut written = world.write(drafts(0..5_000)).await;
    let mut fleet = Fleet::start(&world, with_quota(&world.configuration(""), 100), 3);
    world.accepted(500).await;
    tokio::task::block_in_place(|| broker.stop());
    let until = Instant::now() + AWAY;
    while Instant::now() < until {
        sleep(Duration::from_millis(200)).await;
        assert!(fleet.members.iter_mut().all(|bridge| bridge.is_running()), "a bridge has ended");
    }
    tokio::task::block_in_place(|| broker.start_again());
    let back = Instant::now();
    written.extend(world.write(drafts(5_000..5_500)).await);
    fleet.all_committed(PATIENCE * 3).await;
    let caught_up = back.elapsed();
    let repeats = world.audit(&written).await;
    let keys = world.arrivals.assert_keys_in_order(&written);
    fleet.leave_all().await;
    tokio::task::block_in_place(|| broker.stop());
    println!(
        "Kafka away for {AWAY:?}: no exit, lost 0, repeats {repeats}, {keys} keys in order, done {caught_up:?} later"
    );
}
