//! Dead letters for tests.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{
    AttemptReport, AttemptedCall, DeadLetter, DeadLetterClass, FailureReason, Header, Offset, Origin, Record, Severity,
    Shape, TopicPartition,
};

pub(super) fn dead_letter(offset: i64) -> DeadLetter {
    let partition = TopicPartition::new("soc.alerts", 3);
    let own = Header { name: "own".to_owned(), value: Some(Bytes::from_static(b"1")) };
    let record = Record {
        partition: partition.clone(),
        offset: Offset(offset),
        timestamp_ms: Some(5),
        key: Some(Bytes::from_static(b"key")),
        value: Some(Bytes::from_static(b"{}")),
        headers: vec![own],
    };
    DeadLetter {
        record: Arc::new(record),
        origin: Origin { cluster_id: "c".into(), partition, offset: Offset(offset), timestamp_ms: Some(5) },
        part: 1,
        class: DeadLetterClass::Rejected,
        reason: FailureReason::RequestRefused,
        error: "no".to_owned(),
        attempts: vec![AttemptReport {
            call: AttemptedCall::StartWorkflow,
            at: "2026-01-31T08:00:00Z".to_owned(),
            reason: FailureReason::RequestRefused,
            http_status: Some(400),
            error_code: Some("SecMaster.20030025".to_owned()),
            request_id: None,
            message: "no".to_owned(),
        }],
        attempt_count: 1,
        workflow_id: Some("wf".into()),
        action_instance_id: Some("instance".to_owned()),
        alert_id: Some("alert".to_owned()),
        created_alert_id: None,
        severity: Some(Severity::High),
        format: Some("ecs_nested_alert".into()),
        route: Some("default".into()),
        mapping_version: "v".into(),
        consumer_group: "g".into(),
        instance: "i".into(),
        redrive_count: 0,
    }
}

/// The record that it is on the dead-letter topic.
pub(super) fn on_topic(letter: &DeadLetter, offset: i64, shape: Shape) -> Record {
    Record {
        partition: TopicPartition::new("dead", 0),
        offset: Offset(offset),
        timestamp_ms: Some(1_000),
        key: letter.key(shape).cloned(),
        value: letter.value(shape).cloned(),
        headers: letter.headers(shape),
    }
}
