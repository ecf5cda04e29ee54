//! `ambiguous: verify` on Apache Kafka: killed under load, with answers that hang or are cut off.

use alertbridge::simulator::{Chance, Faults, When};

use crate::support::bridge::Bridge;
use crate::support::kafka::shared;
use crate::support::world::{World, drafts, faults};

/// Two of a hundred creates are started and never answered, two are reset before anything began, and some are cut off.
fn flaky() -> Faults {
    let of = |probability, when| Some(Chance { probability, times: None, when });
    Faults { hang: of(0.02, When::After), reset: of(0.02, When::Before), partial: of(0.02, When::After), ..faults() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_is_started_once_through_a_sigkill_and_lost_answers() {
    let world = World::new(shared(), "verify").await;
    world.simulator.handle().set_faults(flaky());
    let configuration = world
        .configuration("  commit_interval: 500ms\n")
        .replace("secmaster:\n", "secmaster:\n  connect_timeout: 500ms\n  request_timeout: 1s\n");
    let written = world.write(drafts(0..1_000)).await;
    let bridge = Bridge::start(world.folder.path(), "first", &configuration);
    world.accepted(300).await;
    bridge.kill();
    let mut bridge = Bridge::start(world.folder.path(), "second", &configuration);
    world.all_committed(&mut bridge).await;
    world.audit(&written).await;
    let stats = world.simulator.handle().stats();
    assert!(stats.unanswered > 0, "{stats:?}");
    let twice: Vec<_> = world.simulator.handle().instances().into_iter().filter(|i| i.runs != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(!bridge.events("partition.suspected").is_empty());
    assert!(bridge.events("alert.delivered").iter().any(|line| line["confirmed_by"] == "look_up"));
}
