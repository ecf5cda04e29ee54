//! Brokers that are away, come back, or ask who we are.

use alertbridge::config::{KafkaSecurity, SaslMechanism, SecurityProtocol};
use alertbridge::domain::{Offset, TopicPartition};
use alertbridge::kafka::plain::PlainProducer;
use alertbridge::offsets::{CompletedOffsets, Frontier};
use alertbridge::ports::{RecordSource as _, SourceEvent};

use super::{Feed, at, frontier};
use crate::support::kafka::{self, KafkaBroker, unique};

fn unavailable(event: &SourceEvent) -> Option<String> {
    match event {
        SourceEvent::Unavailable { error } => Some(error.clone()),
        _ => None,
    }
}

fn joined(event: &SourceEvent) -> Option<()> {
    matches!(event, SourceEvent::Joined).then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_go_away_are_waited_for_and_a_session_that_ends_meanwhile_loses_the_partitions() {
    let broker = tokio::task::spawn_blocking(KafkaBroker::start).await.unwrap();
    let topic = unique("away");
    broker.create_topic(&topic, 1, &[]).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    producer.produce(&topic, None, None, Some(b"before"), &[]).await.unwrap();
    let (long, short) = (unique("long"), unique("short"));
    let mut feed = Feed::start(broker.settings(&long, &topic));
    feed.until(joined).await;
    feed.records(1).await;
    let mut settings = broker.settings(&short, &topic);
    settings.client.insert("session.timeout.ms".to_owned(), "6000".to_owned());
    settings.client.insert("heartbeat.interval.ms".to_owned(), "500".to_owned());
    let mut losing = Feed::start(settings);
    losing.records(1).await;
    losing.source.pause(&[TopicPartition::new(topic.as_str(), 0)]);

    tokio::task::block_in_place(|| broker.stop());
    feed.until(unavailable).await;
    feed.source.commit(vec![frontier(at(&topic, 0, 1))]);
    let lost = losing.until(|event| match event {
        SourceEvent::Lost(partitions) => Some(partitions.clone()),
        _ => None,
    });
    assert_eq!(lost.await, [TopicPartition::new(topic.as_str(), 0)]);
    tokio::task::block_in_place(|| broker.start_again());

    feed.until(joined).await;
    producer.produce(&topic, None, None, Some(b"after"), &[]).await.unwrap();
    assert_eq!(feed.records(1).await[0].value.as_deref(), Some(b"after".as_slice()));
    // The commit has its one answer, whichever; a later one makes good for it.
    let answer = |event: &SourceEvent| {
        matches!(event, SourceEvent::Committed(_) | SourceEvent::CommitFailed { .. }).then_some(())
    };
    if !feed.seen.iter().any(|event| answer(event).is_some()) {
        feed.until(answer).await;
    }
    feed.source.close(vec![frontier(at(&topic, 0, 2))]).await.unwrap();
    assert_eq!(broker.committed(&long, &topic, 1), [Some(2)]);

    // Nothing was settled, so what was read comes again; the pause ended with the assignment.
    losing.until(joined).await;
    assert_eq!(losing.assigned().await, [at(&topic, 0, 0)]);
    losing.records(2).await;
    losing.source.commit(vec![frontier(at(&topic, 0, 1))]);
    losing.committed().await;
    losing.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_are_not_there_at_the_start_are_said_to_be_away_and_closing_is_quick() {
    let mut settings = kafka::shared().settings(&unique("g"), "nothing");
    // Port 9 (discard) of the loopback interface: nobody listens.
    settings.bootstrap_servers = "127.0.0.1:9".to_owned();
    let mut feed = Feed::start(settings);
    let error = feed.until(unavailable).await;
    assert!(error.contains("127.0.0.1:9"), "{error}");
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_is_reached_by_scram_over_tls_with_an_own_authority() {
    let broker = kafka::shared();
    let topic = unique("secure");
    broker.create_topic(&topic, 1, &[]).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    producer.produce(&topic, None, None, Some(b"x"), &[]).await.unwrap();
    let mut settings = broker.settings(&unique("g"), &topic);
    settings.bootstrap_servers = broker.secure_bootstrap_servers();
    settings.security = KafkaSecurity {
        protocol: SecurityProtocol::SaslSsl,
        ca_file: Some(broker.ca_file()),
        sasl_mechanism: Some(SaslMechanism::ScramSha512),
        username: Some(kafka::USER.to_owned()),
        password: Some(kafka::PASSWORD.into()),
        ..KafkaSecurity::default()
    };
    let mut feed = Feed::start(settings.clone());
    feed.records(1).await;
    feed.close().await;

    settings.security.password = Some("wrong".into());
    let mut feed = Feed::start(settings.clone());
    let error = feed.until(unavailable).await;
    assert!(error.to_lowercase().contains("authentication") && !error.contains("wrong"), "{error}");
    feed.close().await;

    settings.security.ca_file = None;
    let mut feed = Feed::start(settings);
    let error = feed.until(unavailable).await;
    assert!(error.contains("certificate"), "{error}");
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_takes_little_metadata_is_told_the_offsets_alone() {
    let start = || KafkaBroker::start_with("offset.metadata.max.bytes=10\n");
    let broker = tokio::task::spawn_blocking(start).await.unwrap();
    let (topic, group) = (unique("metadata"), unique("g"));
    broker.create_topic(&topic, 1, &[]).await;
    let mut feed = Feed::start(broker.settings(&group, &topic));
    feed.assigned().await;
    let completed = CompletedOffsets::from_sorted([Offset(2)]);
    feed.source.commit(vec![Frontier { completed, ..frontier(at(&topic, 0, 0)) }]);
    assert_eq!(feed.committed().await, [at(&topic, 0, 0)]);
    feed.close().await;
}
