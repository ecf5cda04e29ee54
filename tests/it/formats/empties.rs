//! Sources that write `""`, one value instead of a list, or a time without its zone.

use serde_json::{Value, json};

use super::{alert, changed};

/// A field of the content, such as `/network_list/0/src_ip`.
fn field(document: &Value, pointer: &str) -> Value {
    Value::from(alert(document).content).pointer(pointer).cloned().unwrap_or_default()
}

#[test]
fn an_empty_text_is_no_value_where_another_field_has_one() {
    for (format, empty, other, becomes) in [
        ("sentinel_securityalert", "/AlertName", "/DisplayName", "/title"),
        ("sentinel_securityalert", "/ProductComponentName", "/ProviderName", "/data_source/product_module"),
        ("defender_for_cloud_export", "/AlertType", "/AlertDisplayName", "/alert_type/alert_type"),
        ("defender_graph_alert_v2", "/productName", "/serviceSource", "/data_source/product_name"),
        ("splunk_notable", "/rule_title", "/rule_name", "/title"),
        ("wazuh_alert", "/full_log", "/rule/description", "/description"),
        ("ecs_nested_alert", "/rule/name", "/message", "/title"),
        ("ocsf_detection_finding_2004", "/finding_info/desc", "/message", "/description"),
        ("alertmanager_webhook", "/alerts/0/annotations/description", "/alerts/0/annotations/summary", "/description"),
    ] {
        let document = changed(format, |document| {
            for (pointer, value) in [(empty, ""), (other, "the other")] {
                let (parent, name) = pointer.rsplit_once('/').unwrap();
                document.pointer_mut(parent).unwrap()[name] = json!(value);
            }
        });
        assert_eq!(field(&document, becomes), "the other", "{format}: {empty}");
    }
}

#[test]
fn an_empty_time_gives_way_to_the_next() {
    for (format, end, other) in [
        ("sentinel_securityalert", "EndTime", "TimeGenerated"),
        ("defender_for_cloud_export", "EndTimeUtc", "TimeGenerated"),
        ("defender_graph_alert_v2", "lastActivityDateTime", "createdDateTime"),
    ] {
        let document = changed(format, |document| {
            document[end] = json!("");
            document[other] = json!("2026-11-21T21:14:09Z");
        });
        assert_eq!(field(&document, "/last_observed_time"), "2026-11-21T21:14:09.000Z+0000", "{format}");
    }
}

#[test]
fn a_time_of_microsofts_without_a_zone_is_utc() {
    for (format, time) in [
        ("sentinel_securityalert", "TimeGenerated"),
        ("defender_for_cloud_export", "TimeGenerated"),
        ("defender_graph_alert_v2", "createdDateTime"),
    ] {
        let document = changed(format, |document| document[time] = json!("2026-11-21 21:14:09"));
        assert_eq!(field(&document, "/create_time"), "2026-11-21T21:14:09.000Z+0000", "{format}");
    }
}

#[test]
fn one_value_in_place_of_a_list_counts() {
    let wazuh = changed("wazuh_alert", |document| {
        document["rule"]["mitre"] = json!({"tactic": "Credential Access", "id": "T1110"});
    });
    assert_eq!(field(&wazuh, "/alert_type/category"), "Credential Access");
    assert_eq!(field(&wazuh, "/labels"), "TA0006,T1110");
    let suricata = changed("suricata_eve_alert", |document| {
        document["alert"]["metadata"]["signature_severity"] = json!("Critical");
    });
    assert_eq!(field(&suricata, "/severity"), "Fatal");
}
