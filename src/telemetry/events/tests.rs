//! Every event happens once; its line and its metric are held against the two catalogues.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tokio::time::advance;

use super::{
    AlertEvent, AttemptEvent, Delivery, GuardClosedEvent, GuardOpenedBy, LookUpEvent, OutcomeEvent, PauseEvent,
    StartEvent, Telemetry, Totals,
};
use crate::config::LogLevel;
use crate::domain::{
    Created, DeadLetterClass, FailureClass, FailureReason, Found, FoundAlert, Offset, Origin, Outcome, Severity, Shape,
    SkipReason, Started, TopicPartition,
};
use crate::ports::ApiFailure;
use crate::telemetry::testing::Capture;
use crate::telemetry::{BreakerState, CATALOGUE, EVENTS, Kind, PauseReason};

fn partition() -> TopicPartition {
    TopicPartition::new("soc.alerts", 3)
}

/// An outcome with everything that any outcome can have.
fn outcome(partition: &TopicPartition, outcome: Outcome) -> OutcomeEvent<'_> {
    OutcomeEvent {
        outcome,
        partition,
        offset: Offset(42),
        origin: None,
        part: 0,
        alert_id: Some("a1"),
        created_alert_id: Some("a2"),
        severity: Some(Severity::High),
        format: Some("wazuh_alert"),
        route: Some("default"),
        workflow_id: Some("w1"),
        action_instance_id: Some("i1"),
        requested_instance_id: Some("i2"),
        confirmed_by: Some("look_up"),
        attempts: 2,
        http_status: Some(200),
        error_code: Some("SecMaster.1"),
        request_id: Some("r1"),
        skip_rule_reason: Some("test range"),
        error: Some("refused"),
        age_ms: Some(1_500),
        duration_ms: Some(20),
        trace_id: Some("t1"),
    }
}

/// A delivery of a redriven record, with everything that can be said of it.
fn delivery<'a>(partition: &'a TopicPartition, origin: &'a Origin) -> Delivery<'a> {
    Delivery {
        partition,
        offset: Offset(42),
        origin: Some(origin),
        part: 0,
        alert_id: Some("a1"),
        route: Some("default"),
        workflow_id: Some("w1"),
        requested_instance_id: Some("i1"),
    }
}

fn origin() -> Origin {
    let partition = TopicPartition::new("soc.first", 1);
    Origin { cluster_id: "c".into(), partition, offset: Offset(7), timestamp_ms: None }
}

fn failure() -> ApiFailure {
    ApiFailure {
        class: FailureClass::Transient,
        reason: FailureReason::ServerError,
        http_status: Some(503),
        error_code: Some("SecMaster.2".into()),
        request_id: Some("r2".into()),
        message: "busy".into(),
        retry_after: None,
    }
}

async fn make_everything_happen(telemetry: &Telemetry) {
    let partition = partition();
    let frontiers = [(partition.clone(), Offset(43))];
    let origin = origin();
    let delivery = delivery(&partition, &origin);
    telemetry.started(&StartEvent {
        group_id: "g",
        topics: &["soc.alerts".to_owned()],
        formats: &["wazuh_alert"],
        mapping_version: "m1",
        instance: "pod-0",
    });
    telemetry.kafka_unavailable("no broker");
    telemetry.kafka_available();
    telemetry.assigned(&frontiers);
    telemetry.records_consumed(5);
    telemetry.out_of_range(&partition, Offset(10), Offset(17), 0);
    // One more of each than a window lets through.
    for _ in 0..4 {
        telemetry.mapping_fault(&delivery, "wazuh_alert", "network_list", "not an address");
        telemetry.severity_defaulted(&delivery, "wazuh_alert");
        telemetry.unverified(&delivery, "the service gives ids of its own");
        telemetry.dead_letter_write_failed(&delivery, "queue full");
    }
    telemetry.buffered(&[(Severity::Fatal, 2)], 300);
    telemetry.oldest_unsettled(Some(Duration::from_secs(9)));
    telemetry.rate_limit_wait(Duration::from_millis(100));
    telemetry.credential_expiry(1_800_000_000);
    telemetry.renewal_failing(true);
    telemetry.clock_skew(-70);
    telemetry.ready(true);
    telemetry.in_flight(1);
    let (started, failed) =
        (Started { action_instance_id: "i1".into(), http_status: 200, request_id: Some("r1".into()) }, failure());
    let duration = Duration::from_millis(30);
    telemetry.attempt(&AttemptEvent { delivery, attempt: 1, result: Err(&failed), duration });
    telemetry.retry_scheduled(&delivery, 1, Duration::from_millis(250));
    let found = Found::Present { started: started.clone(), status: Some("RUNNING".into()) };
    for result in [Ok(&found), Ok(&Found::Absent), Ok(&Found::Unclear), Err(&failed)] {
        telemetry.looked_up(&LookUpEvent { delivery, result, duration });
    }
    let created = Created { alert_id: "a2".into(), http_status: 200, request_id: Some("r1".into()) };
    for (result, confirmed_by) in [(Ok(&created), Some("look_up")), (Err(&failed), None)] {
        let (attempt, duration) = (1, Some(duration));
        telemetry.alert(&AlertEvent { delivery, attempt, result, confirmed_by, duration });
    }
    for result in [Ok(&FoundAlert::Present(created)), Ok(&FoundAlert::Absent), Ok(&FoundAlert::Unclear), Err(&failed)] {
        telemetry.alert_looked_up(&LookUpEvent { delivery, result, duration });
    }
    telemetry.alert_unverified(&delivery, "the service gives ids of its own");
    telemetry.look_up_failed(&delivery, &failed);
    telemetry.suspected(&partition, Offset(90), Duration::from_secs(20));
    telemetry.attempt(&AttemptEvent { delivery, attempt: 2, result: Ok(&started), duration });
    telemetry.outcome(&outcome(&partition, Outcome::Delivered));
    telemetry.outcome(&outcome(&partition, Outcome::Skipped(SkipReason::Rule)));
    let dead = Outcome::DeadLettered(DeadLetterClass::Rejected, FailureReason::RequestRefused);
    telemetry.outcome(&outcome(&partition, dead));
    telemetry.partition_abandoned(&partition, 3);
    telemetry.dead_letter_reduced(&delivery, Shape::Stub);
    telemetry.dead_letter_held(&delivery, DeadLetterClass::Unmapped, FailureReason::NoFormatMatched);
    telemetry.dead_letter_guard_closed(&GuardClosedEvent {
        limit: "consecutive",
        class: DeadLetterClass::Unmapped,
        reason: FailureReason::NoFormatMatched,
        count: 98,
        of: 100,
        partition: &partition,
        offset: Offset(42),
    });
    telemetry.held_dead_letters(7);
    telemetry.dead_letter_guard_opened(GuardOpenedBy::Operator, 7, Duration::from_secs(60));
    for reason in [PauseReason::Credentials, PauseReason::HoldOff] {
        let (route, probe_in) = (Some("default"), Some(Duration::from_secs(1)));
        telemetry.paused(&PauseEvent { reason, route, workflow_id: Some("w"), probe_in, detail: "4xx" });
    }
    telemetry.quota_below_partitions(Some("default"), 10, Duration::from_secs(1), 12);
    telemetry.rate_share(0.5);
    telemetry.concurrency_limit(8);
    telemetry.hold_off(Duration::from_secs(30));
    telemetry.resumed(PauseReason::HoldOff, Some("default"), Duration::from_secs(30), true);
    telemetry.buffer_full(true);
    telemetry.breaker("default", true);
    telemetry.breaker_state("default", BreakerState::HalfOpen);
    telemetry.breaker("default", false);
    telemetry.committed(&frontiers);
    for _ in 0..5 {
        telemetry.held_back(&partition, Offset(7));
        telemetry.commit_failed("not coordinator");
    }
    advance(Duration::from_secs(10)).await;
    telemetry.tick();
    telemetry.lag(&partition, 7);
    telemetry.revoked(std::slice::from_ref(&partition));
    telemetry.stalled("the loop");
    telemetry.log_level_changed(LogLevel::Info, LogLevel::Debug);
    telemetry.draining("SIGTERM");
}

#[tokio::test(start_paused = true)]
async fn every_line_is_as_its_catalogue_says_and_every_entry_happens() {
    let (log, telemetry, partition) = (Capture::start(), Telemetry::try_new().unwrap(), partition());
    make_everything_happen(&telemetry).await;
    telemetry.released(std::slice::from_ref(&partition));
    telemetry.lost(&[partition]);
    telemetry.stopped("SIGTERM");

    let mut seen: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for line in log.lines() {
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        let event = EVENTS
            .iter()
            .find(|e| e.name == text("event") && e.level.as_str() == text("level"))
            .unwrap_or_else(|| panic!("not in the catalogue: {line}"));
        assert_eq!(text("message"), event.message, "the message of {} is constant", event.name);
        for (name, value) in line.as_object().unwrap().iter().skip(4) {
            assert!(!value.is_object() && !value.is_array(), "{name} of {} is not flat", event.name);
            let _new = seen.entry((text("event"), text("level"))).or_default().insert(name.clone());
        }
        let _bare = seen.entry((text("event"), text("level"))).or_default();
    }
    for event in EVENTS {
        let fields = seen.remove(&(event.name.to_owned(), event.level.to_string()));
        let fields = fields.unwrap_or_else(|| panic!("{} did not happen", event.name));
        // An attempt's fields and an outcome's are those of all its kinds; the others are exact.
        let shared = event.name.starts_with("alert.") || event.name.starts_with("attempt.");
        let documented: BTreeSet<String> = event.fields.iter().map(|f| (*f).to_owned()).collect();
        assert!(fields.is_subset(&documented), "{}: {:?}", event.name, fields.difference(&documented));
        assert!(shared || fields == documented, "{} lacks {:?}", event.name, documented.difference(&fields));
    }
}

#[tokio::test(start_paused = true)]
async fn every_metric_of_the_catalogue_is_rendered_with_its_labels_and_no_other() {
    let telemetry = Telemetry::try_new().unwrap();
    make_everything_happen(&telemetry).await;
    let page = telemetry.render();
    let mut families: BTreeMap<&str, &str> = BTreeMap::new();
    for line in page.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            assert!(families.insert(name, kind).is_none(), "{name} is rendered once");
        }
    }
    let expected: BTreeMap<&str, &str> = CATALOGUE.iter().map(|d| (d.name, d.kind.as_str())).collect();
    assert_eq!(families, expected);
    for definition in CATALOGUE {
        let suffix = if definition.kind == Kind::Histogram { "_count" } else { "" };
        let series = format!("{}{suffix}", definition.name);
        for line in
            page.lines().filter(|l| l.starts_with(&format!("{series}{{")) || l.starts_with(&format!("{series} ")))
        {
            let labels = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
            let names: Vec<&str> =
                labels.split(',').filter(|l| !l.is_empty()).map(|label| label.split_once('=').unwrap().0).collect();
            assert_eq!(names, definition.labels, "{line}");
        }
    }
    for line in [
        r#"alertbridge_outcomes_total{outcome="dead_lettered",reason="request_refused"} 1"#,
        r#"alertbridge_outcomes_total{outcome="skipped",reason="tombstone"} 0"#,
        r#"alertbridge_dead_letters_total{class="rejected"} 1"#,
        r#"alertbridge_outcomes_total{outcome="abandoned",reason="none"} 3"#,
        r#"alertbridge_attempts_total{class="transient"} 1"#,
        r#"alertbridge_attempts_total{class="rejected"} 0"#,
        r#"alertbridge_alert_age_seconds_bucket{severity="High",le="2.5"} 1"#,
        r#"alertbridge_alert_age_seconds_bucket{severity="High",le="1"} 0"#,
        r#"alertbridge_lost_records_total 7"#,
        r#"alertbridge_paused{reason="credentials"} 1"#,
        r#"alertbridge_paused{reason="hold_off"} 0"#,
        r#"alertbridge_committed_offset{topic="soc.alerts",partition="3"} 43"#,
        r#"alertbridge_consumer_lag_records{topic="soc.alerts",partition="3"} 7"#,
        r#"alertbridge_mapping_faults_total{format="wazuh_alert",field="severity"} 4"#,
    ] {
        assert!(page.lines().any(|l| l == line), "missing: {line}\n{page}");
    }
}

#[test]
fn counters_with_closed_labels_begin_at_0_before_anything_happens() {
    let page = Telemetry::try_new().unwrap().render();
    for line in [
        r#"alertbridge_look_ups_total{result="present"} 0"#,
        r#"alertbridge_look_ups_total{result="absent"} 0"#,
        r#"alertbridge_look_ups_total{result="unclear"} 0"#,
        r#"alertbridge_look_ups_total{result="failed"} 0"#,
        r#"alertbridge_attempts_total{class="delivered"} 0"#,
        r#"alertbridge_commits_total{result="failed"} 0"#,
        r#"alertbridge_rebalances_total{kind="lost"} 0"#,
        r#"alertbridge_paused{reason="target"} 0"#,
    ] {
        assert!(page.lines().any(|l| l == line), "missing: {line}\n{page}");
    }
    assert!(!page.contains("alertbridge_mapping_faults_total{"), "its labels are the configuration's");
}

#[tokio::test]
async fn a_partition_that_is_handed_back_takes_its_series_with_it() {
    let (telemetry, partition) = (Telemetry::try_new().unwrap(), partition());
    telemetry.committed(&[(partition.clone(), Offset(9))]);
    telemetry.lag(&partition, 1);
    assert!(telemetry.render().contains("alertbridge_committed_offset{"));
    telemetry.released(&[partition]);
    let page = telemetry.render();
    assert!(!page.contains("alertbridge_committed_offset") && !page.contains("alertbridge_consumer_lag"), "{page}");
}

#[tokio::test]
async fn outcomes_are_never_summarised() {
    let (log, telemetry, partition) = (Capture::start(), Telemetry::try_new().unwrap(), partition());
    let dead = Outcome::DeadLettered(DeadLetterClass::Malformed, FailureReason::NotJson);
    for _ in 0..500 {
        telemetry.outcome(&outcome(&partition, dead));
    }
    assert_eq!(log.of("alert.dead_lettered").len(), 500);
    assert_eq!(telemetry.totals(), Totals { dead_lettered: 500, ..Totals::default() });
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_equal_warnings_is_three_lines_and_a_count_and_the_rest_at_debug_while_the_metric_counts_all() {
    let (log, telemetry) = (Capture::start(), Telemetry::try_new().unwrap());
    let (partition, origin) = (partition(), origin());
    let of = delivery(&partition, &origin);
    for _ in 0..100 {
        telemetry.mapping_fault(&of, "a", "x", "not a number");
    }
    telemetry.mapping_fault(&of, "a", "y", "not a number");
    let of_level = |level: &str| log.of("mapping.fault").iter().filter(|line| line["level"] == level).count();
    assert_eq!(of_level("WARN"), 4, "another field is another line");
    assert_eq!(of_level("DEBUG"), 97);
    assert_eq!(log.of("log.summarised"), Vec::<Value>::new());
    telemetry.stopped("done");
    let summary = &log.of("log.summarised")[0];
    assert_eq!((&summary["summarised_event"], &summary["suppressed"]), (&"mapping.fault".into(), &97.into()));
    assert!(telemetry.render().contains(r#"alertbridge_mapping_faults_total{format="a",field="x"} 100"#));
}

#[test]
fn what_does_not_apply_is_left_out_of_the_line() {
    let (log, telemetry, partition) = (Capture::start(), Telemetry::try_new().unwrap(), partition());
    let bare = OutcomeEvent {
        alert_id: None,
        created_alert_id: None,
        severity: None,
        format: None,
        route: None,
        workflow_id: None,
        action_instance_id: None,
        requested_instance_id: None,
        confirmed_by: None,
        http_status: None,
        error_code: None,
        request_id: None,
        skip_rule_reason: None,
        error: None,
        age_ms: None,
        duration_ms: None,
        trace_id: None,
        ..outcome(&partition, Outcome::Skipped(SkipReason::Tombstone))
    };
    telemetry.outcome(&bare);
    let line = &log.lines()[0];
    let names: Vec<_> = line.as_object().unwrap().keys().skip(4).map(String::as_str).collect();
    assert_eq!(names, ["topic", "partition", "offset", "part", "attempts", "skip_reason"]);
}
