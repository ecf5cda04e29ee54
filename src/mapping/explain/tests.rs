//! Explanations as a whole.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::Explanation;
use crate::domain::{Offset, Origin, Record, TopicPartition};
use crate::mapping::testing::folder_of;
use crate::mapping::{Mapped, Mapper, Verdict};

fn record(value: &str) -> (Record, Origin) {
    let record = Record {
        partition: TopicPartition::new("t", 1),
        offset: Offset(7),
        timestamp_ms: None,
        key: Some(Bytes::from_static(b"fw-1")),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Vec::new(),
    };
    let origin = record.origin(&"c".into());
    (record, origin)
}

fn mapper() -> Mapper {
    let yaml = r#"
name: own
match: .own
severity: {words: {LOUD: High}, bands: [[5, Fatal]]}
alert:
  id: .id
  title: .title | ascii_upcase
  severity: .sev
  count: .n
  owner: $record.key
  version: 1
  network_list: [{src_ip: .a}, {dest_port: .p}]
  process: '[{process_pid: .pid}]'
  labels: .title.x
"#;
    let first = "name: first\nmatch: '.own.x == 1'\nalert: {title: .t}";
    let (_directory, settings) = folder_of(&[("own.yaml", yaml), ("a.yaml", first)]);
    Mapper::load(&settings).unwrap()
}

fn explain(value: &str) -> Explanation {
    let (record, origin) = record(value);
    mapper().explain(None, &record, &origin).unwrap()
}

const RECORD: &str = r#"{"own":"x","title":"t","sev":"loud","n":"3","p":22,"pid":"many"}"#;

#[test]
fn each_field_tells_its_expression_what_it_read_and_what_is_wrong() {
    let explanation = explain(RECORD);
    let part = &explanation.documents[0].parts[0];
    let told: Vec<String> = part
        .fields
        .iter()
        .map(|f| {
            let reads: Vec<String> = f.reads.iter().map(|(path, value)| format!("{path}={value}")).collect();
            format!(
                "{} <- {} [{}] = {:?} sent {:?} {:?}",
                f.field,
                f.expression.as_deref().unwrap_or("(constant)"),
                reads.join(" "),
                f.result.as_ref().map(ToString::to_string),
                f.sent.as_ref().map(ToString::to_string),
                f.faults
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_formats_before_the_chosen_one_tell_why_they_did_not_match() {
    let explanation = explain(RECORD);
    let tried: Vec<_> = explanation.documents[0].tried.iter().map(|t| (&*t.format, t.verdict.clone())).collect();
    let fails = Verdict::Fails("cannot index string with string".to_owned());
    assert_eq!(tried, [("first", fails), ("own", Verdict::Holds)]);
    let unmatched = explain("{}");
    assert_eq!(unmatched.documents[0].tried.len(), mapper().formats().count());
    assert!(unmatched.documents[0].parts.is_empty());
}

#[test]
fn an_explained_record_becomes_what_it_becomes_without_explaining() {
    for value in [RECORD, "[]", "7", "{", "[{\"own\":1,\"title\":\"t\"},7]", "{\"title\":\"t\",\"severity\":\"x\"}"] {
        let (record, origin) = record(value);
        let mapper = mapper();
        let explanation = mapper.explain(None, &record, &origin).unwrap();
        assert_eq!(explanation.mapped, mapper.map(&record, &origin), "{value}");
        let Mapped::Parts(parts) = &explanation.mapped else { continue };
        for trace in explanation.documents.iter().flat_map(|d| &d.parts) {
            let part = parts.iter().find(|p| p.part == trace.part).unwrap();
            let alert = part.result.as_ref().unwrap();
            assert_eq!((&alert.id, alert.severity), (&trace.id.id, trace.severity.severity), "{value}");
        }
    }
    let (record, origin) = record(RECORD);
    assert!(mapper().explain(Some("nope"), &record, &origin).is_none());
}

#[test]
fn the_id_tells_what_it_is_made_of() {
    let id = |value: serde_json::Value| explain(&value.to_string()).documents[0].parts[0].id.clone();
    let own = "5f0c7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11";
    let kept = id(json!({"own": 1, "id": own}));
    assert_eq!((kept.id.as_str(), kept.name), (own, None));
    assert_eq!(id(json!({"own": 1, "id": 7})).name.as_deref(), Some("alertbridge:alert:own/7"));
    assert_eq!(id(json!({"own": 1})).name.as_deref(), Some("alertbridge:alert:own/t/1/7"));
}

#[test]
fn the_severity_tells_its_rule() {
    let rule = |value: serde_json::Value| {
        let severity = explain(&json!({"own": 1, "sev": value}).to_string()).documents[0].parts[0].severity.clone();
        format!("{} by {}", severity.severity, severity.rule)
    };
    assert_eq!(rule(json!("Loud")), "High by severity.words.loud");
    assert_eq!(rule(json!("low")), "Low by one of the Alert's own words");
    assert_eq!(rule(json!(8.5)), "Fatal by severity.bands, from 5");
    assert_eq!(rule(json!(1)), "Medium by no word and no band knows it: mapping.default_severity");
    assert_eq!(rule(json!(null)), "Medium by the source gives none: mapping.default_severity");
}

proptest! {
    #[test]
    fn explaining_changes_nothing_whatever_the_record_is(
        value in crate::mapping::testing::json(),
        own in any::<bool>(),
    ) {
        let value = if own { json!({"own": 1, "title": value, "n": value, "pid": value, "a": value}) } else { value };
        let (record, origin) = record(&value.to_string());
        let mapper = mapper();
        prop_assert_eq!(mapper.explain(None, &record, &origin).unwrap().mapped, mapper.map(&record, &origin));
    }
}

#[test]
fn a_time_that_takes_the_default_zone_is_told() {
    let yaml = "name: x\nmatch: .x\nalert: {title: .x, create_time: .a | secmaster_time, update_time: .b, sla: '.a | secmaster_time(\"UTC\")'}\n";
    let (_directory, settings) = folder_of(&[("x.yaml", yaml)]);
    let mapper = Mapper::load(&settings).unwrap();
    let told = |record: &str| {
        let (record, origin) = self::record(record);
        let explanation = mapper.explain(None, &record, &origin).unwrap();
        let fields = explanation.documents[0].parts[0].fields.clone();
        fields.into_iter().filter(|field| field.default_zone).map(|field| field.field).collect::<Vec<_>>()
    };
    assert_eq!(
        told(r#"{"x": "t", "a": "2026-11-21 21:14:09", "b": "2026-11-21 21:14:09"}"#),
        ["create_time", "update_time"]
    );
    assert!(told(r#"{"x": "t", "a": "2026-11-21 21:14:09Z", "b": "2026-11-21 21:14:09+0100"}"#).is_empty());
}
