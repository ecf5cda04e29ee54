//! 20,000 records on Apache Kafka, six partitions: three formats, two percent malformed, two percent refused, five
//! percent of the requests answered 503. Every id ends at the simulator or in the dead-letter topic, none in neither,
//! and the committed offsets equal the end offsets.

use std::time::Duration;

use alertbridge::domain::{Offset, TopicPartition};
use alertbridge::simulator::{Faults, StatusFault};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use tokio::time::Instant;

use crate::support::kafka::{shared, unique};
use crate::support::world::{Draft, World, Written, drafts, faults};

const RECORDS: usize = 20_000;

fn flaky() -> Faults {
    let fault = StatusFault { status: 503, probability: 0.05, times: None, code: None, message: None, body: None };
    Faults { status: vec![fault], ..faults() }
}

async fn world(name: &str) -> World {
    let world = World::new(shared(), name).await;
    world.simulator.handle().set_faults(flaky());
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_run() {
    let world = world("quiet").await;
    let written = world.write(drafts(0..RECORDS)).await;
    let started = Instant::now();
    let mut bridge = world.bridge("bridge");
    world.all_committed(&mut bridge).await;
    let repeats = world.audit(&written).await;
    assert_eq!(repeats, 0);
    println!("a quiet run: {RECORDS} records in {:?}, lost 0, repeats 0", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_sigkills_on_the_way() {
    let world = world("killed").await;
    let written = world.write(drafts(0..RECORDS)).await;
    let mut repeats = Vec::new();
    for life in 0..3_u64 {
        let before = world.simulator.handle().stats();
        let bridge = world.bridge(&format!("life-{life}"));
        world.accepted(before.accepted + 4_000).await;
        bridge.kill();
        repeats.push(world.simulator.handle().stats().duplicates - before.duplicates);
    }
    let mut bridge = world.bridge("last-life");
    world.all_committed(&mut bridge).await;
    let all = world.audit(&written).await;
    println!("three SIGKILLs: lost 0, repeats {all} in all, {repeats:?} of them before the second, third kill");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transactional_producer_that_aborts_some() {
    let world = world("transactions").await;
    let written = write_in_transactions(&world).await;
    let aborted = written.iter().filter(|record| record.fate.is_none()).count();
    let mut bridge = world.bridge("bridge");
    world.all_committed(&mut bridge).await;
    assert_eq!(world.audit(&written).await, 0);
    println!("transactions: {} records of which {aborted} aborted, lost 0, of the aborted none seen", written.len());
}

/// Transactions of 200 records; each fourth is aborted, the last one too.
async fn write_in_transactions(world: &World) -> Vec<Written> {
    let patience = Duration::from_secs(30);
    let producer: FutureProducer =
        world.broker.client().set("transactional.id", unique("writer")).set("linger.ms", "5").create().unwrap();
    let blocking = producer.clone();
    tokio::task::spawn_blocking(move || blocking.init_transactions(patience)).await.unwrap().unwrap();
    let mut written = Vec::new();
    let mut all = drafts(0..RECORDS).into_iter().peekable();
    let mut number = 0;
    while all.peek().is_some() {
        let batch: Vec<Draft> = all.by_ref().take(200).collect();
        producer.begin_transaction().unwrap();
        let aborts = number % 4 == 3;
        number += 1;
        let sends = batch.iter().map(|draft| {
            let mut record = FutureRecord::to(&world.topic).payload(&draft.value);
            if let Some(key) = &draft.key {
                record = record.key(key);
            }
            producer.send(record, patience)
        });
        let places = futures_util::future::join_all(sends).await;
        for (draft, place) in batch.iter().zip(places) {
            let place = place.unwrap();
            written.push(Written {
                partition: TopicPartition::new(world.topic.as_str(), place.partition),
                offset: Offset(place.offset),
                key: draft.key.clone(),
                at: Instant::now(),
                fate: (!aborts).then(|| draft.fate.clone()),
            });
        }
        let blocking = producer.clone();
        let end = move || {
            if aborts { blocking.abort_transaction(patience) } else { blocking.commit_transaction(patience) }
        };
        tokio::task::spawn_blocking(end).await.unwrap().unwrap();
    }
    written
}
