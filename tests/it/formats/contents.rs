//! What examples and variants become: the whole content, and nothing that did not work out.

use alertbridge::domain::Alert;
use serde_json::{Value, json};

use super::{FIXTURES, FORMATS, bytes_of, mapper, parts_of};

/// What is shown of a part.
fn shown(alert: &Alert) -> Value {
    match &alert.skip {
        Some(reason) => json!({"id": alert.id, "severity": alert.severity.as_str(), "skip": &**reason}),
        None => alert.content.clone().into(),
    }
}

#[test]
fn every_example_and_variant_becomes_this_content() {
    for format in FORMATS {
        for fixture in FIXTURES {
            let parts = parts_of(mapper(), bytes_of(format, fixture));
            let contents: Vec<Value> = parts.iter().map(|part| shown(part.result.as_ref().unwrap())).collect();
            insta::assert_json_snapshot!(format!("{format}_{fixture}"), contents);
        }
    }
}

#[test]
fn nothing_of_an_example_or_variant_is_left_out_as_faulty() {
    for format in FORMATS {
        for fixture in FIXTURES {
            for part in parts_of(mapper(), bytes_of(format, fixture)) {
                // An unknown severity takes the default, and that is counted.
                let unknown = (format, fixture) == ("splunk_notable", "variant");
                let faults: Vec<_> = part.faults.iter().filter(|fault| fault.left_out || !unknown).collect();
                assert!(faults.is_empty(), "{format}/{fixture}: {faults:?}");
            }
        }
    }
}

#[test]
fn every_alert_says_where_it_comes_from_when_and_whether_it_is_open() {
    for format in FORMATS.into_iter().filter(|format| *format != "secmaster_alert") {
        for part in parts_of(mapper(), bytes_of(format, "example")) {
            let content = Value::from(part.result.unwrap().content);
            assert_eq!(content["data_source"]["source_type"], 2, "{format}");
            assert!(content["data_source"]["product_name"].is_string(), "{format}");
            assert!(content["alert_type"]["category"].is_string(), "{format}");
            assert!(content["title"].is_string() && content["handle_status"].is_string(), "{format}");
            for time in ["first_observed_time", "last_observed_time", "create_time", "arrive_time"] {
                assert!(content[time].as_str().unwrap().contains("Z+0000"), "{format}: {time}");
            }
            assert_eq!(content["arrive_time"], "2026-11-20T10:04:06.500Z+0000", "{format}: the broker's time");
        }
    }
}
