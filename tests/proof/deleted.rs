//! Records that Kafka deleted before they were read, and a topic that was made anew under the bridge.

use std::collections::HashMap;

use crate::alerts::{alerts, until, with_quota};
use crate::support::bridge::{Bridge, PATIENCE};
use crate::support::kafka::shared;
use crate::support::probes::Probes;
use crate::support::world::{Draft, PARTITIONS, World, Written};
use alertbridge::simulator::{Faults, Outage};

const RECORDS: usize = 6_000;
/// Of each partition, what is not deleted under the paused bridge.
const LEFT: i64 = 20;
/// Below this, what is deleted while it is down.
const GONE: i64 = 500;
const OLD: usize = 600;

fn away() -> Faults {
    Faults { outage: Some(Outage::default()), ..Faults::default() }
}

/// Alerts of 8 KiB.
fn large(count: usize) -> Vec<Draft> {
    let mut drafts = alerts(0..count, "Medium", 500);
    for draft in &mut drafts {
        let mut value: serde_json::Value = serde_json::from_slice(&draft.value).unwrap();
        value["description"] = "x".repeat(8 * 1024).into();
        draft.value = value.to_string().into_bytes();
    }
    drafts
}

/// A bridge that reads little ahead, and its server.
fn configured(world: &World) -> (String, Probes) {
    let buffer = "  buffer: {records: 120, records_per_partition: 20}\n";
    Probes::of(&with_quota(&world.configuration(buffer), 400))
}

/// `lost_records_total`, all partitions together.
async fn lost_records(probes: &Probes) -> i64 {
    let (_, page) = probes.get("/metrics").await;
    let lines = page.lines().filter(|line| line.starts_with("alertbridge_lost_records_total"));
    lines.filter_map(|line| line.rsplit(' ').next()).map(|value| value.parse::<i64>().unwrap()).sum()
}

fn lost_by_log(bridge: &Bridge) -> i64 {
    bridge.events("offsets.out_of_range").iter().filter_map(|line| line["lost"].as_i64()).sum()
}

/// Records of these that never came to the service, by partition.
fn missing(world: &World, written: &[Written]) -> usize {
    let came = world.arrivals.first_of_each();
    written.iter().filter(|record| record.alert().is_none_or(|alert| !came.contains_key(alert))).count()
}

/// No instance was asked for with the alerts of two, and no alert with two instances.
fn assert_one_instance_for_each_alert(world: &World) {
    let mut alert_of = HashMap::new();
    let mut instance_of = HashMap::new();
    for seen in world.arrivals.all() {
        assert_eq!(*alert_of.entry(seen.instance.clone()).or_insert_with(|| seen.alert.clone()), seen.alert);
        assert_eq!(*instance_of.entry(seen.alert).or_insert_with(|| seen.instance.clone()), seen.instance);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_deleted_under_a_paused_bridge_are_said_and_counted_and_reading_goes_on() {
    let world = World::new(shared(), "deleted").await;
    world.simulator.handle().set_faults(away());
    // Large, so that most is not even fetched when the buffer is full.
    let mut written = world.write(large(RECORDS)).await;
    let (configuration, probes) = configured(&world);
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    // Its buffer is full and its target away: fetching has stopped.
    probes.until("/metrics", "full", |_, page| page.contains("alertbridge_paused{reason=\"budget\"} 1")).await;
    for (partition, end) in world.ends().into_iter().enumerate() {
        let below = end.unwrap() - LEFT;
        world.broker.delete_records(&world.topic, i32::try_from(partition).unwrap(), below).await;
    }
    world.simulator.handle().set_faults(Faults::default());
    written.extend(world.write(alerts(0..600, "Medium", 500)).await);
    world.all_committed(&mut bridge).await;
    let (said, counted) = (lost_by_log(&bridge), lost_records(&probes).await);
    let missing = missing(&world, &written);
    println!("deleted under a paused bridge: {said} said, {counted} counted, {missing} never came; reading went on");
    assert!(said > 0 && said == counted, "{said} said, {counted} counted");
    assert_eq!(i64::try_from(missing).unwrap(), said, "neither more nor fewer");
    assert_one_instance_for_each_alert(&world);
    assert_eq!(bridge.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_deleted_while_the_bridge_is_down_are_said_and_counted_at_its_start() {
    let world = World::new(shared(), "deleted-down").await;
    let written = world.write(alerts(0..RECORDS, "Medium", 500)).await;
    let (configuration, _) = configured(&world);
    let bridge = Bridge::start(world.folder.path(), "first", &configuration);
    world.accepted(300).await;
    assert_eq!(bridge.terminate().await.code(), Some(0));
    let committed = world.broker.committed(&world.group, &world.topic, PARTITIONS);
    for partition in 0..PARTITIONS {
        world.broker.delete_records(&world.topic, partition, GONE).await;
    }
    let (configuration, probes) = configured(&world);
    let mut bridge = Bridge::start(world.folder.path(), "second", &configuration);
    world.all_committed(&mut bridge).await;
    let (said, counted) = (lost_by_log(&bridge), lost_records(&probes).await);
    let span: i64 = committed.iter().map(|offset| (GONE - offset.unwrap_or(0)).max(0)).sum();
    let missing = missing(&world, &written);
    println!("deleted while down: {said} said, {counted} counted, {missing} never came");
    assert_eq!((said, counted), (span, span));
    // What had settled above the frontier is among the span and had come.
    assert!(i64::try_from(missing).unwrap() <= said);
    assert_one_instance_for_each_alert(&world);
    assert_eq!(bridge.terminate().await.code(), Some(0));
}

/// A topic of which all is delivered is made anew with `count` records: how many of them come.
async fn anew(name: &str, count: usize) {
    let world = World::new(shared(), name).await;
    let old = world.write(alerts(0..OLD, "Medium", 50)).await;
    let (configuration, probes) = configured(&world);
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    world.all_committed(&mut bridge).await;
    world.broker.make_anew(&world.topic, PARTITIONS).await;
    let new = world.write(alerts(0..count, "Medium", 50)).await;
    let came = until(PATIENCE, || missing(&world, &new) == 0).await;
    let lines = bridge.events("offsets.out_of_range").len();
    let (said, counted) = (lost_by_log(&bridge), lost_records(&probes).await);
    println!(
        "a topic made anew: its {count} records came after {came:?}; {lines} lines, lost {said}, counted {counted}"
    );
    assert!(came.is_some(), "{} of {count} did not come", missing(&world, &new));
    assert!(lines > 0, "nothing was said");
    world.all_committed(&mut bridge).await;
    assert_eq!(missing(&world, &old), 0);
    assert_one_instance_for_each_alert(&world);
    assert_eq!(world.simulator.handle().stats().instances, (OLD + count) as u64, "one for each");
    assert_eq!(bridge.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_is_read_from_its_beginning_and_no_new_alert_is_taken_for_an_old_one() {
    anew("anew-shorter", OLD / 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_that_has_outgrown_the_old_one_is_read_from_its_beginning_too() {
    anew("anew-longer", OLD * 3).await;
}
