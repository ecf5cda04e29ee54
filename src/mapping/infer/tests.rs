//! Whole drafts.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::infer;
use crate::mapping::testing::json as any_json;
use crate::mapping::{Mapper, MappingSettings};

fn draft(samples: &[Value]) -> String {
    infer(samples, "acme-edr.json", &MappingSettings::default(), &[]).unwrap()
}

/// That a draft loads from a folder, as the user's, without a finding, and that its test holds.
fn assert_good(draft: &str) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("draft.yaml"), draft).unwrap();
    let settings = MappingSettings { directories: vec![directory.path().to_owned()], ..MappingSettings::default() };
    let mapper = match Mapper::load(&settings) {
        Ok(mapper) => mapper,
        Err(errors) => panic!("{}\n{draft}", errors[0]),
    };
    assert_eq!(mapper.run_tests(), Vec::new(), "{draft}");
}

fn sample(n: u64, severity: &str) -> Value {
    json!({
        "vendor": "Acme", "product": "EDR",
        "alert_id": format!("A-{n}"), "threat_score": n * 10,
        "rule": {"id": 4711, "name": "Credential dumping", "tags": ["attack.t1003.001", "windows"]},
        "severity": severity,
        "detected_at": "2026-11-20T08:14:52Z", "ingested": 1_795_169_045_123_u64,
        "src": {"ip": "203.0.113.7", "port": 51_812 + n}, "dst": {"ip": "192.0.2.10", "port": 445},
        "proto": "tcp",
        "host": {"name": "ws-0042"}, "user": "EXAMPLE\\alice",
        "process": {"name": "rundll32.exe", "pid": 4242, "cmdline": "rundll32.exe comsvcs.dll"},
        "extra": [{"k": "v"}], "note": null,
    })
}

#[test]
fn a_draft_finds_the_usual_fields_and_says_what_it_rests_on() {
    let text = draft(&[sample(1, "high"), sample(2, "CRITICAL"), sample(3, "meh")]);
    assert_good(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn a_batch_is_split_and_its_elements_are_the_samples() {
    let text = draft(&[json!({"sensor": "s-1", "batch_no": 7, "events": [
        {"uuid": "5f0c7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11", "title": "Port scan", "level": 12, "ts": 1_795_169_045},
        {"uuid": "0b8b3e86-62a1-4b7e-8a54-4f1f5f7f7a10", "title": "Policy changed", "level": 2, "ts": 1_795_169_046}
    ]})]);
    assert_good(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn a_person_in_objects_or_lists_is_found_and_the_first_of_a_list_is_said_to_be_that() {
    let of = |value: Value| {
        let mut sample = json!({"vendor": "Acme", "title": "t", "severity": "low"});
        sample.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        let text = draft(&[sample]);
        assert_good(&text);
        text
    };
    let nested = of(json!({"actor": {"user": {"name": "alice", "id": 7}, "ip": "203.0.113.7"}}));
    assert!(nested.contains("    - user_name: '.actor.user.name'\n"), "{nested}");
    assert!(nested.contains("user_id: '.actor.user.id | values | tostring'"), "{nested}");
    for (users, path) in [
        (json!({"users": [{"name": "alice", "mail": "a@example.com"}, {"name": "bob"}]}), ".users[0].name"),
        (json!({"evidence": {"users": [{"account": {"name": "alice"}}]}}), ".evidence.users[0].account.name"),
        (json!({"usernames": ["alice", "bob"]}), ".usernames[0]"),
    ] {
        let text = of(users);
        let line = "      # guessed, likely: 1 of 1 have it; of a list the first, the others are left out\n";
        let line = if path.starts_with(".e") { line.replace("likely", "possible") } else { line.to_owned() };
        assert!(text.contains(&format!("  user_info:\n{line}    - user_name: '{path}'\n")), "{text}");
        assert!(!text.contains("not used: .users,") && !text.contains(", .users,"), "{text}");
    }
    let outside = of(json!({"users": [{"name": "a"}], "user": "b"}));
    assert!(outside.contains("user_name: '.user'") && outside.contains("# not used: .users\n"), "{outside}");
    let other = of(json!({"rules": [{"title": "not this", "severity": "high", "id": "x"}]}));
    assert!(other.contains("title: '.title'") && other.contains("# not used: .rules\n"), "{other}");
}

#[test]
fn priorities_as_words_make_a_scale_of_which_the_first_is_the_worst() {
    let text =
        draft(&[json!({"title": "t", "severity": "P3", "k": 1}), json!({"title": "u", "severity": "P1", "k": 1})]);
    assert_good(&text);
    let scale = "severity:\n  # a guess: the samples have `p3`, `p1`, priorities of which 1 is taken for the worst\n  \
                 words: {\"p1\": Fatal, \"p2\": High, \"p3\": Medium, \"p4\": Low, \"p5\": Tips}\n";
    assert!(text.contains(scale), "{text}");
}

#[test]
fn the_only_time_of_the_samples_is_taken_whatever_it_is_called_and_the_draft_says_so() {
    let of = |fields: Value| {
        let mut sample = json!({"title": "t", "k": 1});
        sample.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let text = draft(&[sample]);
        assert_good(&text);
        text
    };
    for path in ["ingested", "modified", "last_seen"] {
        let text = of(json!({ path: "2026-11-20T08:14:52Z" }));
        let line = "  # guessed, a weak guess: 1 of 1 have it; a text with its zone, the only time in the samples\n";
        assert!(text.contains(&format!("{line}  first_observed_time: '.{path} | secmaster_time'\n")), "{text}");
        assert_eq!(text.contains("  last_observed_time: '.last_seen | "), path == "last_seen", "{text}");
    }
    let named = of(json!({"detected_at": "2026-11-20T08:14:52Z"}));
    assert!(named.contains("likely: 1 of 1 have it; a text with its zone\n  first_observed_time"), "{named}");
    let two = of(json!({"ingested": "2026-11-20T08:14:52Z", "modified": 1_795_169_045}));
    assert!(!two.contains("first_observed_time"), "which of the two is not known: {two}");
    let id = of(json!({"case": 1_795_169_045}));
    assert!(id.contains("id: '.case'") && !id.contains("first_observed_time"), "{id}");
}

#[test]
fn what_else_may_be_the_title_is_named() {
    let text = draft(&[json!({"k": 1, "rule": {"name": "r"}, "summary": "s", "message": "m", "headline": "h"})]);
    assert_good(&text);
    let line = "  # guessed, likely: 1 of 1 have it; or is it .rule.name, .summary, .message?\n  title: '.headline'\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn in_how_many_samples_a_thing_is_and_what_the_match_rests_on_is_said() {
    let samples =
        [json!({"vendor": "a", "title": "t", "x_y": 1, "user": "u"}), json!({"vendor": "a", "x_y": 1, "title": "t"})];
    let two = draft(&samples);
    assert!(
        two.contains("# a guess: .vendor is the same in all 2 samples, and may not be in other records\n"),
        "{two}"
    );
    assert!(two.contains("# a guess: all 2 samples have \"x_y\"\n"), "{two}");
    assert!(two.contains("1 of 2 have it\n    - user_name: '.user'\n"), "{two}");
    let one = draft(&samples[..1]);
    assert!(one.contains("# a guess from one sample: .vendor may have other values"), "{one}");
    assert!(one.contains("# a guess from one sample: other records of this kind may have no \"x_y\"\n"), "{one}");
    let some = draft(&[json!({"k": 1, "zz": 1}), json!({"k": 1})]);
    assert!(some.contains("# not used: .k, .zz (1 of 2)\n"), "{some}");
}

#[test]
fn a_list_of_records_is_opened_as_the_bridge_opens_it() {
    let record = |n: u64| json!({"time": "2026-11-20T08:14:52Z", "operationName": "x", "resourceId": "/a", "level": n});
    let text = draft(&[json!({"records": [record(1), record(2)]})]);
    assert_good(&text);
    assert!(!text.contains("has(\"records\")") && !text.contains("\nsplit:"), "{text}");
    assert!(text.contains("each element as a record of its own"), "{text}");
    let more = draft(&[json!({"records": [record(1)], "next": null})]);
    assert!(more.contains(".records"), "an object with another member is no envelope: {more}");
}

#[test]
fn what_is_not_there_is_said_and_not_made_up() {
    let text = draft(&[json!({"blob": {"x": [1, 2]}, "n": 1})]);
    assert_good(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn a_field_that_is_a_fault_of_one_sample_is_left_out() {
    let text = draft(&[json!({"k": 1, "host": {"name": "a"}}), json!({"k": 2, "host": "b"})]);
    assert_good(&text);
    assert!(text.contains("# not used: .k, .host.name (1 of 2), .host (1 of 2)\n"), "{text}");
}

#[test]
fn no_draft_is_made_of_what_is_no_alert_and_it_says_why() {
    let why = |samples: &[Value]| infer(samples, "x", &MappingSettings::default(), &[]).unwrap_err().to_string();
    assert_eq!(why(&[]), "there is no sample");
    assert_eq!(why(&[json!({"a": 1}), json!(7)]), "sample 2 is no JSON object");
    assert_eq!(why(&[json!([])]), "there is no sample");
    assert!(why(&[json!({"a": 1}), json!({"b": 1})]).starts_with("the samples have no key in common"));
    assert!(why(&[json!({})]).starts_with("the samples have no key in common"));
}

#[test]
fn odd_names_and_values_are_written_so_that_they_read_back() {
    let odd = json!({
        "it's": "a 'quote' and \\(1)", "a\nb": "\u{85}\u{2028}\u{feff}\u{7}", "": "", "~": null, "title": "# no: comment",
        "id": "007", "severity": "'", "k: v": {"- x": ["yes", "1e3", "0x1f", "2026-11-20"]}, "big": 12_345_678_901_234_567_890_u64,
    });
    let text = draft(&[odd]);
    assert_good(&text);
    assert_eq!(text.matches("\nname: acme_edr_json\n").count(), 1, "{text}");
}

#[test]
fn the_same_samples_give_the_same_draft() {
    assert_eq!(draft(&[sample(1, "high")]), draft(&[sample(1, "high")]));
}

/// Objects with names that roles look for, among others.
fn records() -> impl Strategy<Value = Vec<Value>> {
    let name = prop_oneof![
        "[a-z]{1,3}",
        "\\PC{0,6}",
        proptest::sample::select(vec![
            "id",
            "title",
            "severity",
            "level",
            "time",
            "src_ip",
            "dst_port",
            "host",
            "user",
            "tags",
            "events",
            "alerts",
            "count",
            "pid",
            "url",
            "vendor",
            "confidence",
            "mitre"
        ])
        .prop_map(str::to_owned),
    ];
    let value = prop_oneof![
        any_json(),
        Just(json!("10.0.0.1")),
        Just(json!("2026-11-20T08:14:52Z")),
        Just(json!(["T1059", "x"])),
        Just(json!([{"id": 1, "title": "t", "severity": "x"}])),
        any::<f64>().prop_map(|n| json!(n)),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let record =
        proptest::collection::vec((name, value), 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect()));
    proptest::collection::vec(record, 1..3)
}

proptest! {
    #[test]
    fn whatever_records_go_in_a_draft_that_comes_out_loads_and_its_test_holds(mut samples in records()) {
        if let Some(Value::Object(first)) = samples.first_mut() {
            let _earlier = first.insert("common".to_owned(), json!(1));
        }
        for sample in &mut samples {
            let _earlier = sample.as_object_mut().unwrap().insert("common".to_owned(), json!("x"));
        }
        let text = infer(&samples, "p", &MappingSettings::default(), &[]);
        prop_assert!(text.is_ok(), "{:?}", text);
        assert_good(&text.unwrap());
    }
}
