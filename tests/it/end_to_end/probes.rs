//! What Kubernetes asks of the bridge: ready once it takes part, through outages, and not while it drains.

use std::time::Duration;

use alertbridge::simulator::{Chance, Faults, Outage};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support::bridge::{Bridge, PATIENCE};
use crate::support::kafka::shared;
use crate::support::world::{World, drafts, faults};

pub(super) struct Probes {
    address: String,
}

impl Probes {
    /// A configuration whose server listens where we know it, and the probes of it.
    pub(super) fn of(configuration: &str) -> (String, Self) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        (configuration.replace("listen: 127.0.0.1:0", &format!("listen: {address}")), Self { address })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Over a connection of its own, as a kubelet's; 0 where none is taken.
    pub(super) async fn get(&self, path: &str) -> (u16, String) {
        let Ok(mut stream) = TcpStream::connect(&self.address).await else { return (0, String::new()) };
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn until(&self, path: &str, what: &str, holds: impl Fn(u16, &str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, body) = self.get(path).await;
            if holds(status, &body) {
                return;
            }
            assert!(Instant::now() < deadline, "{path} is never {what}: {status} {body}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status").await.1).unwrap()
    }
}

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
