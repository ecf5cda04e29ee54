//! The mock cluster that the demo runs on is enough for source and sink.

use std::collections::BTreeMap;
use std::time::Duration;

use alertbridge::config::{KafkaSecurity, StartFrom};
use alertbridge::kafka::embedded::EmbeddedKafka;
use alertbridge::kafka::plain::{PlainProducer, read_topic};
use alertbridge::kafka::{KafkaSettings, KafkaSink};
use alertbridge::ports::{DeadLetterSink as _, RecordSource as _, SourceEvent};
use bytes::Bytes;

use super::sink::letter;
use super::{Feed, at, frontier};

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_cluster_carries_records_commits_and_dead_letters() {
    let cluster = EmbeddedKafka::start(&[("soc.alerts", 3), ("soc.alerts.dead-letter", 1)]).unwrap();
    let settings = KafkaSettings {
        bootstrap_servers: cluster.bootstrap_servers(),
        group_id: "demo".to_owned(),
        group_instance_id: None,
        topics: vec!["soc.alerts".to_owned()],
        dead_letter_topic: "soc.alerts.dead-letter".to_owned(),
        redrive_topic: "soc.alerts.redrive".to_owned(),
        start_from: Some(StartFrom::Earliest),
        security: KafkaSecurity::default(),
        tokens: None,
        client: BTreeMap::new(),
        request_timeout: Duration::from_secs(5),
    };
    let producer = PlainProducer::new(&settings.bootstrap_servers).unwrap();
    for partition in 0..3 {
        producer.produce("soc.alerts", Some(partition), Some(b"k"), Some(b"v"), &[]).await.unwrap();
    }
    let mut feed = Feed::start(settings.clone());
    assert_eq!(feed.assigned().await.len(), 3);
    feed.records(3).await;
    feed.source.commit((0..3).map(|p| frontier(at("soc.alerts", p, 1))).collect());
    feed.committed().await;

    let sink = KafkaSink::new(&settings).unwrap();
    sink.publish(&letter(Bytes::from_static(b"{}"), Vec::new(), "no")).await.unwrap();
    let (servers, topic) = (settings.bootstrap_servers.clone(), settings.dead_letter_topic.clone());
    let read = tokio::task::spawn_blocking(move || read_topic(&servers, &topic, Duration::from_secs(30)));
    assert_eq!(read.await.unwrap().unwrap().len(), 1);

    cluster.go_down().unwrap();
    feed.until(|event| matches!(event, SourceEvent::Unavailable { .. }).then_some(())).await;
    cluster.come_up().unwrap();
    feed.until(|event| matches!(event, SourceEvent::Joined).then_some(())).await;
    producer.produce("soc.alerts", Some(0), None, Some(b"after"), &[]).await.unwrap();
    feed.records(1).await;
    feed.close().await;
}
