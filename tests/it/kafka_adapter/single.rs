//! One record by its place, on a real Kafka.

use std::time::Duration;

use alertbridge::domain::{Header, Offset, TopicPartition, instance_id};
use alertbridge::kafka::plain::PlainProducer;
use alertbridge::kafka::{KafkaSettings, ReadError, read_record};

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tokio::time::Instant;

use super::BOUND;
use crate::support::kafka::{shared, unique};

/// Reads on a thread of its own: it blocks.
async fn read(settings: &KafkaSettings, topic: &str, partition: i32, offset: i64) -> Result<String, ReadError> {
    let (settings, at) = (settings.clone(), TopicPartition::new(topic, partition));
    let read = move || read_record(&settings, &at, Offset(offset), BOUND);
    let (record, cluster_id) = tokio::task::spawn_blocking(read).await.unwrap()?;
    assert!(!cluster_id.is_empty());
    assert!(record.timestamp_ms.is_some());
    assert_eq!((record.partition.partition, record.offset), (partition, Offset(offset)));
    let text = |bytes: &Option<bytes::Bytes>| String::from_utf8(bytes.clone().unwrap_or_default().to_vec()).unwrap();
    let headers: Vec<String> = record.headers.iter().map(|h| format!("{}={}", h.name, text(&h.value))).collect();
    Ok(format!("{} {} {}", text(&record.key), text(&record.value), headers.join(" ")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_read_by_its_place_without_a_group_and_what_is_not_there_is_told() {
    let kafka = shared();
    let (topic, group) = (unique("single"), unique("single-group"));
    kafka.create_topic(&topic, 2, &[]).await;
    let producer = PlainProducer::new(&kafka.bootstrap_servers()).unwrap();
    let header = Header { name: "h".to_owned(), value: Some("v".into()) };
    for n in 0..4 {
        let value = format!("record {n}");
        producer
            .produce(&topic, Some(1), Some(b"key"), Some(value.as_bytes()), std::slice::from_ref(&header))
            .await
            .unwrap();
    }
    kafka.delete_records(&topic, 1, 2).await;
    let settings = kafka.settings(&group, &topic);

    assert_eq!(read(&settings, &topic, 1, 2).await.unwrap(), "key record 2 h=v");
    assert_eq!(read(&settings, &topic, 1, 3).await.unwrap(), "key record 3 h=v");
    for (partition, offset, expected) in [
        (1, 1, format!("{topic}/1 has no record 1: it has 2 to 3")),
        (1, 4, format!("{topic}/1 has no record 4: it has 2 to 3")),
        (0, 0, format!("{topic}/0 has no record 0: it is empty")),
        (7, 0, format!("`{topic}` has no partition 7; it has 0 to 1")),
    ] {
        let error = read(&settings, &topic, partition, offset).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let unknown = unique("nobody-made-this");
    assert_eq!(read(&settings, &unknown, 0, 0).await.unwrap_err(), ReadError::NoTopic(unknown.clone()));
    assert_eq!(read(&settings, &unknown, 0, 0).await.unwrap_err(), ReadError::NoTopic(unknown), "it was not made");
    assert_eq!(kafka.committed(&group, &topic, 2), [None, None], "nothing is committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_of_a_transactions_marker_holds_no_record_and_the_next_one_is_told() {
    let kafka = shared();
    let topic = unique("single-gap");
    kafka.create_topic(&topic, 1, &[]).await;
    let transactional = kafka.client().set("transactional.id", unique("tx")).clone();
    let to = topic.clone();
    let produced = move || {
        let bound = Duration::from_secs(30);
        let producer: BaseProducer = transactional.create().unwrap();
        producer.init_transactions(bound).unwrap();
        for _ in 0..2 {
            producer.begin_transaction().unwrap();
            producer.send(BaseRecord::<[u8], str>::to(&to).payload("x")).unwrap();
            producer.flush(bound).unwrap();
            producer.commit_transaction(bound).unwrap();
        }
    };
    tokio::task::spawn_blocking(produced).await.unwrap();
    let settings = kafka.settings("g", &topic);
    // A record, a marker, a record, a marker.
    assert_eq!(read(&settings, &topic, 0, 2).await.unwrap(), " x ");
    let said = read(&settings, &topic, 0, 1).await.unwrap_err().to_string();
    assert_eq!(
        said,
        format!("{topic}/0 has no record 1: it was compacted away, or is of a transaction; the next record is 2")
    );
    let said = read(&settings, &topic, 0, 3).await.unwrap_err().to_string();
    assert_eq!(said, format!("{topic}/0 has no record 3: it was compacted away, or is of a transaction"));
}

#[tokio::test(flavor = "multi_thread")]
async fn map_from_kafka_shows_the_very_ids_that_the_daemon_gives() {
    let kafka = shared();
    let topic = unique("from");
    kafka.create_topic(&topic, 1, &[]).await;
    let producer = PlainProducer::new(&kafka.bootstrap_servers()).unwrap();
    let value = br#"{"title":"t","severity":"High"}"#;
    producer.produce(&topic, None, None, Some(value), &[]).await.unwrap();
    let settings = kafka.settings("g", &topic);
    let at = TopicPartition::new(topic.as_str(), 0);
    let read = move || read_record(&settings, &at, Offset(0), BOUND).unwrap();
    let (record, cluster_id) = tokio::task::spawn_blocking(read).await.unwrap();
    let expected = instance_id(&record.origin(&cluster_id.into()), 0, "w1").to_string();

    let folder = tempfile::tempdir().unwrap();
    let configuration = format!(
        "kafka: {{bootstrap_servers: '{}'}}\nrouting: {{default_workflow_id: w1}}\n",
        kafka.bootstrap_servers()
    );
    std::fs::write(folder.path().join("alertbridge.yaml"), configuration).unwrap();
    let map = |place: String| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_alertbridge"));
        command.args(["map", "--from", &place]).env_clear().current_dir(folder.path());
        command
    };
    let output = map(format!("{topic}/0/0")).output().await.unwrap();
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["action_instance_id"], expected.as_str());
    assert_eq!(output.stderr, b"", "nothing is missing for the alert's id");

    let output = map(format!("{topic}/0/1")).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), said),
        (Some(1), format!("alertbridge: {topic}/0 has no record 1: it has 0 to 0\n"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_do_not_answer_are_named_within_the_time_given() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings =
        KafkaSettings { bootstrap_servers: format!("127.0.0.1:{port}"), ..shared().settings("g", "soc.alerts") };
    let began = Instant::now();
    let bound = Duration::from_secs(1);
    let read = move || read_record(&settings, &TopicPartition::new("t", 0), Offset(0), bound);
    let said = tokio::task::spawn_blocking(read).await.unwrap().unwrap_err().to_string();
    assert!(said.starts_with(&format!("127.0.0.1:{port} did not answer within 1 s")), "{said}");
    assert!(began.elapsed() < BOUND, "{said}");
}
