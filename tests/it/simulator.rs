//! The simulator as its users see it: over HTTP.

use alertbridge::simulator::{RunningSimulator, Simulator, SimulatorSettings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATH: &str = "/v1/0123456789abcdef0123456789abcdef/workspaces/f44065f5-557b-4376-ae02-8c65ef1960f4/soc/\
                    workflows/446255ce-1111-2222-3333-0b4931000000/instances";
const JSON: &str = "application/json;charset=UTF-8";

/// A simulator that takes any credentials.
async fn open() -> RunningSimulator {
    Simulator::start(SimulatorSettings { verify: false, ..SimulatorSettings::default() }).await.unwrap()
}

/// One request by hand: status and JSON body (null if there is none).
async fn call(simulator: &RunningSimulator, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(simulator.addr()).await.unwrap();
    let length = body.len();
    let text = format!("{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {length}\r\n");
    stream.write_all(format!("{text}{headers}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _length = stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

async fn create(simulator: &RunningSimulator, body: &Value) -> (u16, Value) {
    call(simulator, "POST", PATH, &format!("content-type: {JSON}\r\n"), &body.to_string()).await
}

fn event(id: Option<&str>) -> Value {
    json!({
        "command_type": "ActionInstanceRunCommand",
        "action_type": "workflow",
        "action_instance_id": id,
        "playbook_context": {"data_object": {"content": {"title": "t"}, "dataclass": {"name": "Alert"}}},
    })
}

#[tokio::test]
async fn created_instances_and_counts_are_readable_page_by_page() {
    let simulator = open().await;
    let id = "909494e3-558e-46b6-a9eb-07a8e18ca62f";
    for event in [event(Some(id)), event(Some(id)), event(None)] {
        let (status, answer) = create(&simulator, &event).await;
        assert_eq!((status, &answer["playbook_context"]), (200, &event["playbook_context"]));
        assert!(answer["action_instance_id"].is_string());
    }
    let (_, page) = call(&simulator, "GET", "/_simulator/instances?offset=0&limit=1", "", "").await;
    assert_eq!((&page["count"], page["instances"].as_array().unwrap().len()), (&json!(2), 1));
    let first = &page["instances"][0];
    assert_eq!((&first["id"], &first["requests"], &first["runs"]), (&json!(id), &json!(2), &json!(2)));
    let (_, stats) = call(&simulator, "GET", "/_simulator/stats", "", "").await;
    assert_eq!((&stats["accepted"], &stats["duplicates"], &stats["requests"]), (&json!(3), &json!(1), &json!(3)));
    let (status, _) = call(&simulator, "POST", "/_simulator/reset", "", "").await;
    assert_eq!((status, simulator.handle().stats().requests), (204, 0));
}

/// Makes requested ids mean this.
async fn ids_mean(simulator: &RunningSimulator, way: &str) {
    let faults = json!({"instance_ids": way}).to_string();
    assert_eq!(call(simulator, "PUT", "/_simulator/faults", "", &faults).await.0, 200);
}

#[tokio::test]
async fn a_requested_id_is_honoured_unique_or_ignored() {
    let id = "909494e3-558e-46b6-a9eb-07a8e18ca62f";
    let simulator = open().await;
    for _ in 0..2 {
        assert_eq!(create(&simulator, &event(Some(id))).await.1["action_instance_id"], id);
    }
    let stats = simulator.handle().stats();
    assert_eq!((stats.instances, stats.runs, simulator.handle().instances()[0].runs), (1, 2, 2), "it runs again");

    ids_mean(&simulator, "unique").await;
    let (status, answer) = create(&simulator, &event(Some(id))).await;
    assert_eq!((status, &answer["code"]), (400, &json!("SecMaster.20048998")));
    let instance = &simulator.handle().instances()[0];
    assert_eq!((simulator.handle().stats().runs, instance.runs, instance.requests), (2, 2, 3));

    ids_mean(&simulator, "own").await;
    let (_, answer) = create(&simulator, &event(Some(id))).await;
    assert_ne!(answer["action_instance_id"], id);
    assert_eq!(simulator.handle().instances()[1].requested_id.as_deref(), Some(id));
}

const INSTANCES: &str = "/v1/0123456789abcdef0123456789abcdef/workspaces/f44065f5-557b-4376-ae02-8c65ef1960f4/soc/\
                         workflows/instances";

#[tokio::test]
async fn instances_are_listed_and_shown_as_the_page_says() {
    let simulator = open().await;
    let ids: Vec<String> = (0..3).map(|n| format!("909494e3-558e-46b6-a9eb-07a8e18ca62{n}")).collect();
    for id in &ids {
        create(&simulator, &event(Some(id))).await;
    }
    let listed = |query: &'static str| {
        let simulator = &simulator;
        async move {
            let (status, answer) = call(simulator, "GET", &format!("{INSTANCES}?{query}"), "", "").await;
            assert_eq!(status, 200, "{query}: {answer}");
            let shown = answer["instances"].as_array().unwrap();
            let last = shown.iter().map(|i| i["id"].as_str().unwrap().chars().last().unwrap()).collect::<String>();
            (answer["count"].as_u64().unwrap(), last)
        }
    };
    assert_eq!(listed("").await, (3, "210".to_owned()), "the newest first");
    assert_eq!(listed("sort_dir=ASC&offset=1&limit=1").await, (3, "1".to_owned()));
    assert_eq!(listed("id=909494e3-558e-46b6-a9eb-07a8e18ca621").await, (1, "1".to_owned()));
    assert_eq!(listed("id=909494e3-558e-46b6-a9eb-07a8e18ca629").await, (0, String::new()));
    assert_eq!(listed("workflow_id=446255ce-1111-2222-3333-0b4931000000").await.0, 3);
    assert_eq!(listed("workflow_id=other").await.0, 0);
    assert_eq!(listed("status=RUNNING&trigger_type=EVENT").await.0, 3);
    assert_eq!(listed("status=FAILED").await.0, 0);

    let (status, shown) = call(&simulator, "GET", &format!("{INSTANCES}/{}", ids[1]), "", "").await;
    assert_eq!((status, &shown["id"], &shown["status"]), (200, &json!(ids[1]), &json!("RUNNING")));
    let (status, answer) = call(&simulator, "GET", &format!("{INSTANCES}/none"), "", "").await;
    assert_eq!((status, &answer["code"]), (400, &json!("SecMaster.20048999")));
    assert_eq!(simulator.handle().stats().requests, 3 + 10, "they are requests like others");
}

#[tokio::test]
async fn parameters_that_the_page_does_not_have_are_refused() {
    let simulator = open().await;
    for query in [
        "ids=1",
        "limit=0",
        "limit=101",
        "offset=10001",
        "limit=x",
        "sort_dir=asc",
        "sort_key=id",
        "status=running",
        "trigger_type=x",
        "id=",
        "id=1&id=2",
        "defense_id",
    ] {
        let (status, answer) = call(&simulator, "GET", &format!("{INSTANCES}?{query}"), "", "").await;
        assert_eq!((status, &answer["code"]), (400, &json!("SecMaster.20030001")), "{query}: {answer}");
    }
    let (status, _) = call(&simulator, "GET", &format!("{INSTANCES}/x?show_topology=1"), "", "").await;
    assert_eq!(status, 400);
    let elsewhere = INSTANCES.replace("f44065f5-557b-4376-ae02-8c65ef1960f4", "w");
    assert_eq!(call(&simulator, "GET", &elsewhere, "", "").await.1["code"], "SecMaster.20041001");
    let strict = Simulator::start(SimulatorSettings::default()).await.unwrap();
    assert_eq!(call(&strict, "GET", INSTANCES, "", "").await.0, 401, "signed, as everything is");
}

#[tokio::test]
async fn faults_strike_look_ups_too() {
    let simulator = open().await;
    let faults = r#"{"status": [{"status": 503, "times": 1}], "throttle": {"requests": 1, "per_ms": 600000}}"#;
    assert_eq!(call(&simulator, "PUT", "/_simulator/faults", "", faults).await.0, 200);
    assert_eq!(call(&simulator, "GET", INSTANCES, "", "").await.0, 503);
    assert_eq!(call(&simulator, "GET", INSTANCES, "", "").await.0, 429, "the quota is the same");
}

#[tokio::test]
async fn faults_are_set_read_and_cleared_and_a_misspelt_one_is_refused() {
    let simulator = open().await;
    let faults = r#"{"status": [{"status": 503, "times": 1}]}"#;
    assert_eq!(call(&simulator, "PUT", "/_simulator/faults", "", faults).await.0, 200);
    assert_eq!(call(&simulator, "GET", "/_simulator/faults", "", "").await.1["status"][0]["status"], 503);
    assert_eq!(create(&simulator, &event(None)).await.0, 503);
    assert_eq!(create(&simulator, &event(None)).await.0, 200);
    assert_eq!(call(&simulator, "DELETE", "/_simulator/faults", "", "").await.0, 204);
    let (status, answer) = call(&simulator, "PUT", "/_simulator/faults", "", r#"{"statuses": []}"#).await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("statuses"));
}

#[tokio::test]
async fn what_the_gateway_would_not_let_through_is_answered_in_its_shape() {
    let simulator = Simulator::start(SimulatorSettings::default()).await.unwrap();
    let refused = |method: &'static str, path: &'static str, headers: &'static str| {
        let simulator = &simulator;
        async move {
            let (status, answer) = call(simulator, method, path, headers, "{}").await;
            assert_eq!(answer["request_id"].as_str().unwrap().len(), 32);
            (
                status,
                answer["error_code"].as_str().unwrap().to_owned(),
                answer["error_msg"].as_str().unwrap().to_owned(),
            )
        }
    };
    assert_eq!(refused("POST", "/v1/elsewhere", "").await.1, "APIGW.0101");
    assert_eq!(refused("GET", PATH, "").await.0, 404);
    assert_eq!(refused("POST", PATH, "").await.1, "APIGW.0106");
    let (status, code, message) = refused("POST", PATH, "content-type: application/json\r\n").await;
    assert_eq!((status, code.as_str()), (401, "APIGW.0301"));
    assert_eq!(message, "Incorrect IAM authentication information: x-auth-token not found");
}

#[tokio::test]
async fn iam_judges_user_and_body_and_gives_tokens_for_a_project() {
    let simulator = open().await;
    let ask = |password: &str, scope: Value| {
        let user = json!({"domain": {"name": "demo-account"}, "name": "demo-user", "password": password});
        json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}).to_string()
    };
    let path = "/v3/auth/tokens?nocatalog=true";
    let project = json!({"project": {"name": "cn-north-4"}});
    let (status, answer) = call(&simulator, "POST", path, "", &ask("demo-password", project.clone())).await;
    assert_eq!((status, &answer["token"]["project"]["name"]), (201, &json!("cn-north-4")));
    let (status, answer) = call(&simulator, "POST", path, "", &ask("wrong", project)).await;
    assert_eq!(
        (status, &answer["error"]["code"], &answer["error"]["title"]),
        (401, &json!(401), &json!("Unauthorized"))
    );
    assert_eq!(call(&simulator, "POST", path, "", &ask("demo-password", json!({}))).await.0, 400);
    assert_eq!(call(&simulator, "POST", path, "", "{}").await.0, 400);
}

#[tokio::test]
async fn lean_mode_keeps_ids_and_counts_alone() {
    let settings = SimulatorSettings { lean: true, verify: false, keep_requests: 0, ..SimulatorSettings::default() };
    let simulator = Simulator::start(settings).await.unwrap();
    let id = "909494e3-558e-46b6-a9eb-07a8e18ca62f";
    let (status, answer) = create(&simulator, &event(Some(id))).await;
    assert_eq!((status, &answer["action_instance_id"], answer.get("playbook_context")), (200, &json!(id), None));
    let instance = &simulator.handle().instances()[0];
    assert_eq!((instance.id.as_str(), &instance.content), (id, &Value::Null));
    assert!(simulator.handle().requests().is_empty());
}

#[tokio::test]
async fn a_stopped_simulator_refuses_connections() {
    let simulator = open().await;
    let address = simulator.addr();
    simulator.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}
