//! Dead letters.

use std::sync::Arc;
use std::time::Duration;

use alertbridge::domain::{
    AttemptReport, AttemptedCall, DeadLetter, DeadLetterClass, FailureReason, Header, Offset, Record, Shape,
    TopicPartition,
};
use alertbridge::kafka::plain::read_topic;
use alertbridge::kafka::{KafkaSettings, KafkaSink};
use alertbridge::ports::{DeadLetterError, DeadLetterSink as _};
use bytes::Bytes;

use crate::support::kafka::{self, unique};

/// Topics hold records of at most this many bytes here.
const LIMIT: usize = 20_000;

pub(super) fn letter(value: Bytes, headers: Vec<Header>, error: &str) -> DeadLetter {
    let record = Record {
        partition: TopicPartition::new("soc.alerts", 3),
        offset: Offset(42),
        timestamp_ms: Some(1_700_000_000_000),
        key: Some(Bytes::from_static(b"")),
        value: Some(value),
        headers,
    };
    DeadLetter {
        origin: record.origin(&"cluster".into()),
        record: Arc::new(record),
        part: 0,
        class: DeadLetterClass::Rejected,
        reason: FailureReason::RequestRefused,
        error: error.to_owned(),
        attempts: Vec::new(),
        attempt_count: 1,
        workflow_id: None,
        action_instance_id: None,
        alert_id: None,
        created_alert_id: None,
        severity: None,
        format: None,
        route: None,
        mapping_version: "1".into(),
        consumer_group: "g".into(),
        instance: "i".into(),
        redrive_count: 0,
    }
}

/// Bytes that do not compress.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

async fn dead_letter_topic() -> KafkaSettings {
    let broker = kafka::shared();
    let settings = broker.settings(&unique("g"), &unique("sink"));
    let limit = LIMIT.to_string();
    broker.create_topic(&settings.dead_letter_topic, 1, &[("max.message.bytes", &limit)]).await;
    settings
}

async fn written(settings: &KafkaSettings) -> Vec<Record> {
    let (servers, topic) = (settings.bootstrap_servers.clone(), settings.dead_letter_topic.clone());
    tokio::task::spawn_blocking(move || read_topic(&servers, &topic, Duration::from_secs(30))).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_the_record_byte_for_byte_with_our_headers_behind_its_own() {
    let settings = dead_letter_topic().await;
    let own = vec![
        Header { name: "twice".to_owned(), value: Some(Bytes::from_static(&[0xff])) },
        Header { name: "twice".to_owned(), value: None },
    ];
    let letter = letter(Bytes::from_static(b"{}"), own.clone(), "no");
    let shape = KafkaSink::new(&settings).unwrap().publish(&letter).await;
    assert_eq!(shape, Ok(Shape::Full));
    let records = written(&settings).await;
    assert_eq!(records.len(), 1);
    assert_eq!((&records[0].key, &records[0].value), (&letter.record.key, &letter.record.value));
    assert_eq!(records[0].headers[..2], own);
    assert_eq!(records[0].headers, letter.headers(Shape::Full));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_the_topic_refuses_is_written_smaller() {
    let settings = dead_letter_topic().await;
    let sink = KafkaSink::new(&settings).unwrap();
    // With the report above the limit, without it below.
    let mut without_report = letter(noise(LIMIT - 1_400), Vec::new(), "no");
    without_report.attempts = vec![AttemptReport {
        call: AttemptedCall::StartWorkflow,
        at: "2026-01-31T08:00:00Z".to_owned(),
        reason: FailureReason::RequestRefused,
        http_status: Some(400),
        error_code: None,
        request_id: None,
        message: noise(2_000).iter().map(|b| format!("{b:02x}")).collect(),
    }];
    assert_eq!(sink.publish(&without_report).await, Ok(Shape::WithoutReport));
    // A record of exactly the topic's size leaves no room for any header of ours.
    let stub = letter(noise(LIMIT), Vec::new(), "no");
    assert_eq!(sink.publish(&stub).await, Ok(Shape::Stub));
    let own = vec![Header { name: "large".to_owned(), value: Some(noise(LIMIT)) }];
    let bare = letter(noise(10), own, "no");
    assert_eq!(sink.publish(&bare).await, Ok(Shape::Bare));

    let records = written(&settings).await;
    let values: Vec<_> = records.iter().map(|r| r.value.as_ref().map(Bytes::len)).collect();
    assert_eq!(values, [Some(LIMIT - 1_400), None, None]);
    assert_eq!(records[1].header("alertbridge-value-size").map(|b| &b[..]), Some(LIMIT.to_string().as_bytes()));
    assert_eq!(records[2].header("alertbridge-original-offset").map(|b| &b[..]), Some(b"42".as_slice()));
    // A refusal does not harm the producer.
    assert_eq!(sink.publish(&letter(Bytes::from_static(b"x"), Vec::new(), "no")).await, Ok(Shape::Full));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_does_not_exist_takes_nothing_and_says_so() {
    let topic = unique("absent");
    let settings = kafka::shared().settings(&unique("g"), &topic);
    let sink = KafkaSink::new(&settings).unwrap();
    let DeadLetterError::Unavailable(text) = sink.publish(&letter(Bytes::new(), Vec::new(), "no")).await.unwrap_err();
    assert!(text.to_lowercase().contains("unknown topic"), "{text}");
    assert!(text.contains(&settings.dead_letter_topic), "{text}");
}
