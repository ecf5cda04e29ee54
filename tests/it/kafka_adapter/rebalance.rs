//! Members that come and go.

use std::collections::BTreeSet;
use std::time::Duration;

use alertbridge::config::StartFrom;
use alertbridge::domain::TopicPartition;
use alertbridge::kafka::KafkaSource;
use alertbridge::kafka::plain::PlainProducer;
use alertbridge::ports::{RecordSource as _, SourceEvent};

use super::{Feed, Scene, at, frontier, places, write};
use crate::support::kafka::{self, unique};

fn revoked(event: &SourceEvent) -> Option<Vec<TopicPartition>> {
    match event {
        SourceEvent::Revoked(partitions) => Some(partitions.clone()),
        _ => None,
    }
}

/// A second member takes half of the partitions, and goes on where the first has committed.
async fn hands_over(strategy: &str) {
    let Scene { broker, topic, group } = Scene::new("handover", 4).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    write(&producer, &topic, 0..4, b"x").await;
    let mut settings = broker.settings(&group, &topic);
    settings.client.insert("partition.assignment.strategy".to_owned(), strategy.to_owned());
    let mut first = Feed::start(settings.clone());
    assert_eq!(first.assigned().await.len(), 4);
    first.records(4).await;

    let mut second = Feed::start(settings);
    // The second is fed too while the first gives way: both have to be polled for events.
    let (gained, ()) = tokio::join!(second.assigned(), async {
        let given = first.until(revoked).await;
        let frontiers: Vec<_> = given.iter().map(|p| at(&topic, p.partition, 1)).collect();
        first.source.release(given, frontiers.iter().cloned().map(frontier).collect());
        assert_eq!(first.committed().await, frontiers);
        if strategy != "cooperative-sticky" {
            first.assigned().await;
        }
    });
    assert_eq!(gained.len(), 2);
    assert!(gained.iter().all(|(_, offset)| offset.0 == 1), "{gained:?}");

    write(&producer, &topic, 0..4, b"y").await;
    let theirs = second.records(2).await;
    let ours = first.records(2).await;
    let all: BTreeSet<_> = theirs.iter().chain(&ours).map(|r| (r.partition.partition, r.offset.0)).collect();
    assert_eq!(all, (0..4).map(|p| (p, 1)).collect(), "each record once");

    // The first leaves in the middle of nothing: the second gets all.
    let ((), regained) = tokio::join!(first.close(), async {
        if strategy == "cooperative-sticky" {
            second.assigned().await
        } else {
            let given = second.until(revoked).await;
            second.source.release(given, Vec::new());
            second.assigned().await
        }
    });
    assert_eq!(regained.len(), if strategy == "cooperative-sticky" { 2 } else { 4 });
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_handed_over_cooperatively() {
    hands_over("cooperative-sticky").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_handed_over_eagerly() {
    hands_over("range").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_partitions_has_joined() {
    let Scene { broker, topic, group } = Scene::new("spare", 1).await;
    let mut first = Feed::start(broker.settings(&group, &topic));
    first.assigned().await;
    let mut spare = Feed::start(broker.settings(&group, &topic));
    spare.until(|event| matches!(event, SourceEvent::Joined).then_some(())).await;
    first.close().await;
    assert_eq!(spare.assigned().await.len(), 1);
    spare.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_while_partitions_are_being_revoked_commits_and_leaves() {
    let Scene { broker, topic, group } = Scene::new("closing", 2).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    write(&producer, &topic, 0..2, b"x").await;
    let mut first = Feed::start(broker.settings(&group, &topic));
    first.records(2).await;
    let mut second = Feed::start(broker.settings(&group, &topic));
    first.until(revoked).await;
    first.source.close(vec![frontier(at(&topic, 0, 1)), frontier(at(&topic, 1, 1))]).await.unwrap();
    let mut gained = BTreeSet::new();
    while gained.len() < 2 {
        gained.extend(second.assigned().await);
    }
    assert_eq!(gained, BTreeSet::from([at(&topic, 0, 1), at(&topic, 1, 1)]));
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_once_agree_where_the_group_begins() {
    let Scene { broker, topic, group } = Scene::new("fresh", 6).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    write(&producer, &topic, 0..6, b"old").await;
    let mut settings = broker.settings(&group, &topic);
    settings.start_from = Some(StartFrom::Latest);
    let members: Vec<_> = (0..3).map(|_| KafkaSource::start(settings.clone()).unwrap()).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for mut source in members {
        tasks.spawn(async move {
            let mut starts = Vec::new();
            // Until nothing more happens for a while: the group has settled.
            while let Ok(event) = tokio::time::timeout(Duration::from_secs(5), source.next()).await {
                match event {
                    SourceEvent::Assigned { partitions, .. } => starts.extend(places(&partitions)),
                    SourceEvent::Revoked(partitions) => source.release(partitions, Vec::new()),
                    SourceEvent::Records(records) => panic!("old records: {records:?}"),
                    SourceEvent::EndOffsets(_) if starts.len() >= 2 => break,
                    _ => {}
                }
            }
            source.close(Vec::new()).await.unwrap();
            starts
        });
    }
    let starts: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert!(!starts.is_empty() && starts.iter().all(|(_, offset)| offset.0 == 1), "{starts:?}");
    assert_eq!(broker.committed(&group, &topic, 6), [Some(1); 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_tells_all_partitions_of_all_subscribed_topics_whoever_reads_them() {
    let broker = kafka::shared();
    let (topic, group) = (unique("all"), unique("g"));
    let more = format!("{topic}.more");
    for (name, partitions) in [(topic.clone(), 3), (more.clone(), 2), (format!("{topic}.dead-letter"), 1)] {
        broker.create_topic(&name, partitions, &[]).await;
    }
    let mut settings = broker.settings(&group, &topic);
    settings.topics = vec![format!("^{topic}")];
    settings.client.insert("partition.assignment.strategy".to_owned(), "cooperative-sticky".to_owned());
    let told = |event: &SourceEvent| match event {
        SourceEvent::Assigned { partitions, all, .. } => Some((partitions.len(), all.clone())),
        _ => None,
    };
    let of = |topic: &str, count| (0..count).map(|p| TopicPartition::new(topic, p)).collect::<Vec<_>>();
    let expected = [of(&topic, 3), of(&more, 2)].concat();
    let mut first = Feed::start(settings.clone());
    assert_eq!(first.until(told).await, (5, expected.clone()));
    let mut second = Feed::start(settings);
    let ((ours, all), ()) = tokio::join!(second.until(told), async {
        let given = first.until(revoked).await;
        first.source.release(given, Vec::new());
    });
    assert!((1..5).contains(&ours), "{ours}");
    assert_eq!(all, expected, "those of the other member, too");
    tokio::join!(first.close(), second.close());
}
