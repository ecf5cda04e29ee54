//! `create_alert` on Apache Kafka and the simulator: killed under load, with answers that hang or are cut off.

use std::collections::BTreeSet;

use alertbridge::simulator::{Chance, Faults, When};

use crate::support::bridge::Bridge;
use crate::support::kafka::shared;
use crate::support::world::{World, drafts, faults, header};

fn flaky() -> Faults {
    let of = |probability, when| Some(Chance { probability, times: None, when });
    Faults { hang: of(0.02, When::After), reset: of(0.02, When::Before), partial: of(0.02, When::After), ..faults() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alert_is_created_once_before_its_workflow_through_a_sigkill_and_lost_answers() {
    let world = World::new(shared(), "create").await;
    world.simulator.handle().set_faults(flaky());
    let rule = "routing:\n  rules:\n    - {name: creating, create_alert: true, workflow_id: 446255ce-0000-4000-8000-0b4931000000}\n";
    let configuration = world
        .configuration("  commit_interval: 500ms\n")
        .replace("secmaster:\n", "secmaster:\n  connect_timeout: 500ms\n  request_timeout: 1s\n")
        .replace("routing:\n  default_workflow_id: 446255ce-0000-4000-8000-0b4931000000\n", rule);
    assert!(configuration.contains("create_alert"));
    let written = world.write(drafts(0..500)).await;
    let bridge = Bridge::start(world.folder.path(), "first", &configuration);
    world.accepted(150).await;
    bridge.kill();
    let mut bridge = Bridge::start(world.folder.path(), "second", &configuration);
    world.all_committed(&mut bridge).await;
    world.audit(&written).await;

    let handle = world.simulator.handle();
    let alerts = handle.alerts();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let created: BTreeSet<String> = alerts.iter().map(|alert| text(&alert["id"])).collect();
    assert_eq!((created.len(), alerts.len()), (480, 480), "each once");
    for instance in handle.instances() {
        assert_eq!(instance.runs, 1, "{instance:?}");
        assert!(created.contains(&text(&instance.content["id"])), "a workflow without its alert");
    }
    // What the service refuses is refused at the first call, after a look whether the alert is there.
    for letter in world.letters().await.iter().filter(|letter| header(letter, "failure-class") == "rejected") {
        assert!(header(letter, "report").contains(r#""call":"create_alert""#));
        assert!(letter.header("alertbridge-created-alert-id").is_none());
    }
    let told = bridge.events("alert.created");
    assert!(told.iter().all(|line| line["created_alert_id"] == line["alert_id"] && line["route"] == "creating"));
    assert!(bridge.events("alert.delivered").iter().any(|line| line["created_alert_id"] == line["alert_id"]));
    assert!(!bridge.log().contains("host-1"), "an alert's content in the log");
}
