//! What Kubernetes asks of the bridge: ready once it takes part, through outages, and not while it drains.

use crate::support::bridge::Bridge;
use crate::support::kafka::shared;
use crate::support::probes::Probes;
use crate::support::world::{World, drafts, faults};
use alertbridge::simulator::{Chance, Faults, Outage};

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_ready_through_an_outage_and_says_what_it_waits_for() {
    let world = World::new(shared(), "outage").await;
    world.simulator.handle().set_faults(Faults { outage: Some(Outage::default()), ..faults() });
    let (configuration, probes) = Probes::of(&world.configuration(""));
    let written = world.write(drafts(0..100)).await;
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    probes.until("/readyz", "ready", |status, _| status == 200).await;
    probes.until("/status", "paused", |_, body| body.contains("\"state\":\"paused: ")).await;
    assert_eq!((probes.get("/readyz").await.0, probes.get("/livez").await.0), (200, 200));
    let status = probes.status().await;
    assert_eq!(status["state"], "paused: circuit_breaker", "{status}");
    assert!(["open", "half_open"].contains(&status["breakers"][0]["state"].as_str().unwrap()), "{status}");
    world.simulator.handle().set_faults(faults());
    world.all_committed(&mut bridge).await;
    world.audit(&written).await;
    probes.until("/status", "running", |_, body| body.contains("\"state\":\"running\"")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_drains_answers_that_it_is_not_ready() {
    let world = World::new(shared(), "drain").await;
    let configuration = world.configuration("").replace("secmaster:\n", "secmaster:\n  request_timeout: 6s\n");
    let (configuration, probes) = Probes::of(&configuration);
    let bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    probes.until("/readyz", "ready", |status, _| status == 200).await;
    // A request under way holds the drain.
    world.simulator.handle().set_faults(Faults { hang: Some(Chance::default()), ..faults() });
    let _written = world.write(drafts(0..3)).await;
    probes.until("/metrics", "sending", |_, body| !body.contains("alertbridge_in_flight_requests 0")).await;
    bridge.ask_to_end();
    probes.until("/readyz", "unready", |status, _| status != 200).await;
    assert_eq!(probes.get("/readyz").await.0, 503, "the server answers through the drain");
    assert_eq!(probes.get("/livez").await.0, 200);
    probes.until("/status", "draining", |_, body| body.contains("\"state\":\"draining\"")).await;
    assert_eq!(bridge.terminated().await.code(), Some(0));
}
