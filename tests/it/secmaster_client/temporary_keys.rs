//! Temporary access keys: each way to one, how it is shared and renewed, and what happens while none can be had.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use alertbridge::domain::FailureClass::Credentials;
use alertbridge::domain::FailureReason;
use alertbridge::ports::WorkflowApi;
use alertbridge::secmaster::{CredentialSettings, Exchange, IdToken, KeySource, SecMasterClient};
use alertbridge::simulator::{CapturedRequest, DEMO_ID_TOKEN, RunningSimulator};
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;

use super::{client, faults, request, simulator, until};

/// Lets this much time pass at once. Nothing else may be awaited while the clock stands still: I/O would look idle.
pub(super) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

pub(super) fn agency(url: &str) -> Exchange {
    Exchange::Agency {
        sts_endpoint: url.parse().unwrap(),
        provider_urn: "iam::account:oidcProvider:p".to_owned(),
        agency_urn: "iam::account:agency:a".to_owned(),
        session_name: "alertbridge".to_owned(),
        policy: None,
        policy_ids: Vec::new(),
        duration: Duration::from_secs(3_600),
    }
}

fn instance_agency(url: &str) -> KeySource {
    KeySource::InstanceAgency { metadata_endpoint: url.parse().unwrap() }
}

fn pod_identity(url: &str, file: &Path) -> KeySource {
    KeySource::PodIdentity {
        credentials_uri: format!("{url}/pod-identity/credentials").parse().unwrap(),
        authorization_token_file: file.to_owned(),
    }
}

/// A folder with a file `token` that holds the demo token.
fn token_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), format!("{DEMO_ID_TOKEN}\n")).unwrap();
    folder
}

fn client_of(simulator: &RunningSimulator, source: KeySource) -> SecMasterClient {
    client(&simulator.url(), CredentialSettings::Temporary(source))
}

fn header<'a>(request: &'a CapturedRequest, name: &str) -> &'a str {
    request.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
}

#[tokio::test]
async fn each_source_gives_a_key_with_which_requests_are_signed_and_accepted() {
    let folder = token_folder();
    let file = folder.path().join("token");
    for (name, calls) in [("instance_agency", 2), ("oidc", 1), ("idp", 2), ("pod_identity", 1)] {
        let simulator = simulator().await;
        let url = simulator.url();
        let source = match name {
            "instance_agency" => instance_agency(&url),
            "oidc" => KeySource::Oidc { id_token: IdToken::File(file.clone()), exchange: agency(&url) },
            "idp" => KeySource::Oidc {
                id_token: IdToken::Given(SecretString::from(DEMO_ID_TOKEN)),
                exchange: Exchange::Federation {
                    iam_endpoint: url.parse().unwrap(),
                    idp_id: "provider".to_owned(),
                    duration: Duration::from_secs(6 * 3_600),
                },
            },
            _ => pod_identity(&url, &file),
        };
        let client = client_of(&simulator, source);
        assert_eq!(client.credentials_expire_at(), None, "{name}: nothing has been fetched");
        let request = request();
        for result in futures_util::future::join_all((0..16).map(|_| client.start(&request))).await {
            assert_eq!(result.unwrap().http_status, 200, "{name}");
        }
        let stats = simulator.handle().stats();
        assert_eq!((stats.key_requests, stats.keys_issued), (calls, 1), "{name}: all share one key");
        let requests = simulator.handle().requests();
        let sent = requests.last().unwrap();
        assert!(
            header(sent, "authorization").contains("x-security-token;")
                || header(sent, "authorization").contains("x-security-token,"),
            "{name}"
        );
        assert!(header(sent, "x-security-token").len() > 100, "{name}");
        let life = client.credentials_expire_at().unwrap().duration_since(SystemTime::now()).unwrap();
        let expected = match name {
            "oidc" => 3_600,
            "idp" => 6 * 3_600,
            _ => 24 * 3_600,
        };
        assert!((expected - 5..=expected).contains(&life.as_secs()), "{name}: {life:?}");
    }
}

#[tokio::test]
async fn an_older_metadata_service_is_asked_without_a_session_token() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"plain_metadata": true})));
    let client = client_of(&simulator, instance_agency(&simulator.url()));
    assert_eq!(client.start(&request()).await.unwrap().http_status, 200);
    let requests = simulator.handle().requests();
    assert_eq!(requests[0].method, "PUT");
    assert_eq!(
        (requests[1].target.as_str(), header(&requests[1], "x-metadata-token")),
        ("/openstack/latest/securitykey", "")
    );
}

#[tokio::test]
async fn a_key_is_replaced_forty_minutes_before_it_expires_and_used_on_while_that_fails() {
    let simulator = simulator().await;
    let client = client_of(&simulator, instance_agency(&simulator.url()));
    let _started = client.start(&request()).await.unwrap();
    pass(Duration::from_secs(24 * 3_600 - 41 * 60)).await;
    let _started = client.start(&request()).await.unwrap();
    assert_eq!(simulator.handle().stats().keys_issued, 1);
    simulator.handle().set_faults(faults(json!({"outage": {"service": "metadata", "status": 500}})));
    pass(Duration::from_secs(120)).await;
    for _ in 0..3 {
        let _started = client.start(&request()).await.unwrap();
    }
    until(|| client.is_renewal_failing()).await;
    let _started = client.start(&request()).await.unwrap();
    assert_eq!(simulator.handle().stats().key_requests, 3, "the failed replacement is not repeated at once");
    simulator.handle().set_faults(faults(json!({})));
    pass(Duration::from_secs(60)).await;
    let _started = client.start(&request()).await.unwrap();
    until(|| !client.is_renewal_failing()).await;
    assert_eq!(simulator.handle().stats().keys_issued, 2);
}

#[tokio::test]
async fn a_key_that_died_is_replaced_for_the_next_request_and_earns_one_probe() {
    let simulator = simulator().await;
    let client = client_of(&simulator, instance_agency(&simulator.url()));
    let _started = client.start(&request()).await.unwrap();
    assert!(!client.renew_credentials(), "nothing has changed");
    simulator.handle().expire_tokens();
    let failure = client.start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.error_code.as_deref()), (Credentials, Some("APIGW.0307")));
    assert!(client.renew_credentials());
    assert!(!client.renew_credentials(), "once");
    assert_eq!(client.start(&request()).await.unwrap().http_status, 200);
    assert_eq!(simulator.handle().stats().keys_issued, 2);
}

#[tokio::test]
async fn while_no_key_can_be_had_nothing_is_sent_and_callers_share_the_failure() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"outage": {"service": "metadata", "status": 500}})));
    let client = client_of(&simulator, instance_agency(&simulator.url()));
    let request = request();
    for result in futures_util::future::join_all((0..32).map(|_| client.start(&request))).await {
        let failure = result.unwrap_err();
        assert_eq!((failure.class, failure.reason), (Credentials, FailureReason::CredentialsUnavailable));
        assert_eq!(failure.retry_after, Some(Duration::from_secs(15)));
    }
    assert!(client.start(&request).await.is_err());
    let stats = simulator.handle().stats();
    assert_eq!((stats.requests, stats.key_requests), (0, 1));
}

#[tokio::test]
async fn a_token_file_that_was_wrong_is_tried_once_more_when_it_holds_another_one() {
    let simulator = simulator().await;
    let folder = token_folder();
    let file = folder.path().join("token");
    fs::write(&file, "hidden-and-expired").unwrap();
    for source in [
        pod_identity(&simulator.url(), &file),
        KeySource::Oidc { id_token: IdToken::File(file.clone()), exchange: agency(&simulator.url()) },
    ] {
        fs::write(&file, "hidden-and-expired").unwrap();
        let client = client_of(&simulator, source);
        let failure = client.start(&request()).await.unwrap_err();
        assert_eq!(
            (failure.class, failure.retry_after),
            (Credentials, None),
            "a refusal waits for its turn: {failure}"
        );
        assert!(failure.message.contains("answered 401") && !failure.message.contains("hidden"), "{failure}");
        assert!(!client.renew_credentials(), "nothing has changed");
        fs::remove_file(&file).unwrap();
        assert!(!client.renew_credentials(), "there is nothing better");
        fs::write(&file, DEMO_ID_TOKEN).unwrap();
        assert!(client.renew_credentials());
        assert!(!client.renew_credentials(), "once");
        assert_eq!(client.start(&request()).await.unwrap().http_status, 200);
    }
}

#[tokio::test]
async fn a_token_file_that_is_missing_or_no_token_is_said_by_its_name() {
    let simulator = simulator().await;
    let folder = token_folder();
    let said = async |content: Option<&str>| {
        let file = folder.path().join("other");
        let _gone = fs::remove_file(&file);
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let failure = client_of(&simulator, pod_identity(&simulator.url(), &file)).start(&request()).await.unwrap_err();
        assert_eq!((failure.class, failure.reason), (Credentials, FailureReason::CredentialsUnavailable));
        failure.message
    };
    assert!(said(None).await.contains("other: No such file"), "{}", said(None).await);
    assert!(said(Some(" \n")).await.contains("other is empty"));
    assert!(said(Some(&"x".repeat(70_000))).await.contains("larger than 65536 bytes"));
    assert!(said(Some("two\nlines")).await.contains("cannot stand in a header"));
    assert_eq!(simulator.handle().stats().key_requests, 0);
}

#[tokio::test]
async fn a_keys_life_is_counted_by_its_issuers_clock() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"clock_skew_seconds": -600, "token_lifetime_ms": 3_600_000})));
    let client = client_of(&simulator, instance_agency(&simulator.url()));
    let _started = client.start(&request()).await.unwrap();
    let life = client.credentials_expire_at().unwrap().duration_since(SystemTime::now()).unwrap();
    assert!((3_595..=3_600).contains(&life.as_secs()), "{life:?}");
    assert!(matches!(client.clock_skew_seconds(), Some(598..=601)), "{:?}", client.clock_skew_seconds());
}
