//! Several replicas of one group: they die, restart, stand still, and are handed partitions in either way.

use std::time::Duration;

use alertbridge::simulator::{Faults, Latency};
use jiff::Timestamp;
use tokio::time::sleep;

use crate::support::bridge::PATIENCE;
use crate::support::fleet::{Fleet, OUTCOMES};
use crate::support::kafka::shared;
use crate::support::world::{World, Written, drafts, faults};

const REBALANCES: [&str; 4] = ["partitions.assigned", "partitions.revoked", "partitions.released", "partitions.lost"];

/// A service that takes its time, so that something is under way when a replica goes.
async fn world(name: &str) -> World {
    let world = World::new(shared(), name).await;
    let latency = Some(Latency::Between { min_ms: 5, max_ms: 40 });
    world.simulator.handle().set_faults(Faults { latency, ..faults() });
    world
}

/// Slow enough that there is a backlog while replicas come and go; gone replicas are missed after three seconds.
fn configuration(world: &World) -> String {
    let configuration = world.configuration("").replace("session.timeout.ms: 6000", "session.timeout.ms: 3000");
    configuration.replace("rate_limits: []", "rate_limits: [{requests: 120, per: 1s}]")
}

/// Everything arrived, in order, and nobody was lost.
async fn settle_up(world: &World, fleet: &mut Fleet<'_>, written: &[Written]) -> u64 {
    fleet.all_committed(PATIENCE).await;
    let repeats = world.audit(written).await;
    assert!(world.arrivals.assert_keys_in_order(written) > 90);
    fleet.leave_all().await;
    repeats
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_through_a_sigkill_and_a_rolling_restart_lose_nothing() {
    let world = world("rolling").await;
    let written = world.write(drafts(0..2_500)).await;
    let mut fleet = Fleet::start(&world, configuration(&world), 3);
    world.accepted(300).await;
    fleet.kill(1);
    let killed = Timestamp::now();
    fleet.join();
    world.accepted(800).await;
    for _ in 0..3 {
        fleet.leave(0).await;
        fleet.join();
        let accepted = world.simulator.handle().stats().accepted;
        world.accepted(accepted + 150).await;
    }
    let repeats = settle_up(&world, &mut fleet, &written).await;
    assert_eq!(world.repeated(killed..Timestamp::MAX), 0, "a restart that is asked for repeats nothing");
    // At most 64 in flight, and what completed since the last commit but one: commits come each second.
    assert!(repeats <= 64 + 240, "{repeats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_that_restarts_within_its_session_moves_nobody_elses_partitions() {
    let world = world("static").await;
    let configuration = configuration(&world).replace("session.timeout.ms: 3000", "session.timeout.ms: 20000");
    let written = world.write(drafts(0..2_000)).await;
    let mut fleet = Fleet::start(&world, configuration, 0);
    for name in ["pod-0", "pod-1", "pod-2"] {
        fleet.join_as(name);
    }
    fleet.settled().await;
    let moves = |fleet: &Fleet<'_>| fleet.members[..2].iter().map(|m| m.events_of(&REBALANCES).len()).sum::<usize>();
    let before = moves(&fleet);
    fleet.leave(2).await;
    fleet.join_as("pod-2");
    fleet.settled().await;
    assert_eq!(moves(&fleet), before, "the others keep what they have");
    assert_eq!(settle_up(&world, &mut fleet, &written).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_eager_assignor_hands_over_without_a_loss_or_a_repeat() {
    let world = world("eager").await;
    let eager = "client: {partition.assignment.strategy: range, ";
    let configuration = configuration(&world).replace("client: {", eager);
    let written = world.write(drafts(0..2_000)).await;
    let mut fleet = Fleet::start(&world, configuration, 1);
    world.accepted(200).await;
    fleet.join();
    fleet.settled().await;
    fleet.join();
    fleet.settled().await;
    fleet.leave(0).await;
    fleet.settled().await;
    assert_eq!(settle_up(&world, &mut fleet, &written).await, 0, "every hand-over was clean");
    assert_eq!(fleet.lines(&OUTCOMES).len(), written.len(), "one outcome each");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stood_still_past_its_session_disturbs_nobody() {
    let world = world("zombie").await;
    let written = world.write(drafts(0..2_000)).await;
    let mut fleet = Fleet::start(&world, configuration(&world), 2);
    fleet.settled().await;
    world.accepted(300).await;
    fleet.members[0].freeze();
    // The other one takes over what the first has, and goes on with it.
    let taken_over = fleet.members[1].events("partitions.assigned").len();
    while fleet.members[1].events("partitions.assigned").len() == taken_over {
        sleep(Duration::from_millis(50)).await;
    }
    let accepted = world.simulator.handle().stats().accepted;
    world.accepted(accepted + 200).await;
    fleet.members[0].thaw();
    fleet.members[0].saw("partitions.lost").await;
    let repeats = settle_up(&world, &mut fleet, &written).await;
    // In flight and not yet committed when it stopped; and what left between waking up and hearing of the loss.
    assert!(repeats <= 2 * 64 + 240, "{repeats}");
}
