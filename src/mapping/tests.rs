//! The mapper as a whole.

use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};

use super::testing::folder_of;
use super::{MapFailure, Mapped, MappedPart, Mapper, MappingSettings, OnInvalidField, OnUnmatched};
use crate::domain::{Alert, Data, FailureReason, Header, Offset, Origin, Record, Severity, TopicPartition};

fn record(value: impl Into<Bytes>) -> Record {
    Record {
        partition: TopicPartition::new("soc.alerts", 3),
        offset: Offset(42),
        timestamp_ms: Some(1_795_169_046_000),
        key: Some(Bytes::from_static(b"host-1")),
        value: Some(value.into()),
        headers: vec![
            Header { name: "h".to_owned(), value: Some(Bytes::from_static(b"first")) },
            Header { name: "h".to_owned(), value: Some(Bytes::from_static(b"last")) },
            Header { name: "raw".to_owned(), value: Some(Bytes::from_static(b"\xff")) },
        ],
    }
}

fn origin() -> Origin {
    record("").origin(&"cluster".into())
}

fn mapper_of(files: &[(&str, &str)], change: impl FnOnce(&mut MappingSettings)) -> Result<Mapper, Vec<String>> {
    let (directory, mut settings) = folder_of(files);
    change(&mut settings);
    let shown = |path: &Path, text: String| text.replace(&*path.to_string_lossy(), "DIR");
    Mapper::load(&settings).map_err(|errors| errors.iter().map(|e| shown(directory.path(), e.to_string())).collect())
}

fn mapper(yaml: &str) -> Mapper {
    mapper_of(&[("own.yaml", yaml)], |_| ()).unwrap()
}

fn parts(mapper: &Mapper, value: impl Into<Bytes>) -> Vec<MappedPart> {
    match mapper.map(&record(value), &origin()) {
        Mapped::Parts(parts) => parts,
        other => panic!("{other:?}"),
    }
}

fn alert(mapper: &Mapper, value: &Value) -> Alert {
    let mut parts = parts(mapper, value.to_string());
    assert_eq!(parts.len(), 1);
    parts.remove(0).result.unwrap()
}

fn failure(mapper: &Mapper, value: impl Into<Bytes>) -> MapFailure {
    let mut parts = parts(mapper, value);
    assert_eq!(parts.len(), 1);
    parts.remove(0).result.unwrap_err()
}

const OWN: &str = r#"
name: own
match: 'has("own")'
required: [title]
severity: {bands: [[0, Low], [50, High]], default: Tips}
alert:
  id: .id
  title: .title
  severity: .sev
  count: .n
  labels: $record.headers.h
  owner: $record.key
  actor: $record.headers.raw
  version: '"1.0"'
  data_source: {source_type: 2, product_name: .nothing}
  user_info: [{user_name: .user}, {user_name: .nothing}]
  resource_list: '[.hosts[]? | {name: ., type: "device"}]'
"#;

#[test]
fn the_shipped_mappings_compile_and_their_tests_hold() {
    let mapper = Mapper::load(&MappingSettings::default()).unwrap();
    let names: Vec<&str> = mapper.formats().map(|n| &**n).collect();
    let names = names.join(" ");
    assert!(names.starts_with("cloudevents_structured ocsf_detection_finding_2004 "), "{names}");
    assert!(names.ends_with(" ecs_nested_alert secmaster_alert"), "{names}");
    assert_eq!(mapper.run_tests(), Vec::new());
}

#[test]
fn a_users_file_comes_first_and_gives_every_field_its_meaning() {
    let mapper = mapper(OWN);
    let input = json!({"own": 1, "id": 7, "title": "t", "sev": "60", "n": 3.0, "user": "u", "hosts": ["a", "b"]});
    let alert = alert(&mapper, &input);
    assert_eq!((&*alert.format, alert.severity, alert.part), ("own", Severity::High, 0));
    insta::assert_snapshot!(format!("{:#}", Value::from(alert.content)));
}

#[test]
fn a_record_without_an_id_has_one_of_its_position() {
    let mapper = mapper(OWN);
    let expected = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"alertbridge:alert:own/soc.alerts/3/42");
    assert_eq!(alert(&mapper, &json!({"own": 1, "title": "t"})).id, expected.to_string());
    let of_part = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"alertbridge:alert:own/soc.alerts/3/42/1");
    let parts = parts(&mapper, r#"[{"own":1,"title":"a"},{"own":1,"title":"b"}]"#);
    assert_eq!(parts.get(1).unwrap().result.as_ref().unwrap().id, of_part.to_string());
}

#[test]
fn a_fault_of_an_optional_field_leaves_it_out_and_says_so() {
    let mapper = mapper(OWN);
    let mut parts = parts(&mapper, r#"{"own":1,"title":"t","n":"many","hosts":7,"sev":"loud"}"#);
    let part = parts.remove(0);
    let alert = part.result.unwrap();
    assert!(alert.content.get("count").is_none());
    assert_eq!(alert.severity, Severity::Tips, "the mapping's own default");
    insta::assert_debug_snapshot!(part.faults);
}

#[test]
fn a_fault_of_an_optional_field_is_a_dead_letter_where_the_settings_say_so() {
    let strict = |s: &mut MappingSettings| s.on_invalid_field = OnInvalidField::DeadLetter;
    let mapper = mapper_of(&[("own.yaml", OWN)], strict).unwrap();
    let failed = failure(&mapper, r#"{"own":1,"title":"t","n":"many"}"#);
    assert_eq!(failed.to_string(), "invalid/optional_field_invalid: count: expected integer, found string (in `.n`)");
    let unknown_severity = parts(&mapper, r#"{"own":1,"title":"t","sev":"loud"}"#);
    assert!(unknown_severity.first().unwrap().result.is_ok(), "an unknown severity never fails a record");
}

#[test]
fn a_required_field_that_is_missing_or_invalid_is_a_dead_letter() {
    let mapper = mapper(OWN);
    assert_eq!(failure(&mapper, r#"{"own":1}"#).reason, FailureReason::RequiredFieldMissing);
    assert_eq!(failure(&mapper, r#"{"own":1,"title":" "}"#).reason, FailureReason::RequiredFieldMissing);
    let failed = failure(&mapper, r#"{"own":1,"title":["t"]}"#);
    assert_eq!(failed.to_string(), "invalid/required_field_invalid: title: expected string, found array (in `.title`)");
}

#[test]
fn a_batch_is_split_and_each_part_stands_alone() {
    let yaml = r#"
name: batch
match: 'has("alerts")'
split: '.common as $c | .alerts[] | . + $c'
alert: {title: .t, severity: .s}
required: [title]
"#;
    let mapper = mapper(yaml);
    let split = parts(&mapper, r#"{"common":{"s":"high"},"alerts":[{"t":"a"},{"x":1},{"t":"c"}]}"#);
    let told: Vec<_> =
        split.iter().map(|p| (p.part, p.result.as_ref().map(|a| a.severity).map_err(|f| f.reason))).collect();
    assert_eq!(told, [(0, Ok(Severity::High)), (1, Err(FailureReason::RequiredFieldMissing)), (2, Ok(Severity::High))]);
    assert_eq!(parts(&mapper, r#"{"alerts":[]}"#), Vec::new());
    assert_eq!(failure(&mapper, r#"{"alerts":7}"#).reason, FailureReason::SplitFailed);
}

#[test]
fn what_cannot_be_decoded_is_malformed_and_its_content_stays_out_of_the_message() {
    let mapper = mapper_of(&[], |s| s.max_record_bytes = 64).unwrap();
    for (value, expected) in [
        ("{\"secret\": s3cr3t}", "malformed/not_json: expected a JSON value at line 1, column 12"),
        ("\"s3cr3t\"", "malformed/not_an_object: the value is JSON, but no object"),
        ("[7]", "malformed/not_an_object: an element of the array is no object"),
        ("", "malformed/not_json: unexpected end of the text at line 1, column 1"),
    ] {
        assert_eq!(failure(&mapper, value).to_string(), expected);
    }
    assert_eq!(failure(&mapper, vec![b' '; 65]).reason, FailureReason::RecordTooLarge);
    assert_eq!(mapper.map(&Record { value: None, ..record("") }, &origin()), Mapped::Tombstone);
    assert_eq!(parts(&mapper, "[]"), Vec::new());
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_record() {
    let mapper = mapper(OWN);
    assert!(parts(&mapper, "\u{feff}{\"own\":1,\"title\":\"t\"}").first().unwrap().result.is_ok());
}

#[test]
fn what_no_format_matches_becomes_what_the_settings_say() {
    let unmatched = r#"{"hello":"world"}"#;
    let of = |on_unmatched| mapper_of(&[("own.yaml", OWN)], |s| s.on_unmatched = on_unmatched).unwrap();
    assert_eq!(failure(&of(OnUnmatched::DeadLetter), unmatched).reason, FailureReason::NoFormatMatched);
    assert_eq!(of(OnUnmatched::Skip).map(&record(unmatched), &origin()), Mapped::Unmatched);
    assert_eq!(
        failure(&of(OnUnmatched::Format("own".to_owned())), unmatched).reason,
        FailureReason::RequiredFieldMissing
    );
}

#[test]
fn numbers_beyond_a_doubles_reach_arrive_exactly() {
    let mapper = mapper("name: n\nmatch: has(\"n\")\nalert: {title: .t, id: .n, system_info: {n: .n, d: .d}}");
    let parts = parts(&mapper, r#"{"t":"t","n":12345678901234567890123,"d":1.10}"#);
    let content = &parts.first().unwrap().result.as_ref().unwrap().content;
    let info = Value::from(content.get("system_info").unwrap().clone()).to_string();
    assert_eq!(info, r#"{"n":12345678901234567890123,"d":1.10,"source_id":12345678901234567890123}"#);
}

#[test]
fn a_users_file_replaces_a_shipped_one_of_the_same_name_and_the_version_changes() {
    let own = "name: elastic_detection_alert\nmatch: 'true'\nalert: {title: '\"mine\"'}";
    let mapper = mapper(own);
    assert_eq!(alert(&mapper, &json!({})).content.get("title").and_then(Data::as_str), Some("mine"));
    let shipped = Mapper::load(&MappingSettings::default()).unwrap();
    assert_eq!(mapper.formats().count(), shipped.formats().count());
    assert_ne!(mapper.version(), shipped.version());
    assert_eq!(shipped.version().len(), 12);
}

#[test]
fn a_folder_that_is_named_twice_is_read_once() {
    let twice = |s: &mut MappingSettings| s.directories.push(s.directories[0].join("."));
    assert_eq!(mapper_of(&[("own.yaml", OWN)], twice).unwrap().formats().count(), 17);
    let absent = |s: &mut MappingSettings| s.directories.push("/nowhere/at/all".into());
    assert!(mapper_of(&[("own.yaml", OWN)], absent).unwrap_err()[0].contains("cannot read /nowhere/at/all"));
}

#[test]
fn formats_restricts_and_orders() {
    let chosen = |s: &mut MappingSettings| s.formats = vec!["secmaster_alert".to_owned(), "own".to_owned()];
    let mapper = mapper_of(&[("own.yaml", OWN)], chosen).unwrap();
    let both = json!({"own": 1, "title": "t", "severity": "Low"});
    assert_eq!(&*alert(&mapper, &both).format, "secmaster_alert");
    assert_eq!(mapper.formats().count(), 2);
}

#[test]
fn a_hostile_mapping_costs_its_field() {
    let mapper =
        mapper("name: h\nmatch: 'true'\nalert: {title: '\"t\"', labels: '[range(1e12)]', owner: 'def f: f; f'}");
    let part = parts(&mapper, "{}").remove(0);
    assert_eq!(part.result.unwrap().content.get("title").and_then(Data::as_str), Some("t"));
    assert_eq!(part.faults.iter().map(|f| &*f.field).collect::<Vec<_>>(), ["labels", "owner"]);
}

#[test]
fn a_hostile_mapping_of_a_thousand_parts_costs_no_more_than_fifty_of_its_evaluations() {
    let yaml = "name: h\nmatch: has(\"all\")\nsplit: '.all[]'\nalert: {title: .t, count: '[.n] | .[0]', labels: 'def f: f; f'}";
    let value = json!({"all": vec![json!({"t": "t", "n": 1}); 1000]}).to_string();
    let hostile = parts(&mapper(yaml), value.clone());
    let of = |end: &str| {
        let told = |p: &&MappedPart| p.faults.iter().any(|f| f.field == "labels" && f.message.contains(end));
        hostile.iter().filter(told).count()
    };
    assert_eq!(of("it takes too many steps") + of("of this record take too many steps together"), 1000);
    assert!((40..=60).contains(&of("it takes too many steps")), "{}", of("it takes too many steps"));
    assert!(hostile.iter().all(|p| p.result.is_ok()), "what is looked up directly is still there");
    let honest = parts(&mapper(&yaml.replace("def f: f; f", ".t")), value);
    assert!(honest.iter().all(|p| p.faults.is_empty()), "and the next record has a budget of its own");
}

#[test]
fn every_fault_of_the_files_is_told_at_once_with_its_place() {
    let files = [
        ("a.yaml", "name: a\nmatch: 'has('\nalert: {title: now, x: [{y: 'nope'}]}\nseverity: {words: {a: Bad}}"),
        ("b.yaml", "name: b\nmacth: '.'\nalert: {}"),
        ("c.yaml", "name: a\nmatch: '.'\nalert: {}"),
        ("d.yaml", "name: d\nmatch: '.'\nalert: [1]\ntests: [{name: t, expect: {}}]"),
    ];
    let errors = mapper_of(&files, |s| {
        s.formats = vec!["elastic_detection_alerts".to_owned()];
        s.on_unmatched = OnUnmatched::Format("skipp".to_owned());
        s.default_time_zone = "Asia/Shanghai".to_owned();
    });
    insta::assert_snapshot!(errors.unwrap_err().join("\n"));
}

#[test]
fn a_test_inside_a_file_that_fails_says_where_it_differs() {
    let tests = "\ntests:\n  - {name: one, input: {own: 1, title: t}, expect: {title: u}}\n  - {name: two, input: {}, expect: {}}\n  - {name: three, input: {own: 1}, expect: {expect: {title: t}}}\n";
    let (_directory, settings) = folder_of(&[("own.yaml", &format!("{OWN}{tests}"))]);
    let failures = Mapper::load(&settings).unwrap().run_tests();
    let told: Vec<_> = failures.iter().map(|f| format!("{}: {}", f.test, f.problem)).collect();
    let first = "one: title is \"t\", expected \"u\"; severity is not expected, but there: \"Tips\"; id";
    assert!(told[0].starts_with(first), "{told:?}");
    assert_eq!(told[1], "two: the mapping's `match` does not hold for the input");
    assert_eq!(told[2], "three: `expect:` stands twice: what `alertbridge map --expect` prints begins with it");
}

#[test]
fn the_tests_of_the_shipped_files_hold_whatever_is_configured_and_the_users_run_under_it() {
    let id = "5f0c7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11";
    let test =
        format!("tests: [{{name: t, input: {{own: {id}, title: t}}, expect: {{id: {id}, title: t, severity: Low}}}}]");
    let own = "name: own\nmatch: has(\"own\")\nalert: {title: .title, id: .own}\n";
    let (_directory, default) = folder_of(&[("own.yaml", &format!("{own}{test}"))]);
    let configured = MappingSettings {
        on_invalid_field: OnInvalidField::DeadLetter,
        strict: true,
        default_severity: Severity::Low,
        default_time_zone: "-03:30".to_owned(),
        ..default.clone()
    };
    assert_eq!(Mapper::load(&configured).unwrap().run_tests(), Vec::new());
    assert_eq!(Mapper::load(&default).unwrap().run_tests().len(), 1, "the user's expects the configured severity");
}

#[test]
fn a_redriven_record_is_mapped_as_it_was_at_its_origin() {
    let mapper = mapper("name: r\nmatch: 'true'\nalert: {title: '$record | del(.key) | tojson'}");
    let mut redriven = record("{}");
    redriven.partition = TopicPartition::new("soc.alerts.redrive", 0);
    redriven.offset = Offset(1);
    redriven.timestamp_ms = Some(1);
    redriven.headers.push(Header { name: "alertbridge-redrive-count".to_owned(), value: None });
    assert_eq!(mapper.map(&redriven, &origin()), mapper.map(&record("{}"), &origin()));
}

#[test]
fn a_field_that_nests_too_deeply_is_left_out() {
    let deeper = |levels: usize, class: &str| {
        let source = format!("reduce range({levels}) as $i (.d; [.])");
        mapper(&format!("name: n\nmatch: has(\"d\")\n{class}alert: {{title: '\"t\"', system_info: '{source}'}}"))
    };
    // The record's hundred levels are one of its object and 99 in `d`.
    let record = |levels: usize| format!("{{\"d\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let part = |mapper: &Mapper, levels: usize| parts(mapper, record(levels)).remove(0);
    for class in ["", "data_class: {name: Own}\n"] {
        let fits = part(&deeper(11, class), 99);
        assert!(fits.faults.is_empty() && fits.result.unwrap().content.get("system_info").is_some());
        for levels in [12, 60] {
            let part = part(&deeper(levels, class), 99);
            assert!(part.result.unwrap().content.get("system_info").is_none(), "{levels}");
            let fault = &part.faults[0];
            assert_eq!((&*fault.field, fault.left_out), ("system_info", true));
            assert!(fault.message.starts_with("nests more than 110 deep (in `reduce"), "{}", fault.message);
        }
    }
    let failed = failure(&mapper("name: n\nmatch: 'true'\nalert: {title: '\"t\"'}"), record(100));
    assert!(failed.to_string().starts_with("malformed/not_json: nested too deeply at line 1"), "{failed}");
}

#[test]
fn a_part_that_nesting_its_keys_makes_too_deep_is_one_failure() {
    let yaml = "name: n\nmatch: has(\"all\")\nnest_dotted_keys: true\nalert: {title: .x.y}\n\
                split: '.all[] | {\"x.y\": .t, \"a.b.c.d.e.f.g.h\": reduce range(.n) as $i (1; [.]), all: .}'";
    let value = json!({"all": [{"t": "t", "n": 505}, {"t": "t", "n": 510}, {"t": "t", "n": 1}]});
    let parts = parts(&mapper(&format!("{yaml}\nskip: {{when: '.a == 7', reason: r}}")), value.to_string());
    let [first, second, third] = &parts[..] else { panic!("three parts") };
    for part in [first, second] {
        let failure = part.result.as_ref().unwrap_err().to_string();
        assert_eq!(failure, "malformed/split_failed: keys with dots: it makes a value nested more than 512 deep");
    }
    assert_eq!(
        (third.part, third.result.as_ref().unwrap().content.get("title").and_then(Data::as_str)),
        (2, Some("t"))
    );
}

#[test]
fn a_large_batch_gets_through() {
    let mapper =
        mapper("name: b\nmatch: has(\"alerts\")\nsplit: '.common as $c | .alerts[] | . + $c'\nalert: {title: .t}");
    let alerts: Vec<Value> = (0..4000).map(|i| json!({"t": "t", "n": i, "padding": "x".repeat(200)})).collect();
    let parts = parts(&mapper, json!({"common": {"c": 1}, "alerts": alerts}).to_string());
    assert_eq!(parts.iter().filter(|p| p.result.is_ok()).count(), 4000);
}

#[test]
fn a_mapper_is_shared_by_threads() {
    let mapper = Mapper::load(&MappingSettings::default()).unwrap();
    let value = json!({"title": "t", "severity": "High"}).to_string();
    let here = mapper.map(&record(value.clone()), &origin());
    let there = std::thread::spawn(move || mapper.clone().map(&record(value), &origin())).join().unwrap();
    assert_eq!(here, there);
}

#[test]
fn what_the_typed_check_refuses_is_told_with_the_expression_it_came_from() {
    let mapper = mapper(
        "name: c\nmatch: 'true'\nalert:\n  title: .t\n  count: .n\n  network_list: [{src_port: .p}]\n  process: '[{process_pid: .p}]'\n  confidence: 101\n  user_info: [{user_name: .n}, {user_name: .p}]",
    );
    let part = parts(&mapper, r#"{"t":"t","n":[],"p":"80"}"#).remove(0);
    let told: Vec<_> = part.faults.iter().map(|f| format!("{}: {}", f.field, f.message)).collect();
    assert_eq!(
        told,
        [
            "network_list[0].src_port: expected integer, found string (in `.p`)",
            "process[0].process_pid: expected integer, found string (in `[{process_pid: .p}]`)",
            "confidence: is not between 0 and 100",
        ]
    );
}

#[test]
fn fields_of_another_data_class_are_passed_on_unchecked() {
    let yaml = "name: d\nmatch: 'true'\ndata_class: {id: c-1, name: Device}\nalert: {title: .t, count: .n, empty: .e}";
    let strict = mapper_of(&[("own.yaml", yaml)], |s| s.strict = true).unwrap();
    let alert = alert(&strict, &json!({"t": 7, "n": "many", "e": []}));
    assert_eq!((alert.data_class.id.as_deref(), &*alert.data_class.name), (Some("c-1"), "Device"));
    assert!(Value::from(alert.content).to_string().ends_with(r#""title":7,"count":"many"}"#));
}
