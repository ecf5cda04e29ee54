//! `alertbridge secmaster` as its users meet it: the binary against a simulator.

use std::path::Path;
use std::process::Output;

use alertbridge::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY, RunningSimulator, Simulator, SimulatorSettings, World};
use serde_json::{Value, json};
use tokio::process::Command;

const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const WORKSPACE: &str = "f44065f5-557b-4376-ae02-8c65ef1960f4";
const WORKFLOW: &str = "446255ce-1111-2222-3333-0b4931000000";

async fn simulator() -> RunningSimulator {
    let world: World = serde_json::from_value(json!({
        "workflows": [{"id": WORKFLOW, "name": "contain", "enabled": true}],
        "playbooks": [{"id": "pb", "name": "on alert", "version": "v1", "version_id": "pv"}],
        "playbook_versions": [{"id": "draft", "playbook_id": "pb"}],
    }))
    .unwrap();
    Simulator::start(SimulatorSettings { world, ..SimulatorSettings::default() }).await.unwrap()
}

/// Runs `alertbridge secmaster` with these arguments: exit code, standard output, standard error.
async fn run(simulator: &RunningSimulator, arguments: &[&str]) -> (i32, String, String) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_alertbridge"))
        .arg("secmaster")
        .args(arguments)
        .env_clear()
        .env("ALERTBRIDGE__SECMASTER__ENDPOINT", simulator.url())
        .env("ALERTBRIDGE__SECMASTER__WORKSPACE_ID", WORKSPACE)
        .env("HUAWEICLOUD_SDK_AK", DEMO_ACCESS_KEY)
        .env("HUAWEICLOUD_SDK_SK", DEMO_SECRET_KEY)
        .env("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT)
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    for said in [&out, &err] {
        assert!(!said.contains(DEMO_SECRET_KEY) && !said.contains("Signature="), "a secret in: {said}");
    }
    (output.status.code().unwrap(), out, err)
}

/// What a command prints that succeeds.
async fn said(simulator: &RunningSimulator, arguments: &[&str]) -> String {
    let (code, out, err) = run(simulator, arguments).await;
    assert_eq!(code, 0, "{arguments:?}: {out}{err}");
    out
}

fn wazuh() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats/wazuh_alert/example.json");
    folder.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_list_and_show_prints_a_table_json_or_yaml() {
    let simulator = simulator().await;
    let class = "a1e57c1a-5500-4000-8000-000000000001";
    for (command, shows) in [
        (&["workspace", "list"][..], "demo"),
        (&["workflow", "list"], "contain"),
        (&["workflow", "list", "--enabled", "true", "--name", "cont"], WORKFLOW),
        (&["workflow", "show", WORKFLOW], "contain"),
        (&["playbook", "list"], "on alert"),
        (&["playbook", "show", "pb"], "on alert"),
        (&["playbook", "versions", "pb"], "draft"),
        (&["dataclass", "list"], "Alert"),
        (&["dataclass", "fields", class, "--all"], "first_observed_time"),
    ] {
        assert!(said(&simulator, command).await.contains(shows), "{command:?}");
        let json: Value =
            serde_json::from_str(&said(&simulator, &[command, &["--output", "json"]].concat()).await).unwrap();
        assert!(json.is_array() || json.is_object());
        let yaml = said(&simulator, &[command, &["--output", "yaml"]].concat()).await;
        assert!(yaml.contains(shows) && !yaml.contains("$serde_json"), "{yaml}");
    }
}

#[tokio::test]
async fn a_raw_alert_is_mapped_and_runs_a_workflow_that_is_followed_ended_and_retried() {
    let simulator = simulator().await;
    let id = said(&simulator, &["workflow", "run", WORKFLOW, "--raw", &wazuh()]).await.trim().to_owned();
    let kept = &simulator.handle().instances()[0];
    assert_eq!(kept.id, id);
    assert!(kept.content["title"].is_string() && kept.content["severity"].is_string(), "{}", kept.content);
    assert!(said(&simulator, &["instance", "list", "--workflow", WORKFLOW]).await.contains(&id));
    assert!(said(&simulator, &["instance", "terminate", &id]).await.contains("terminate accepted"));
    let (code, out, _) = run(&simulator, &["instance", "watch", &id, "--every", "1"]).await;
    assert_eq!((code, out.contains("TERMINATED")), (1, true), "{out}");
    let _accepted = said(&simulator, &["instance", "retry", &id]).await;
    assert!(said(&simulator, &["instance", "show", &id]).await.contains("RETRYING"));
}

#[tokio::test]
async fn a_siems_record_without_raw_starts_nothing_unless_forced() {
    let simulator = simulator().await;
    let (code, _, err) = run(&simulator, &["workflow", "run", WORKFLOW, &wazuh()]).await;
    assert!(code == 2 && err.contains("Then give --raw; else --force"), "{err}");
    assert_eq!(simulator.handle().instances().len(), 0);
    let _id = said(&simulator, &["workflow", "run", WORKFLOW, &wazuh(), "--force"]).await;
    assert_eq!(simulator.handle().instances().len(), 1);
}

#[tokio::test]
async fn the_apis_words_may_be_written_small() {
    let simulator = simulator().await;
    let class = "a1e57c1a-5500-4000-8000-000000000001";
    let create = ["workflow", "create", "mine", "--dataclass", class, "--type", "survey", "--label", "ip"];
    let _created = said(&simulator, &create).await;
    assert!(said(&simulator, &["workflow", "list", "--type", "survey"]).await.contains("mine"));
}

#[tokio::test]
async fn a_dry_run_shows_the_request_and_sends_nothing() {
    let simulator = simulator().await;
    let run = said(&simulator, &["workflow", "run", WORKFLOW, "--raw", &wazuh(), "--dry-run"]).await;
    assert!(run.starts_with(&format!("POST {}/v1/{PROJECT}/workspaces/{WORKSPACE}/soc/workflows/", simulator.url())));
    assert!(run.contains("\"command_type\": \"ActionInstanceRunCommand\""), "{run}");
    let many = ["instance", "retry", "a", "b", "--dry-run"];
    assert_eq!(said(&simulator, &many).await.matches("ActionInstanceRetryCommand").count(), 2);
    let add = ["playbook", "add-action", "draft", WORKFLOW, "--dry-run", "--output", "json"];
    let add: Value = serde_json::from_str(&said(&simulator, &add).await).unwrap();
    assert_eq!(add["body"], json!([{"action_type": "AOP_WORKFLOW", "action_id": WORKFLOW}]));
    assert_eq!(simulator.handle().stats().requests, 0);
}

#[tokio::test]
async fn what_changes_many_is_confirmed_and_one_refusal_does_not_keep_the_others_back() {
    let simulator = simulator().await;
    let (code, _, err) = run(&simulator, &["instance", "terminate", "a", "b"]).await;
    assert_eq!((code, err.contains("--yes")), (2, true), "{err}");
    let id = said(&simulator, &["workflow", "run", WORKFLOW, "--raw", &wazuh()]).await.trim().to_owned();
    let (code, out, err) = run(&simulator, &["instance", "terminate", "unknown", &id, "--yes"]).await;
    assert_eq!((code, out.contains(&id)), (1, true), "{out}");
    assert!(err.contains("SecMaster.20048999") && err.contains("request id"), "{err}");
}

#[tokio::test]
async fn a_created_workflow_is_shown_and_an_action_added_with_the_calls_withdrawal() {
    let simulator = simulator().await;
    let class = "a1e57c1a-5500-4000-8000-000000000001";
    let created = said(&simulator, &["workflow", "create", "mine", "--dataclass", class, "--output", "json"]).await;
    let created: Value = serde_json::from_str(&created).unwrap();
    assert_eq!((&created["name"], &created["enabled"]), (&json!("mine"), &json!(false)));
    let workflow = created["id"].as_str().unwrap();
    let (code, out, err) = run(&simulator, &["playbook", "add-action", "draft", workflow]).await;
    assert_eq!((code, out.contains(workflow), err.contains("2027-12-31")), (0, true, true), "{out}{err}");
    let (code, _, err) = run(&simulator, &["workflow", "run", workflow, "--raw", &wazuh()]).await;
    assert_eq!((code, err.contains("SecMaster.20048028")), (1, true), "{err}");
}

#[tokio::test]
async fn a_playbook_instance_is_listed_terminated_and_retried() {
    let world: World = serde_json::from_value(json!({
        "playbook_instances": [{
            "id": "pi", "project_id": PROJECT, "workspace_id": WORKSPACE, "playbook": {"id": "pb", "name": "on alert"},
            "dataobject": {"id": "x", "name": "an alert"}, "began": 0, "instances": [],
        }],
    }))
    .unwrap();
    let simulator = Simulator::start(SimulatorSettings { world, ..SimulatorSettings::default() }).await.unwrap();
    assert!(said(&simulator, &["playbook-instance", "list", "--status", "FINISHED"]).await.contains("an alert"));
    assert!(said(&simulator, &["playbook-instance", "show", "pi"]).await.contains("on alert"));
    for operation in ["retry", "terminate"] {
        let (code, _, err) = run(&simulator, &["playbook-instance", operation, "pi"]).await;
        assert_eq!((code, err.contains("it is FINISHED")), (1, true), "{err}");
        let (code, _, err) = run(&simulator, &["playbook-instance", operation, "--playbook", "on alert"]).await;
        assert_eq!((code, err.contains("nothing fits")), (0, true), "{err}");
        let finished = ["playbook-instance", operation, "--playbook", "on alert", "--status", "finished"];
        let (code, out, err) = run(&simulator, &finished).await;
        assert_eq!((code, out.contains("an alert"), err.contains("it is FINISHED")), (1, true, true), "{out}{err}");
    }
}

#[tokio::test]
async fn every_command_explains_itself() {
    let simulator = simulator().await;
    let commands = [
        ("workspace", &["list"][..]),
        ("workflow", &["list", "show", "create", "run"]),
        ("instance", &["list", "show", "watch", "retry", "terminate"]),
        ("playbook", &["list", "show", "versions", "add-action"]),
        ("playbook-instance", &["list", "show", "retry", "terminate"]),
        ("dataclass", &["list", "fields"]),
    ];
    assert!(said(&simulator, &["--help"]).await.contains("Exit codes: "));
    for (resource, command) in commands.iter().flat_map(|(resource, all)| all.iter().map(move |one| (resource, one))) {
        let help = said(&simulator, &[*resource, *command, "--help"]).await;
        // Whoever needs an id is told which command has it.
        let is_bare = |line: &str| line.trim_start().starts_with("The ") && line.ends_with("'s id");
        assert!(!help.lines().any(is_bare), "{resource} {command}: {help}");
        assert!(
            help.contains("--config")
                && help.contains("--dry-run")
                && help.contains("--output")
                && help.contains("Usage:"),
            "{help}"
        );
    }
}

/// A simulator in which each run ends at once, and fails where the alert's title says so.
async fn ended(titles: &[&str]) -> RunningSimulator {
    let simulator = simulator().await;
    let runs = json!({"runs": {"for_ms": 0, "failing": {"title_contains": "fail"}}});
    simulator.handle().set_faults(serde_json::from_value(runs).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("content.json");
    for title in titles {
        std::fs::write(&file, json!({"title": title, "severity": "Low"}).to_string()).unwrap();
        let _id = said(&simulator, &["workflow", "run", WORKFLOW, file.to_str().unwrap()]).await;
    }
    simulator
}

#[tokio::test]
async fn many_instances_are_chosen_by_filters_shown_and_retried_only_once_that_is_confirmed() {
    let simulator = ended(&["fail a", "well", "fail b", "fail c"]).await;
    let (code, out, err) = run(&simulator, &["instance", "retry", "--workflow", WORKFLOW]).await;
    assert_eq!((code, out.matches("FAILED").count(), err.contains("--yes")), (2, 3, true), "{out}{err}");
    let out = said(&simulator, &["instance", "retry", "--workflow", WORKFLOW, "--dry-run"]).await;
    assert_eq!(out.matches("ActionInstanceRetryCommand").count(), 3, "{out}");
    assert_eq!(said(&simulator, &["instance", "list", "--status", "failed"]).await.matches("FAILED").count(), 3);

    let retry = ["instance", "retry", "--since", "1h", "--limit", "2", "--rate", "1000/s", "--yes"];
    let (code, out, err) = run(&simulator, &retry).await;
    assert_eq!((code, out.matches("retry accepted").count()), (0, 2), "{out}{err}");
    assert!(err.contains("there are more (--limit)") && err.contains("2 accepted, 0 refused, 0 not tried"), "{err}");
}

#[tokio::test]
async fn a_filter_that_the_service_does_not_keep_to_changes_nothing_else() {
    let simulator = ended(&["fail a"]).await;
    // The simulator, as services do, overlooks from_date.
    let nothing = ["instance", "retry", "--since", "2999-01-01T00:00:00Z", "--yes", "--output", "json"];
    let (code, out, err) = run(&simulator, &nothing).await;
    assert_eq!((code, out.as_str(), err.contains("nothing fits")), (0, "[]\n", true), "{err}");
    for arguments in [&["instance", "retry"][..], &["instance", "terminate", "a", "--status", "RUNNING"]] {
        let (code, _, err) = run(&simulator, arguments).await;
        assert_eq!((code, err.contains("ids")), (2, true), "{err}");
    }
}

#[tokio::test]
async fn what_was_refused_and_what_was_not_tried_is_told_with_the_exit_code() {
    let simulator = ended(&["well", "well too"]).await;
    let terminate = ["instance", "terminate", "--status", "finished", "--rate", "1000/s", "--yes", "--output", "json"];
    let (code, out, err) = run(&simulator, &terminate).await;
    let results: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, results[1]["result"].as_str()), (1, Some("refused")), "{out}");
    assert!(err.contains("0 accepted, 2 refused, 0 not tried"), "{err}");

    let throttle = json!({"throttle": {"requests": 0, "per_ms": 60000}});
    simulator.handle().set_faults(serde_json::from_value(throttle).unwrap());
    let (code, _, err) = run(&simulator, &["instance", "terminate", "a", "b", "c", "--yes"]).await;
    assert_eq!((code, err.contains("not tried: b c")), (1, true), "{err}");
}
