//! Envelopes from outside: what becomes of a record that is wrapped in something.

mod bounds;

use std::io::Write as _;

use base64::Engine as _;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::domain::{Alert, Data, FailureReason, Header, Offset, Origin, Record, TopicPartition, instance_id};
use crate::mapping::testing::folder_of;
use crate::mapping::{MapFailure, Mapped, MappedPart, Mapper, MappingSettings, OnUnmatched};

const OWN: &str = "
name: own
match: has(\"own\")
split: 'if .batch then .batch[] else . end'
required: [title]
alert: {id: .id, title: .own, labels: '$record.headers.h'}
";

/// Stands in for the shipped one.
const EVENTS: &str = "
name: cloudevents_structured
match: 'has(\"specversion\") and has(\"id\") and has(\"source\") and has(\"type\")'
alert: {id: '\"\\(.source)/\\(.id)\"', title: '.data.title? // .type', system_info: .}
";

fn mapper_of(change: impl FnOnce(&mut MappingSettings)) -> Mapper {
    let (_directory, mut settings) = folder_of(&[("own.yaml", OWN), ("events.yaml", EVENTS)]);
    change(&mut settings);
    Mapper::load(&settings).unwrap()
}

fn record(value: Option<Bytes>, headers: &[(&str, &str)]) -> Record {
    let header =
        |(name, value): &(&str, &str)| Header { name: (*name).to_owned(), value: Some((*value).to_owned().into()) };
    Record {
        partition: TopicPartition::new("soc.alerts", 3),
        offset: Offset(42),
        timestamp_ms: None,
        key: None,
        value,
        headers: headers.iter().map(header).collect(),
    }
}

fn origin() -> Origin {
    record(None, &[]).origin(&"cluster".into())
}

fn map(mapper: &Mapper, value: impl Into<Bytes>, headers: &[(&str, &str)]) -> Vec<MappedPart> {
    match mapper.map(&record(Some(value.into()), headers), &origin()) {
        Mapped::Parts(parts) => parts,
        other => panic!("{other:?}"),
    }
}

fn parts(value: impl Into<Bytes>) -> Vec<MappedPart> {
    map(&mapper_of(|_| ()), value, &[])
}

fn alerts(parts: Vec<MappedPart>) -> Vec<Alert> {
    parts.into_iter().map(|part| part.result.unwrap()).collect()
}

fn titles(parts: Vec<MappedPart>) -> Vec<(String, String)> {
    let told = |a: Alert| (a.format.to_string(), a.content.get("title").and_then(Data::as_str).unwrap().to_owned());
    alerts(parts).into_iter().map(told).collect()
}

fn of(told: &[(&str, &str)]) -> Vec<(String, String)> {
    told.iter().map(|(format, title)| ((*format).to_owned(), (*title).to_owned())).collect()
}

fn failure(mut parts: Vec<MappedPart>) -> MapFailure {
    assert_eq!(parts.len(), 1);
    parts.remove(0).result.unwrap_err()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn event(data: Value) -> Value {
    let mut event = json!({"specversion": "1.0", "id": "e-1", "source": "/siem", "type": "alert.created"});
    event["data"] = data;
    event
}

#[test]
fn a_gzip_value_is_read_as_what_is_in_it() {
    let plain = b"{\"own\":\"a\",\"id\":\"1\"}";
    assert_eq!(alerts(parts(gzip(plain))), alerts(parts(&plain[..])));
    let with_mark = gzip("\u{feff}{\"own\":\"a\"}".as_bytes());
    assert_eq!(titles(parts(with_mark)), of(&[("own", "a")]));
    let members = [gzip(b"{\"own\":"), gzip(b"\"a\"}")].concat();
    assert_eq!(titles(parts(members)), of(&[("own", "a")]));
}

#[test]
fn gzip_that_is_cut_damaged_or_too_large_is_malformed() {
    let whole = gzip(b"{\"own\":\"a\"}");
    let cut = whole[..whole.len() - 3].to_vec();
    let mut damaged = whole.clone();
    damaged[12] ^= 0x55;
    let garbage = [whole.clone(), b"garbage".to_vec()].concat();
    for value in [cut, damaged, garbage, b"\x1f\x8b\x08".to_vec()] {
        let failed = failure(parts(value));
        assert_eq!(failed.to_string(), "malformed/bad_envelope: the value is gzip, but cut off or damaged");
    }
    let failed = failure(parts(gzip(&whole)));
    assert!(failed.message.starts_with("the value looks like gzip inside of gzip, not JSON"), "{failed}");
}

#[test]
fn a_list_of_records_is_taken_apart_and_each_has_its_own_format() {
    let value = json!({"records": [
        {"own": "a"},
        {"title": "b", "severity": "Low"},
        {"what": "nobody knows"},
        7,
        {"own": "x", "batch": [{"own": "c"}, {"own": "d"}]},
        {"records": [{"own": "e"}]},
    ]});
    let parts = parts(value.to_string());
    let told: Vec<_> = parts
        .iter()
        .map(|p| match &p.result {
            Ok(alert) => (p.part, alert.format.to_string()),
            Err(failure) => (p.part, failure.reason.to_string()),
        })
        .collect();
    let expected = ["own", "secmaster_alert", "no_format_matched", "not_an_object", "own", "own", "own"];
    let expected: Vec<_> = (0..).zip(expected.map(str::to_owned)).collect();
    assert_eq!(told, expected);
    let ids: std::collections::HashSet<_> = parts.iter().map(|p| instance_id(&origin(), p.part, "w")).collect();
    assert_eq!(ids.len(), parts.len(), "each part asks for an instance of its own");
    assert_eq!(map(&mapper_of(|_| ()), "{\"records\":[]}", &[]), Vec::new());
}

#[test]
fn a_mapping_that_matches_the_envelope_itself_takes_it() {
    let own = "name: mine\nmatch: '.records or .type == \"alert.created\"'\nalert: {title: '\"whole\"'}";
    let (_directory, settings) = folder_of(&[("own.yaml", own)]);
    let mapper = Mapper::load(&settings).unwrap();
    for value in [json!({"records": [{}, {}]}), event(json!({"title": "t", "severity": "Low"}))] {
        assert_eq!(titles(map(&mapper, value.to_string(), &[])), of(&[("mine", "whole")]));
    }
    // More members than `records` alone: an alert with a field of that name.
    let failed = failure(parts(json!({"records": [{"own": "a"}], "other": 1}).to_string()));
    assert_eq!(failed.reason, FailureReason::NoFormatMatched);
}

#[test]
fn an_event_with_known_data_is_read_in_the_format_of_its_data() {
    let encoded = base64::engine::general_purpose::STANDARD.encode("{\"own\":\"a\"}");
    let mut in_base64 = event(Value::Null);
    in_base64.as_object_mut().unwrap().remove("data");
    in_base64["data_base64"] = encoded.into();
    for value in [event(json!({"own": "a"})), event(json!("{\"own\":\"a\"}")), in_base64] {
        assert_eq!(titles(parts(value.to_string())), of(&[("own", "a")]), "{value}");
    }
    let lists = [json!([{"own": "a"}, {"own": "b"}]), json!({"records": [{"own": "a"}, {"own": "b"}]})];
    for data in lists.into_iter().chain([json!({"own": "x", "batch": [{"own": "a"}, {"own": "b"}]})]) {
        assert_eq!(titles(parts(event(data).to_string())), of(&[("own", "a"), ("own", "b")]));
    }
}

#[test]
fn an_event_with_unknown_data_is_an_alert_by_itself_with_its_data_decoded() {
    let told = of(&[("cloudevents_structured", "t")]);
    // A title and a severity are what any alert has: the attributes around them are worth more.
    let data = json!({"title": "t", "severity": "High"});
    assert_eq!(titles(parts(event(data.clone()).to_string())), told);
    assert_eq!(titles(parts(event(data.to_string().into()).to_string())), told);
    for data in [json!("plain text"), json!(7), json!([1, 2]), json!(null), json!("{\"broken")] {
        assert_eq!(titles(parts(event(data).to_string())), of(&[("cloudevents_structured", "alert.created")]));
    }
    let mut wrong = event(Value::Null);
    wrong["data_base64"] = "%%%".into();
    assert_eq!(titles(parts(wrong.to_string())), of(&[("cloudevents_structured", "alert.created")]));
}

#[test]
fn an_alert_without_an_id_of_its_own_is_known_by_the_event_around_it() {
    let same_event = |value: Value| alerts(parts(value.to_string())).into_iter().map(|a| a.id).collect::<Vec<_>>();
    let alone = same_event(event(json!({"own": "a"})));
    let expected = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"alertbridge:alert:own//siem/e-1");
    assert_eq!(alone, [expected.to_string()]);
    let behind_another = same_event(json!([{"own": "x"}, event(json!({"own": "a"}))]));
    assert_eq!(behind_another.last(), alone.last(), "wherever the event stands");
    let both = same_event(event(json!([{"own": "a"}, {"own": "b"}])));
    assert_eq!(both.first(), alone.first());
    assert_ne!(both.first(), both.last(), "each part has an id of its own");
    let own = same_event(event(json!({"own": "a", "id": "5f0c7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11"})));
    assert_eq!(own, ["5f0c7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11"]);
}

#[test]
fn an_event_is_opened_whatever_its_id_and_source_are() {
    let place = |name: &str| uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes()).to_string();
    let of_record = place("alertbridge:alert:own/soc.alerts/3/42/0");
    for (name, value, id) in [
        ("id", Some(json!(7)), place("alertbridge:alert:own//siem/7")),
        ("id", Some(json!("")), of_record.clone()),
        ("id", None, of_record.clone()),
        ("source", Some(json!("")), of_record.clone()),
        ("source", None, of_record),
    ] {
        let mut odd = event(json!({"own": "a"}));
        match value {
            Some(value) => odd[name] = value,
            None => drop(odd.as_object_mut().unwrap().remove(name)),
        }
        let told = alerts(parts(odd.to_string()));
        assert_eq!((&*told[0].format, &told[0].id), ("own", &id), "{odd}");
        assert_eq!(titles(parts(event(odd).to_string())), of(&[("own", "a")]), "inside of another");
    }
    let mut unknown = event(json!({"x": 1}));
    unknown.as_object_mut().unwrap().remove("id");
    assert_eq!(titles(parts(event(unknown).to_string())), of(&[("cloudevents_structured", "alert.created")]));
}

#[test]
fn no_two_events_have_one_identity() {
    let shipped = Mapper::load(&MappingSettings::default()).unwrap();
    for data in [json!({"own": "a"}), json!([{"own": "a"}, {"own": "b"}]), json!("text")] {
        let ids = |source: &str, id: &str| {
            let mut event = event(data.clone());
            (event["source"], event["id"]) = (source.into(), id.into());
            let mine = alerts(parts(event.to_string())).into_iter().map(|alert| alert.id);
            let told = alerts(map(&shipped, event.to_string(), &[])).into_iter().map(|alert| alert.id);
            mine.take(if data.is_string() { 0 } else { 9 }).chain(told).collect::<Vec<_>>()
        };
        let all: Vec<_> = [("a/b", "c"), ("a", "b/c"), ("a", "b%2Fc"), ("a", "b"), ("a/b", "1"), ("a", "b#1")]
            .into_iter()
            .flat_map(|(source, id)| ids(source, id))
            .collect();
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "{data}");
    }
}

#[test]
fn a_batch_of_events_is_one_part_for_each() {
    let batch = json!([event(json!({"own": "a"})), event(json!({"title": "b"}))]);
    let headers = [("content-type", "application/cloudevents-batch+json")];
    let told = titles(map(&mapper_of(|_| ()), batch.to_string(), &headers));
    assert_eq!(told, of(&[("own", "a"), ("cloudevents_structured", "b")]));
}

const BINARY: [(&str, &str); 6] = [
    ("ce_specversion", "1.0"),
    ("ce_id", "e-1"),
    ("ce_source", "/siem"),
    ("ce_type", "alert.created"),
    ("content-type", "application/json"),
    ("h", "seen"),
];

#[test]
fn a_binary_event_is_what_the_structured_one_is() {
    let mapper = mapper_of(|_| ());
    let known = alerts(map(&mapper, "{\"own\":\"a\"}", &BINARY));
    assert_eq!(Value::from(known[0].content.clone())["labels"], json!("seen"), "$record is the record's");
    assert_eq!(known[0].id, alerts(parts(event(json!({"own": "a"})).to_string()))[0].id);

    let mut structured = event(json!({"title": "t"}));
    structured["datacontenttype"] = "application/json".into();
    let (binary, structured) =
        (alerts(map(&mapper, "{\"title\":\"t\"}", &BINARY)), alerts(map(&mapper, structured.to_string(), &[])));
    assert_eq!(binary, structured);
    assert_eq!(alerts(map(&mapper, gzip(b"{\"title\":\"t\"}"), &BINARY)), structured);
    // A structured event may carry the same headers.
    let headers = [&BINARY[..4], &[("Content-Type", "Application/CloudEvents+json; charset=UTF-8")]].concat();
    assert_eq!(titles(map(&mapper, event(json!({"own": "a"})).to_string(), &headers)), of(&[("own", "a")]));
}

#[test]
fn a_binary_event_needs_no_value_and_no_json() {
    let mapper = mapper_of(|_| ());
    let Mapped::Parts(without) = mapper.map(&record(None, &BINARY), &origin()) else { panic!("an event") };
    assert_eq!(titles(without), of(&[("cloudevents_structured", "alert.created")]));
    let of_text = alerts(map(&mapper, "CEF:0|a|b|c|d|e|f|", &BINARY));
    assert_eq!(Value::from(of_text[0].content.clone())["system_info"]["data"], json!("CEF:0|a|b|c|d|e|f|"));
    let of_bytes = alerts(map(&mapper, &b"\xff\x00"[..], &BINARY));
    assert_eq!(Value::from(of_bytes[0].content.clone())["system_info"]["data_base64"], json!("/wA="));
    let some = &BINARY[..3];
    assert_eq!(mapper.map(&record(None, some), &origin()), Mapped::Tombstone, "no type: no event");
}

#[test]
fn envelopes_nest_to_a_bound() {
    let nested = |n: usize| (0..n).fold(json!({"own": "a"}), |inner, _| event(inner));
    assert_eq!(titles(parts(nested(4).to_string())), of(&[("own", "a")]));
    let failed = failure(parts(nested(5).to_string()));
    assert_eq!(failed.to_string(), "malformed/bad_envelope: envelopes nest more than 4 deep");
    let records = (0..5).fold(json!({"own": "a"}), |inner, _| json!({"records": [inner]}));
    assert_eq!(failure(parts(records.to_string())).reason, FailureReason::BadEnvelope);
}

#[test]
fn what_is_not_json_is_told_by_its_looks_and_without_its_content() {
    let utf16 = [b"\xff\xfe".to_vec(), "{}".encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    let seen: Vec<String> = [
        b"CEF:0|Security|threatmanager|1.0|100|s3cr3t|10|src=10.0.0.1".to_vec(),
        b"<134>Feb 14 19:04:54 host CEF:0|Vendor|Product|1|2|s3cr3t|5|".to_vec(),
        b"LEEF:2.0|Vendor|Product|1.0|s3cr3t|".to_vec(),
        b"<34>1 2026-11-20T22:14:15.003Z host su - ID47 - s3cr3t".to_vec(),
        b"<?xml version=\"1.0\"?><Event>s3cr3t</Event>".to_vec(),
        b"Nov 20 22:14:15 host sshd[1]: s3cr3t".to_vec(),
        b"\x00\x00\x00\x00\x07\x02s3cr3t".to_vec(),
        b"Obj\x01s3cr3t".to_vec(),
        b"\x28\xb5\x2f\xfds3cr3t".to_vec(),
        utf16,
        b"{\"s3cr3t\":1}\n{\"s3cr3t\":2}".to_vec(),
        b" \n".to_vec(),
    ]
    .into_iter()
    .map(|value| failure(parts(value)).to_string())
    .collect();
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn what_is_asked_of_unmatched_records_holds_inside_of_envelopes() {
    let mapper = mapper_of(|s| s.on_unmatched = OnUnmatched::Skip);
    let value = json!({"records": [{"what": 1}, {"own": "b"}]});
    let parts = map(&mapper, value.to_string(), &[]);
    assert_eq!(parts.iter().map(|p| p.part).collect::<Vec<_>>(), [1], "the skipped one keeps its number");
    let only = record(Some("{\"records\":[{}]}".into()), &[]);
    assert_eq!(mapper.map(&only, &origin()), Mapped::Unmatched);
}

#[test]
fn a_format_that_is_asked_for_is_found_inside_of_envelopes() {
    let mapper = mapper_of(|_| ());
    let as_own = |value: Value| match mapper.map_as("own", &record(Some(value.to_string().into()), &[]), &origin()) {
        Some(Mapped::Parts(parts)) => parts,
        other => panic!("{other:?}"),
    };
    let told = of(&[("own", "a")]);
    assert_eq!(titles(as_own(json!({"records": [{"own": "a"}]}))), told);
    assert_eq!(titles(as_own(event(json!({"own": "a"})))), told);
    assert_eq!(failure(as_own(json!({"x": 1}))).reason, FailureReason::RequiredFieldMissing);
}
