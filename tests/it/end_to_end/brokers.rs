//! Three brokers, of which one goes away.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::arrivals::longest_silence;
use crate::support::bridge::PATIENCE;
use crate::support::fleet::Fleet;
use crate::support::kafka::KafkaBroker;
use crate::support::world::{PARTITIONS, World, Written, drafts};

/// The cluster takes 4 s to notice; 5 s to 8 s in all were seen, more on a busy machine. A session is lost after 45 s.
const LONG: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_of_three_goes_away_under_load_and_nothing_stops_for_long() {
    let broker = tokio::task::spawn_blocking(KafkaBroker::start_three).await.unwrap();
    // Its process ends with this one; the world wants it for good.
    let broker: &'static KafkaBroker = Box::leak(Box::new(broker));
    let world = World::new(broker, "three").await;
    // A small buffer, so that fetching has to go on, too.
    let configuration = world.configuration("  buffer: {records: 60, records_per_partition: 20}\n");
    let configuration = configuration.replace("rate_limits: []", "rate_limits: [{requests: 60, per: 1s}]");
    // The default: within it a new coordinator is found, and nobody loses partitions.
    let configuration = configuration.replace("session.timeout.ms: 6000", "session.timeout.ms: 45000");
    let mut written = world.write(drafts(0..1_200)).await;
    let mut fleet = Fleet::start(&world, configuration, 2);
    fleet.settled().await;
    world.accepted(200).await;
    let since = Instant::now();
    tokio::task::block_in_place(|| broker.stop_one(1));
    written.extend(world.write(drafts(1_200..1_500)).await);
    fleet.all_committed(PATIENCE).await;
    let seen = world.arrivals.since(since);
    let of = |partition: i32| {
        let records = written.iter().filter(|record| record.partition.partition == partition);
        let alerts: HashSet<_> = records.filter_map(Written::alert).collect();
        seen.iter().filter(|seen| alerts.contains(seen.alert.as_str())).cloned().collect::<Vec<_>>()
    };
    let silence = (0..PARTITIONS).map(|partition| longest_silence(&of(partition))).max().unwrap();
    println!("one broker of three killed: no request of a partition for {silence:?} at most");
    assert!(silence < LONG, "{silence:?}");
    let repeats = world.audit(&written).await;
    assert_eq!(repeats, 0);
    world.arrivals.assert_keys_in_order(&written);
    assert_eq!(fleet.counts(&["kafka.unavailable", "partitions.lost"]).len(), 0);
    fleet.leave_all().await;
    tokio::task::block_in_place(|| broker.stop());
}
