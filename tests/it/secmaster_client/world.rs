//! The rest of the API through the client, against a simulator whose state hangs together.

use std::time::Duration;

use alertbridge::domain::FailureClass::{self, Rejected, Target};
use alertbridge::ports::WorkflowApi;
use alertbridge::secmaster::SecMasterClient;
use alertbridge::secmaster::api::{
    AlertSearch, Command, DataClassFilter, FieldFilter, InstanceFilter, Item, NewAction, NewWorkflow, PlaybookFilter,
    PlaybookInstance, PlaybookInstanceFilter, PlaybookOperation, VersionFilter, WorkflowFilter, WorkflowInstance,
    Workspace, WorkspaceFilter, list_workspaces,
};
use alertbridge::simulator::{RunningSimulator, Simulator, SimulatorSettings, World};
use futures_util::TryStreamExt as _;
use serde_json::json;

use super::{PROJECT, WORKFLOW, WORKSPACE, client, demo_key, faults, request};

fn place() -> Workspace {
    Workspace { project_id: PROJECT.into(), workspace_id: WORKSPACE.into() }
}

/// A world with a workflow in a playbook that alerts set off, and a draft of it.
fn seed() -> World {
    serde_json::from_value(json!({
        "workspaces": [{"id": WORKSPACE, "name": "soc"}],
        "workflows": [{"id": WORKFLOW, "name": "contain", "enabled": true}],
        "playbooks": [{"id": "pb", "name": "on alert", "enabled": true, "version": "v1", "version_id": "pv"}],
        "playbook_versions": [
            {"id": "pv", "playbook_id": "pb", "status": "PUBLISHED", "enabled": true, "version_type": 1},
            {"id": "draft", "playbook_id": "pb", "version": "v2"},
        ],
        "actions": [{"id": "a", "playbook_version_id": "pv", "action_type": "AOP_WORKFLOW", "action_id": WORKFLOW}],
    }))
    .unwrap()
}

async fn start(settings: SimulatorSettings) -> (RunningSimulator, SecMasterClient) {
    let simulator = Simulator::start(settings).await.unwrap();
    let client = client(&simulator.url(), demo_key());
    (simulator, client)
}

async fn seeded() -> (RunningSimulator, SecMasterClient) {
    start(SimulatorSettings { world: seed(), ..SimulatorSettings::default() }).await
}

async fn instance(client: &SecMasterClient, id: &str) -> WorkflowInstance {
    client.call(&place().show_instance(id, true)).await.unwrap().what.is
}

/// Asks until it has ended: the simulator goes by the clock.
async fn ended(client: &SecMasterClient, id: &str) -> String {
    let bound = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let instance = instance(client, id).await;
            if instance.has_ended() {
                return instance.status.to_string();
            }
        }
    });
    bound.await.unwrap()
}

fn new_workflow(name: &str) -> NewWorkflow {
    NewWorkflow {
        name: name.to_owned(),
        description: None,
        engine_type: "public_engine".to_owned(),
        aop_type: "NORMAL".to_owned(),
        dataclass_id: "a1e57c1a-5500-4000-8000-000000000001".to_owned(),
        labels: None,
    }
}

#[tokio::test]
async fn a_created_workflow_is_disabled_and_unknown_ones_are_refused_from_then_on() {
    let (_simulator, client) = start(SimulatorSettings::default()).await;
    let _any = client.start(&request()).await.unwrap();
    let created = client.call(&place().create_workflow(&new_workflow("contain"))).await.unwrap().what;
    assert_eq!((&*created.is.name, created.is.enabled.0, &*created.is.version_id), ("contain", Some(false), ""));
    let failure = client.start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.error_code.as_deref()), (Target, Some("SecMaster.20040611")));
    let body = request().body;
    let body = String::from_utf8(body.to_vec()).unwrap().replace(WORKFLOW, &created.is.id);
    let failure = client.call(&place().run_workflow(&created.is.id, body.into())).await.unwrap_err();
    assert_eq!((failure.class, failure.error_code.as_deref()), (Target, Some("SecMaster.20048028")));
    let shown = client.call(&place().show_workflow(&created.is.id)).await.unwrap();
    assert_eq!(shown.what.is, created.is);
    assert!(shown.request_id.is_some());
    let failure = client.call(&place().create_workflow(&new_workflow("contain"))).await.unwrap_err();
    assert_eq!((failure.class, failure.error_code.as_deref()), (Rejected, Some("SecMaster.20030003")));
}

#[tokio::test]
async fn an_instance_fails_is_retried_and_finishes() {
    let (simulator, client) = seeded().await;
    let runs = json!({"for_ms": 1, "failing": {"title_contains": "brute", "times": 1}});
    simulator.handle().set_faults(faults(json!({"runs": runs})));
    let id = client.start(&request()).await.unwrap().action_instance_id;
    assert_eq!(ended(&client, &id).await, "FAILED");
    let _done = client.call(&place().update_instance(&id, Command::Retry)).await.unwrap();
    assert_eq!(ended(&client, &id).await, "FINISHED");
    let shown = client.call(&place().show_instance(&id, true)).await.unwrap().what;
    assert_eq!((shown.is.retry_count.0, &*shown.is.workflow.name), (Some(1), "contain"));
    assert_eq!(shown.document["topology"]["audit_logs"][0]["succeed"], json!(true));
    let failure = client.call(&place().update_instance(&id, Command::Retry)).await.unwrap_err();
    assert!(failure.message.contains("it is FINISHED"), "{failure}");
    let filter = InstanceFilter { status: Some("FINISHED".to_owned()), ..InstanceFilter::default() };
    let found: Vec<_> = client.list(place().list_instances(&filter)).try_collect().await.unwrap();
    assert_eq!(found.iter().map(|i| &*i.is.id).collect::<Vec<_>>(), [id.as_str()]);
}

#[tokio::test]
async fn what_runs_is_terminated_and_no_more_than_a_hundred_retries_are_taken_a_day() {
    let (_simulator, client) = seeded().await;
    let id = client.start(&request()).await.unwrap().action_instance_id;
    let mut taken = 0;
    let failure = loop {
        let _done = client.call(&place().update_instance(&id, Command::Terminate)).await.unwrap();
        assert_eq!(ended(&client, &id).await, "TERMINATED");
        match client.call(&place().update_instance(&id, Command::Retry)).await {
            Ok(_) => taken += 1,
            Err(failure) => break failure,
        }
    };
    assert_eq!((taken, failure.error_code.as_deref()), (100, Some("SecMaster.20048997")));
}

#[tokio::test]
async fn an_alert_sets_off_its_playbook_and_that_its_workflow() {
    let (simulator, client) = seeded().await;
    let runs = json!({"for_ms": 1, "failing": {"title_contains": "", "times": 1}});
    simulator.handle().set_faults(faults(json!({"runs": runs})));
    let alert = client.call(&place().create_alert(&json!({"id": "x", "title": "t"}))).await.unwrap().what;
    assert_eq!((&*alert.is.id, &alert.document["data_object"]["title"]), ("x", &json!("t")));
    assert_eq!(client.call(&place().show_alert("x")).await.unwrap().what, alert);
    let found = client.call(&place().search_alerts(&AlertSearch::default())).await.unwrap().what;
    assert_eq!(found.len(), 1);

    let list = place().list_playbook_instances(&PlaybookInstanceFilter::default());
    let set_off: Vec<Item<PlaybookInstance>> = client.list(list).try_collect().await.unwrap();
    let [set_off] = &set_off[..] else { panic!("{set_off:?}") };
    assert_eq!((&*set_off.is.playbook.name, &*set_off.is.dataobject.id), ("on alert", "x"));
    let topology = client.call(&place().show_playbook_topology(&set_off.is.id)).await.unwrap().what;
    let run = topology.document["action_instances"][0]["instance_log"]["instance_id"].as_str().unwrap();
    assert_eq!(ended(&client, run).await, "FAILED");
    let status = |id: String| {
        let client = client.clone();
        async move { client.call(&place().show_playbook_instance(&id)).await.unwrap().what.is.status.to_string() }
    };
    assert_eq!(status(set_off.is.id.to_string()).await, "FAILED");
    let retry = place().operate_playbook_instance(&set_off.is.id, PlaybookOperation::Retry);
    let _shown = client.call(&retry).await.unwrap();
    assert_eq!(ended(&client, run).await, "FINISHED");
    assert_eq!(status(set_off.is.id.to_string()).await, "FINISHED");
}

#[tokio::test]
async fn an_action_is_added_to_a_draft_and_the_calls_end_is_told() {
    let (_simulator, client) = seeded().await;
    let action = NewAction {
        name: Some("contain".to_owned()),
        description: None,
        action_type: "AOP_WORKFLOW".to_owned(),
        action_id: WORKFLOW.to_owned(),
        sort_order: None,
    };
    let added = client.call(&place().add_actions("draft", std::slice::from_ref(&action))).await.unwrap();
    assert_eq!(&*added.what[0].is.action_id, WORKFLOW);
    assert_eq!(added.deprecation.unwrap().date.as_deref(), Some("2027-12-31"));
    let failure = client.call(&place().add_actions("pv", &[action])).await.unwrap_err();
    assert!(failure.message.contains("published"), "{failure}");
    let drafts = VersionFilter { version_type: Some(0), ..VersionFilter::default() };
    let drafts = client.call(&place().list_playbook_versions("pb", &drafts)).await.unwrap().what;
    assert_eq!(drafts.items.iter().map(|v| &*v.is.id).collect::<Vec<_>>(), ["draft"]);
}

#[tokio::test]
async fn lists_are_read_page_by_page_to_their_end() {
    let mut world = seed();
    world.workflows = (0..250).map(|n| json!({"id": format!("w{n}"), "name": format!("w{n}")})).collect();
    let (simulator, client) = start(SimulatorSettings { world, ..SimulatorSettings::default() }).await;
    let all: Vec<_> = client.list(place().list_workflows(&WorkflowFilter::default())).try_collect().await.unwrap();
    let ids: Vec<String> = all.iter().map(|workflow| workflow.is.id.to_string()).collect();
    assert_eq!(ids, (0..250).map(|n| format!("w{n}")).collect::<Vec<_>>());
    assert_eq!(simulator.handle().stats().requests, 3);
}

#[tokio::test]
async fn workspaces_playbooks_classes_and_fields_are_listed() {
    let (_simulator, client) = seeded().await;
    let spaces = client.call(&list_workspaces(&PROJECT.into(), &WorkspaceFilter::default())).await.unwrap().what;
    assert_eq!((spaces.total, &*spaces.items[0].is.name), (Some(1), "soc"));
    let enabled = PlaybookFilter { enabled: Some(true), ..PlaybookFilter::default() };
    let playbooks = client.call(&place().list_playbooks(&enabled)).await.unwrap().what;
    assert_eq!(&*playbooks.items[0].is.id, "pb");
    assert_eq!(&*client.call(&place().show_playbook("pb")).await.unwrap().what.is.name, "on alert");
    let classes = client.call(&place().list_dataclasses(&DataClassFilter::default())).await.unwrap().what;
    let alert = &classes.items[0].is;
    let fields = client.call(&place().list_dataclass_fields(&alert.id, &FieldFilter::default())).await.unwrap().what;
    assert_eq!((&*alert.name, fields.total), ("Alert", Some(41)));
    let versions = client.call(&place().list_workflow_versions(WORKFLOW)).await.unwrap().what;
    assert_eq!(versions.items, []);
}

#[tokio::test]
async fn what_does_not_exist_has_the_documented_code() {
    let (_simulator, client) = seeded().await;
    let elsewhere = Workspace { workspace_id: uuid::Uuid::nil().to_string().into(), ..place() };
    async fn code<T>(
        client: &SecMasterClient,
        call: alertbridge::secmaster::api::Operation<T>,
    ) -> (FailureClass, Option<u16>, String) {
        let failure = client.call(&call).await.err().unwrap();
        (failure.class, failure.http_status, failure.error_code.unwrap())
    }
    let none = |code: &str| (Rejected, Some(400), code.to_owned());
    assert_eq!(code(&client, place().show_workflow("x")).await, (Target, Some(400), "SecMaster.20040611".to_owned()));
    assert_eq!(code(&client, place().show_playbook("x")).await, none("SecMaster.20048004"));
    assert_eq!(code(&client, place().show_alert("x")).await, none("SecMaster.20030005"));
    assert_eq!(code(&client, place().show_instance("x", false)).await, none("SecMaster.20048999"));
    let unknown = code(&client, elsewhere.list_workflows(&WorkflowFilter::default())).await;
    assert_eq!(unknown, (Target, Some(403), "SecMaster.20010001".to_owned()));
}

#[tokio::test]
async fn what_was_created_outlives_the_simulator_in_its_state_file() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || SimulatorSettings {
        world: seed(),
        state_file: Some(folder.path().join("state.json")),
        ..SimulatorSettings::default()
    };
    let (simulator, before) = start(settings()).await;
    let id = before.start(&request()).await.unwrap().action_instance_id;
    let created = before.call(&place().create_workflow(&new_workflow("kept"))).await.unwrap().what.is;
    simulator.stop().await;
    let (_simulator, after) = start(settings()).await;
    assert_eq!(&*instance(&after, &id).await.status, "RUNNING");
    assert_eq!(after.call(&place().show_workflow(&created.id)).await.unwrap().what.is, created);
}

#[tokio::test]
async fn a_body_that_is_not_as_the_page_says_is_refused() {
    let (simulator, client) = seeded().await;
    let mut wrong = new_workflow("x");
    wrong.aop_type = "OTHER".to_owned();
    let failure = client.call(&place().create_workflow(&wrong)).await.unwrap_err();
    assert!(failure.message.contains("aop_type must be"), "{failure}");
    let failure = client.call(&place().create_alert(&json!({}))).await.unwrap_err();
    assert_eq!(failure.error_code.as_deref(), Some("SecMaster.20030025"));
    assert_eq!(simulator.handle().stats().refused[&400], 2);
}
