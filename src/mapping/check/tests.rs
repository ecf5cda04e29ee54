//! The check, field by field.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Check, Place};
use crate::domain::Fields;
use crate::mapping::schema::{ALERT, Field};

fn check(strict: bool, value: Value) -> (Value, Vec<String>) {
    let Value::Object(map) = value else { panic!("an object") };
    let mut object = Fields::from(map);
    let mut faults = Vec::new();
    Check { strict, zone_offset: 480, faults: &mut faults }.object(&Place::Root, ALERT, &mut object);
    (object.into(), faults.into_iter().map(|f| format!("{}: {}", f.field, f.message)).collect())
}

#[test]
fn what_does_not_fit_is_left_out_with_its_path_and_without_its_value() {
    let (checked, faults) = check(
        false,
        json!({
            "title": 7,
            "count": -1,
            "confidence": 80.0,
            "criticality": 1.5,
            "severity": "critical",
            "first_observed_time": "2026-11-20T08:14:52.318Z",
            "last_observed_time": "2026-11-20T08:14:52.318Z+0000",
            "create_time": "2026-11-20 08:14:52",
            "arrive_time": "yesterday",
            "network_list": [
                {"src_ip": "192.0.2.1", "src_port": "80", "dest_port": 443, "direction": "in"},
                {"src_port": 70000, "dest_port": "70000"},
                "x"
            ],
            "process": [{"process_launche_time": 1, "process_pid": 4, "process_name": null}],
            "resource_list": [{"type": "spaceship", "name": "n", "tags": {"a": "b", "c": 1, "d": "\u{7}"}}],
            "data_source": {"source_type": 4},
            "remediation": {},
            "ipdrr_phase": "Contain\u{ff0c}Eradication& Recovery",
            "system_info": {"any": {"thing": null}},
            "extra": {"kept": true}
        }),
    );
    insta::assert_snapshot!(format!("{}\n\n{}", serde_json::to_string_pretty(&checked).unwrap(), faults.join("\n")));
}

#[test]
fn strict_makes_unknown_fields_faults_at_every_level() {
    let (checked, faults) =
        check(true, json!({"title": "t", "extra": 1, "user_info": [{"user_name": "u", "mail": "m"}]}));
    assert_eq!(checked, json!({"title": "t", "user_info": [{"user_name": "u"}]}));
    assert_eq!(faults.len(), 2);
}

#[test]
fn text_is_cut_by_characters() {
    let (checked, faults) = check(false, json!({"title": "\u{e9}".repeat(300), "id": "x".repeat(40)}));
    assert_eq!(checked["title"].as_str().unwrap().chars().count(), 255);
    assert_eq!(checked["id"].as_str().unwrap().len(), 36);
    assert_eq!(faults, Vec::<String>::new());
}

/// An alert with every member of every object of the data class; the values are invented.
fn complete() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/complete_alert.json")).unwrap()
}

#[test]
fn an_alert_with_every_field_of_the_data_class_passes_as_it_is() {
    let (checked, faults) = check(true, complete());
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(checked, complete());
    let Value::Object(complete) = complete() else { panic!("an object") };
    let names = |fields: &[Field]| fields.iter().map(|f| f.name).collect::<BTreeSet<_>>();
    assert_eq!(names(ALERT), complete.keys().map(String::as_str).collect(), "and there are no others");
}

/// The places of all scalars in a value.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), all)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| places(item, &format!("{at}/{i}"), all)),
        _ => all.push(at.to_owned()),
    }
}

#[test]
fn every_field_refuses_what_is_of_another_type_and_nothing_else_is_touched() {
    let mut all = Vec::new();
    places(&complete(), "", &mut all);
    let mut told = Vec::new();
    for place in all.iter().filter(|place| !place.starts_with("/system_")) {
        for wrong in [json!(["s3cr3t"]), json!({"s3cr3t": 1}), json!(true), json!("s3cr3t"), json!(1e300)] {
            let mut changed = complete();
            *changed.pointer_mut(place).unwrap() = wrong;
            let (checked, faults) = check(false, changed.clone());
            told.extend(faults.iter().cloned());
            let is_left_out = checked.pointer(place).is_none();
            assert_eq!(faults.len(), usize::from(is_left_out), "{place}: {faults:?}");
            if !is_left_out {
                assert!(checked == changed, "{place} is another one");
            }
        }
    }
    told.dedup();
    assert!(told.iter().all(|fault| !fault.contains("s3cr3t")));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn numbers_have_bounds() {
    for (field, least, most) in [("count", 0_i64, i64::from(i32::MAX)), ("confidence", 0, 100), ("criticality", 0, 100)]
    {
        for (value, holds) in [(least, true), (most, true), (least - 1, false), (most + 1, false)] {
            assert_eq!(check(false, json!({field: value})).1.is_empty(), holds, "{field}: {value}");
        }
    }
    let nested = |list: &str, field: &str, value: &Value| check(false, json!({list: [{field: value}]})).1;
    for (field, value, holds) in [
        ("src_port", json!(0), true),
        ("src_port", json!(65_535), true),
        ("src_port", json!(65_536), false),
        ("src_port", json!("80"), false),
        ("dest_port", json!("65535"), true),
        ("dest_port", json!("65536"), false),
        ("dest_port", json!("+80"), false),
        ("dest_port", json!(80), false),
        ("src_geo", json!({"latitude": 90, "longitude": -180.0}), true),
        ("src_geo", json!({"latitude": 90.5}), false),
    ] {
        assert_eq!(nested("network_list", field, &value).is_empty(), holds, "{field}: {value}");
    }
    for (field, value, holds) in [
        ("process_pid", json!(-1), true),
        ("process_pid", json!(4_294_967_295_u64), true),
        ("process_pid", json!(4_294_967_296_u64), false),
        ("process_launche_time", json!("2026-02-01T08:00:00Z"), true),
        ("process_launche_time", json!("at boot"), false),
        ("process_launch_time", json!(1), true),
    ] {
        assert_eq!(nested("process", field, &value).is_empty(), holds, "{field}: {value}");
    }
}

#[test]
fn tags_have_the_limits_of_the_api() {
    let many: serde_json::Map<_, _> = (0..51).map(|i| (format!("t{i}"), json!("v"))).collect();
    let tags = |tags: Value| check(false, json!({"resource_list": [{"name": "n", "tags": tags}]}));
    let (checked, faults) = tags(many.into());
    assert_eq!(checked["resource_list"][0]["tags"].as_object().unwrap().len(), 50);
    assert_eq!(faults, ["resource_list[0].tags.t50: is more than 50 tags"]);
    assert_eq!(tags(json!({"a": "x".repeat(255), "b": "a b+c-d=e.f_g:h/i@j"})).1, Vec::<String>::new());
    assert_eq!(tags(json!({"a": "x".repeat(256), "b": "a;b", "c": {}})).1.len(), 3);
}
