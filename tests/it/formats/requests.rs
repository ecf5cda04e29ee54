//! From a record to the request as it is sent, byte for byte.

use alertbridge::domain::{Alert, Destination, Severity, instance_id};
use alertbridge::routing::build;

use super::{bytes_of, mapper, origin, parts_of, record};

fn alert(format: &str) -> Alert {
    let mut parts = parts_of(mapper(), bytes_of(format, "example"));
    assert_eq!(parts.len(), 1, "{format}");
    let part = parts.remove(0);
    assert_eq!(part.faults, Vec::new(), "{format}");
    part.result.unwrap()
}

/// The request as it is sent, laid out for reading.
fn request(format: &str) -> String {
    let origin = origin(&record(bytes_of(format, "example")));
    let alert = alert(format);
    let destination = Destination {
        route: "default".into(),
        project_id: "0123456789abcdef0123456789abcdef".into(),
        workspace_id: "f44065f5-557b-4376-ae02-8c65ef1960f4".into(),
        workflow_id: "446255ce-1111-2222-3333-0b4931000000".into(),
        creates_alert: false,
    };
    let instance = instance_id(&origin, alert.part, &destination.workflow_id).to_string();
    let request = build(destination, &alert, Some(instance));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    serde_json::to_string_pretty(&body).unwrap()
}

#[test]
fn the_elastic_example_becomes_this_request() {
    assert_eq!(alert("elastic_detection_alert").severity, Severity::High);
    insta::assert_snapshot!(request("elastic_detection_alert"));
}

#[test]
fn the_ocsf_example_becomes_this_request() {
    assert_eq!(alert("ocsf_detection_finding_2004").severity, Severity::High);
    insta::assert_snapshot!(request("ocsf_detection_finding_2004"));
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    assert_eq!(request("elastic_detection_alert"), request("elastic_detection_alert"));
}
