//! What is odd about each source, and what becomes of it. `docs/formats/README.md` lists which test is for which trap.

use alertbridge::domain::{Alert, DeadLetterClass, FailureReason};
use alertbridge::mapping::FieldFault;
use alertbridge::routing::{Decision, RouteSettings, RouteTable};
use serde_json::{Map, Value, json};

use super::{alert, bytes_of, changed, document, mapper, parts_of};

fn object(alert: Alert) -> Map<String, Value> {
    let Value::Object(content) = alert.content.into() else { panic!("an object") };
    content
}

fn content(document: &Value) -> Map<String, Value> {
    object(alert(document))
}

fn faults(document: &Value) -> Vec<FieldFault> {
    parts_of(mapper(), document.to_string()).remove(0).faults
}

#[test]
fn a_name_with_dots_is_one_key_beside_nested_objects() {
    let elastic = content(&document("elastic_detection_alert", "example"));
    assert_eq!(elastic["title"], "Office Child Process Running Encoded PowerShell", "one key");
    assert_eq!(elastic["resource_list"][0]["name"], "ws-fin-0417", "nested");
    let splunk = content(&document("splunk_notable", "example"));
    assert_eq!(splunk["labels"], "TA0006,T1110.001");
    let falco = content(&document("falco_alert", "example"));
    assert_eq!(falco["process"][0]["process_cmdline"], "bash");
    let zeek = content(&document("sigma_streams_detection", "example"));
    assert_eq!(zeek["network_list"][0]["src_ip"], "10.20.50.5");
}

#[test]
fn texts_that_hold_json_or_a_list_are_read() {
    let read = content(&document("sentinel_securityalert", "example"));
    assert_eq!(read["network_list"][0]["src_ip"], "203.0.113.150");
    assert_eq!(read["user_info"][0]["user_name"], "a.novak@example.com");
    assert_eq!(read["system_info"]["extended_properties"]["Trigger Operator"], "GreaterThan");
    assert_eq!(read["labels"], "TA0001,TA0003,T1078,T1137,T1078.004,T1137.005");
}

#[test]
fn a_text_that_should_hold_json_and_does_not_costs_nothing_else() {
    for odd in [json!("not json"), json!(""), json!(null), json!("7"), json!("[7, null, {}]")] {
        for (format, fields) in [
            ("sentinel_securityalert", &["Entities", "ExtendedProperties"][..]),
            ("defender_for_cloud_export", &["Entities"]),
        ] {
            let document = changed(format, |document| fields.iter().for_each(|field| document[*field] = odd.clone()));
            assert_eq!(faults(&document), Vec::new(), "{format}: {odd}");
            let content = content(&document);
            assert!(content.contains_key("title") && !content.contains_key("network_list"), "{format}: {odd}");
        }
    }
}

#[test]
fn things_in_a_mixed_list_are_chosen_by_their_type_in_any_order() {
    for (format, list) in [("defender_graph_alert_v2", "evidence"), ("defender_for_cloud_export", "Entities")] {
        let first = content(&document(format, "example"));
        for turn in 1..5 {
            let turned = changed(format, |document| {
                let items = document[list].as_array_mut().unwrap();
                let turn = turn % items.len();
                items.rotate_left(turn);
                // What is of no known type, or has none, is passed by.
                items.insert(0, json!({"@odata.type": "#microsoft.graph.security.oauthApplicationEvidence"}));
                items.insert(0, json!({"Type": "mystery"}));
                items.insert(0, json!("a text"));
            });
            assert_eq!(content(&turned), first, "{format}, turned by {turn}");
            assert_eq!(faults(&turned), Vec::new(), "{format}");
        }
    }
}

#[test]
fn numbers_that_come_as_texts_become_numbers() {
    let splunk = content(&document("splunk_notable", "example"));
    assert_eq!((&splunk["count"], &splunk["criticality"]), (&json!(64), &json!(80)));
    assert_eq!(splunk["create_time"], "2026-11-20T08:45:01.000Z+0000");
    let wazuh = content(&document("wazuh_alert", "example"));
    assert_eq!(wazuh["network_list"][0]["src_port"], 60188);
    assert_eq!(wazuh["system_info"]["rule_id"], "100212");
    let sigma = content(&document("sigma_rule_match", "example"));
    assert_eq!(sigma["process"][0]["process_pid"], 6624);
    let odd = changed("splunk_notable", |document| {
        document["count"] = json!("many");
        document["risk_score"] = json!("");
    });
    let content = content(&odd);
    assert!(!content.contains_key("count") && !content.contains_key("criticality"));
}

#[test]
fn fields_of_several_values_are_all_told_and_unknown_ones_none() {
    let odd = changed("splunk_notable", |document| {
        document["dest"] = json!(["dc-02", "", "dc-03"]);
        document["user"] = json!("unknown");
        document["src_ip"] = json!(["198.51.100.77", "198.51.100.78"]);
    });
    let content = content(&odd);
    assert_eq!(
        content["resource_list"],
        json!([{"name": "dc-02", "type": "device"}, {"name": "dc-03", "type": "device"}])
    );
    assert_eq!(content["network_list"][0]["src_ip"], "198.51.100.77");
    assert!(!content.contains_key("user_info"));
}

#[test]
fn integers_beyond_a_doubles_reach_keep_every_digit() {
    let text = String::from_utf8(bytes_of("suricata_eve_alert", "example")).unwrap();
    for flow in ["9007199254740993", "17320911844237719999"] {
        let value = text.replace("1732091184423771", flow);
        let alert = parts_of(mapper(), value).remove(0).result.unwrap();
        let info = Value::from(alert.content.get("system_info").unwrap().clone()).to_string();
        assert!(info.contains(&format!("\"flow_id\":{flow},")), "{info}");
        assert!(info.contains(&format!("\"source_id\":\"{flow}/2045001/")), "{info}");
    }
    let falco = content(&document("falco_alert", "example"));
    assert_eq!(falco["system_info"]["event_time"].to_string(), "1795171458501236711");
}

#[test]
fn every_sources_spelling_of_time_becomes_secmasters() {
    for (format, expected) in [
        ("cloudevents_structured", "2026-11-20T10:50:07.313Z+0000"),
        ("ocsf_detection_finding_2004", "2026-11-20T10:04:05.123Z+0000"),
        ("elastic_detection_alert", "2026-11-20T08:14:52.318Z+0000"),
        ("alertmanager_webhook", "2026-11-20T10:52:11.430Z+0000"),
        ("suricata_eve_alert", "2026-11-20T10:40:02.771Z+0000"),
        ("falco_alert", "2026-11-20T10:44:18.501Z+0000"),
        ("sigma_streams_detection", "2026-11-20T10:58:33.120Z+0000"),
        ("defender_for_cloud_export", "2026-11-20T09:09:30.771Z+0000"),
        ("sentinel_securityalert", "2026-11-20T07:41:09.118Z+0000"),
        ("defender_graph_alert_v2", "2026-11-20T11:19:27.721Z+0000"),
        ("splunk_notable", "2026-11-20T08:45:01.000Z+0000"),
        ("splunk_alert_webhook", "2026-11-20T08:39:00.000Z+0000"),
        ("wazuh_alert", "2026-11-20T10:31:44.208Z+0000"),
        ("sigma_rule_match", "2026-11-20T11:02:37.145Z+0000"),
        ("ecs_nested_alert", "2026-11-20T11:30:12.004Z+0000"),
    ] {
        assert_eq!(content(&document(format, "example"))["create_time"], expected, "{format}");
    }
}

#[test]
fn a_time_without_a_zone_gets_the_one_of_the_settings() {
    let of =
        |time: &str| content(&changed("sigma_rule_match", |d| d["timestamp"] = json!(time)))["create_time"].clone();
    assert_eq!(of("2026-11-20 11:02:36.980"), "2026-11-20T11:02:36.980Z+0800");
    assert_eq!(of("2026-11-20T11:02:36-0330"), "2026-11-20T11:02:36.000Z-0330");
}

#[test]
fn the_zero_date_of_alertmanager_is_no_end() {
    let firing = content(&document("alertmanager_webhook", "example"));
    assert_eq!(firing["last_observed_time"], firing["first_observed_time"]);
    assert!(!firing.contains_key("close_time"));
}

#[test]
fn every_alert_of_a_group_is_one_of_its_own_and_a_resolved_one_starts_nothing() {
    let parts = parts_of(mapper(), bytes_of("alertmanager_webhook", "example"));
    let told: Vec<_> = parts.iter().map(|p| (p.part, p.result.as_ref().unwrap().skip.as_deref())).collect();
    assert_eq!(told, [(0, None), (1, Some("resolved"))]);
    let resolved = object(parts[1].result.clone().unwrap());
    assert_eq!(
        (&resolved["handle_status"], &resolved["close_time"]),
        (&json!("Closed"), &json!("2026-11-20T10:50:41.430Z+0000"))
    );
    assert_eq!(
        resolved["system_info"]["group_key"],
        object(parts[0].result.clone().unwrap())["system_info"]["group_key"]
    );
}

#[test]
fn an_update_or_a_closure_of_an_ocsf_finding_starts_nothing_unless_a_file_of_the_users_says_so() {
    let skip = |activity: Value| alert(&changed("ocsf_detection_finding_2004", |d| d["activity_id"] = activity)).skip;
    for activity in [json!(2), json!(3), json!(99)] {
        assert_eq!(skip(activity.clone()).as_deref(), Some("not new"), "{activity}");
    }
    for activity in [json!(1), Value::Null] {
        assert_eq!(skip(activity), None);
    }
    let settings = RouteSettings { default_workflow_id: Some("wf".to_owned()), ..RouteSettings::default() };
    let routes = RouteTable::new(&settings).unwrap();
    let update = alert(&changed("ocsf_detection_finding_2004", |d| d["activity_id"] = json!(2)));
    assert_eq!(routes.decide(&update), Decision::Skip { route: None, reason: "not new".into() });
}

#[test]
fn what_its_source_closed_is_closed() {
    for (format, field, closed) in [
        ("elastic_detection_alert", "kibana.alert.workflow_status", "closed"),
        ("defender_for_cloud_export", "Status", "Dismissed"),
        ("sentinel_securityalert", "Status", "Resolved"),
        ("defender_graph_alert_v2", "status", "resolved"),
        ("splunk_notable", "status_label", "Closed"),
    ] {
        assert_eq!(content(&document(format, "example"))["handle_status"], "Open", "{format}");
        assert_eq!(content(&changed(format, |d| d[field] = json!(closed)))["handle_status"], "Closed", "{format}");
    }
}

#[test]
fn a_splunk_webhook_is_its_first_row() {
    let content = content(&document("splunk_alert_webhook", "example"));
    assert_eq!(content["system_info"]["result"]["src_ip"], "10.4.19.77");
    assert_eq!(content["source_url"], document("splunk_alert_webhook", "example")["results_link"]);
}

#[test]
fn only_tags_of_attack_become_labels() {
    assert_eq!(content(&document("falco_alert", "example"))["labels"], "TA0002,T1059");
    assert_eq!(content(&document("sigma_rule_match", "example"))["labels"], "TA0006,T1003.001");
    let odd = |format: &str, tags: &str, list: Value| {
        content(&changed(format, |d| *d.pointer_mut(tags).unwrap() = list))["labels"].clone()
    };
    let tags = json!(["impact", "mitre_discovery", "t1082", "T108", "T1059.1", "Tier1", 7]);
    assert_eq!(odd("falco_alert", "/tags", tags), "TA0007,T1082", "a tag with a tactic's name is none");
    let tags =
        json!(["attack.t1059.001", "ATTACK.T1003", "attack.g0016", "attack.defense_evasion", "execution", "t1190"]);
    assert_eq!(odd("sigma_rule_match", "/rule/tags", tags), "TA0005,T1059.001,T1003");
}

#[test]
fn every_spelling_of_a_tactic_becomes_its_id() {
    let labels = |format: &str, field: &str, tactic: Value| {
        let document = changed(format, |document| *document.pointer_mut(field).unwrap() = tactic);
        content(&document)["labels"].as_str().unwrap().split(',').next().unwrap().to_owned()
    };
    for (format, field, tactic) in [
        ("ocsf_detection_finding_2004", "/finding_info/attacks/0/tactic", json!({"name": "Defense Evasion"})),
        ("elastic_detection_alert", "/kibana.alert.rule.threat/0/tactic", json!({"id": "TA0005"})),
        ("suricata_eve_alert", "/alert/metadata/mitre_tactic_id", json!(["TA0005"])),
        ("suricata_eve_alert", "/alert/metadata/mitre_tactic_id/0", json!("Defense_Evasion")),
        ("falco_alert", "/tags", json!(["mitre_defense_evasion"])),
        ("defender_for_cloud_export", "/Intent", json!("DefenseEvasion")),
        ("sentinel_securityalert", "/Tactics", json!("DefenseEvasion, Impact")),
        ("defender_graph_alert_v2", "/category", json!("DefenseEvasion")),
        ("splunk_notable", "/annotations.mitre_attack.mitre_tactic_id", json!(["defense-evasion"])),
        ("wazuh_alert", "/rule/mitre/tactic", json!(["Defense Evasion"])),
        ("sigma_rule_match", "/rule/tags", json!(["attack.defense-evasion"])),
        ("ecs_nested_alert", "/threat/tactic", json!({"name": "Defense Evasion"})),
        ("cloudevents_structured", "/data/mitre/0/tactic", json!("defense evasion")),
    ] {
        assert_eq!(labels(format, field, tactic), "TA0005", "{format}: {field}");
    }
}

#[test]
fn confidence_comes_from_confidence_only() {
    let sentinel = |score: Value| {
        content(&changed("sentinel_securityalert", |d| d["ConfidenceScore"] = score)).get("confidence").cloned()
    };
    assert_eq!(sentinel(json!(0.29)), Some(json!(29)), "from 0 to 1");
    assert_eq!(sentinel(Value::Null), None);
    for format in ["elastic_detection_alert", "splunk_notable", "ecs_nested_alert", "ocsf_detection_finding_2004"] {
        let content = content(&document(format, "example"));
        assert!(!content.contains_key("confidence") && content.contains_key("criticality"), "{format}: a risk score");
    }
}

#[test]
fn the_data_of_an_event_may_be_anything() {
    for data in [json!("a text"), json!(7), json!([1]), json!({"rule": "a text", "host": [], "mitre": 7}), Value::Null]
    {
        let odd = changed("cloudevents_structured", |document| document["data"] = data.clone());
        assert_eq!(content(&odd)["title"], "host/db-core-01", "{data}");
        assert_eq!(faults(&odd), Vec::new(), "{data}");
    }
}

#[test]
fn syslog_and_cef_are_dead_letters_and_no_crash() {
    for text in [
        "<134>Nov 20 10:31:43 fw-1 CEF:0|Acme|Firewall|1|100|Scan|7|src=203.0.113.7",
        "CEF:0|Acme|Firewall|1|100|Scan|7|src=203.0.113.7",
        "LEEF:2.0|Acme|IDS|1|42|\tsrc=203.0.113.7",
    ] {
        let failure = parts_of(mapper(), text).remove(0).result.unwrap_err();
        assert_eq!((failure.class, failure.reason), (DeadLetterClass::Malformed, FailureReason::NotJson));
        assert!(!failure.message.contains("203.0.113.7"), "{}", failure.message);
    }
}

#[test]
fn what_starts_nothing_is_skipped_before_its_fields_are_asked_for() {
    let group = changed("alertmanager_webhook", |document| {
        document["alerts"] = json!([{"status": "resolved", "labels": {}, "generatorURL": 7}]);
    });
    let part = parts_of(mapper(), group.to_string()).remove(0);
    assert_eq!(part.result.unwrap().skip.as_deref(), Some("resolved"), "without a title");
    assert_eq!(part.faults, []);
}

#[test]
fn an_element_that_is_no_alert_costs_none_of_its_group() {
    let group = changed("alertmanager_webhook", |document| {
        let good = document["alerts"][0].clone();
        document["alerts"] = json!([good, 7, good, null, "text"]);
    });
    let told: Vec<_> = parts_of(mapper(), group.to_string()).into_iter().map(|part| part.result.is_ok()).collect();
    assert_eq!(told, [true, false, true, false, false]);
}

#[test]
fn an_alert_of_prometheus_without_a_start_is_known_by_its_place() {
    let group = changed("alertmanager_webhook", |document| {
        let mut alert = document["alerts"][0].clone();
        alert.as_object_mut().unwrap().remove("startsAt");
        document["alerts"] = json!([alert, alert]);
    });
    let ids: Vec<_> = parts_of(mapper(), group.to_string()).into_iter().map(|part| part.result.unwrap().id).collect();
    assert_ne!(ids[0], ids[1], "one fingerprint, two firings");
}

#[test]
fn an_activity_written_as_a_text_is_the_number_in_it() {
    for (activity, skipped) in
        [(json!("1"), false), (json!(1.0), false), (json!("2"), true), (json!(3), true), (json!("Create"), false)]
    {
        let finding = changed("ocsf_detection_finding_2004", |document| document["activity_id"] = activity.clone());
        assert_eq!(alert(&finding).skip.is_some(), skipped, "{activity}");
    }
}

#[test]
fn a_uuid_of_noughts_is_no_id() {
    let of = |id: &str| alert(&changed("ecs_nested_alert", |document| document["event"]["id"] = id.into())).id;
    let nil = of("00000000-0000-0000-0000-000000000000");
    assert_eq!(nil, of(""));
    assert_ne!(nil, "00000000-0000-0000-0000-000000000000");
}

#[test]
fn keys_of_ecs_are_read_flat_and_nested() {
    for format in ["elastic_detection_alert", "ecs_nested_alert"] {
        let flat = Value::Object(flat(document(format, "example").as_object().unwrap()));
        assert!(flat.get("host.name").is_some() && flat.get("host").is_none());
        let alert = alert(&flat);
        assert_eq!(&*alert.format, format);
        assert_eq!(object(alert), content(&document(format, "example")));
        let mut lists = flat.clone();
        for name in ["host.name", "source.ip", "event.kind"] {
            if let Some(value) = lists.get_mut(name) {
                *value = json!([value.take()]);
            }
        }
        assert_eq!(content(&lists), content(&flat), "{format}");
    }
}

#[test]
fn keys_of_ecs_are_read_in_mixtures_of_both_forms() {
    for format in ["elastic_detection_alert", "ecs_nested_alert"] {
        let nested = document(format, "example");
        let mut mixed = nested.clone();
        for value in mixed.as_object_mut().unwrap().values_mut() {
            let Value::Object(fields) = value else { continue };
            *fields = flat(fields);
        }
        assert_ne!(mixed, nested, "{format} has objects in objects");
        assert_eq!(content(&mixed), content(&nested), "{format}");
    }
}

fn flat(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut flat = Map::new();
    for (name, value) in fields {
        match value {
            Value::Object(fields) => flatten(name, fields, &mut flat),
            value => drop(flat.insert(name.clone(), value.clone())),
        }
    }
    flat
}

fn flatten(path: &str, fields: &Map<String, Value>, into: &mut Map<String, Value>) {
    for (name, value) in fields {
        let path = format!("{path}.{name}");
        match value {
            Value::Object(fields) => flatten(&path, fields, into),
            value => drop(into.insert(path, value.clone())),
        }
    }
}
