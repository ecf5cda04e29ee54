//! One alert's story: all its lines are found by its id alone, by its instance's id alone, and by its place alone.

use std::sync::atomic::{AtomicU32, Ordering};

use alertbridge::domain::{FailureClass, FailureReason, Offset, Record, RedriveMark, TopicPartition, instance_id};
use alertbridge::ports::{SourceEvent, Start};
use bytes::Bytes;
use serde_json::{Value, json};

use super::fakes::{FakeApi, failed, started, unavailable};
use super::harness::{Bench, alert, one_route, partition};
use super::log;
use super::service::lost;
use super::verify::verifying;

const TITLE: &str = "the one";
const OFFSET: i64 = 42;
const ALERT: &str = "00000000-0000-4000-8000-000000000042";

/// An alert of which a field is left out and the severity is defaulted.
fn odd(offset: i64, title: &str) -> Record {
    let value = json!({
        "id": format!("00000000-0000-4000-8000-{offset:012}"),
        "title": title,
        "severity": "odd",
        "first_observed_time": "the day before yesterday",
    });
    Record { value: Some(Bytes::from(value.to_string())), ..alert(offset, title, "High", None) }
}

/// Busy, an answer that gets lost, and a refusal; after that, all is well.
fn api() -> std::sync::Arc<FakeApi> {
    let calls = AtomicU32::new(0);
    FakeApi::new(move |call| {
        let turn = if call.title() == TITLE { calls.fetch_add(1, Ordering::Relaxed) } else { 9 };
        async move {
            match turn {
                0 => unavailable(),
                1 => lost(),
                2 => failed(FailureClass::Rejected, FailureReason::RequestRefused, Some(400)),
                _ => started(&call.request),
            }
        }
    })
}

/// `jq 'select([.action_instance_id, .requested_instance_id] | any(. == "X"))'`, where one alert may have several.
fn has_instance(line: &Value, id: &str) -> bool {
    ["action_instance_id", "requested_instance_id"]
        .iter()
        .any(|key| line[key].as_str().is_some_and(|text| text.contains(id)))
}

/// `jq 'select([.topic, .partition, .offset] == [..] or [.original_topic, ..] == [..])'`.
fn has_place(line: &Value, place: &[Value; 3]) -> bool {
    let named = |prefix: &str| ["topic", "partition", "offset"].map(|key| line[format!("{prefix}{key}")].clone());
    named("") == *place || named("original_") == *place
}

#[tokio::test(start_paused = true)]
async fn the_story_of_one_alert_is_found_by_each_of_its_keys_alone() {
    log::collect();
    let bench = Bench::start_with(api(), verifying(), one_route());
    let redrive = TopicPartition::new("soc.alerts.redrive", 0);
    bench.assign_start(Start::without_memory(redrive.clone(), Offset(0), Offset(0)));
    // A storm of the same faults, in which those of the one alert are not among the first.
    bench.feed((0..10).map(|offset| odd(offset, "another")).chain([odd(OFFSET, TITLE)]).collect());
    bench.until("it is dead-lettered", |b| b.totals().dead_lettered == 1).await;
    let letter = bench.sink.letters().remove(0);
    let mark = RedriveMark {
        group: "group".into(),
        origin: letter.origin.clone(),
        part: Some(letter.part),
        workflow_id: letter.workflow_id.clone(),
        count: 1,
    };
    let again = Record { partition: redrive, offset: Offset(3), headers: mark.headers(), ..odd(OFFSET, TITLE) };
    bench.tell(SourceEvent::Records(vec![again]));
    bench.until("it is delivered", |b| b.totals().delivered == 11).await;

    let lines = log::lines();
    let story = |holds: &dyn Fn(&Value) -> bool| lines.iter().filter(|line| holds(line)).cloned().collect::<Vec<_>>();
    let by_alert = story(&|line| line["alert_id"] == ALERT);
    let events: Vec<_> = by_alert.iter().map(|line| line["event"].as_str().unwrap()).collect();
    let expected = [
        "mapping.severity_defaulted",
        "mapping.fault",
        "attempt.failed",
        "retry.scheduled",
        "attempt.failed",
        "instance.looked_up",
        "retry.scheduled",
        "attempt.failed",
        // A refusal of what may have been started is looked into.
        "instance.looked_up",
        "alert.dead_lettered",
        "mapping.severity_defaulted",
        "mapping.fault",
        "attempt.succeeded",
        "alert.delivered",
    ];
    assert_eq!(events, expected);
    let instance = instance_id(&letter.origin, 0, &letter.workflow_id.clone().unwrap()).to_string();
    assert_eq!(story(&|line| has_instance(line, &instance)), by_alert);
    let first = [partition(0).topic.to_string().into(), 0.into(), OFFSET.into()];
    assert_eq!(story(&|line| has_place(line, &first)), by_alert);
    let redriven = ["soc.alerts.redrive".into(), 0.into(), 3.into()];
    assert_eq!(story(&|line| has_place(line, &redriven)), by_alert[10..], "and by where it stood the second time");
}
