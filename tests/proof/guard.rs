//! A mapping that fails: the guard holds dead letters back before a whole topic is among them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use alertbridge::domain::alert_id;
use alertbridge::kafka::plain::PlainProducer;
use serde_json::json;
use tokio::time::sleep;

use crate::alerts::alerts;
use crate::support::bridge::Bridge;
use crate::support::kafka::{shared, unique};
use crate::support::world::{Draft, Fate, PARTITIONS, World};

const RECORDS: usize = 5_000;
/// The default of `delivery.dead_letter_guard.consecutive`.
const LIMIT: usize = 100;

/// A mapping of a feed; `title` is the expression of the required field.
fn mapping(folder: &Path, title: &str) {
    fs::create_dir_all(folder).unwrap();
    let text = format!(
        "name: feed\nmatch: 'has(\"feed\")'\nrequired: [title, severity]\nalert:\n  id: .feed\n  title: '{title}'\n  \
         severity: '\"High\"'\n"
    );
    fs::write(folder.join("feed.yaml"), text).unwrap();
}

fn feed_drafts(count: usize) -> Vec<Draft> {
    let salt = uuid::Uuid::new_v4();
    let draft = |n: usize| {
        let id = format!("{salt}-{n}");
        let fate = Fate::Delivered(alert_id("feed", &id).to_string());
        let value = json!({"feed": id, "name": format!("alert {n}")}).to_string().into_bytes();
        Draft { key: Some(format!("{salt}-{}", n % 97)), value, fate }
    };
    (0..count).map(draft).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_fails_every_record_is_held_and_a_corrected_one_delivers_the_rest() {
    let world = World::new(shared(), "guard").await;
    let folder = world.folder.path().join("mappings");
    let configuration = format!("{}mapping:\n  directories: [{}]\n", world.configuration(""), folder.display());
    mapping(&folder, ".title");
    let written = world.write(feed_drafts(RECORDS)).await;
    let bridge = Bridge::start(world.folder.path(), "failing", &configuration);
    bridge.saw("dead_letter_guard.closed").await;
    // What comes after it has held would be here by now: the whole topic is mapped in a second or two.
    sleep(Duration::from_secs(10)).await;
    assert_eq!(bridge.terminate().await.code(), Some(0));
    let buried = world.letters().await.len();
    assert!(buried <= LIMIT, "{buried} dead letters");

    mapping(&folder, ".name");
    let mut bridge = Bridge::start(world.folder.path(), "corrected", &configuration);
    world.all_committed(&mut bridge).await;
    assert_eq!(world.letters().await.len(), buried, "no more of them");
    let delivered = world.simulator.handle().stats().instances;
    println!(
        "guard: {buried} dead letters of {RECORDS} with a mapping that fails all; {delivered} delivered by the other"
    );
    assert_eq!(delivered, (written.len() - buried) as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_of_which_half_is_bad_does_not_stop_the_healthy_one() {
    let world = World::new(shared(), "half-bad").await;
    let bad = unique("bad-feed");
    world.broker.create_topic(&bad, PARTITIONS, &[]).await;
    let configuration = world
        .configuration("")
        .replace(&format!("topics: [{}]", world.topic), &format!("topics: [{}, {bad}]", world.topic));
    let producer = PlainProducer::new(&world.broker.bootstrap_servers()).unwrap();
    let sends = alerts(0..RECORDS, "Low", 97).into_iter().enumerate().map(|(n, draft)| {
        let (producer, bad) = (producer.clone(), bad.as_str());
        async move {
            let value = if n.is_multiple_of(2) { draft.value } else { b"{\"cut\": ".to_vec() };
            producer.produce(bad, None, draft.key.as_deref().map(str::as_bytes), Some(&value), &[]).await.unwrap()
        }
    });
    let _places = futures_util::future::join_all(sends).await;
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    bridge.saw("dead_letter_guard.closed").await;
    let written = world.write(alerts(0..RECORDS, "Low", 97)).await;
    world.all_committed(&mut bridge).await;
    let delivered = world.arrivals.first_of_each();
    let missing = written.iter().filter(|record| record.alert().is_none_or(|alert| !delivered.contains_key(alert)));
    assert_eq!(missing.count(), 0);
    // The healthy feed's deliveries open the guard again and again: what is bad ends as dead letters, piece by piece.
    let closed = bridge.events("dead_letter_guard.closed").len();
    let buried = world.letters().await.len();
    println!(
        "half of a feed bad: the healthy feed's {RECORDS} delivered; the guard closed {closed} times; {buried} dead \
         letters of {} so far",
        RECORDS / 2
    );
    assert!(buried <= RECORDS / 2, "{buried}");
    assert_eq!(bridge.terminate().await.code(), Some(0));
}
