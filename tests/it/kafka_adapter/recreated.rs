//! A topic that is deleted and made anew under its reader.

use alertbridge::domain::Offset;
use alertbridge::kafka::plain::PlainProducer;
use alertbridge::ports::{RecordSource as _, SourceEvent};
use rdkafka::admin::AdminOptions;

use super::{Feed, Scene, at, frontier, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_is_read_from_its_beginning_even_if_it_holds_more_than_the_old_one() {
    let Scene { broker, topic, group } = Scene::new("anew", 1).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    write(&producer, &topic, [0; 3], b"old").await;
    let mut feed = Feed::start(broker.settings(&group, &topic));
    feed.records(3).await;
    feed.source.commit(vec![frontier(at(&topic, 0, 3))]);
    feed.committed().await;
    broker.make_anew(&topic, 1).await;
    // Of its own: the first one may still know the old topic.
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    write(&producer, &topic, [0; 7], b"new").await;

    // What is read in its middle must not hide that it is another one by being committed.
    feed.records(4).await;
    feed.source.commit(vec![frontier(at(&topic, 0, 7))]);

    let mut offsets = Vec::new();
    feed.until(|event| {
        match event {
            SourceEvent::OutOfRange { partition, resumed_at, .. } => {
                assert_eq!((partition.clone(), *resumed_at), at(&topic, 0, 0));
                // What came before is of an assignment that has ended.
                offsets.clear();
            }
            SourceEvent::Records(records) => offsets.extend(records.iter().map(|record| record.offset)),
            _ => {}
        }
        (offsets == (0..7).map(Offset).collect::<Vec<_>>()).then_some(())
    })
    .await;
    feed.close().await;
    assert_eq!(broker.committed(&group, &topic, 1), [Some(0)], "nothing of it has settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_away_for_a_while_commits_again() {
    let Scene { broker, topic, group } = Scene::new("away", 1).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    producer.produce(&topic, Some(0), None, Some(b"old"), &[]).await.unwrap();
    let mut settings = broker.settings(&group, &topic);
    // The client hears of the deletion, and of the new topic, by its metadata.
    let _default = settings.client.insert("topic.metadata.refresh.interval.ms".to_owned(), "2000".to_owned());
    let mut feed = Feed::start(settings);
    feed.records(1).await;
    feed.source.commit(vec![frontier(at(&topic, 0, 1))]);
    feed.committed().await;
    for result in broker.admin().delete_topics(&[&*topic], &AdminOptions::new()).await.unwrap() {
        result.unwrap();
    }
    // What is asked for is found to be of a topic that is gone.
    feed.source.commit(vec![frontier(at(&topic, 0, 1))]);
    let gone = feed.until(|event| match event {
        SourceEvent::Revoked(partitions) | SourceEvent::Lost(partitions) => Some(partitions.clone()),
        _ => None,
    });
    let gone = gone.await;
    if matches!(feed.seen.last(), Some(SourceEvent::Revoked(_))) {
        feed.source.release(gone, vec![]);
    }

    broker.create_topic(&topic, 1, &[]).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    write(&producer, &topic, [0; 7], b"new").await;
    feed.records(7).await;
    feed.source.commit(vec![frontier(at(&topic, 0, 7))]);
    assert_eq!(feed.committed().await, [at(&topic, 0, 7)]);
    feed.close().await;
}
