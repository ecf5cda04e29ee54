//! Fatal alerts behind a backlog of Low ones.

use std::time::Duration;

use alertbridge::simulator::{Faults, Outage};
use tokio::time::sleep;

use crate::alerts::{alerts, latencies, percentile, slow, until, with_quota, write_each};
use crate::support::bridge::{Bridge, PATIENCE};
use crate::support::kafka::shared;
use crate::support::world::World;

const QUOTA: u32 = 50;
const LOWS: usize = 10_000;
const FATALS: usize = 20;
const APART: Duration = Duration::from_millis(250);

/// Lows in the backlog, an outage where one is asked for, then Fatals: how long the slowest of these took.
async fn run(name: &str, more: &str, outage: Option<Duration>) -> (Duration, Duration) {
    let world = World::new(shared(), name).await;
    world.simulator.handle().set_faults(slow(5, 20));
    let lows = world.write(alerts(0..LOWS, "Low", 500)).await;
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &with_quota(&world.configuration(more), QUOTA));
    world.accepted(u64::from(QUOTA) * 4).await;
    if let Some(outage) = outage {
        world.simulator.handle().set_faults(Faults { outage: Some(Outage::default()), ..Faults::default() });
        sleep(outage).await;
        let before = world.simulator.handle().stats().accepted;
        world.simulator.handle().set_faults(slow(5, 20));
        until(PATIENCE, || world.simulator.handle().stats().accepted > before).await.unwrap();
    }
    let fatals = write_each(&world, alerts(0..FATALS, "Fatal", FATALS), APART).await;
    world.accepted_within((LOWS + FATALS) as u64, PATIENCE * 3).await;
    world.all_committed(&mut bridge).await;
    world.audit(&[lows, fatals.clone()].concat()).await;
    let latencies = latencies(&world, &fatals);
    assert_eq!(latencies.len(), FATALS);
    (percentile(&latencies, 50), percentile(&latencies, 100))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fatal_behind_ten_thousand_lows_arrives_within_a_second() {
    let (median, slowest) = run("fatal", "", None).await;
    println!("{FATALS} Fatal behind {LOWS} Low at {QUOTA}/s: append to arrival {median:?} median, {slowest:?} at most");
    assert!(slowest <= Duration::from_secs(1), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fatal_after_an_outage_arrives_within_two_seconds_though_the_lows_have_aged() {
    let (median, slowest) = run("aged", "  age_to_top: 3s\n", Some(Duration::from_secs(40))).await;
    println!("the same with Lows that have aged (3 s), after 40 s of outage: {median:?} median, {slowest:?} at most");
    assert!(slowest <= Duration::from_secs(2), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fatal_after_ten_minutes_of_outage_arrives_within_two_seconds_though_the_lows_are_old() {
    let (median, slowest) = run("aged-long", "", Some(Duration::from_secs(600))).await;
    println!("the same after 10 minutes of outage: {median:?} median, {slowest:?} at most");
    assert!(slowest <= Duration::from_secs(2), "{slowest:?}");
}
