//! A rolling update from another build of the program and back, with a backlog: `ALERTBRIDGE_OTHER` names its binary,
//! which `make proof` builds from the commit before.
//!
//! Both builds are stopped as a rollout does it and killed, too, so that each goes on from what the other has committed:
//! offsets, what has settled above them, and how far attempts may have gone.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alertbridge::domain::{Offset, Origin, TopicPartition, instance_id};
use alertbridge::kafka::plain::read_topic;
use alertbridge::offsets::CommitMetadata;
use alertbridge::simulator::{Faults, Latency};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};

use crate::alerts::with_quota;
use crate::support::bridge::PATIENCE;
use crate::support::fleet::{Fleet, OUTCOMES};
use crate::support::kafka::shared;
use crate::support::world::{PARTITIONS, World, Written, drafts, faults};

const RECORDS: usize = 9_000;
const REPLICAS: usize = 3;
const QUOTA: u32 = 150;
/// Between two replacements.
const STEP: u64 = 350;
/// As in `World::configuration`.
const WORKFLOW: &str = "446255ce-0000-4000-8000-0b4931000000";

/// What was committed with metadata that this build understands: how many offsets it says have settled above their
/// frontiers, and how many partitions have any.
fn settled_above(world: &World) -> (u64, usize) {
    let consumer: BaseConsumer = world.broker.client().set("group.id", &world.group).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(&world.topic, 0, PARTITIONS - 1);
    let committed = consumer.committed_offsets(list, Duration::from_secs(10)).unwrap();
    let mut found = (0, 0);
    for element in committed.elements() {
        let ListOffset::Offset(base) = element.offset() else { continue };
        let partition = TopicPartition::new(&*world.topic, element.partition());
        let text = element.metadata();
        if !text.is_empty() {
            let read = CommitMetadata::decode(text, &world.group, &partition, Offset(base), Offset(i64::MAX));
            let count = read.unwrap().completed.count();
            found = (found.0 + count, found.1 + usize::from(count > 0));
        }
    }
    found
}

/// Each replica is replaced by one of this build, the second one after a SIGKILL. Says what was found in the commits in
/// between.
async fn roll(fleet: &mut Fleet<'_>, world: &World, program: &Path) -> u64 {
    let mut above = 0;
    for turn in 0..REPLICAS {
        if turn == 1 {
            let _log = fleet.kill(0);
        } else {
            fleet.leave(0).await;
        }
        above += tokio::task::block_in_place(|| settled_above(world)).0;
        fleet.join_of(program);
        let accepted = world.simulator.handle().stats().accepted;
        world.accepted(accepted + STEP).await;
    }
    above
}

/// The instance of each alert by the documented formula, from the records as they stand on the topic.
async fn expected_instances(world: &World, written: &[Written]) -> HashMap<String, String> {
    let consumer: BaseConsumer = world.broker.client().create().unwrap();
    let cluster_id = consumer.client().fetch_cluster_id(Duration::from_secs(10)).unwrap();
    let (servers, topic) = (world.broker.bootstrap_servers(), world.topic.clone());
    let records = tokio::task::spawn_blocking(move || read_topic(&servers, &topic, PATIENCE)).await.unwrap().unwrap();
    let times: HashMap<(i32, i64), Option<i64>> =
        records.iter().map(|record| ((record.partition.partition, record.offset.0), record.timestamp_ms)).collect();
    let deliveries = written.iter().filter_map(|record| Some((record.alert()?, record)));
    deliveries
        .map(|(alert, record)| {
            let origin = Origin {
                cluster_id: cluster_id.as_str().into(),
                partition: record.partition.clone(),
                offset: record.offset,
                timestamp_ms: times[&(record.partition.partition, record.offset.0)],
            };
            (alert.to_owned(), instance_id(&origin, 0, WORKFLOW).to_string())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_and_the_way_back_under_a_backlog_lose_nothing_and_change_no_id() {
    let other = std::env::var_os("ALERTBRIDGE_OTHER").expect("ALERTBRIDGE_OTHER names the other build's binary");
    let other = PathBuf::from(other);
    let this = Path::new(env!("CARGO_BIN_EXE_alertbridge"));
    let world = World::new(shared(), "upgrade").await;
    let latency = Some(Latency::Between { min_ms: 5, max_ms: 60 });
    world.simulator.handle().set_faults(Faults { latency, ..faults() });
    let written = world.write(drafts(0..RECORDS)).await;
    let configuration = with_quota(&world.configuration(""), QUOTA);
    // So long what may have been sent by one that was killed is waited for.
    let configuration = configuration.replace("secmaster:\n", "secmaster:\n  request_timeout: 6s\n");

    let mut fleet = Fleet::start(&world, configuration, 0);
    (0..REPLICAS).for_each(|_| fleet.join_of(&other));
    world.accepted(STEP).await;
    let forth = roll(&mut fleet, &world, this).await;
    let back = roll(&mut fleet, &world, &other).await;
    assert!(
        world.simulator.handle().stats().accepted < written.len() as u64 - STEP,
        "there was a backlog all the time"
    );
    fleet.all_committed(PATIENCE * 3).await;
    fleet.leave_all().await;

    let repeats = world.audit(&written).await;
    let keys = world.arrivals.assert_keys_in_order(&written);
    let expected = expected_instances(&world, &written).await;
    // What is refused, and so dead-lettered, is not among those that are expected.
    let is_strange = |alert: &str, asked_for: &str| expected.get(alert).is_some_and(|instance| instance != asked_for);
    let requests = world.arrivals.all();
    let strange = requests.iter().filter(|seen| is_strange(&seen.alert, &seen.instance));
    assert_eq!(strange.count(), 0, "every request asks for the instance that its record gives");
    let stats = world.simulator.handle().stats();
    assert_eq!((repeats, stats.runs, stats.instances), (0, expected.len() as u64, expected.len() as u64));
    let dropped = fleet.lines(&["kafka.commit_metadata_dropped", "delivery.unverified"]);
    assert!(dropped.is_empty(), "{dropped:?}");
    assert!(forth > 0 && back > 0, "each build has found what the other one's commits know");
    println!(
        "upgrade: {RECORDS} records, {REPLICAS} replicas forth and back with a SIGKILL each way; lost 0, started twice 0, \
         ids as by the formula for all {}, {keys} keys in order; settled above the frontiers at the hand-overs: {forth} \
         forth, {back} back; {:?}",
        expected.len(),
        fleet.counts(&OUTCOMES)
    );
}
