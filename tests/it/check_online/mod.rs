//! `alertbridge check --online` as users meet it: the lines, with their remedies, and the exit code.

mod hurried;
mod rights;

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use alertbridge::kafka::embedded::EmbeddedKafka;
use alertbridge::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY, RunningSimulator, Simulator, SimulatorSettings, World};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

const WORKSPACE: &str = "f44065f5-557b-4376-ae02-8c65ef1960f4";
const ENABLED: &str = "446255ce-1111-2222-3333-0b4931000000";
const DISABLED: &str = "446255ce-1111-2222-3333-0b4931000001";
const OF_INCIDENTS: &str = "446255ce-1111-2222-3333-0b4931000002";
const UNKNOWN: &str = "446255ce-1111-2222-3333-0b4931000003";
const ELSEWHERE: &str = "f44065f5-0000-4376-ae02-8c65ef1960f4";

/// A configuration; `more` is appended to it.
fn configuration(kafka: &str, secmaster: &str, secret: &str, more: &str) -> String {
    format!(
        "kafka:\n  bootstrap_servers: {kafka}\n  group_id: soc\n  topics: [soc.alerts, '^soc\\.edr\\.']\n  \
         start_from: earliest\n\
         secmaster:\n  endpoint: {secmaster}\n  project_id: 0123456789abcdef0123456789abcdef\n  \
         workspace_id: {WORKSPACE}\n  request_timeout: 8s\n  credentials:\n    access_key_id: {DEMO_ACCESS_KEY}\n    \
         secret_access_key: {secret}\n\
         mapping:\n  formats: [acme]\n  directories: [mappings]\n{more}"
    )
}

const MAPPING: &str = "name: acme\nmatch: .vendor == \"acme\"\nalert:\n  title: .t\n  shift: .s\n  malware: .m\n";

/// Runs the check in a folder of its own: exit code and lines, with what differs from run to run named.
async fn check(configuration: &str, arguments: &[&str]) -> (Option<i32>, String) {
    check_in(folder(configuration).path(), arguments).await
}

fn folder(configuration: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("mappings")).unwrap();
    std::fs::write(folder.path().join("mappings/acme.yaml"), MAPPING).unwrap();
    std::fs::write(folder.path().join("alertbridge.yaml"), configuration).unwrap();
    folder
}

async fn check_in(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run_in(folder, arguments).await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!said.contains(DEMO_SECRET_KEY), "a secret in: {said}");
    (output.status.code(), online(&said))
}

async fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alertbridge"))
        .args(["check", "--online"])
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .output()
        .await
        .unwrap()
}

/// What the online part says.
fn online(said: &str) -> String {
    let lines: Vec<&str> = said.lines().skip_while(|line| !line.contains("  kafka: ")).collect();
    assert!(!lines.is_empty(), "{said}");
    let plain = regex::Regex::new(r"127\.0\.0\.1:\d+|localhost:\d+|request id [^)]+").unwrap();
    plain
        .replace_all(&lines.join("\n"), |found: &regex::Captures<'_>| {
            if found[0].starts_with("request") { "request id ID".to_owned() } else { "HOST:PORT".to_owned() }
        })
        .into_owned()
}

async fn simulator(world: serde_json::Value) -> RunningSimulator {
    let world: World = serde_json::from_value(world).unwrap();
    Simulator::start(SimulatorSettings { world, ..SimulatorSettings::default() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_has_a_line_and_what_is_wrong_its_remedy() {
    let simulator = simulator(json!({
        "workspaces": [{"id": WORKSPACE, "name": "SOC"}],
        "dataclasses": [{"id": "inc", "name": "Incident", "workspace_id": WORKSPACE}],
        "workflows": [
            {"id": ENABLED, "name": "contain", "enabled": true},
            {"id": DISABLED, "name": "survey", "enabled": false},
            {"id": OF_INCIDENTS, "name": "close", "enabled": true, "dataclass_id": "inc", "dataclass_name": "Incident"},
        ],
    }))
    .await;
    let kafka = EmbeddedKafka::start(&[("soc.alerts", 2), ("soc.alerts.dead-letter", 1)]).unwrap();
    let routes = format!(
        "routing:\n  default_workflow_id: {ENABLED}\n  rules:\n    - {{name: a, when: .x, workflow_id: {DISABLED}, create_alert: true}}\n    - \
         {{name: b, when: .y, workflow_ids: ['{OF_INCIDENTS}', '{UNKNOWN}']}}\n    - {{name: c, when: .z, workflow_id: {ENABLED}, workspace_id: {ELSEWHERE}}}\n"
    );
    let configuration = configuration(&kafka.bootstrap_servers(), &simulator.url(), DEMO_SECRET_KEY, &routes);
    let (code, said) = check(&configuration, &[]).await;
    insta::assert_snapshot!(said);
    assert_eq!(code, Some(1));
    assert!(simulator.handle().instances().is_empty(), "nothing was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_well_ends_with_0_and_warnings_only_where_they_are_not_denied() {
    let simulator = simulator(json!({})).await;
    let kafka = EmbeddedKafka::start(&[("soc.alerts", 2), ("soc.edr.a", 1), ("soc.alerts.dead-letter", 1)]).unwrap();
    let routes = format!("routing:\n  default_workflow_id: {ENABLED}\n");
    let configuration = configuration(&kafka.bootstrap_servers(), &simulator.url(), DEMO_SECRET_KEY, &routes);
    let (code, said) = check(&configuration, &[]).await;
    assert!(code == Some(0) && said.contains(", 0 failures"), "{said}");
    let (code, said) = check(&configuration, &["--deny-warnings"]).await;
    assert_eq!(code, Some(1), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_carry_the_probe_out_have_no_record_of_it_where_the_daemon_reads() {
    let simulator = simulator(json!({})).await;
    let routes = format!("routing:\n  default_workflow_id: {ENABLED}\n");
    for letters in [Some("soc.alerts.dead-letter"), None] {
        let topics: Vec<(&str, i32)> =
            ["soc.alerts", "soc.alerts.redrive"].into_iter().chain(letters).map(|t| (t, 1)).collect();
        let kafka = EmbeddedKafka::start(&topics).unwrap();
        let servers = kafka.bootstrap_servers();
        let (_, said) = check(&configuration(&servers, &simulator.url(), DEMO_SECRET_KEY, &routes), &[]).await;
        let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &servers).create().unwrap();
        let end = |topic| consumer.fetch_watermarks(topic, 0, Duration::from_secs(10)).unwrap().1;
        assert_eq!(end("soc.alerts.redrive"), 0, "{said}");
        let is_told = said.contains("so that an empty record of this check stands in it");
        assert_eq!((is_told, letters.map_or(0, end)), (letters.is_some(), i64::from(letters.is_some())), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_side_that_is_away_or_refuses_does_not_keep_the_other_from_being_looked_at() {
    let simulator = simulator(json!({})).await;
    let routes = format!("routing:\n  default_workflow_id: {ENABLED}\n");
    let away = configuration("127.0.0.1:1", &simulator.url(), "not-the-secret", &routes);
    let (code, said) = check(&away, &[]).await;
    insta::assert_snapshot!("without_kafka_and_with_a_wrong_secret", said);
    assert_eq!(code, Some(1));
    let kafka = EmbeddedKafka::start(&[("soc.alerts", 1), ("soc.edr.a", 1), ("soc.alerts.dead-letter", 1)]).unwrap();
    let (code, said) = check(&configuration(&kafka.bootstrap_servers(), "http://127.0.0.1:1", "x", &routes), &[]).await;
    assert!(said.contains("ok    kafka: 1 broker\n") && said.contains("fail  secmaster: http://HOST:PORT: "), "{said}");
    assert_eq!(code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_one_document_with_the_lines_that_people_get_and_the_same_exit_code() {
    let simulator = simulator(json!({})).await;
    let kafka = EmbeddedKafka::start(&[("soc.alerts", 2), ("soc.edr.a", 1), ("soc.alerts.dead-letter", 1)]).unwrap();
    let routes = format!("routing:\n  default_workflow_id: {ENABLED}\n");
    let (well, away) = (kafka.bootstrap_servers(), "127.0.0.1:1".to_owned());
    for (kafka, code) in [(well, 0), (away, 1)] {
        let folder = folder(&configuration(&kafka, &simulator.url(), DEMO_SECRET_KEY, &routes));
        let ((of_people, said), output, yaml) = tokio::join!(
            check_in(folder.path(), &[]),
            run_in(folder.path(), &["--output", "json"]),
            run_in(folder.path(), &["--output", "yaml"]),
        );
        assert_eq!((of_people, output.status.code()), (Some(code), Some(code)), "{said}");
        let lines: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        let heads = lines.iter().map(|line| {
            let state = match line["state"].as_str() {
                Some("ok") => "ok   ",
                Some("warning") => "warn ",
                Some("failure") => "fail ",
                other => panic!("{other:?}"),
            };
            assert_eq!(line["remedy"].is_null(), line["state"] == "ok", "{line}");
            format!("{state} {}: ", line["name"].as_str().unwrap())
        });
        let is_head = |line: &&str| ["ok ", "warn ", "fail "].iter().any(|level| line.starts_with(level));
        let of_people: Vec<&str> = said.lines().filter(is_head).collect();
        let of_programs: Vec<String> = heads.collect();
        assert_eq!(of_programs.len(), of_people.len(), "{of_programs:?} {said}");
        assert!(
            of_programs.iter().zip(&of_people).all(|(head, line)| line.starts_with(head)),
            "{of_programs:?} {said}"
        );
        let aside = String::from_utf8(output.stderr).unwrap();
        assert!(aside.contains("ok    configuration ("), "{aside}");
        assert!(yaml.stdout.starts_with(b"- name: kafka\n  state: "), "{}", String::from_utf8_lossy(&yaml.stdout));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_a_document_of_what_is_wrong_before_anybody_is_asked_too() {
    let document = async |configuration: &str| {
        let output = run_in(folder(configuration).path(), &["--output", "json"]).await;
        let lines: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert!(lines.iter().all(|line| line["state"] == "failure" && line["remedy"].is_string()), "{lines:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("alertbridge: "), "people are told, too");
        let text = |name: &str| lines.iter().map(|line| line[name].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        (output.status.code(), text("name"), text("what"), text("remedy"))
    };
    let good = configuration("127.0.0.1:1", "http://127.0.0.1:1", DEMO_SECRET_KEY, "");
    let (code, names, _, remedies) = document(&good.replace("  group_id: soc\n", "  group: soc\n")).await;
    assert_eq!((code, names.is_empty()), (Some(2), false));
    assert!(names.iter().any(|name| name.starts_with("kafka.group")), "{names:?}");
    assert!(remedies.iter().any(|remedy| remedy.contains("alertbridge.yaml:3")), "{remedies:?}");
    let (code, names, whats, _) = document(&good.replace("[acme]", "[acme, no_such_format]")).await;
    assert_eq!((code, names), (Some(2), vec!["configuration".to_owned()]));
    assert!(whats[0].contains("no_such_format"), "{whats:?}");
}
