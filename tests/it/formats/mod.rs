//! The shipped formats, on whole records.
//!
//! `tests/fixtures/formats` holds an example of each and a variant in which other optional fields are missing.

mod contents;
mod detection;
mod empties;
mod ids;
mod leaves;
mod oracle;
mod pages;
mod requests;
mod severity;
mod traps;

use std::fs;
use std::sync::LazyLock;

use alertbridge::domain::{Alert, Offset, Origin, Record, TopicPartition};
use alertbridge::mapping::{Mapped, MappedPart, Mapper, MappingSettings};
use bytes::Bytes;
use serde_json::Value;

use crate::support::pages::in_package;

/// The formats, in the order in which they are tried.
const FORMATS: [&str; 16] = [
    "cloudevents_structured",
    "ocsf_detection_finding_2004",
    "elastic_detection_alert",
    "alertmanager_webhook",
    "suricata_eve_alert",
    "falco_alert",
    "sigma_streams_detection",
    "defender_for_cloud_export",
    "sentinel_securityalert",
    "defender_graph_alert_v2",
    "splunk_notable",
    "splunk_alert_webhook",
    "wazuh_alert",
    "sigma_rule_match",
    "ecs_nested_alert",
    "secmaster_alert",
];

/// The files of each format.
const FIXTURES: [&str; 2] = ["example", "variant"];

/// The shipped mappings under the default settings.
fn mapper() -> &'static Mapper {
    static MAPPER: LazyLock<Mapper> = LazyLock::new(|| Mapper::load(&MappingSettings::default()).unwrap());
    &MAPPER
}

fn bytes_of(format: &str, fixture: &str) -> Vec<u8> {
    let path = in_package(&format!("tests/fixtures/formats/{format}/{fixture}.json"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn document(format: &str, fixture: &str) -> Value {
    serde_json::from_slice(&bytes_of(format, fixture)).unwrap()
}

fn record(value: impl Into<Bytes>) -> Record {
    Record {
        partition: TopicPartition::new("soc.alerts", 1),
        offset: Offset(7),
        timestamp_ms: Some(1_795_169_046_500),
        key: None,
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

fn origin(record: &Record) -> Origin {
    record.origin(&"cluster".into())
}

/// The parts of a record.
fn parts_of(mapper: &Mapper, value: impl Into<Bytes>) -> Vec<MappedPart> {
    let record = record(value);
    match mapper.map(&record, &origin(&record)) {
        Mapped::Parts(parts) => parts,
        other => panic!("{other:?}"),
    }
}

/// The alert that a document becomes; the first, where it is split.
fn alert(document: &Value) -> Alert {
    parts_of(mapper(), document.to_string()).remove(0).result.unwrap()
}

/// The example of a format, changed.
fn changed(format: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut document = document(format, "example");
    change(&mut document);
    document
}
