//! The SecMaster client over HTTP against the simulator: what is accepted, and which class each fault has.

#![expect(clippy::unwrap_used, reason = "a set-up that fails fails its test")]

use std::path::PathBuf;
use std::time::Duration;

use alertbridge::domain::FailureClass::{Ambiguous, Credentials, Rejected, Target, Throttled, Transient};
use alertbridge::domain::{Destination, FailureReason, Started, WorkflowRequest};
use alertbridge::ports::{ApiFailure, WorkflowApi};
use alertbridge::secmaster::{ClientSettings, CredentialSettings, SecMasterClient};
use alertbridge::simulator::{
    DEMO_ACCESS_KEY, DEMO_SECRET_KEY, Faults, RunningSimulator, Simulator, SimulatorSettings, TlsFiles,
};
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const WORKSPACE: &str = "f44065f5-557b-4376-ae02-8c65ef1960f4";
const WORKFLOW: &str = "446255ce-1111-2222-3333-0b4931000000";
const INSTANCE: &str = "909494e3-558e-46b6-a9eb-07a8e18ca62f";

async fn simulator() -> RunningSimulator {
    Simulator::start(SimulatorSettings::default()).await.unwrap()
}

fn access_key(id: &str, secret: &str) -> CredentialSettings {
    CredentialSettings::AccessKey {
        access_key_id: id.to_owned(),
        secret_access_key: SecretString::from(secret),
        security_token: None,
    }
}

fn demo_key() -> CredentialSettings {
    access_key(DEMO_ACCESS_KEY, DEMO_SECRET_KEY)
}

fn password(url: &str, password: &str) -> CredentialSettings {
    CredentialSettings::Password {
        iam_endpoint: url.parse().unwrap(),
        domain_name: "demo-account".to_owned(),
        user_name: "demo-user".to_owned(),
        password: SecretString::from(password),
    }
}

fn settings(url: &str, credentials: CredentialSettings) -> ClientSettings {
    ClientSettings {
        endpoint: url.parse().unwrap(),
        credentials,
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(10),
        ca_file: None,
        failure_classes: Vec::new(),
    }
}

fn client(url: &str, credentials: CredentialSettings) -> SecMasterClient {
    SecMasterClient::new(settings(url, credentials)).unwrap()
}

fn request_titled(title: &str) -> WorkflowRequest {
    let body = json!({
        "command_type": "ActionInstanceRunCommand",
        "action_type": "workflow",
        "action_id": WORKFLOW,
        "action_instance_id": INSTANCE,
        "playbook_context": {"data_object": {"content": {"title": title}, "dataclass": {"name": "Alert"}}},
    });
    WorkflowRequest {
        destination: Destination {
            route: "default".into(),
            project_id: PROJECT.into(),
            workspace_id: WORKSPACE.into(),
            workflow_id: WORKFLOW.into(),
        },
        action_instance_id: Some(INSTANCE.to_owned()),
        body: Bytes::from(body.to_string()),
    }
}

fn request() -> WorkflowRequest {
    request_titled("SSH brute force 测试")
}

fn faults(document: Value) -> Faults {
    serde_json::from_value(document).unwrap()
}

/// What one request meets while these faults are in force, sent with the demo key.
async fn under(document: Value) -> (RunningSimulator, Result<Started, ApiFailure>) {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(document));
    let result = client(&simulator.url(), demo_key()).start(&request()).await;
    (simulator, result)
}

#[tokio::test]
async fn a_signed_request_creates_the_instance_that_was_asked_for() {
    let simulator = simulator().await;
    let started = client(&simulator.url(), demo_key()).start(&request()).await.unwrap();
    assert_eq!((started.action_instance_id.as_str(), started.http_status), (INSTANCE, 200));
    assert!(started.request_id.is_some());
    let instances = simulator.handle().instances();
    assert_eq!(instances.len(), 1);
    assert_eq!(instances[0].content, json!({"title": "SSH brute force 测试"}));
    assert_eq!(instances[0].workflow_id, WORKFLOW);
}

#[tokio::test]
async fn every_attempt_sends_the_same_bytes_and_the_documented_headers() {
    let simulator = simulator().await;
    let client = client(&simulator.url(), demo_key());
    for _ in 0..2 {
        let _started = client.start(&request()).await.unwrap();
    }
    let sent = simulator.handle().requests();
    assert_eq!(sent[0].body_base64, sent[1].body_base64);
    let path = format!("/v1/{PROJECT}/workspaces/{WORKSPACE}/soc/workflows/{WORKFLOW}/instances");
    assert_eq!((sent[0].method.as_str(), sent[0].target.as_str()), ("POST", path.as_str()));
    let header = |name: &str| sent[0].headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!(header("content-type"), Some("application/json;charset=UTF-8"));
    assert_eq!(header("x-language"), Some("en-us"));
    assert_eq!(header("x-project-id"), Some(PROJECT));
    assert_eq!(header("user-agent"), Some(concat!("alertbridge/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(header("host"), Some(simulator.addr().to_string().as_str()));
    assert_eq!(simulator.handle().stats().duplicates, 1);
}

#[tokio::test]
async fn temporary_keys_send_and_sign_their_security_token() {
    let simulator = simulator().await;
    let credentials = CredentialSettings::AccessKey {
        access_key_id: DEMO_ACCESS_KEY.to_owned(),
        secret_access_key: SecretString::from(DEMO_SECRET_KEY),
        security_token: Some(SecretString::from("sts-token")),
    };
    let _started = client(&simulator.url(), credentials).start(&request()).await.unwrap();
    let sent = &simulator.handle().requests()[0];
    let header = |name: &str| sent.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap();
    assert_eq!(header("x-security-token"), "sts-token");
    assert!(header("authorization").contains("x-security-token"));
}

#[tokio::test]
async fn ids_that_are_not_plain_are_encoded_in_the_path_and_the_signature_still_holds() {
    let simulator = simulator().await;
    let mut request = request();
    request.destination.workflow_id = "a b/c+é".into();
    let failure = client(&simulator.url(), demo_key()).start(&request).await.unwrap_err();
    assert_eq!((failure.http_status, failure.class), (Some(400), Rejected), "accepted by the gateway: {failure}");
    assert!(simulator.handle().requests()[0].target.contains("/a%20b%2Fc%2B%C3%A9/"));
}

#[tokio::test]
async fn a_wrong_key_is_the_credentials_fault_and_is_tried_once() {
    let simulator = simulator().await;
    let failure = client(&simulator.url(), access_key(DEMO_ACCESS_KEY, "wrong")).start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Credentials, FailureReason::CredentialsRefused));
    assert_eq!((failure.http_status, failure.error_code.as_deref()), (Some(401), Some("APIGW.0301")));
    assert_eq!(
        failure.message,
        "Incorrect IAM authentication information: verify aksk signature fail [request removed]"
    );
    assert!(failure.request_id.is_some());
    assert_eq!(simulator.handle().stats().requests, 1);
    let failure = client(&simulator.url(), access_key("UNKNOWN", "x")).start(&request()).await.unwrap_err();
    assert_eq!(failure.class, Credentials);
}

#[tokio::test]
async fn many_first_requests_share_one_call_to_iam() {
    let simulator = simulator().await;
    let client = client(&simulator.url(), password(&simulator.url(), "demo-password"));
    let request = request();
    let calls = (0..32).map(|_| client.start(&request));
    for result in futures_util::future::join_all(calls).await {
        assert_eq!(result.unwrap().http_status, 200);
    }
    assert_eq!(simulator.handle().stats().token_requests, 1);
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_for_all_who_wait() {
    let simulator = simulator().await;
    let client = client(&simulator.url(), password(&simulator.url(), "not-this-one"));
    let request = request();
    for result in futures_util::future::join_all((0..32).map(|_| client.start(&request))).await {
        let failure = result.unwrap_err();
        assert_eq!((failure.class, failure.reason), (Credentials, FailureReason::CredentialsUnavailable));
        assert!(!failure.message.contains("not-this-one"), "{failure}");
    }
    let stats = simulator.handle().stats();
    assert_eq!((stats.token_requests, stats.requests), (1, 0));
}

#[tokio::test]
async fn a_token_that_died_is_replaced_once_and_the_request_repeated() {
    let simulator = simulator().await;
    let client = client(&simulator.url(), password(&simulator.url(), "demo-password"));
    let _started = client.start(&request()).await.unwrap();
    simulator.handle().expire_tokens();
    let request = request();
    for result in futures_util::future::join_all((0..16).map(|_| client.start(&request))).await {
        assert_eq!(result.unwrap().http_status, 200);
    }
    assert_eq!(simulator.handle().stats().token_requests, 2, "one replacement for all");
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_too_is_the_credentials_fault() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"status": [{"status": 401, "code": "APIGW.0307"}]})));
    let client = client(&simulator.url(), password(&simulator.url(), "demo-password"));
    let failure = client.start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.error_code.as_deref()), (Credentials, Some("APIGW.0307")));
    let stats = simulator.handle().stats();
    assert_eq!((stats.requests, stats.token_requests), (2, 2));
}

/// Lets this much time pass at once. Nothing else may be awaited while the clock stands still: I/O would look idle.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_token_is_replaced_an_hour_before_it_expires() {
    let simulator = simulator().await;
    let client = client(&simulator.url(), password(&simulator.url(), "demo-password"));
    let _started = client.start(&request()).await.unwrap();
    pass(Duration::from_secs(23 * 3_600 - 60)).await;
    let _started = client.start(&request()).await.unwrap();
    assert_eq!(simulator.handle().stats().token_requests, 1);
    pass(Duration::from_secs(120)).await;
    let request = request();
    for result in futures_util::future::join_all((0..16).map(|_| client.start(&request))).await {
        assert_eq!(result.unwrap().http_status, 200);
    }
    assert_eq!(simulator.handle().stats().token_requests, 2);
}

#[tokio::test]
async fn a_token_that_cannot_be_replaced_yet_goes_on_being_used() {
    let simulator = simulator().await;
    let client = client(&simulator.url(), password(&simulator.url(), "demo-password"));
    let _started = client.start(&request()).await.unwrap();
    simulator.handle().set_faults(faults(json!({"outage": {"service": "iam"}})));
    pass(Duration::from_secs(23 * 3_600 + 1)).await;
    for _ in 0..3 {
        let _started = client.start(&request()).await.unwrap();
    }
    assert_eq!(simulator.handle().stats().token_requests, 2, "the failed replacement is not repeated at once");
    pass(Duration::from_secs(3_600)).await;
    let failure = client.start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Transient, FailureReason::CredentialsUnavailable));
}

#[tokio::test]
async fn iam_out_of_order_is_transient_and_nothing_is_sent() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"outage": {"service": "iam"}})));
    let client = client(&simulator.url(), password(&simulator.url(), "demo-password"));
    let failure = client.start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Transient, FailureReason::CredentialsUnavailable));
    assert_eq!(simulator.handle().stats().requests, 0);
}

#[tokio::test]
async fn a_given_token_is_sent_and_refused_like_any_other() {
    let simulator = simulator().await;
    let token = CredentialSettings::Token(SecretString::from("a-given-token"));
    let failure = client(&simulator.url(), token).start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.error_code.as_deref()), (Credentials, Some("APIGW.0301")));
    let sent = &simulator.handle().requests()[0].headers;
    assert!(sent.contains(&("x-auth-token".to_owned(), "a-given-token".to_owned())));
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
    let failure = loop {
        match client.start(&request()).await {
            Err(failure) if failure.reason == FailureReason::ConnectFailed => break failure,
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!((failure.class, failure.http_status), (Transient, None));
    simulator.handle().set_faults(Faults::default());
    while client.start(&request()).await.is_err() {
        tokio::task::yield_now().await;
    }
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

/// Takes connections and never says a word, or hangs up at the first bytes of a request.
async fn mute_server(hangs_up: bool) -> (String, tokio::task::JoinSet<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tasks = tokio::task::JoinSet::new();
    let _handle = tasks.spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _peer)) = listener.accept().await {
            if hangs_up {
                let _bytes = stream.read(&mut [0; 16]).await.unwrap();
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
    let (address, _server) = mute_server(false).await;
    // The TCP connection is made at once, the TLS handshake never: both are the connect time-out's.
    let mut settings = settings(&format!("https://{address}"), demo_key());
    settings.ca_file = Some(certificate(folder.path()).1);
    settings.connect_timeout = Duration::from_millis(100);
    let failure = SecMasterClient::new(settings).unwrap().start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Transient, FailureReason::ConnectFailed), "{failure}");
}

#[tokio::test]
async fn a_connection_that_is_closed_instead_of_an_answer_is_ambiguous() {
    let (address, _server) = mute_server(true).await;
    let failure = client(&format!("http://{address}"), demo_key()).start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Ambiguous, FailureReason::ConnectionLost), "{failure}");
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
async fn an_instance_id_of_the_services_own_is_taken() {
    let (simulator, result) = under(json!({"own_instance_ids": true})).await;
    let started = result.unwrap();
    assert_ne!(started.action_instance_id, INSTANCE);
    let instance = &simulator.handle().instances()[0];
    assert_eq!((&instance.id, instance.requested_id.as_deref()), (&started.action_instance_id, Some(INSTANCE)));
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

#[tokio::test]
async fn a_large_alerts_echo_is_read_to_its_end() {
    let simulator = simulator().await;
    let title = "é".repeat(2 * 1024 * 1024);
    let started = client(&simulator.url(), demo_key()).start(&request_titled(&title)).await.unwrap();
    assert_eq!(started.action_instance_id, INSTANCE);
    let failure = client(&simulator.url(), demo_key()).start(&request_titled(&"x".repeat(12 << 20))).await;
    assert_eq!(failure.unwrap_err().reason, FailureReason::RequestTooLarge);
}

#[tokio::test]
async fn tls_is_trusted_by_the_own_ca_and_by_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, ca_file) = certificate(folder.path());
    let simulator =
        Simulator::start(SimulatorSettings { tls: Some(tls), ..SimulatorSettings::default() }).await.unwrap();
    let url = format!("https://localhost:{}", simulator.addr().port());
    let mut trusting = settings(&url, password(&url, "demo-password"));
    trusting.ca_file = Some(ca_file);
    let started = SecMasterClient::new(trusting).unwrap().start(&request()).await.unwrap();
    assert_eq!(started.http_status, 200);

    let (_other, other_ca) = certificate(folder.path());
    let mut distrusting = settings(&url, demo_key());
    distrusting.ca_file = Some(other_ca);
    let failure = SecMasterClient::new(distrusting).unwrap().start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Transient, FailureReason::ConnectFailed));
    assert!(failure.message.contains("certificate"), "{failure}");
}

/// A server certificate for localhost, and the file of the CA that signed it.
fn certificate(folder: &std::path::Path) -> (TlsFiles, PathBuf) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = rcgen::CertifiedIssuer::self_signed(params, ca_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    let path = folder.join(format!("ca-{}.pem", uuid::Uuid::new_v4()));
    std::fs::write(&path, ca.pem()).unwrap();
    (TlsFiles { certificate: server.pem().into_bytes(), key: SecretString::from(key.serialize_pem()) }, path)
}

#[tokio::test]
async fn no_secret_is_in_the_debug_output() {
    for credentials in [
        access_key("AK", "hidden-secret"),
        CredentialSettings::AccessKey {
            access_key_id: "AK".to_owned(),
            secret_access_key: SecretString::from("hidden-secret"),
            security_token: Some(SecretString::from("hidden-token")),
        },
        password("http://127.0.0.1:1", "hidden-password"),
        CredentialSettings::Token(SecretString::from("hidden-token")),
    ] {
        let settings = settings("http://127.0.0.1:1", credentials);
        let texts = [format!("{settings:?}"), format!("{:?}", SecMasterClient::new(settings).unwrap())];
        for text in texts {
            assert!(!text.contains("hidden"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_credential_that_cannot_stand_in_a_header_is_refused_without_being_shown() {
    let token = CredentialSettings::Token(SecretString::from("line\nbreak"));
    let error = SecMasterClient::new(settings("http://127.0.0.1:1", token)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("break"), "{error}");
}
