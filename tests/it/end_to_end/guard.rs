//! A mapping that fails every record: the guard holds the flood, and nothing is lost by mending or by letting go.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use alertbridge::domain::alert_id;
use serde_json::json;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::support::bridge::{Bridge, PATIENCE};
use crate::support::kafka::shared;
use crate::support::probes::Probes;
use crate::support::world::{Draft, Fate, World, header};

const LIMIT: usize = 5;
const ALERTS: usize = 200;

/// A mapping that looks for the title where it is not.
const WRONG: &str = "\
name: secmaster_alert
match: 'has(\"title\")'
required: [title]
alert: {title: '.headline', severity: '\"High\"'}
";

fn alerts() -> Vec<Draft> {
    let salt = uuid::Uuid::new_v4();
    let draft = |n: usize| {
        let id = format!("{salt}-{n}");
        Draft {
            key: Some(format!("host-{n}")),
            value: json!({"id": id, "title": "alert", "severity": "High"}).to_string().into_bytes(),
            fate: Fate::Delivered(alert_id("secmaster_alert", &id).to_string()),
        }
    };
    (0..ALERTS).map(draft).collect()
}

/// A configuration with the wrong mapping, and the right one without it.
fn configurations(world: &World) -> (String, String) {
    let folder = world.folder.path().join("mappings");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("wrong.yaml"), WRONG).unwrap();
    let right = world.configuration(&format!("  dead_letter_guard: {{consecutive: {LIMIT}}}\n"));
    (format!("{right}mapping:\n  directories: [{}]\n", folder.display()), right)
}

/// Waits until everything that was written is a dead letter or held.
async fn held(probes: &Probes) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // No answer until the server listens.
        let (_, body) = probes.get("/status").await;
        let status: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        if status["dead_letter_guard"]["held"] == ALERTS - LIMIT {
            assert_eq!(status["state"], "paused: dead_letter_guard");
            return;
        }
        assert!(Instant::now() < deadline, "{status}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn guard_open(address: &str) -> (Option<i32>, String, String) {
    let server = format!("http://{address}");
    let command = Command::new(env!("CARGO_BIN_EXE_alertbridge")).args(["guard", "open", "--server", &server]).output();
    let output = command.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_held_at_the_limit_until_an_operator_lets_it_go() {
    let world = World::new(shared(), "guard-open").await;
    let (wrong, _) = configurations(&world);
    let (wrong, probes) = Probes::of(&wrong);
    let written = world.write(alerts()).await;
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &wrong);
    held(&probes).await;
    assert_eq!(world.letters().await.len(), LIMIT);
    let closed = bridge.saw("dead_letter_guard.closed").await;
    assert_eq!((closed["level"].as_str(), closed["limit"].as_str()), (Some("ERROR"), Some("consecutive")), "{closed}");
    assert_eq!(
        (&closed["failure_class"], &closed["failure_reason"]),
        (&"invalid".into(), &"required_field_missing".into())
    );
    assert_eq!((&closed["topic"], closed["offset"].is_i64()), (&world.topic.as_str().into(), true), "{closed}");

    let (code, out, _) = guard_open(probes.address()).await;
    assert_eq!((code, out.starts_with("released 195 dead letters;")), (Some(0), true), "{out}");
    world.all_committed(&mut bridge).await;
    let letters: HashSet<_> =
        world.letters().await.iter().map(|l| (header(l, "original-partition"), header(l, "original-offset"))).collect();
    assert_eq!(letters.len(), written.len());
    let (code, _, err) = guard_open(probes.address()).await;
    assert_eq!((code, err.contains("is not closed")), (Some(1), true), "{err}");
    assert_eq!(bridge.events("dead_letter_guard.opened")[0]["by"], "operator");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_mapping_delivers_after_a_restart_what_the_guard_held() {
    let world = World::new(shared(), "guard-mend").await;
    let (wrong, right) = configurations(&world);
    let (wrong, probes) = Probes::of(&wrong);
    let written = world.write(alerts()).await;
    let bridge = Bridge::start(world.folder.path(), "wrong", &wrong);
    held(&probes).await;
    assert!(bridge.terminate().await.success(), "what is held does not hold up the end");
    let letters = world.letters().await;
    assert_eq!(letters.len(), LIMIT);

    let mut bridge = Bridge::start(world.folder.path(), "right", &right);
    world.all_committed(&mut bridge).await;
    assert_eq!(world.letters().await.len(), LIMIT);
    let started = world.simulator.handle().stats().accepted;
    assert_eq!(started, (written.len() - LIMIT) as u64, "all the others, each once");
}
