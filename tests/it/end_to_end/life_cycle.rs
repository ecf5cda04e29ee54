//! Start and end.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::bridge::Bridge;
use crate::support::kafka::{KafkaBroker, shared};
use crate::support::world::{World, drafts};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_ends_cleanly_within_the_drain_time_and_loses_nothing() {
    let world = World::new(shared(), "sigterm").await;
    let written = world.write(drafts(0..2_000)).await;
    let bridge = world.bridge("first");
    world.accepted(300).await;
    let asked = Instant::now();
    let log = bridge.log();
    let status = bridge.terminate().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(asked.elapsed() < Duration::from_secs(25), "{:?}", asked.elapsed());
    let mut bridge = world.bridge("second");
    world.all_committed(&mut bridge).await;
    // What was delivered above the frontier comes again: the commit says nothing of it yet.
    let repeats = world.audit(&written).await;
    println!("repeats after SIGTERM: {repeats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_without_offsets_does_not_start_until_it_is_told_where() {
    let world = World::new(shared(), "fresh").await;
    world.write(drafts(0..10)).await;
    let configuration = world.configuration("").replace("  start_from: earliest\n", "");
    let mut bridge = Bridge::start(world.folder.path(), "fresh", &configuration);
    let status = bridge.ended().await;
    assert_eq!(status.code(), Some(2), "{}", bridge.log());
    assert!(bridge.log().contains("kafka.start_from"), "{}", bridge.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_are_away_are_waited_for_and_nobody_exits() {
    // A broker of its own: the shared one must not go away under other tests.
    let broker: &'static KafkaBroker = Box::leak(Box::new(KafkaBroker::start()));
    let world = World::new(broker, "away").await;
    let mut written = world.write(drafts(0..100)).await;
    broker.stop();
    let mut bridge = world.bridge("bridge");
    bridge.saw("kafka.unavailable").await;
    assert!(bridge.is_running());
    broker.start_again();
    written.extend(world.write(drafts(100..200)).await);
    world.all_committed(&mut bridge).await;
    world.audit(&written).await;

    broker.stop();
    let gone = bridge.events("kafka.unavailable").len();
    while bridge.events("kafka.unavailable").len() == gone {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(bridge.is_running());
    }
    broker.start_again();
    written.extend(world.write(drafts(200..300)).await);
    world.all_committed(&mut bridge).await;
    world.audit(&written).await;
    assert_eq!(bridge.terminate().await.code(), Some(0));
    broker.stop();
}
