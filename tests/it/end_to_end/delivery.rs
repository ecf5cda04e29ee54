//! Nothing is lost: every record ends at the simulator or in the dead-letter topic.

use alertbridge::simulator::StatusFault;

use crate::support::kafka::shared;
use crate::support::world::{World, drafts, faults};

/// Five of a hundred requests are answered 503.
fn flaky() -> alertbridge::simulator::Faults {
    let fault = StatusFault { status: 503, probability: 0.05, times: None, code: None, message: None, body: None };
    alertbridge::simulator::Faults { status: vec![fault], ..faults() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_ends_at_the_service_or_in_the_dead_letter_topic() {
    let world = World::new(shared(), "e2e").await;
    world.simulator.handle().set_faults(flaky());
    let written = world.write(drafts(0..2_000)).await;
    let mut bridge = world.bridge("bridge");
    world.all_committed(&mut bridge).await;
    let repeats = world.audit(&written).await;
    assert_eq!(repeats, 0, "nothing is repeated without a crash");
    assert_eq!(bridge.events("alert.delivered").len(), 1_920);
    assert_eq!(bridge.events("alert.dead_lettered").len(), 80);
    let secret = alertbridge::simulator::DEMO_SECRET_KEY;
    assert!(!bridge.log().contains(secret) && !bridge.log().contains("Signature="), "a secret in the log");
    assert!(!bridge.log().contains("host-1"), "an alert's content in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_repeats_a_little_and_loses_nothing() {
    let world = World::new(shared(), "crash").await;
    world.simulator.handle().set_faults(flaky());
    let written = world.write(drafts(0..2_000)).await;
    let bridge = world.bridge("first");
    world.accepted(500).await;
    bridge.kill();
    let mut bridge = world.bridge("second");
    world.all_committed(&mut bridge).await;
    let repeats = world.audit(&written).await;
    println!("repeats after one SIGKILL: {repeats}");
}
