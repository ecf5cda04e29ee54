//! Ids: shaped as UUIDs, of what the source says, and the same each time.

use std::collections::BTreeMap;

use alertbridge::domain::{Data, alert_id};
use alertbridge::mapping::Mapped;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{FIXTURES, FORMATS, alert, bytes_of, changed, document, mapper, origin, parts_of, record};

/// The formats whose examples and variants have no id that is the event's own.
const OF_PLACE: [&str; 6] = [
    "falco_alert/variant",
    "sigma_streams_detection/example",
    "sigma_streams_detection/variant",
    "splunk_notable/variant",
    "sigma_rule_match/variant",
    "ecs_nested_alert/variant",
];

#[test]
fn every_id_is_a_uuid_and_no_two_records_share_one() {
    let mut seen = BTreeMap::new();
    for format in FORMATS {
        for fixture in FIXTURES {
            for part in parts_of(mapper(), bytes_of(format, fixture)) {
                let alert = part.result.unwrap();
                assert_eq!(Uuid::try_parse(&alert.id).unwrap().to_string(), alert.id, "{format}");
                assert_eq!(alert.content.get("id").and_then(Data::as_str), Some(alert.id.as_str()), "{format}");
                let other = seen.insert(alert.id, format!("{format}/{fixture}"));
                // Two records of a format cannot stand at one place, as they do here.
                let of_place = other.as_deref().is_none_or(|other| OF_PLACE.contains(&other));
                assert!(of_place, "{format}/{fixture} has the id of {other:?}");
            }
        }
    }
}

#[test]
fn the_same_record_has_the_same_ids_each_time_and_wherever_it_stands() {
    for format in FORMATS {
        for fixture in FIXTURES {
            let value = bytes_of(format, fixture);
            let here = parts_of(mapper(), value.clone());
            assert_eq!(here, parts_of(mapper(), value.clone()), "{format}/{fixture}: the same each time");

            let mut elsewhere = record(value);
            elsewhere.offset = alertbridge::domain::Offset(8);
            let Mapped::Parts(there) = mapper().map(&elsewhere, &origin(&elsewhere)) else { panic!("parts") };
            for (here, there) in here.iter().zip(&there) {
                let same = here.result.as_ref().unwrap().id == there.result.as_ref().unwrap().id;
                let name = format!("{format}/{fixture}");
                let of_place = OF_PLACE.contains(&&*name);
                assert_eq!(same, !of_place, "{name}");
                assert_eq!(here.id_of_place, of_place, "{name}");
            }
        }
    }
}

#[test]
fn a_source_id_that_is_a_uuid_is_the_alerts_and_another_is_kept() {
    for (format, field) in [
        ("falco_alert", "/uuid"),
        ("defender_for_cloud_export", "/SystemAlertId"),
        ("sentinel_securityalert", "/SystemAlertId"),
        ("defender_graph_alert_v2", "/id"),
        ("splunk_notable", "/event_id"),
        ("splunk_alert_webhook", "/sid"),
        ("wazuh_alert", "/id"),
        ("sigma_rule_match", "/id"),
        ("ecs_nested_alert", "/event/id"),
        ("ocsf_detection_finding_2004", "/finding_info/uid"),
    ] {
        let of = |id: &str| alert(&changed(format, |document| *document.pointer_mut(field).unwrap() = json!(id)));
        let uuid = "0c6f7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11";
        assert_eq!(of(uuid).id, uuid, "{format}");
        let other = of("own-4711");
        let name = format!("alertbridge:alert:{format}/own-4711");
        assert_eq!(other.id, Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string(), "{format}");
        assert_eq!(Value::from(other.content)["system_info"]["source_id"], "own-4711", "{format}");
    }
}

/// The top-level fields of each format of which the id is made, or without which the record is in no format or has
/// another id.
const OF_ID: [(&str, &[&str]); 16] = [
    ("cloudevents_structured", &["source", "id", "specversion", "type"]),
    ("ocsf_detection_finding_2004", &["class_uid", "finding_info", "severity_id"]),
    ("elastic_detection_alert", &["kibana.alert.uuid", "kibana.alert.rule.name", "kibana.alert.severity"]),
    ("alertmanager_webhook", &["version", "groupKey", "alerts"]),
    ("suricata_eve_alert", &["event_type", "flow_id", "alert", "timestamp"]),
    ("falco_alert", &["rule", "priority", "output_fields", "uuid"]),
    ("sigma_streams_detection", &["sigmaMetaData", "sourceData"]),
    ("defender_for_cloud_export", &["SystemAlertId", "AlertDisplayName", "Intent"]),
    ("sentinel_securityalert", &["SystemAlertId"]),
    ("defender_graph_alert_v2", &["id", "title"]),
    ("splunk_notable", &["event_id"]),
    ("splunk_alert_webhook", &["sid", "results_link", "result"]),
    ("wazuh_alert", &["id", "rule", "agent", "manager"]),
    ("sigma_rule_match", &["id", "rule"]),
    ("ecs_nested_alert", &["ecs", "event"]),
    ("secmaster_alert", &["id", "title", "severity"]),
];

#[test]
fn what_else_a_record_says_does_not_change_its_id() {
    for (format, of_id) in OF_ID {
        let whole = document(format, "example");
        let expected = alert(&whole).id;
        let mut without = 0;
        for name in whole.as_object().unwrap().keys().filter(|name| !of_id.contains(&name.as_str())) {
            let changed = changed(format, |document| drop(document.as_object_mut().unwrap().shift_remove(name)));
            let alert = alert(&changed);
            assert_eq!((&*alert.format, &alert.id), (format, &expected), "without {name}");
            without += 1;
        }
        assert!(without > 0, "{format} has optional fields");
    }
}

#[test]
fn one_flow_raises_alerts_with_ids_of_their_own() {
    let of = |change: fn(&mut Value)| alert(&changed("suricata_eve_alert", change)).id;
    let first = of(|_| ());
    assert_ne!(first, of(|d| d["alert"]["signature_id"] = json!(2_045_002)), "another signature");
    assert_ne!(first, of(|d| d["timestamp"] = json!("2026-11-20T10:40:02.771204+0000")), "another time");
    assert_eq!(first, of(|d| d["alert"]["rev"] = json!(4)), "the same alert");
}

#[test]
fn an_alert_that_fires_again_has_another_id_than_before() {
    let of = |change: fn(&mut Value)| alert(&changed("alertmanager_webhook", |d| change(&mut d["alerts"][0]))).id;
    let first = of(|_| ());
    assert_ne!(first, of(|a| a["startsAt"] = json!("2026-11-20T11:52:11.430Z")));
    assert_eq!(first, of(|a| a["endsAt"] = json!("2026-11-20T11:52:11.430Z")), "what is repeated while it fires");
}

#[test]
fn a_rules_id_is_not_an_alerts() {
    let mut here = record(bytes_of("sigma_streams_detection", "example"));
    let id = |record: &alertbridge::domain::Record| match mapper().map(record, &origin(record)) {
        Mapped::Parts(mut parts) => parts.remove(0).result.unwrap().id,
        other => panic!("{other:?}"),
    };
    let first = id(&here);
    here.offset = alertbridge::domain::Offset(8);
    assert_ne!(first, id(&here), "the same rule matched once more");
    assert_ne!(first, document("sigma_streams_detection", "example")["sigmaMetaData"]["id"].as_str().unwrap());
}

#[test]
fn the_id_of_an_event_counts_together_with_its_source() {
    let of = |change: fn(&mut Value)| alert(&changed("cloudevents_structured", change)).id;
    let first = of(|_| ());
    assert_ne!(first, of(|d| d["source"] = json!("urn:example:siem:edr-us")));
    assert_ne!(first, of(|d| d["id"] = json!("01JD3XK7Z0WQ5M4T8B2P")));
    assert_eq!(first, of(|d| d["traceparent"] = json!(null)));
}

#[test]
fn a_number_is_one_id_however_its_exponent_is_spelled() {
    for spelled in ["1.732E12", "1.732e12", "1.732E+12", "1.732e+12"] {
        let record = format!(
            r#"{{"ecs": {{"version": "8.11"}}, "event": {{"kind": "alert", "id": {spelled}}}, "rule": {{"name": "t"}}, "message": "m", "@timestamp": "2026-11-22T00:00:00Z"}}"#
        );
        let part = parts_of(mapper(), record).remove(0);
        assert_eq!(part.format.as_deref(), Some("ecs_nested_alert"));
        let id = part.result.unwrap().id;
        assert_eq!(id, alert_id("ecs_nested_alert", "1.732e+12").to_string());
        assert!(id.starts_with("c3a8787a-"), "{id}");
    }
}
