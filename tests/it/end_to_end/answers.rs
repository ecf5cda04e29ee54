//! What the service answers, and what becomes of the alert.

use alertbridge::simulator::Faults;
use serde_json::{Value, json};

use crate::support::kafka::shared;
use crate::support::world::{Draft, Fate, World, faults};

/// One answer to the next request, and none after it.
fn once(status: &Value) -> Faults {
    let mut status = status.clone();
    status["times"] = 1.into();
    let with: Faults = serde_json::from_value(json!({"status": [status]})).unwrap();
    Faults { status: with.status, ..faults() }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_has_its_end() {
    let world = World::new(shared(), "answers").await;
    let mut bridge = world.bridge("bridge");
    for (answer, end, attempts, class) in [
        (json!({"status": 503}), "alert.delivered", 2, None),
        (json!({"status": 408}), "alert.delivered", 2, None),
        (json!({"status": 400, "code": "SecMaster.11181002"}), "alert.delivered", 2, None),
        (json!({"status": 200, "body": "{\"code\":\"00000000\"}"}), "alert.delivered", 2, None),
        (json!({"status": 429, "code": "APIGW.0308"}), "alert.delivered", 2, None),
        // The route pauses and is probed after a quarter of a minute.
        (json!({"status": 404, "code": "APIGW.0101"}), "alert.delivered", 2, None),
        (json!({"status": 400}), "alert.dead_lettered", 1, Some("rejected")),
        (json!({"status": 400, "code": "SecMaster.20030001"}), "alert.dead_lettered", 1, Some("rejected")),
        (json!({"status": 403, "code": "SecMaster.20030001"}), "alert.dead_lettered", 1, Some("rejected")),
        (json!({"status": 413, "code": "APIGW.0201"}), "alert.dead_lettered", 1, Some("rejected")),
    ] {
        world.simulator.handle().set_faults(once(&answer));
        let value = json!({"title": "t", "severity": "High"}).to_string().into_bytes();
        let fate = Fate::DeadLettered; // Told by the log here.
        let written = world.write(vec![Draft { key: None, value, fate }]).await;
        world.all_committed(&mut bridge).await;
        let line = ["alert.delivered", "alert.dead_lettered"]
            .iter()
            .flat_map(|event| bridge.events(event))
            .find(|line| line["partition"] == written[0].partition.partition && line["offset"] == written[0].offset.0);
        let line = line.unwrap();
        assert_eq!((&line["event"], &line["attempts"]), (&json!(end), &json!(attempts)), "{answer}: {line}");
        assert_eq!(line["failure_class"].as_str(), class, "{answer}: {line}");
    }
}
