//! Records, commits, positions and offsets that are gone.

use std::time::Duration;

use alertbridge::domain::{Header, Offset, TopicPartition};
use alertbridge::kafka::plain::PlainProducer;
use alertbridge::offsets::{CompletedOffsets, Frontier};
use alertbridge::ports::{RecordSource as _, SourceError, SourceEvent};
use bytes::Bytes;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::{Feed, Scene, at, frontier, write};
use crate::support::kafka::{self, unique};

fn header(name: &str, value: Option<&'static [u8]>) -> Header {
    Header { name: name.to_owned(), value: value.map(Bytes::from_static) }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_come_with_every_byte_and_null_as_null() {
    let broker = kafka::shared();
    let topic = unique("bytes");
    broker.create_topic(&topic, 1, &[]).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    let odd: &[u8] = &[0, 0xff, b'\n', 0];
    let headers = [
        header("twice", Some(b"1")),
        header("twice", Some(b"2")),
        header("null", None),
        header("empty", Some(b"")),
        header("odd", Some(&[0, 0xff])),
    ];
    producer.produce(&topic, None, None, Some(odd), &headers).await.unwrap();
    producer.produce(&topic, None, Some(b""), Some(b""), &[]).await.unwrap();
    producer.produce(&topic, None, Some(odd), None, &[]).await.unwrap();

    let mut feed = Feed::start(broker.settings(&unique("g"), &topic));
    let records = feed.records(3).await;

    let bytes = |b: &Option<Bytes>| b.as_ref().map(|b| b.to_vec());
    assert_eq!(bytes(&records[0].key), None);
    assert_eq!(bytes(&records[0].value), Some(odd.to_vec()));
    assert_eq!(records[0].headers, headers);
    assert!(records[0].timestamp_ms.is_some());
    assert_eq!((bytes(&records[1].key), bytes(&records[1].value)), (Some(vec![]), Some(vec![])));
    assert_eq!((bytes(&records[2].key), bytes(&records[2].value)), (Some(odd.to_vec()), None));
    assert_eq!(records.iter().map(|r| r.offset.0).collect::<Vec<_>>(), [0, 1, 2]);
    let cluster = feed.seen.iter().find_map(|event| match event {
        SourceEvent::Assigned { cluster_id, .. } => Some(cluster_id.to_string()),
        _ => None,
    });
    assert_eq!(cluster.as_deref(), Some("4L6g3nShT-eMCtK--X86sw"));
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_at_the_committed_offsets() {
    let Scene { broker, topic, group } = Scene::new("restart", 2).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    for partition in [0, 0, 0, 1, 1] {
        producer.produce(&topic, Some(partition), None, Some(b"x"), &[]).await.unwrap();
    }
    let mut feed = Feed::start(broker.settings(&group, &topic));
    assert_eq!(feed.assigned().await, [at(&topic, 0, 0), at(&topic, 1, 0)]);
    feed.records(5).await;
    feed.source.commit(vec![frontier(at(&topic, 0, 1))]);
    feed.source.commit(vec![frontier(at(&topic, 0, 2))]);
    assert_eq!(feed.committed().await, [at(&topic, 0, 1)], "each commit has its answer, in order");
    assert_eq!(feed.committed().await, [at(&topic, 0, 2)]);
    feed.source.close(vec![frontier(at(&topic, 1, 2))]).await.unwrap();
    assert_eq!(broker.committed(&group, &topic, 2), [Some(2), Some(2)]);

    let mut feed = Feed::start(broker.settings(&group, &topic));
    assert_eq!(feed.assigned().await, [at(&topic, 0, 2), at(&topic, 1, 2)]);
    assert_eq!(feed.records(1).await[0].offset.0, 2);
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_partition_rests_until_it_is_resumed() {
    let broker = kafka::shared();
    let topic = unique("pause");
    broker.create_topic(&topic, 2, &[]).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    let mut feed = Feed::start(broker.settings(&unique("g"), &topic));
    feed.assigned().await;
    feed.source.pause(&[TopicPartition::new(topic.as_str(), 0)]);
    producer.produce(&topic, Some(0), None, Some(b"resting"), &[]).await.unwrap();
    producer.produce(&topic, Some(1), None, Some(b"moving"), &[]).await.unwrap();
    assert_eq!(feed.records(1).await[0].value.as_deref(), Some(b"moving".as_slice()));
    // The end of a partition is told while it rests.
    let rests = at(&topic, 0, 1);
    feed.until(|event| matches!(event, SourceEvent::EndOffsets(ends) if ends.contains(&rests)).then_some(())).await;
    feed.source.resume(&[TopicPartition::new(topic.as_str(), 0)]);
    assert_eq!(feed.records(1).await[0].value.as_deref(), Some(b"resting".as_slice()));
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_position_passes_aborted_transactions_up_to_the_end() {
    let Scene { broker, topic, group } = Scene::new("aborted", 1).await;
    let end = {
        let topic = topic.clone();
        let mut config = broker.client();
        let transactional = config.set("transactional.id", unique("tx")).clone();
        tokio::task::spawn_blocking(move || {
            let bound = Duration::from_secs(30);
            let producer: BaseProducer = transactional.create().unwrap();
            producer.init_transactions(bound).unwrap();
            for (value, commit) in [("kept", true), ("dropped", false), ("dropped too", false)] {
                producer.begin_transaction().unwrap();
                for _ in 0..2 {
                    producer.send(BaseRecord::<[u8], str>::to(&topic).payload(value)).unwrap();
                }
                producer.flush(bound).unwrap();
                if commit {
                    producer.commit_transaction(bound).unwrap()
                } else {
                    producer.abort_transaction(bound).unwrap()
                }
            }
            // Three transactions of two records and one marker each.
            9
        })
        .await
        .unwrap()
    };
    let mut feed = Feed::start(broker.settings(&group, &topic));
    let records = feed.records(2).await;
    assert!(records.iter().all(|r| r.value.as_deref() == Some(b"kept")));
    let wanted = at(&topic, 0, end);
    feed.until(|event| matches!(event, SourceEvent::Position(told) if told.contains(&wanted)).then_some(())).await;
    feed.source.commit(vec![frontier(at(&topic, 0, end))]);
    feed.committed().await;
    feed.close().await;
    assert_eq!(broker.committed(&group, &topic, 1), [Some(end)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_that_are_gone_at_the_start_are_told_and_the_earliest_is_committed() {
    let Scene { broker, topic, group } = Scene::new("gone", 1).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    write(&producer, &topic, [0; 10], b"x").await;
    let mut feed = Feed::start(broker.settings(&group, &topic));
    feed.records(10).await;
    feed.source.close(vec![frontier(at(&topic, 0, 2))]).await.unwrap();
    broker.delete_records(&topic, 0, 7).await;

    let mut feed = Feed::start(broker.settings(&group, &topic));
    assert_eq!(feed.assigned().await, [at(&topic, 0, 7)]);
    let records = feed.records(3).await;
    assert_eq!(records[0].offset.0, 7);
    let (partition, wanted) = at(&topic, 0, 2);
    let resumed_at = records[0].offset;
    let told = SourceEvent::OutOfRange { partition, wanted, resumed_at };
    let place = |wanted: &dyn Fn(&SourceEvent) -> bool| feed.seen.iter().position(wanted);
    let (told, first) = (place(&|e| *e == told), place(&|e| matches!(e, SourceEvent::Records(_))));
    assert!(told.is_some() && told < first, "told before the first record: {:?}", feed.seen);
    assert_eq!(broker.committed(&group, &topic, 1), [Some(7)]);
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_the_records_that_are_left_is_kept_where_others_are_gone() {
    let Scene { broker, topic, group } = Scene::new("aged", 1).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    write(&producer, &topic, [0; 10], b"x").await;
    let mut feed = Feed::start(broker.settings(&group, &topic));
    feed.records(10).await;
    let completed = CompletedOffsets::from_sorted([Offset(4), Offset(8)]);
    let settled = Frontier { completed, mark: Some(Offset(9)), ..frontier(at(&topic, 0, 2)) };
    feed.source.close(vec![settled]).await.unwrap();
    broker.delete_records(&topic, 0, 7).await;

    // The second time it is what the first one committed, which has settled nothing.
    for _ in 0..2 {
        let mut feed = Feed::start(broker.settings(&group, &topic));
        let start = feed.first_start().await;
        assert_eq!((start.offset, start.mark), (Offset(7), Some(Offset(9))));
        assert!(start.completed.contains(Offset(8)) && !start.completed.contains(Offset(7)));
        feed.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_that_go_while_a_partition_rests_are_told_and_reading_goes_on() {
    let Scene { broker, topic, group } = Scene::new("going", 2).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    let mut feed = Feed::start(broker.settings(&group, &topic));
    feed.assigned().await;
    let resting = [TopicPartition::new(topic.as_str(), 0)];
    producer.produce(&topic, Some(0), None, Some(b"x"), &[]).await.unwrap();
    feed.records(1).await;
    feed.source.pause(&resting);
    write(&producer, &topic, [0; 9], b"x").await;
    broker.delete_records(&topic, 0, 6).await;
    feed.source.resume(&resting);

    let (partition, wanted) = at(&topic, 0, 1);
    let (_, resumed_at) = at(&topic, 0, 6);
    let told = SourceEvent::OutOfRange { partition, wanted, resumed_at };
    feed.until(|event| (*event == told).then_some(())).await;
    let offsets: Vec<_> = feed.records(4).await.iter().map(|r| r.offset.0).collect();
    assert_eq!(offsets, [6, 7, 8, 9]);
    // The other partition is where it was.
    producer.produce(&topic, Some(1), None, Some(b"y"), &[]).await.unwrap();
    assert_eq!(feed.records(1).await[0].offset.0, 0);
    feed.close().await;
    let committed = broker.committed(&group, &topic, 2);
    assert_eq!(committed, [Some(0), Some(0)], "what was read has not settled, and what is known of it stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_is_dropped_leaves_the_group() {
    let Scene { broker, topic, group } = Scene::new("dropped", 1).await;
    let mut feed = Feed::start(broker.settings(&group, &topic));
    feed.assigned().await;
    drop(feed);
    // Well within the session time-out of 45 s, or the bound of the assertion would pass for it.
    let started = tokio::time::Instant::now();
    let mut feed = Feed::start(broker.settings(&group, &topic));
    feed.assigned().await;
    assert!(started.elapsed() < Duration::from_secs(30));
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_commit_of_partitions_that_are_not_ours_is_not_sent() {
    let Scene { broker, topic, group } = Scene::new("foreign", 1).await;
    let mut feed = Feed::start(broker.settings(&group, &topic));
    feed.assigned().await;
    let other = unique("other");
    feed.source.commit(vec![frontier(at(&other, 0, 5))]);
    let failed = |event: &SourceEvent| matches!(event, SourceEvent::CommitFailed { .. }).then_some(());
    feed.until(failed).await;
    let closed: Result<(), SourceError> = feed.source.close(vec![frontier(at(&other, 0, 5))]).await;
    assert_eq!(closed, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_committed_is_answered_too() {
    let Scene { broker, topic, group } = Scene::new("mixed", 1).await;
    let mut feed = Feed::start(broker.settings(&group, &topic));
    feed.assigned().await;
    let (ours, foreign) = (frontier(at(&topic, 0, 0)), frontier(at(&unique("other"), 0, 5)));
    feed.source.commit(vec![ours.clone(), foreign.clone()]);
    let (mut landed, mut failed) = (Vec::new(), Vec::new());
    feed.until(|event| {
        match event {
            SourceEvent::Committed(frontiers) => landed.extend(frontiers.iter().cloned()),
            SourceEvent::CommitFailed { frontiers, .. } => failed.extend(frontiers.iter().cloned()),
            _ => {}
        }
        (landed == [ours.clone()] && failed == [foreign.clone()]).then_some(())
    })
    .await;
    feed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_settled_above_a_commit_is_known_to_the_next_owner() {
    let Scene { broker, topic, group } = Scene::new("completed", 1).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    write(&producer, &topic, [0; 5], b"x").await;
    let mut feed = Feed::start(broker.settings(&group, &topic));
    feed.records(5).await;
    let completed = CompletedOffsets::from_sorted([Offset(2), Offset(4)]);
    let settled = Frontier { completed: completed.clone(), ..frontier(at(&topic, 0, 1)) };
    feed.source.close(vec![settled]).await.unwrap();

    let mut next = Feed::start(broker.settings(&group, &topic));
    let start = next.first_start().await;
    assert_eq!((start.offset, start.completed), (Offset(1), completed));
    next.close().await;
}
