//! `map` as a whole: what programs read on standard output and people on standard error.

use clap::Parser;

use super::paint::Paint;
use super::standing::Topics;
use super::{MapArgs, Routes, input, show};
use crate::config::Config;
use crate::mapping::{Mapper, MappingSettings};
use crate::pipeline::InstanceIdMode;
use crate::routing::{RouteSettings, RouteTable, RuleSettings};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: MapArgs,
}

fn lines(input: &str, arguments: &[&str], routes: Option<&Routes>) -> (bool, String) {
    let (all_well, out, _) = said(input, arguments, routes);
    (all_well, out)
}

/// Whether all is well, what programs read, and what people read.
fn said(input: &str, arguments: &[&str], routes: Option<&Routes>) -> (bool, String, String) {
    said_within(110, input, arguments, routes)
}

/// The same on a terminal of so many columns.
fn said_within(width: usize, input: &str, arguments: &[&str], routes: Option<&Routes>) -> (bool, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("in.json");
    std::fs::write(&file, input).unwrap();
    let line = ["map", file.to_str().unwrap()].into_iter().chain(arguments.iter().copied());
    let args = Line::try_parse_from(line).unwrap().args;
    let mapper = Mapper::load(&MappingSettings::default()).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let inputs = input::from_files(&args, &Topics::of(&Config::default()), &mut Vec::new()).unwrap();
    let paint = Paint { width, colour: false };
    let all_well = show(&args, &mapper, routes, &inputs, &mut out, &mut err, paint).unwrap();
    (all_well, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

const ALERT: &str = r#"{"title":"t","severity":"High"}"#;

#[test]
fn without_routes_the_request_is_shown_and_route_and_workflow_are_null() {
    let (all_well, out) = lines(ALERT, &[], None);
    assert!(all_well);
    insta::assert_snapshot!(out);
}

#[test]
fn each_line_is_a_record_and_any_error_is_told() {
    let input = format!("{ALERT}\n\nnot json\n[]\n{{\"a\":1}}\n{ALERT}");
    let (all_well, out) = lines(&input, &["--lines", "--topic", "t", "--offset", "7"], None);
    assert!(!all_well);
    insta::assert_snapshot!(out);
}

fn routes() -> Routes {
    routes_of(vec![
        RuleSettings {
            name: "skipped".to_owned(),
            when: Some(".severity == \"Low\"".to_owned()),
            skip: Some("too low".to_owned()),
            ..RuleSettings::default()
        },
        RuleSettings {
            name: "both".to_owned(),
            when: Some(".severity == \"High\"".to_owned()),
            workflow_ids: vec!["w1".to_owned(), "w2".to_owned()],
            ..RuleSettings::default()
        },
    ])
}

/// One rule, which creates the alert and starts this workflow.
fn creating(workflow: &str) -> Routes {
    routes_of(vec![RuleSettings {
        name: "creating".to_owned(),
        workflow_ids: vec![workflow.to_owned()],
        create_alert: true,
        ..RuleSettings::default()
    }])
}

fn routes_of(rules: Vec<RuleSettings>) -> Routes {
    let settings = RouteSettings { rules, ..RouteSettings::default() };
    Routes { table: RouteTable::new(&settings).unwrap(), instance_id: InstanceIdMode::Record }
}

#[test]
fn with_routes_each_workflow_is_a_line_with_its_instance() {
    let routes = routes();
    let input = [ALERT, r#"{"title":"t","severity":"Low"}"#, r#"{"title":"t","severity":"Tips"}"#].join("\n");
    let (all_well, out) = lines(&input, &["--lines"], Some(&routes));
    assert!(!all_well, "the last one is unroutable");
    insta::assert_snapshot!(out);
}

#[test]
fn an_alert_that_is_created_first_is_shown_with_its_request() {
    let routes = creating("w1");
    let (all_well, out) = lines(ALERT, &[], Some(&routes));
    let line: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(all_well);
    assert_eq!(line["create_alert"]["data_object"], line["request"]["playbook_context"]["data_object"]["content"]);
    let (_, _, explained) = said(ALERT, &["--explain"], Some(&routes));
    assert!(explained.contains("is created in SecMaster first"), "{explained}");
}

#[test]
fn people_read_where_each_error_stands() {
    let input = [ALERT, "not json", r#"[{"title":"t","severity":"loud"},7]"#].join("\n");
    let (_, _, err) = said(&input, &["--lines", "--topic", "t", "--partition", "2", "--offset", "7"], None);
    insta::assert_snapshot!(err);
}

#[test]
fn an_id_made_of_a_place_that_was_not_given_is_warned_of_once() {
    let warning = "alertbridge: warning: the source gives no id";
    let two = format!("{ALERT}\n{ALERT}");
    let (_, _, err) = said(&two, &["--lines"], None);
    assert_eq!(err.matches(warning).count(), 1, "{err}");
    let (_, _, err) = said(&two, &["--lines", "--offset", "0"], None);
    assert!(!err.contains(warning), "{err}");
    let (_, _, err) = said(r#"{"id":"a-1","title":"t","severity":"High"}"#, &[], None);
    assert!(!err.contains(warning), "{err}");
}

#[test]
fn a_record_that_nests_as_deep_as_it_may_is_a_line_like_any() {
    let of = |levels: usize| {
        let info = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"title":"t","severity":"High","system_info":{info}}}"#)
    };
    let (all_well, out) = lines(&of(99), &[], Some(&routes()));
    assert!(all_well);
    assert_eq!(out.matches(&format!("{}{}", "[".repeat(99), "]".repeat(99))).count(), 2, "one for each workflow");
    let (_, out) = lines(&of(100), &[], Some(&routes()));
    assert!(out.contains("\"reason\":\"not_json\""), "{out}");
}

#[test]
fn an_empty_file_is_a_tombstone() {
    let (all_well, out) = lines("", &[], None);
    assert_eq!(
        (all_well, out.as_str()),
        (true, "{\"format\":null,\"route\":null,\"skip\":{\"reason\":\"tombstone\"}}\n")
    );
}

#[test]
fn people_read_why_a_record_becomes_what_it_does() {
    let record = r#"{"id":"a-1","title":"t\u009b2J","severity":"critical","count":"57","arrive_time":"2026-11-20 08:14:52","network_list":[{"src_port":"x"}]}"#;
    let (_, _, err) = said(record, &["--explain", "--topic", "t", "--key", "k"], Some(&routes()));
    insta::assert_snapshot!(err);
}

#[test]
fn people_read_why_a_record_becomes_nothing() {
    let input = ["not json", r#"{"a":1}"#, "[]", r#"[{"title":" ","severity":"x"},7]"#].join("\n");
    let (_, _, err) = said(&input, &["--explain", "--lines", "--topic", "t"], None);
    insta::assert_snapshot!(err);
}

#[test]
fn what_is_explained_is_mapped_as_ever() {
    let input = [ALERT, "not json", r#"[{"title":"t","severity":"loud"},7]"#, "[]"].join("\n");
    assert_eq!(lines(&input, &["--lines", "--explain"], Some(&routes())), lines(&input, &["--lines"], Some(&routes())));
}

#[test]
fn no_explanation_is_wider_than_the_terminal() {
    let record = format!(
        r#"{{"id":"a-1","title":"{}","severity":"critical","count":"57","arrive_time":"2026-11-20 08:14:52","network_list":[{{"src_port":"x"}}]}}"#,
        "wide \u{544a}".repeat(40)
    );
    let input = [record.as_str(), "not json", r#"{"a":1}"#, "[]", r#"[{"title":" ","severity":"x"},7]"#].join("\n");
    let arguments = ["--explain", "--lines", "--topic", "a.topic.with.a.long.name", "--offset", "0"];
    for width in [60, 70, 83, 110, 139] {
        let (_, _, err) = said_within(width, &input, &arguments, Some(&routes()));
        let widest = err.lines().max_by_key(|line| super::paint::width(line)).unwrap();
        assert!(super::paint::width(widest) <= width, "{width}: {widest}");
        let verdicts = err.lines().filter(|line| line.contains("  falco_alert  "));
        assert!(verdicts.clone().count() > 0 && verdicts.clone().all(|line| line.ends_with("false")), "{width}: {err}");
    }
}

#[test]
fn a_file_of_several_lines_is_told_of_lines() {
    let two = format!("{ALERT}\n{ALERT}\n");
    let advice =
        "alertbridge: warning: it holds several lines of JSON: with --lines each line is a record of its own\n";
    for arguments in [&[][..], &["--explain"]] {
        let (all_well, _, err) = said(&two, arguments, None);
        assert!(!all_well && err.ends_with(advice), "{err}");
    }
    let (_, _, err) = said("{\"a\": 1\nnot json", &[], None);
    assert!(!err.contains("--lines"), "{err}");
    let (_, _, err) = said(&format!("{ALERT} x\n{ALERT}"), &["--lines"], None);
    assert!(!err.contains("--lines"), "they are given: {err}");
}

#[test]
fn of_a_line_of_an_export_it_is_said_once_where_the_record_is() {
    let line =
        r#"{"topic":"d","partition":0,"offset":1,"timestamp_ms":1,"key":null,"value":{"text":"{}"},"headers":[]}"#;
    let (all_well, _, err) = said(&format!("{line}\n{line}"), &["--lines"], None);
    let warning = "alertbridge: warning: this is what `dead-letters export` writes";
    assert!(!all_well && err.matches(warning).count() == 1, "{err}");
    assert!(err.contains(r#"jq -r '.value.text // empty | gsub("[\r\n]+"; " ")'"#), "{err}");
    let (_, _, err) = said(ALERT, &["--lines"], None);
    assert!(!err.contains("export"), "{err}");
}

/// The headers of a dead letter, as arguments: of part 1, in a batch, of this workflow.
fn of_dead_letter(workflow: &str) -> Vec<String> {
    let workflow = format!("workflow-id={workflow}");
    let fields = [
        "original-cluster=c",
        "original-topic=soc.alerts",
        "original-partition=3",
        "original-offset=42",
        "original-timestamp-ms=7",
        "consumer-group=alertbridge",
        "failure-class=rejected",
        "redrive-count=0",
        "part=1",
        workflow.as_str(),
    ];
    fields.iter().flat_map(|field| ["--header".to_owned(), format!("alertbridge-{field}")]).collect()
}

fn batch() -> String {
    format!("[{ALERT},{ALERT},{ALERT}]")
}

#[test]
fn of_a_dead_letter_what_a_redrive_of_it_runs_is_shown_under_its_first_ids() {
    let routes = routes();
    let first = ["--cluster", "c", "--topic", "soc.alerts", "--partition", "3", "--offset", "42", "--timestamp", "7"];
    let (_, first) = lines(&batch(), &first, Some(&routes));
    let headers = of_dead_letter("w2");
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let (all_well, shown, err) = said(&batch(), &headers, Some(&routes));
    assert!(all_well && shown.lines().count() == 1 && first.lines().count() == 6, "{shown}");
    assert_eq!(shown.lines().next(), first.lines().nth(3), "part 1 has the lines 2 and 3");
    assert!(err.contains("what a redrive runs is part 1 of soc.alerts/3/42 for the workflow w2"), "{err}");
    assert!(!err.contains("--offset"), "its place is known: {err}");
    let explaining = [&headers[..], &["--explain"]].concat();
    let (_, same, explained) = said(&batch(), &explaining, Some(&routes));
    assert_eq!(same, shown);
    let tried = |line: &&str| !line.starts_with("          -");
    insta::assert_snapshot!(explained.lines().filter(tried).collect::<Vec<_>>().join("\n"));
}

#[test]
fn where_a_redrive_leads_nowhere_any_more_it_is_the_dead_letter_that_it_would_be() {
    let headers = of_dead_letter("gone");
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let (all_well, out) = lines(&batch(), &headers, Some(&routes()));
    assert!(!all_well && out.lines().count() == 1 && out.contains("no rule leads to the workflow gone"), "{out}");
    let (all_well, out) = lines(ALERT, &headers, Some(&routes()));
    assert!(!all_well && out.lines().count() == 1 && out.contains("the record has no part 1 any more"), "{out}");
    let (_, same, err) = said(ALERT, &[&headers[..], &["--explain"]].concat(), Some(&routes()));
    assert!(same == out && err.contains("the record has no part 1 any more"), "{err}");
    let (_, out, err) = said("[]", &[&headers[..], &["--explain"]].concat(), Some(&routes()));
    assert!(out.contains("the record has no part 1 any more") && err.contains("has no part 1"), "{out}{err}");
}

#[test]
fn what_headers_say_cannot_move_the_cursor() {
    let headers = of_dead_letter("\u{1b}[2J");
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let (_, _, err) = said(&batch(), &headers, Some(&routes()));
    assert!(err.contains("for the workflow \\u{1b}[2J") && !err.contains('\u{1b}'), "{err}");
}

#[test]
fn an_alert_that_was_created_before_is_not_created_again() {
    let routes = creating("w2");
    let mut headers = of_dead_letter("w2");
    headers.extend(["--header".to_owned(), "alertbridge-created-alert-id=theirs".to_owned()]);
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let (all_well, out) = lines(&batch(), &headers, Some(&routes));
    let line: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(all_well && line.get("create_alert").is_none(), "{out}");
    assert_eq!(line["request"]["playbook_context"]["data_object"]["content"]["id"], "theirs");
}

#[test]
fn what_the_daemon_skips_for_its_headers_is_shown_as_skipped() {
    let own = of_dead_letter("w2");
    let skipped = |topic: &str, more: &[&str]| {
        let own = own.iter().map(String::as_str);
        let all: Vec<&str> = own.chain(more.iter().copied()).chain(["--topic", topic]).collect();
        let (_, out) = lines(&batch(), &all, Some(&routes()));
        let (_, same, err) = said(&batch(), &[&all[..], &["--explain"]].concat(), Some(&routes()));
        assert_eq!(same, out);
        let reason = out.split_once(r#""skip":{"reason":""#).and_then(|(_, rest)| rest.split('"').next());
        assert!(reason.is_none_or(|reason| err.contains(&format!("skipped   {reason}\n"))), "{err}");
        reason.map(str::to_owned)
    };
    let marked = |group: &'static str| ["--header", group, "--header", "alertbridge-redrive-count=1"];
    let (ours, another) = (marked("alertbridge-redrive-group=alertbridge"), marked("alertbridge-redrive-group=b"));
    assert_eq!(skipped("soc.alerts", &[]).as_deref(), Some("dead_letter_copy"));
    assert_eq!(skipped("soc.alerts", &ours).as_deref(), Some("dead_letter_copy"));
    assert_eq!(skipped("soc.alerts.redrive", &[]).as_deref(), Some("redrive_mark"));
    assert_eq!(skipped("soc.alerts.redrive", &another).as_deref(), Some("redrive_group"));
    assert_eq!(skipped("soc.alerts.redrive", &ours), None);
    assert_eq!(skipped("soc.alerts.dead-letter", &[]), None);
    assert_eq!(
        skipped("soc.alerts.dead-letter", &["--header", "alertbridge-value-size=9"]).as_deref(),
        Some("dead_letter_copy")
    );
}
