//! Which format a record is in: the first whose fingerprint it has.

use alertbridge::domain::{Data, FailureReason};
use alertbridge::mapping::{Mapper, MappingSettings};
use serde_json::{Value, json};

use super::{FIXTURES, FORMATS, bytes_of, changed, document, mapper, parts_of};

fn detected(document: &Value) -> String {
    parts_of(mapper(), document.to_string()).remove(0).format.unwrap().to_string()
}

#[test]
fn the_shipped_formats_are_tried_in_this_order() {
    let names: Vec<&str> = mapper().formats().map(|name| &**name).collect();
    assert_eq!(names, FORMATS);
}

#[test]
fn every_example_and_variant_is_in_its_own_format_first() {
    for format in FORMATS {
        for fixture in FIXTURES {
            for part in parts_of(mapper(), bytes_of(format, fixture)) {
                assert_eq!(part.format.as_deref(), Some(format), "{fixture}");
            }
        }
    }
}

#[test]
fn no_example_is_in_another_format_but_where_the_order_decides() {
    let mut also = Vec::new();
    for other in FORMATS {
        let settings = MappingSettings { formats: vec![other.to_owned()], ..MappingSettings::default() };
        let alone = Mapper::load(&settings).unwrap();
        for format in FORMATS.into_iter().filter(|format| *format != other) {
            let found = parts_of(&alone, bytes_of(format, "example")).remove(0).format.is_some();
            also.extend(found.then(|| format!("{format} is {other} too")));
        }
    }
    assert_eq!(
        also,
        ["elastic_detection_alert is ecs_nested_alert too", "defender_graph_alert_v2 is secmaster_alert too"]
    );
}

#[test]
fn the_order_decides_where_two_fingerprints_are_in_one_record() {
    let both = |format: &str, more: Value| {
        changed(format, |document| document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone()))
    };
    let export = both("defender_for_cloud_export", json!({"AlertSeverity": "High", "Type": "SecurityAlert"}));
    assert_eq!(detected(&export), "defender_for_cloud_export");
    let wazuh = both("wazuh_alert", json!({"ecs": {"version": "8"}, "event": {"kind": "alert"}}));
    assert_eq!(detected(&wazuh), "wazuh_alert");
    let graph = both("defender_graph_alert_v2", json!({"severity": "High"}));
    assert_eq!(detected(&graph), "defender_graph_alert_v2");
    assert_eq!(detected(&document("elastic_detection_alert", "example")), "elastic_detection_alert");
}

#[test]
fn every_way_to_know_a_format_counts() {
    for (format, document) in [
        ("sentinel_securityalert", json!({"Type": "SecurityAlert", "AlertName": "t"})),
        ("sentinel_securityalert", json!({"SystemAlertId": "i", "AlertSeverity": "Low", "AlertName": "t"})),
        ("defender_graph_alert_v2", json!({"@odata.type": "#microsoft.graph.security.alert", "title": "t"})),
        ("defender_graph_alert_v2", json!({"providerAlertId": "i", "serviceSource": "s", "title": "t"})),
        ("splunk_notable", json!({"event_id": "a@@notable@@b", "search_name": "t"})),
        ("splunk_notable", json!({"index": "notable", "search_name": "t"})),
        ("ecs_nested_alert", json!({"ecs": {"version": "8"}, "event": {"kind": "alert"}, "message": "t"})),
        ("ecs_nested_alert", json!({"ecs": {"version": "8"}, "event": {"kind": "signal"}, "message": "t"})),
    ] {
        assert_eq!(detected(&document), format, "{document}");
    }
}

#[test]
fn what_only_looks_like_a_format_is_not_guessed() {
    for document in [
        json!({"specversion": "1.0", "id": "1", "type": "t"}),
        json!({"class_uid": 2001, "finding_info": {"title": "t"}}),
        json!({"kibana": {"alert": {"uuid": "u"}}}),
        json!({"version": "4", "alerts": []}),
        json!({"version": "4", "groupKey": "k", "alerts": {"a": 1}}),
        json!({"event_type": "dns", "alert": {"signature_id": 1}}),
        json!({"event_type": "alert"}),
        json!({"rule": {"name": "r"}, "priority": "Error", "output_fields": {}}),
        json!({"sigmaMetaData": "t", "sourceData": {}}),
        json!({"SystemAlertId": "i", "AlertDisplayName": "t"}),
        json!({"@odata.type": "#microsoft.graph.security.incident"}),
        json!({"event_id": 4625, "index": "main"}),
        json!({"sid": "s", "results_link": "l", "result": []}),
        json!({"rule": {"level": "7"}, "manager": {"name": "m"}, "agent": {"id": "1"}}),
        json!({"rule": {"level": "high", "tags": ["car.2013"]}}),
        json!({"rule": {"level": "urgent", "tags": ["attack.t1059"]}}),
        json!({"ecs": {"version": "8"}, "event": {"kind": "event"}}),
        json!({"title": "t"}),
        json!({"title": ["t"], "severity": "High"}),
    ] {
        let part = parts_of(mapper(), document.to_string()).remove(0);
        assert_eq!(part.result.unwrap_err().reason, FailureReason::NoFormatMatched, "{document}");
    }
}

#[test]
fn a_cloud_event_is_known_by_its_content_type_too() {
    use alertbridge::domain::Header;
    use alertbridge::mapping::Mapped;

    use super::{origin, record};

    let mut record = record(r#"{"id": "1", "source": "s", "type": "t", "subject": "An alert"}"#);
    let value = Some("application/cloudevents+json; charset=UTF-8".into());
    record.headers = vec![Header { name: "content-type".to_owned(), value }];
    let Mapped::Parts(parts) = mapper().map(&record, &origin(&record)) else { panic!("a part") };
    assert_eq!(parts[0].format.as_deref(), Some("cloudevents_structured"));
    assert_eq!(parts[0].result.as_ref().unwrap().content.get("title").and_then(Data::as_str), Some("An alert"));
}
