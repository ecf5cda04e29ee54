//! Creating an alert and looking it up, as the daemon does.

use std::time::Duration;

use alertbridge::domain::FailureClass::{Ambiguous, Rejected, Target, Throttled, Transient};
use alertbridge::domain::{AlertRequest, Created, FailureReason, FoundAlert};
use alertbridge::ports::{ApiFailure, WorkflowApi};
use alertbridge::secmaster::SecMasterClient;
use alertbridge::secmaster::api::Workspace;
use alertbridge::simulator::RunningSimulator;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{client, demo_key, faults, password, request, settings, simulator};

const ALERT: &str = "5f0c7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11";

fn alert(id: &str) -> AlertRequest {
    let body = json!({"data_object": {"id": id, "title": "SSH brute force 测试"}});
    AlertRequest {
        destination: request().destination.of_alerts(),
        alert_id: id.to_owned(),
        body: Bytes::from(body.to_string()),
    }
}

/// What a creation, or else a look-up, meets while these faults are in force.
async fn under(document: Value, creates: bool) -> (RunningSimulator, Result<(), ApiFailure>) {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(document));
    let mut settings = settings(&simulator.url(), demo_key());
    settings.request_timeout = Duration::from_millis(500);
    let (client, alert) = (SecMasterClient::new(settings).unwrap(), alert(ALERT));
    let result = if creates {
        client.create_alert(&alert).await.map(drop)
    } else {
        client.find_alert(&alert.destination, ALERT).await.map(drop)
    };
    (simulator, result)
}

#[tokio::test]
async fn an_alert_is_absent_until_it_is_created_and_then_has_the_id_and_the_content_that_were_asked_for() {
    let simulator = simulator().await;
    let other = "5f0c7a0e-0000-4f0e-9d1b-6b6d6a3f0f11";
    for (id, credentials) in [(ALERT, demo_key()), (other, password(&simulator.url(), "demo-password"))] {
        let (client, alert) = (client(&simulator.url(), credentials), alert(id));
        assert_eq!(client.find_alert(&alert.destination, id).await.unwrap(), FoundAlert::Absent, "{id}");
        let Created { alert_id, http_status, request_id } = client.create_alert(&alert).await.unwrap();
        assert_eq!((alert_id.as_str(), http_status, request_id.is_some()), (id, 200, true));
        let FoundAlert::Present(shown) = client.find_alert(&alert.destination, id).await.unwrap() else {
            panic!("it is there")
        };
        assert_eq!(shown.alert_id, id);
        let sent: Value = serde_json::from_slice(&alert.body).unwrap();
        assert_eq!(simulator.handle().alerts().last().unwrap()["data_object"], sent["data_object"]);
    }
}

#[tokio::test]
async fn a_repeated_creation_is_refused_and_ids_of_the_services_own_are_told() {
    let simulator = simulator().await;
    let (client, alert) = (client(&simulator.url(), demo_key()), alert(ALERT));
    let _created = client.create_alert(&alert).await.unwrap();
    let refused = client.create_alert(&alert).await.unwrap_err();
    assert_eq!((refused.class, refused.error_code.as_deref()), (Rejected, Some("SecMaster.20041805")));
    simulator.handle().set_faults(faults(json!({"alert_ids": "own"})));
    let own = client.create_alert(&alert).await.unwrap().alert_id;
    assert_ne!(own, ALERT);
    assert_eq!(simulator.handle().alerts()[1]["data_object"]["id"], own, "and its content has it");
}

#[tokio::test]
async fn an_alert_is_there_although_its_answer_was_lost() {
    for fault in [json!({"hang": {"when": "after"}}), json!({"reset": {"when": "after"}}), json!({"partial": {}})] {
        let (simulator, result) = under(fault.clone(), true).await;
        assert_eq!(result.unwrap_err().class, Ambiguous, "{fault}");
        simulator.handle().set_faults(faults(json!({})));
        let client = client(&simulator.url(), demo_key());
        let found = client.find_alert(&alert(ALERT).destination, ALERT).await.unwrap();
        assert!(matches!(found, FoundAlert::Present(_)), "{fault}: {found:?}");
    }
}

#[tokio::test]
async fn what_fails_has_the_class_that_it_has_for_a_start() {
    let page = json!({"status": [{"status": 200, "body": "<html>"}]});
    let envelope = json!({"status": [{"status": 200, "body": r#"{"code":"SecMaster.20041805","data":null}"#}]});
    for (fault, class) in [
        (json!({"outage": {"status": 503}}), Transient),
        (json!({"status": [{"status": 429}]}), Throttled),
        (json!({"status": [{"status": 404}]}), Target),
        (json!({"reject": {"title_contains": "brute"}}), Rejected),
        (page, Target),
        (envelope, Ambiguous),
    ] {
        let (_simulator, result) = under(fault.clone(), true).await;
        assert_eq!(result.unwrap_err().class, class, "{fault}");
    }
    let (_simulator, result) = under(json!({"outage": {"status": 503}}), false).await;
    assert_eq!(result.unwrap_err().reason, FailureReason::ServerError, "that says nothing of the alert");
}

/// tests/sdk holds those calls by hand against the vendor's SDK.
#[tokio::test]
async fn the_daemons_requests_are_those_of_the_calls_by_hand() {
    let simulator = simulator().await;
    let (client, alert) = (client(&simulator.url(), demo_key()), alert(ALERT));
    let place = Workspace {
        project_id: std::sync::Arc::clone(&alert.destination.project_id),
        workspace_id: std::sync::Arc::clone(&alert.destination.workspace_id),
    };
    let _created = client.create_alert(&alert).await.unwrap();
    let _shown = client.find_alert(&alert.destination, ALERT).await.unwrap();
    let sent: Value = serde_json::from_slice(&alert.body).unwrap();
    let _refused = client.call(&place.create_alert(&sent["data_object"])).await.unwrap_err();
    let _shown = client.call(&place.show_alert(ALERT)).await.unwrap();
    let requests = simulator.handle().requests();
    let shown = |n: usize| (&requests[n].method, &requests[n].target, &requests[n].body_base64);
    assert_eq!((shown(0), shown(1)), (shown(2), shown(3)));
}
