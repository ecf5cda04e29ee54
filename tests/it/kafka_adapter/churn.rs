//! Members that come and go under load.

use std::collections::HashMap;
use std::sync::Arc;

use alertbridge::domain::{Offset, TopicPartition};
use alertbridge::kafka::plain::PlainProducer;
use alertbridge::kafka::{KafkaSettings, KafkaSource};
use alertbridge::ports::{RecordSource as _, SourceEvent};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::{BOUND, frontier, places};
use crate::support::kafka::{self, unique};

const PARTITIONS: i32 = 6;
const ROUND: i64 = 300;

/// What was read, how often: the handovers are clean, so once.
type Seen = Arc<watch::Sender<HashMap<(i32, i64), u32>>>;

/// Reads until told to stop, settles what it reads at once, and hands over what it is asked for.
async fn member(settings: KafkaSettings, seen: Seen, mut stop: oneshot::Receiver<()>, joined: mpsc::Sender<()>) {
    let mut source = KafkaSource::start(settings).unwrap();
    let mut frontiers: HashMap<TopicPartition, Offset> = HashMap::new();
    loop {
        let event = tokio::select! {
            event = source.next() => event,
            _ = &mut stop => break,
        };
        match event {
            SourceEvent::Assigned { partitions, .. } => {
                frontiers.extend(places(&partitions));
                joined.send(()).await.unwrap();
            }
            SourceEvent::Records(records) => {
                for record in records {
                    let frontier = frontiers.get_mut(&record.partition).unwrap();
                    assert_eq!(*frontier, record.offset, "no record is left out, none comes twice");
                    *frontier = record.offset.next();
                    let at = (record.partition.partition, record.offset.0);
                    seen.send_modify(|seen| *seen.entry(at).or_default() += 1);
                }
            }
            SourceEvent::Revoked(partitions) => {
                let given = partitions.iter().map(|p| frontier((p.clone(), frontiers.remove(p).unwrap()))).collect();
                source.release(partitions, given);
            }
            SourceEvent::Lost(partitions) => panic!("nobody was slow: {partitions:?}"),
            SourceEvent::CommitFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    source.close(frontiers.into_iter().map(frontier).collect()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_come_and_go_read_every_record_once() {
    let broker = kafka::shared();
    let (topic, group) = (unique("churn"), unique("g"));
    broker.create_topic(&topic, PARTITIONS, &[]).await;
    let producer = PlainProducer::new(&broker.bootstrap_servers()).unwrap();
    let settings = broker.settings(&group, &topic);
    let seen = Seen::default();
    let (joined, mut on_joined) = mpsc::channel(100);
    let mut members = JoinSet::new();
    let mut stops = std::collections::VecDeque::new();
    let mut written = 0;
    // Each round one more comes; from the third on one goes. Nobody waits for the group to settle.
    for round in 0..6 {
        let (stop, on_stop) = oneshot::channel();
        members.spawn(member(settings.clone(), Arc::clone(&seen), on_stop, joined.clone()));
        stops.push_back(stop);
        for n in 0..ROUND {
            let partition = i32::try_from(n).unwrap() % PARTITIONS;
            producer.produce(&topic, Some(partition), None, Some(b"x"), &[]).await.unwrap();
            written += 1;
        }
        tokio::time::timeout(BOUND, on_joined.recv()).await.unwrap().unwrap();
        if round >= 2 {
            stops.pop_front().unwrap().send(()).unwrap();
        }
    }
    let mut watched = seen.subscribe();
    tokio::time::timeout(BOUND, watched.wait_for(|seen| seen.len() == written)).await.unwrap().unwrap();
    for stop in stops {
        stop.send(()).unwrap();
    }
    while let Some(ended) = members.join_next().await {
        ended.unwrap();
    }
    let repeated = seen.borrow().values().filter(|times| **times != 1).count();
    assert_eq!(repeated, 0);
    let each = Some(i64::try_from(written).unwrap() / i64::from(PARTITIONS));
    assert_eq!(broker.committed(&group, &topic, PARTITIONS), vec![each; 6]);
}
