//! The shipped formats on whole records: what each example becomes, byte for byte.

use std::path::Path;

use alertbridge::domain::{Alert, Destination, Offset, Origin, Record, Severity, TopicPartition, instance_id};
use alertbridge::mapping::{Mapped, Mapper, MappingSettings};
use alertbridge::routing::build;
use bytes::Bytes;

fn example(name: &str) -> (Record, Origin) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/siem").join(name);
    let record = Record {
        partition: TopicPartition::new("soc.alerts", 1),
        offset: Offset(7),
        timestamp_ms: Some(1_795_169_046_500),
        key: None,
        value: Some(Bytes::from(std::fs::read(file).unwrap())),
        headers: Vec::new(),
    };
    let origin = record.origin(&"cluster".into());
    (record, origin)
}

fn alert(name: &str) -> Alert {
    let (record, origin) = example(name);
    let Mapped::Parts(mut parts) = Mapper::load(&MappingSettings::default()).unwrap().map(&record, &origin) else {
        panic!("{name} is no alert");
    };
    assert_eq!(parts.len(), 1, "{name}");
    let part = parts.remove(0);
    assert_eq!(part.faults, Vec::new(), "{name}");
    part.result.unwrap()
}

/// The request as it is sent, laid out for reading.
fn request(name: &str) -> String {
    let (_, origin) = example(name);
    let alert = alert(name);
    let destination = Destination {
        route: "default".into(),
        project_id: "0123456789abcdef0123456789abcdef".into(),
        workspace_id: "f44065f5-557b-4376-ae02-8c65ef1960f4".into(),
        workflow_id: "446255ce-1111-2222-3333-0b4931000000".into(),
    };
    let instance = instance_id(&origin, alert.part, &destination.workflow_id).to_string();
    let request = build(destination, &alert, Some(instance));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    serde_json::to_string_pretty(&body).unwrap()
}

#[test]
fn the_elastic_example_becomes_this_request() {
    assert_eq!(alert("elastic_detection_alert.json").severity, Severity::High);
    insta::assert_snapshot!(request("elastic_detection_alert.json"));
}

#[test]
fn the_ocsf_example_becomes_this_request() {
    assert_eq!(alert("ocsf_detection_finding_2004.json").severity, Severity::High);
    insta::assert_snapshot!(request("ocsf_detection_finding_2004.json"));
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    assert_eq!(request("elastic_detection_alert.json"), request("elastic_detection_alert.json"));
}
