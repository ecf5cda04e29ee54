//! Each fault has its class: before the request is out, after it, and in the answer.

use std::time::Duration;

use alertbridge::domain::FailureClass::{Ambiguous, Credentials, Rejected, Target, Throttled, Transient};
use alertbridge::domain::{FailureReason, Started};
use alertbridge::ports::{ApiFailure, WorkflowApi};
use alertbridge::secmaster::SecMasterClient;
use alertbridge::simulator::{Faults, RunningSimulator};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{certificate, client, demo_key, faults, request, request_titled, settings, simulator};

/// What does not happen within this time fails the test instead of holding it up.
const BOUND: Duration = Duration::from_secs(10);

/// What one request meets while these faults are in force, sent with the demo key.
async fn under(document: Value) -> (RunningSimulator, Result<Started, ApiFailure>) {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(document));
    let result = client(&simulator.url(), demo_key()).start(&request()).await;
    (simulator, result)
}

#[tokio::test]
async fn each_status_has_its_class() {
    for (status, code, class, reason) in [
        (503, None, Transient, FailureReason::ServerError),
        (408, None, Transient, FailureReason::ServerTimeout),
        (400, Some("SecMaster.11181002"), Transient, FailureReason::UpgradeInProgress),
        (400, Some("SecMaster.20040611"), Target, FailureReason::TargetNotFound),
        (403, Some("SecMaster.20010001"), Target, FailureReason::TargetNotFound),
        (403, None, Credentials, FailureReason::CredentialsRefused),
        (404, Some("APIGW.0101"), Target, FailureReason::TargetNotFound),
        (302, None, Target, FailureReason::NotTheApi),
        (409, Some("SecMaster.x"), Rejected, FailureReason::RequestRefused),
        (413, Some("APIGW.0201"), Rejected, FailureReason::RequestTooLarge),
    ] {
        let fault = code.map_or_else(|| json!({"status": status}), |c| json!({"status": status, "code": c}));
        let (simulator, result) = under(json!({"status": [fault]})).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.class, failure.reason), (class, reason), "{status} {code:?}");
        assert_eq!((failure.http_status, failure.error_code.as_deref()), (Some(status), code));
        assert_eq!(simulator.handle().stats().requests, 1, "the client itself repeats nothing");
    }
}

#[tokio::test]
async fn a_throttle_says_how_long_to_wait() {
    let wait = |retry_after: &'static str| async move {
        let throttle = json!({"requests": 0, "per_ms": 60_000, "retry_after": retry_after});
        let (_simulator, result) = under(json!({"throttle": throttle})).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.class, failure.reason), (Throttled, FailureReason::QuotaExceeded));
        failure.retry_after.unwrap()
    };
    assert_eq!(wait("none").await, Duration::from_secs(60), "the text's period");
    assert_eq!(wait("seconds").await, Duration::from_secs(60));
    assert!((58..=61).contains(&wait("date").await.as_secs()));
}

#[tokio::test]
async fn an_unreachable_or_refusing_target_is_transient_because_nothing_was_sent() {
    let simulator = simulator().await;
    let client = client(&simulator.url(), demo_key());
    let _pooled = client.start(&request()).await.unwrap();
    simulator.handle().set_faults(faults(json!({"outage": {"refused": true}})));
    // Until the listener is gone a request may still pass or meet a closing connection.
    let refused = async {
        loop {
            match client.start(&request()).await {
                Err(failure) if failure.reason == FailureReason::ConnectFailed => break failure,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let failure = tokio::time::timeout(BOUND, refused).await.unwrap();
    assert_eq!((failure.class, failure.http_status), (Transient, None));
    simulator.handle().set_faults(Faults::default());
    let back = async {
        while client.start(&request()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, back).await.unwrap();
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_transient() {
    let failure = client("http://no-such-host.invalid", demo_key()).start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Transient, FailureReason::ConnectFailed));
}

#[tokio::test]
async fn a_lost_answer_is_ambiguous_however_it_is_lost() {
    for (fault, created) in
        [(json!({"reset": {}}), 0), (json!({"reset": {"when": "after"}}), 1), (json!({"partial": {}}), 1)]
    {
        let (simulator, result) = under(fault.clone()).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.class, failure.reason), (Ambiguous, FailureReason::ConnectionLost), "{fault}: {failure}");
        assert_eq!(simulator.handle().instances().len(), created, "{fault}");
        assert_eq!(simulator.handle().stats().requests, 1, "the client itself repeats nothing");
    }
}

/// Takes connections; says nothing for ever, or says this much at the first bytes of a request and hangs up.
async fn raw_server(says: Option<&'static str>) -> (String, tokio::task::JoinSet<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tasks = tokio::task::JoinSet::new();
    let _handle = tasks.spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _peer)) = listener.accept().await {
            if let Some(answer) = says {
                // All of it: closing with bytes unread would reset the connection and might overtake the answer.
                let _bytes = stream.read(&mut [0; 65_536]).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            } else {
                held.push(stream);
            }
        }
    });
    (address, tasks)
}

#[tokio::test]
async fn a_connect_that_takes_too_long_is_transient_because_nothing_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _server) = raw_server(None).await;
    // The TCP connection is made at once, the TLS handshake never: both are the connect time-out's.
    let mut settings = settings(&format!("https://{address}"), demo_key());
    settings.ca_file = Some(certificate(folder.path()).1);
    settings.connect_timeout = Duration::from_millis(100);
    let failure = SecMasterClient::new(settings).unwrap().start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Transient, FailureReason::ConnectFailed), "{failure}");
}

#[tokio::test]
async fn a_connection_that_is_closed_instead_of_an_answer_is_ambiguous() {
    let (address, _server) = raw_server(Some("")).await;
    let failure = client(&format!("http://{address}"), demo_key()).start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Ambiguous, FailureReason::ConnectionLost), "{failure}");
}

#[tokio::test]
async fn a_refusal_whose_reason_is_lost_is_not_held_against_the_alert() {
    let half = |status: &str| format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\n{{\"code\"");
    for (status, class, reason) in [
        ("400", Transient, FailureReason::ConnectionLost),
        ("401", Credentials, FailureReason::CredentialsRefused),
        ("404", Target, FailureReason::TargetNotFound),
        ("429", Throttled, FailureReason::QuotaExceeded),
        ("503", Transient, FailureReason::ServerError),
    ] {
        let (address, _server) = raw_server(Some(half(status).leak())).await;
        let failure = client(&format!("http://{address}"), demo_key()).start(&request()).await.unwrap_err();
        assert_eq!((failure.class, failure.reason), (class, reason), "{status}: {failure}");
        assert_eq!(failure.http_status.map(|s| s.to_string()).as_deref(), Some(status));
    }
}

#[tokio::test]
async fn no_answer_in_time_is_ambiguous() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"hang": {}})));
    let mut settings = settings(&simulator.url(), demo_key());
    settings.request_timeout = Duration::from_millis(200);
    let failure = SecMasterClient::new(settings).unwrap().start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Ambiguous, FailureReason::NoAnswer));
}

#[tokio::test]
async fn a_success_without_confirmation_is_told_apart_from_what_is_not_the_api() {
    let (_simulator, result) = under(json!({"status": [{"status": 200, "body": "{\"code\":\"0\"}"}]})).await;
    assert_eq!(result.unwrap_err().reason, FailureReason::NoInstanceId);
    let (_simulator, result) = under(json!({"status": [{"status": 200, "body": "<html>login</html>"}]})).await;
    assert_eq!(result.unwrap_err().reason, FailureReason::NotTheApi);
}

#[tokio::test]
async fn a_refused_alert_is_rejected_with_code_and_message() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"reject": {"title_contains": "REJECT"}})));
    let client = client(&simulator.url(), demo_key());
    let failure = client.start(&request_titled("please REJECT")).await.unwrap_err();
    assert_eq!((failure.class, failure.error_code.as_deref()), (Rejected, Some("SecMaster.20030025")));
    assert_eq!(failure.message, "Data object validation failed.");
    assert_eq!(client.start(&request()).await.unwrap().http_status, 200);
}
