//! A rollout of three static members under load, as a StatefulSet does it: one pod after another ends and comes back
//! under its name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use alertbridge::simulator::{Faults, Latency};
use tokio::time::{Instant, sleep, sleep_until};

use crate::alerts::{alerts, with_quota};
use crate::support::bridge::{Bridge, PATIENCE};
use crate::support::fleet::Fleet;
use crate::support::kafka::shared;
use crate::support::world::{World, Written, faults};

const RECORDS: usize = 3_000;
/// So many at once, this far apart: 60 a second. A backlog would not do, since of a replica's partitions one may rest
/// while worse or older alerts of another leave.
const BATCH: usize = 30;
const EVERY: Duration = Duration::from_millis(500);
const PODS: [&str; 3] = ["pod-0", "pod-1", "pod-2"];
const QUOTA: u32 = 120;
/// Between the end of a pod and the start of the next of its name.
const AWAY: Duration = Duration::from_secs(1);
/// As in `World::configuration`.
const SESSION: Duration = Duration::from_secs(6);
const REBALANCES: [&str; 4] = ["partitions.assigned", "partitions.revoked", "partitions.released", "partitions.lost"];

/// The longest time without a request for anything of a partition, for each partition, from `begun` until its last.
fn silences(world: &World, written: &[Written], begun: Instant) -> BTreeMap<i32, Duration> {
    let partitions: HashMap<&str, i32> =
        written.iter().filter_map(|record| Some((record.alert()?, record.partition.partition))).collect();
    let mut last: BTreeMap<i32, Instant> = partitions.values().map(|partition| (*partition, begun)).collect();
    let mut longest = BTreeMap::new();
    for seen in world.arrivals.since(begun) {
        let Some(partition) = partitions.get(seen.alert.as_str()) else { continue };
        let before = last.insert(*partition, seen.at).unwrap();
        let silence: &mut Duration = longest.entry(*partition).or_default();
        *silence = (*silence).max(seen.at.saturating_duration_since(before));
    }
    longest
}

/// The partitions that it has, by what its log says.
fn held(bridge: &Bridge) -> BTreeSet<String> {
    let mut held = BTreeSet::new();
    for line in bridge.events_of(&["partitions.assigned", "partitions.released", "partitions.lost"]) {
        // `topic/0@17 topic/1@4` where they are assigned, without the offsets else.
        let names = line["partitions"].as_str().unwrap().split(' ').filter_map(|name| name.split('@').next());
        let names: BTreeSet<String> = names.map(str::to_owned).collect();
        if line["event"] == "partitions.assigned" {
            held.extend(names);
        } else {
            held.retain(|name| !names.contains(name));
        }
    }
    held
}

/// Writes alerts at a steady pace, and says when the last was written.
async fn feed(world: &World) -> (Vec<Written>, Instant) {
    let mut drafts = alerts(0..RECORDS, "High", 97).into_iter();
    let mut written = Vec::new();
    let mut next = Instant::now();
    loop {
        let batch: Vec<_> = drafts.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return (written, Instant::now());
        }
        sleep_until(next).await;
        next += EVERY;
        written.extend(world.write(batch).await);
    }
}

/// One member after another ends and comes back under its name; from when to when.
async fn roll(world: &World, fleet: &mut Fleet<'_>) -> (Instant, Instant) {
    for pod in PODS {
        fleet.join_as(pod);
    }
    fleet.settled().await;
    let more = |count| world.accepted(world.simulator.handle().stats().accepted + count);
    more(300).await;
    let begun = Instant::now();
    let changes = |bridge: &Bridge| bridge.events_of(&REBALANCES).len();
    for pod in PODS {
        let had = held(&fleet.members[0]);
        let others: usize = fleet.members[1..].iter().map(changes).sum();
        fleet.leave(0).await;
        sleep(AWAY).await;
        fleet.join_as(pod);
        let _line = fleet.members[2].saw("partitions.assigned").await;
        more(300).await;
        assert_eq!(held(&fleet.members[2]), had, "{pod} has again what it had");
        assert_eq!(fleet.members[..2].iter().map(changes).sum::<usize>(), others, "nothing has moved elsewhere");
    }
    (begun, Instant::now())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_of_static_members_moves_nobodys_partitions_and_none_stands_still_for_a_session() {
    let world = World::new(shared(), "rollout").await;
    let latency = Some(Latency::Between { min_ms: 5, max_ms: 40 });
    world.simulator.handle().set_faults(Faults { latency, ..faults() });
    let mut fleet = Fleet::start(&world, with_quota(&world.configuration(""), QUOTA), 0);
    let ((written, fed), (begun, ended)) = tokio::join!(feed(&world), roll(&world, &mut fleet));
    assert!(ended < fed, "under load all the time");
    fleet.all_committed(PATIENCE).await;
    fleet.leave_all().await;

    let repeats = world.audit(&written).await;
    let keys = world.arrivals.assert_keys_in_order(&written);
    let silences = silences(&world, &written, begun);
    println!(
        "rollout: {} static members one after another, each away for {AWAY:?}: partitions of others moved 0, longest \
         time without a request, by partition: {silences:?} (session {SESSION:?}); lost 0, repeats {repeats}, {keys} \
         keys in order",
        PODS.len()
    );
    assert_eq!(repeats, 0);
    assert!(silences.values().all(|silence| *silence <= SESSION), "{silences:?}");
}
