//! A quota of 50 a second, kept by one replica, by three together, and while they come and go.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::alerts::{alerts, fullest_departures, slow, with_quota};
use crate::support::arrivals::{Seen, fullest};
use crate::support::bridge::PATIENCE;
use crate::support::fleet::Fleet;
use crate::support::kafka::shared;
use crate::support::world::{World, Written};

const QUOTA: u32 = 50;
const BACKLOG: usize = 10_000;
const SECOND: Duration = Duration::from_secs(1);

/// What a run showed.
#[derive(Debug)]
struct Figures {
    /// The most departures in any second, by the bridges' own lines.
    departures: usize,
    /// The most arrivals in any second.
    arrivals: usize,
    /// What was used of the quota while every partition had records left.
    use_percent: f64,
}

/// Requests that came while every partition still had something: a partition's share is its own.
fn while_all_had_some(world: &World, written: &[Written]) -> Vec<Seen> {
    let partitions: HashMap<&str, i32> =
        written.iter().filter_map(|record| Some((record.alert()?, record.partition.partition))).collect();
    let mut last: HashMap<i32, Instant> = HashMap::new();
    let all = world.arrivals.all();
    for seen in &all {
        let _before = last.insert(partitions[seen.alert.as_str()], seen.at);
    }
    let end = *last.values().min().unwrap();
    all.into_iter().filter(|seen| seen.at <= end).collect()
}

/// A backlog sent by these replicas; `churn` makes one more come and one go, over and over.
async fn run(name: &str, replicas: usize, scope: &str, churn: bool) -> Figures {
    let world = World::new(shared(), name).await;
    world.simulator.handle().set_faults(slow(10, 60));
    let written = world.write(alerts(0..BACKLOG, "Medium", BACKLOG)).await;
    let configuration = with_quota(&world.configuration(&format!("  rate_scope: {scope}\n")), QUOTA);
    let configuration = configuration + "log:\n  level: debug\n";
    let mut fleet = Fleet::start(&world, configuration, replicas);
    if churn {
        for step in 1..=10 {
            world.accepted_within(step * BACKLOG as u64 / 12, PATIENCE * 3).await;
            if step % 2 == 1 {
                fleet.join();
            } else {
                fleet.leave(0).await;
            }
        }
    }
    fleet.all_committed(PATIENCE * 5).await;
    world.audit(&written).await;
    fleet.leave_all().await;
    let attempts = fleet.lines(&["attempt.succeeded", "attempt.failed"]);
    let measured = while_all_had_some(&world, &written);
    Figures {
        departures: fullest_departures(&attempts, SECOND),
        arrivals: fullest(&world.arrivals.all(), SECOND),
        use_percent: 100.0 * crate::alerts::pace(&measured) / f64::from(QUOTA),
    }
}

fn assert_kept(name: &str, figures: &Figures, least_use: f64) {
    println!("quota {QUOTA}/s, {name}: {figures:?}");
    assert!(figures.departures <= QUOTA as usize, "{figures:?}");
    assert!(figures.arrivals <= QUOTA as usize + 1, "{figures:?}");
    assert!(figures.use_percent >= least_use, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_keeps_the_quota_and_uses_it() {
    let figures = run("quota-one", 1, "process", false).await;
    assert_kept("one replica", &figures, 97.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_keep_the_quota_together_and_use_it() {
    let figures = run("quota-three", 3, "group", false).await;
    assert_kept("three replicas", &figures, 93.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_join_and_leave_keep_the_quota_together() {
    // Of use nothing is asked here: what is handed over rests for a window.
    let figures = run("quota-churn", 3, "group", true).await;
    assert_kept("three replicas that come and go", &figures, 0.0);
}
