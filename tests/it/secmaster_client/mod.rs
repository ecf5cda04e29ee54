//! The SecMaster client over HTTP against the simulator: what is accepted, and which class each fault has.

mod alerts;
mod classes;
mod credentials;
mod failures;
mod look_ups;
mod proxies;
mod slow_issuers;
mod temporary_keys;
mod world;

use std::path::PathBuf;
use std::time::Duration;

use alertbridge::domain::FailureClass::{Rejected, Transient};
use alertbridge::domain::{Destination, FailureReason, WorkflowRequest};
use alertbridge::ports::WorkflowApi;
use alertbridge::secmaster::{ClientSettings, CredentialSettings, SecMasterClient};
use alertbridge::simulator::{
    DEMO_ACCESS_KEY, DEMO_SECRET_KEY, Faults, RunningSimulator, Simulator, SimulatorSettings, TlsFiles,
};
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::{Value, json};

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
        renewal: None,
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
            creates_alert: false,
        },
        action_instance_id: Some(INSTANCE.to_owned()),
        body: Bytes::from(body.to_string()),
    }
}

fn request() -> WorkflowRequest {
    request_titled("SSH brute force 测试")
}

/// Waits until this is so.
async fn until(is_so: impl Fn() -> bool) {
    let bound = tokio::time::timeout(Duration::from_secs(10), async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    bound.await.unwrap();
}

fn faults(document: Value) -> Faults {
    serde_json::from_value(document).unwrap()
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
async fn ids_that_are_not_plain_are_encoded_in_the_path_and_the_signature_still_holds() {
    let simulator = simulator().await;
    let mut request = request();
    request.destination.workflow_id = "a b/c+é".into();
    let failure = client(&simulator.url(), demo_key()).start(&request).await.unwrap_err();
    assert_eq!((failure.http_status, failure.class), (Some(400), Rejected), "accepted by the gateway: {failure}");
    assert!(simulator.handle().requests()[0].target.contains("/a%20b%2Fc%2B%C3%A9/"));
}

#[tokio::test]
async fn an_instance_id_of_the_services_own_is_taken() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"instance_ids": "own"})));
    let started = client(&simulator.url(), demo_key()).start(&request()).await.unwrap();
    assert_ne!(started.action_instance_id, INSTANCE);
    let instance = &simulator.handle().instances()[0];
    assert_eq!((&instance.id, instance.requested_id.as_deref()), (&started.action_instance_id, Some(INSTANCE)));
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
