//! Where a group begins.

use std::time::Duration;

use alertbridge::config::{StartFrom, TimeSpan};
use alertbridge::kafka::plain::PlainProducer;
use alertbridge::ports::{SourceError, SourceEvent};
use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::{Feed, Scene, at, write};
use crate::support::kafka::{self, KafkaBroker, unique};

const HOUR_MS: i64 = 3_600_000;

/// A topic of two partitions with records 3 h, 2 h and 0 h old in the first.
async fn aged_topic(broker: &KafkaBroker) -> String {
    let topic = unique("aged");
    broker.create_topic(&topic, 2, &[]).await;
    let producer: FutureProducer = broker.client().create().unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    for age in [3, 2, 0] {
        let record = FutureRecord::<[u8], str>::to(&topic).partition(0).payload("x").timestamp(now - age * HOUR_MS);
        producer.send(record, Duration::from_secs(10)).await.unwrap();
    }
    topic
}

#[tokio::test(flavor = "multi_thread")]
async fn each_choice_begins_where_it_says_and_is_committed_for_the_whole_topic() {
    let broker = kafka::shared();
    let topic = aged_topic(broker).await;
    let half_past = jiff::Timestamp::now().checked_sub(jiff::Span::new().minutes(150)).unwrap();
    for (start_from, expected) in [
        (StartFrom::Earliest, 0),
        (StartFrom::Latest, 3),
        (StartFrom::Age(TimeSpan::from_secs(9000)), 1),
        (StartFrom::Time(half_past), 1),
        (StartFrom::Age(TimeSpan::from_secs(60)), 2),
    ] {
        let group = unique("g");
        let mut settings = broker.settings(&group, &topic);
        settings.start_from = Some(start_from);
        let mut feed = Feed::start(settings);
        assert_eq!(feed.assigned().await, [at(&topic, 0, expected), at(&topic, 1, 0)], "{start_from:?}");
        assert_eq!(broker.committed(&group, &topic, 2), [Some(expected), Some(0)], "{start_from:?}");
        feed.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_not_told_where_to_begin_does_not_start_and_says_what_each_choice_would_run() {
    let broker = kafka::shared();
    let topic = aged_topic(broker).await;
    let mut settings = broker.settings("soc", &topic);
    settings.start_from = None;
    let mut feed = Feed::start(settings);
    let text = feed
        .until(|event| match event {
            SourceEvent::Fatal(SourceError::Configuration(text)) => Some(text.clone()),
            _ => None,
        })
        .await;
    insta::assert_snapshot!(text.replace(&topic, "soc.alerts"));
    assert_eq!(broker.committed("soc", &topic, 2), [None, None]);
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_added_later_begins_at_its_earliest_record() {
    let Scene { broker, topic, group } = Scene::new("grown", 1).await;
    let mut settings = broker.settings(&group, &topic);
    settings.start_from = Some(StartFrom::Latest);
    let mut feed = Feed::start(settings.clone());
    assert_eq!(feed.assigned().await, [at(&topic, 0, 0)]);
    feed.close().await;
    let grown = NewPartitions::new(&topic, 2);
    broker.admin().create_partitions([&grown], &AdminOptions::new()).await.unwrap();
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    write(&producer, &topic, 0..2, b"x").await;
    let mut feed = Feed::start(settings);
    assert_eq!(feed.assigned().await, [at(&topic, 0, 0), at(&topic, 1, 0)]);
    feed.records(2).await;
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_added_to_a_group_needs_no_choice_and_begins_at_its_earliest_record() {
    let broker = kafka::shared();
    let (old, new, group) = (unique("a-old"), unique("b-new"), unique("g"));
    for topic in [&old, &new] {
        broker.create_topic(topic, 1, &[]).await;
    }
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    producer.produce(&new, None, None, Some(b"x"), &[]).await.unwrap();
    let mut settings = broker.settings(&group, &old);
    let mut feed = Feed::start(settings.clone());
    feed.assigned().await;
    feed.close().await;
    // The choice that is still in the configuration was for the group's beginning.
    settings.start_from = Some(StartFrom::Latest);
    settings.topics = vec![old.clone(), new.clone()];
    let mut feed = Feed::start(settings);
    assert_eq!(feed.assigned().await, [at(&old, 0, 0), at(&new, 0, 0)]);
    feed.records(1).await;
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_group_begins_in_all_its_topics_as_it_was_told() {
    let broker = kafka::shared();
    let (one, other, group) = (unique("a-one"), unique("b-other"), unique("g"));
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    for topic in [&one, &other] {
        broker.create_topic(topic, 1, &[]).await;
        producer.produce(topic, None, None, Some(b"x"), &[]).await.unwrap();
    }
    let mut settings = broker.settings(&group, &one);
    settings.start_from = Some(StartFrom::Latest);
    settings.topics = vec![one.clone(), other.clone()];
    let mut feed = Feed::start(settings);
    assert_eq!(feed.assigned().await, [at(&one, 0, 1), at(&other, 0, 1)]);
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_never_reads_the_dead_letter_topic_and_the_redrive_topic_is_read_in_any_case() {
    let broker = kafka::shared();
    let topic = unique("pattern");
    for name in [topic.clone(), format!("{topic}.more"), format!("{topic}.dead-letter"), format!("{topic}.redrive")] {
        broker.create_topic(&name, 1, &[]).await;
    }
    let mut settings = broker.settings(&unique("g"), &topic);
    settings.topics = vec![format!("^{topic}.*")];
    let (more, redrive) = (format!("{topic}.more"), format!("{topic}.redrive"));
    let mut feed = Feed::start(settings);
    assert_eq!(feed.assigned().await, [at(&topic, 0, 0), at(&more, 0, 0), at(&redrive, 0, 0)]);
    feed.close().await;
    // Even where only names are read, and nobody has said where a new group begins in it.
    let mut settings = broker.settings(&unique("g"), &topic);
    settings.start_from = Some(StartFrom::Latest);
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    producer.produce(&redrive, Some(0), None, Some(b"{}"), &[]).await.unwrap();
    let mut feed = Feed::start(settings);
    assert_eq!(feed.assigned().await, [at(&topic, 0, 0), at(&redrive, 0, 0)], "from its first record");
    feed.close().await;
}
