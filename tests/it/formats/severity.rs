//! The scale of every format, word by word and border by border.

use serde_json::{Value, json};

use super::{changed, mapper, parts_of};

/// A format's severity field, the values of its scale and what each becomes; `None`: the default, counted.
type Scale = (&'static str, &'static str, Vec<(Value, Option<&'static str>)>);

fn words(words: &[(&str, &'static str)]) -> Vec<(Value, Option<&'static str>)> {
    words.iter().map(|(word, to)| (json!(word), Some(*to).filter(|to| !to.is_empty()))).collect()
}

const COMMON: [(&str, &str); 6] = [
    ("informational", "Tips"),
    ("low", "Low"),
    ("medium", "Medium"),
    ("high", "High"),
    ("critical", "Fatal"),
    ("unknown", ""),
];

const MICROSOFT: [(&str, &str); 5] =
    [("Informational", "Tips"), ("Low", "Low"), ("Medium", "Medium"), ("High", "High"), ("Unknown", "")];

fn scales() -> Vec<Scale> {
    let numbers = |numbers: &[(f64, &'static str)]| {
        numbers.iter().map(|(number, to)| (json!(number), Some(*to))).collect::<Vec<_>>()
    };
    vec![
        ("cloudevents_structured", "/data/severity", words(&COMMON)),
        (
            "ocsf_detection_finding_2004",
            "/severity_id",
            vec![
                (json!(0), None),
                (json!(1), Some("Tips")),
                (json!(2), Some("Low")),
                (json!(3), Some("Medium")),
                (json!(4), Some("High")),
                (json!(5), Some("Fatal")),
                (json!(6), Some("Fatal")),
                (json!(99), None),
            ],
        ),
        ("elastic_detection_alert", "/kibana.alert.severity", words(&COMMON[1..5])),
        (
            "alertmanager_webhook",
            "/alerts/0/labels/severity",
            words(&[
                ("critical", "Fatal"),
                ("error", "High"),
                ("warning", "Medium"),
                ("info", "Low"),
                ("none", "Tips"),
                ("page", ""),
            ]),
        ),
        (
            "suricata_eve_alert",
            "/alert/metadata/signature_severity/0",
            words(&[
                ("Informational", "Tips"),
                ("Minor", "Low"),
                ("Major", "High"),
                ("Critical", "Fatal"),
                ("Unknown", ""),
            ]),
        ),
        (
            "falco_alert",
            "/priority",
            words(&[
                ("Emergency", "Fatal"),
                ("Alert", "Fatal"),
                ("Critical", "Fatal"),
                ("Error", "High"),
                ("Warning", "Medium"),
                ("Notice", "Low"),
                ("Informational", "Tips"),
                ("Info", "Tips"),
                ("Debug", "Tips"),
            ]),
        ),
        ("defender_for_cloud_export", "/Severity", words(&MICROSOFT)),
        ("sentinel_securityalert", "/AlertSeverity", words(&MICROSOFT)),
        ("defender_graph_alert_v2", "/severity", words(&MICROSOFT)),
        ("defender_graph_alert_v2", "/severity", words(&[("unknownFutureValue", "")])),
        ("splunk_notable", "/urgency", words(&COMMON)),
        ("splunk_alert_webhook", "/result/severity", words(&COMMON)),
        (
            "wazuh_alert",
            "/rule/level",
            numbers(&[
                (0.0, "Tips"),
                (3.0, "Tips"),
                (4.0, "Low"),
                (6.0, "Low"),
                (7.0, "Medium"),
                (11.0, "Medium"),
                (12.0, "High"),
                (14.0, "High"),
                (15.0, "Fatal"),
                (16.0, "Fatal"),
            ]),
        ),
        ("sigma_rule_match", "/rule/level", words(&COMMON[..5])),
        (
            "ecs_nested_alert",
            "/event/risk_score",
            numbers(&[
                (0.0, "Low"),
                (21.9, "Low"),
                (22.0, "Medium"),
                (47.0, "Medium"),
                (48.0, "High"),
                (73.0, "High"),
                (74.0, "Fatal"),
                (100.0, "Fatal"),
            ]),
        ),
        (
            "secmaster_alert",
            "/severity",
            words(&[
                ("Tips", "Tips"),
                ("Low", "Low"),
                ("Medium", "Medium"),
                ("High", "High"),
                ("Fatal", "Fatal"),
                ("critical", "Fatal"),
                ("loud", ""),
            ]),
        ),
    ]
}

/// What becomes of a severity, and whether a default took its place.
fn severity(document: &Value) -> (String, bool) {
    let part = parts_of(mapper(), document.to_string()).remove(0);
    let defaulted = part.faults.iter().any(|fault| fault.field == "severity" && !fault.left_out);
    (part.result.unwrap().severity.to_string(), defaulted)
}

#[test]
fn every_word_and_every_border_of_every_scale_becomes_its_severity() {
    for (format, field, scale) in scales() {
        for (value, expected) in scale {
            let document = changed(format, |document| *document.pointer_mut(field).unwrap() = value.clone());
            let expected = (expected.unwrap_or("Medium").to_owned(), expected.is_none());
            assert_eq!(severity(&document), expected, "{format}: {value}");
        }
    }
}

#[test]
fn an_unknown_word_stays_in_the_alert() {
    let document = changed("splunk_notable", |d| d["urgency"] = json!("rather bad"));
    let content = Value::from(super::alert(&document).content);
    assert_eq!(
        (&content["severity"], &content["system_info"]["source_severity"]),
        (&json!("Medium"), &json!("rather bad"))
    );
}

#[test]
fn a_record_without_a_severity_is_no_failure() {
    for (format, field) in [
        ("cloudevents_structured", "data"),
        ("falco_alert", "priority"),
        ("sentinel_securityalert", "AlertSeverity"),
        ("splunk_alert_webhook", "result"),
        ("ecs_nested_alert", "event"),
    ] {
        let document = changed(format, |document| match document[field].as_object_mut() {
            Some(inner) => inner.retain(|name, _| !["severity", "risk_score"].contains(&name.as_str())),
            None => document[field] = Value::Null,
        });
        let document = match format {
            "cloudevents_structured" => {
                let mut document = document;
                document["severitynumber"] = Value::Null;
                document["severitytext"] = Value::Null;
                document
            }
            _ => document,
        };
        assert_eq!(severity(&document), ("Medium".to_owned(), false), "{format}");
    }
}

#[test]
fn priority_1_of_suricata_is_the_highest_where_the_rule_set_has_no_word() {
    for (priority, expected) in [(1, "High"), (2, "Medium"), (3, "Low"), (4, "Tips")] {
        let document = changed("suricata_eve_alert", |d| {
            d["alert"]["metadata"] = Value::Null;
            d["alert"]["severity"] = json!(priority);
        });
        assert_eq!(severity(&document), (expected.to_owned(), false), "{priority}");
        let with_word = changed("suricata_eve_alert", |d| d["alert"]["severity"] = json!(priority));
        assert_eq!(severity(&with_word), ("High".to_owned(), false), "the word wins: Major");
    }
}

#[test]
fn the_number_of_an_event_counts_where_its_data_has_no_word() {
    for (number, expected) in [
        (1, "Tips"),
        (8, "Tips"),
        (9, "Low"),
        (12, "Low"),
        (13, "Medium"),
        (16, "Medium"),
        (17, "High"),
        (20, "High"),
        (21, "Fatal"),
        (24, "Fatal"),
    ] {
        let document = changed("cloudevents_structured", |d| {
            d["severitynumber"] = json!(number);
            d["data"]["severity"] = Value::Null;
        });
        assert_eq!(severity(&document), (expected.to_owned(), false), "{number}");
    }
}

#[test]
fn urgency_counts_before_the_severity_of_a_splunk_rule() {
    let of = |urgency: Value| {
        severity(&changed("splunk_notable", |d| {
            d["urgency"] = urgency;
            d["severity"] = json!("low");
        }))
    };
    assert_eq!(of(json!("critical")).0, "Fatal");
    assert_eq!(of(json!("")).0, "Low");
    assert_eq!(of(Value::Null).0, "Low");
}

#[test]
fn a_detection_of_sigma_streams_takes_the_default() {
    assert_eq!(severity(&changed("sigma_streams_detection", |_| ())), ("Medium".to_owned(), false));
}
