//! Looking an instance up, with each kind of credentials and each kind of answer.

use std::time::Duration;

use alertbridge::domain::FailureClass::{Ambiguous, Credentials, Rejected, Target, Throttled, Transient};
use alertbridge::domain::Found;
use alertbridge::ports::{ApiFailure, WorkflowApi};
use alertbridge::secmaster::SecMasterClient;
use alertbridge::simulator::RunningSimulator;
use serde_json::{Value, json};

use super::{INSTANCE, access_key, client, demo_key, faults, password, request, settings, simulator};

async fn find(client: &SecMasterClient) -> Result<Found, ApiFailure> {
    client.find(&request().destination, INSTANCE).await
}

/// What a look-up meets while these faults are in force.
async fn under(document: Value) -> (RunningSimulator, Result<Found, ApiFailure>) {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(document));
    let mut settings = settings(&simulator.url(), demo_key());
    settings.request_timeout = Duration::from_millis(500);
    let result = find(&SecMasterClient::new(settings).unwrap()).await;
    (simulator, result)
}

#[tokio::test]
async fn an_instance_is_absent_until_it_is_created_and_present_from_then_on() {
    let simulator = simulator().await;
    for credentials in [demo_key(), password(&simulator.url(), "demo-password")] {
        let mut other = request();
        other.action_instance_id = Some(uuid::Uuid::new_v4().to_string());
        let id = other.action_instance_id.clone().unwrap();
        other.body = serde_json::to_vec(&{
            let mut body: Value = serde_json::from_slice(&other.body).unwrap();
            body["action_instance_id"] = json!(id);
            body
        })
        .unwrap()
        .into();
        let client = client(&simulator.url(), credentials);
        assert_eq!(client.find(&other.destination, &id).await.unwrap(), Found::Absent);
        let _started = client.start(&other).await.unwrap();
        let Found::Present { started, status } = client.find(&other.destination, &id).await.unwrap() else {
            panic!("it is there")
        };
        assert_eq!((started.action_instance_id, status.as_deref()), (id, Some("RUNNING")));
        assert!(started.request_id.is_some());
    }
}

#[tokio::test]
async fn an_instance_is_there_although_its_answer_was_lost() {
    for fault in [json!({"hang": {"when": "after"}}), json!({"reset": {"when": "after"}}), json!({"partial": {}})] {
        let simulator = simulator().await;
        let mut settings = settings(&simulator.url(), demo_key());
        settings.request_timeout = Duration::from_millis(500);
        let client = SecMasterClient::new(settings).unwrap();
        simulator.handle().set_faults(faults(fault.clone()));
        assert_eq!(client.start(&request()).await.unwrap_err().class, Ambiguous, "{fault}");
        simulator.handle().set_faults(faults(json!({})));
        assert!(matches!(find(&client).await, Ok(Found::Present { .. })), "{fault}");
    }
}

#[tokio::test]
async fn where_ids_are_the_services_own_ours_are_absent() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"instance_ids": "own"})));
    let client = client(&simulator.url(), demo_key());
    let _started = client.start(&request()).await.unwrap();
    assert_eq!(find(&client).await.unwrap(), Found::Absent);
}

#[tokio::test]
async fn a_service_that_does_not_heed_the_filter_says_nothing() {
    let body = json!({"count": 1, "instances": [{"id": "another"}]}).to_string();
    let (_simulator, found) = under(json!({"status": [{"status": 200, "body": body}]})).await;
    assert_eq!(found.unwrap(), Found::Unclear);
}

#[tokio::test]
async fn a_refused_look_up_has_the_class_that_a_refused_create_has() {
    for (status, code, class) in [
        (503, None, Transient),
        (429, Some("APIGW.0308"), Throttled),
        (403, None, Credentials),
        (404, Some("APIGW.0101"), Target),
        (400, Some("SecMaster.20030001"), Rejected),
    ] {
        let fault = code.map_or_else(|| json!({"status": status}), |c| json!({"status": status, "code": c}));
        let (_simulator, found) = under(json!({"status": [fault]})).await;
        assert_eq!(found.unwrap_err().class, class, "{status}");
    }
    let (_simulator, found) = under(json!({"status": [{"status": 200, "body": "<html>"}]})).await;
    assert_eq!(found.unwrap_err().class, Target);
    let (_simulator, found) = under(json!({"hang": {}})).await;
    assert_eq!(found.unwrap_err().class, Ambiguous);
    let simulator = simulator().await;
    let found = find(&client(&simulator.url(), access_key("unknown", "x"))).await;
    assert_eq!(found.unwrap_err().class, Credentials);
}
