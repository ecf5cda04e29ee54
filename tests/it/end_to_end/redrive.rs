//! Dead letters back into the stream, on Apache Kafka.

use alertbridge::domain::DeadLetterClass;
use alertbridge::kafka::plain::PlainProducer;
use serde_json::{Value, json};

use crate::support::kafka::shared;
use crate::support::redrive::{Mix, letters, lines, ran, redriven, run, show};
use crate::support::world::{PARTITIONS, World};

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_redriven_each_once_through_interrupts_and_what_fails_again_is_held() {
    // Slow enough to be interrupted twice on a busy machine.
    show(Mix { mended: 60, refused: 10, malformed: 20 }, "5/s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_shown_by_place_alert_and_instance_and_exported_without_loss() {
    let world = World::new(shared(), "show").await;
    let mut bridge = world.bridge("bridge");
    let producer = PlainProducer::new(&world.broker.bootstrap_servers()).unwrap();
    let value = json!({"id": "a-1", "title": "(not of the data class)", "severity": "High"}).to_string();
    producer.produce(&world.topic, Some(2), Some(b"\xff"), Some(value.as_bytes()), &[]).await.unwrap();
    world.all_committed(&mut bridge).await;
    letters(&world, 1).await;
    let exported = lines(&ran(&world, &["export"]));
    assert_eq!((&exported[0]["key"]["base64"], &exported[0]["value"]["text"]), (&json!("/w=="), &json!(value)));
    let listed = lines(&ran(&world, &["list", "--output", "json"]));
    assert_eq!(listed[0]["failure_class"], DeadLetterClass::Rejected.as_str());
    let first_place = format!("{}/2/0", world.topic);
    let text = |field: &str| listed[0][field].as_str().unwrap().to_owned();
    for what in [first_place, text("place"), text("alert_id"), text("action_instance_id")] {
        let shown: Value = serde_json::from_str(&ran(&world, &["show", &what])).unwrap();
        assert_eq!(shown["attempt_reports"][0]["http_status"], 400);
        assert!(!shown.to_string().contains("data class)"), "no content without --value");
    }
    let shown: Value = serde_json::from_str(&ran(&world, &["show", &text("place"), "--value"])).unwrap();
    assert_eq!(shown["record"]["value"]["text"], value);
    assert_eq!(run(&world, &["show", "nothing/0/0"]).status.code(), Some(1));
    let table = ran(&world, &["list", "--output", "table"]);
    assert!(table.contains("request_refused") && table.ends_with("1 dead letters\n"), "{table}");
    let missing = run(&world, &["redrive"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("kafka.redrive_topic has to exist"));
    assert_eq!(bridge.events("kafka.topic_missing").len(), 0, "a redrive topic that does not exist is no trouble");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_a_crash_wrote_twice_counts_once_and_a_limit_leaves_the_rest_for_the_next_run() {
    let world = World::new(shared(), "twice").await;
    world.broker.create_topic(&format!("{}.redrive", world.topic), 1, &[]).await;
    let mut bridge = world.bridge("bridge");
    let producer = PlainProducer::new(&world.broker.bootstrap_servers()).unwrap();
    for n in 0..3 {
        let cut = format!("{{\"cut\": \"off {n}");
        producer.produce(&world.topic, Some(0), None, Some(cut.as_bytes()), &[]).await.unwrap();
    }
    world.all_committed(&mut bridge).await;
    let first = letters(&world, 3).await.remove(0);
    assert_eq!(bridge.terminate().await.code(), Some(0));
    let (topic, value) = (world.dead_letter_topic(), first.value.as_deref());
    producer.produce(&topic, None, None, value, &first.headers).await.unwrap();
    let own = || world.broker.committed(&world.group, &world.topic, PARTITIONS);
    let before = own();

    assert_eq!(ran(&world, &["list", "--output", "json"]).lines().count(), 3);
    let count = async || redriven(&world).await.len();
    let limited = ["redrive", "--yes", "--rate", "1000/s", "--limit", "2"];
    let said = ran(&world, &limited);
    assert!(said.contains("left for the next run"), "{said}");
    assert_eq!(count().await, 2);
    let said = ran(&world, &limited);
    assert!(said.contains("1 that repeat others"), "{said}");
    assert_eq!(count().await, 3);
    // Nothing is left for this account, and another one finds all of it on the redrive topic.
    ran(&world, &limited);
    ran(&world, &["redrive", "--yes", "--rate", "1000/s", "--name", "another"]);
    assert_eq!(count().await, 3);
    assert_eq!(own(), before, "the daemon's group is not touched");
}
