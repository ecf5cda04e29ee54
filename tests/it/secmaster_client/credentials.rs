//! Access keys, passwords and tokens: what is sent, what is shared, whose fault a refusal is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alertbridge::domain::FailureClass::Credentials;
use alertbridge::domain::FailureReason;
use alertbridge::ports::WorkflowApi;
use alertbridge::secmaster::{ClientSettings, CredentialSettings, IdToken, KeySource, Renewal, SecMasterClient};
use alertbridge::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY};
use secrecy::SecretString;
use serde_json::json;

use super::temporary_keys::{agency, pass};
use super::{access_key, client, faults, password, request, settings, simulator, until};

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
async fn a_token_that_died_is_replaced_for_the_next_request_and_no_request_is_repeated_unasked() {
    let simulator = simulator().await;
    let client = client(&simulator.url(), password(&simulator.url(), "demo-password"));
    let request = request();
    let _started = client.start(&request).await.unwrap();
    assert!(!client.renew_credentials(), "nothing has changed");
    simulator.handle().expire_tokens();
    for result in futures_util::future::join_all((0..16).map(|_| client.start(&request))).await {
        assert_eq!(result.unwrap_err().class, Credentials);
    }
    let stats = simulator.handle().stats();
    assert!(stats.requests <= 17, "each call is one departure: {}", stats.requests);
    assert!(client.renew_credentials(), "the next token is another one: it earns a probe at once");
    assert!(!client.renew_credentials(), "and only one");
    for result in futures_util::future::join_all((0..16).map(|_| client.start(&request))).await {
        assert_eq!(result.unwrap().http_status, 200);
    }
    assert_eq!(simulator.handle().stats().token_requests, 2, "one replacement for all");
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_is_the_credentials_fault_and_earns_no_probe() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"status": [{"status": 401, "code": "APIGW.0307"}]})));
    let client = client(&simulator.url(), password(&simulator.url(), "demo-password"));
    let failure = client.start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.error_code.as_deref()), (Credentials, Some("APIGW.0307")));
    let stats = simulator.handle().stats();
    assert_eq!((stats.requests, stats.token_requests), (1, 1));
    assert!(!client.renew_credentials(), "a token that was never accepted is renewed by the next probe in its turn");
    assert!(client.start(&request()).await.is_err());
    assert_eq!(simulator.handle().stats().token_requests, 2, "but it is renewed");
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
    until(|| simulator.handle().stats().token_requests >= 2).await;
    let _started = client.start(&request).await.unwrap();
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
    until(|| simulator.handle().stats().token_requests >= 2).await;
    let _started = client.start(&request()).await.unwrap();
    assert_eq!(simulator.handle().stats().token_requests, 2, "the failed replacement is not repeated at once");
    pass(Duration::from_secs(3_600)).await;
    let failure = client.start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Credentials, FailureReason::CredentialsUnavailable));
}

#[tokio::test]
async fn after_a_failed_renewal_the_password_is_read_again_though_the_token_lives() {
    let simulator = simulator().await;
    let (url, in_its_file) = (simulator.url(), Arc::new(Mutex::new("not-this-one")));
    let (iam, read) = (url.clone(), Arc::clone(&in_its_file));
    let renewal = Renewal::new(move || Some(password(&iam, *read.lock().unwrap())));
    let settings = ClientSettings { renewal: Some(renewal), ..settings(&url, password(&url, "demo-password")) };
    let client = SecMasterClient::new(settings).unwrap();
    let asked = || simulator.handle().stats().token_requests;
    let _first = client.start(&request()).await.unwrap();
    pass(Duration::from_secs(23 * 3_600 + 1)).await;
    let _due = client.start(&request()).await.unwrap();
    until(|| asked() == 2).await;
    assert!(!client.is_renewal_failing(), "a file that is ahead of IAM disturbs nobody");

    simulator.handle().set_faults(faults(json!({"outage": {"service": "iam"}})));
    pass(Duration::from_secs(23 * 3_600 + 1)).await;
    let _due = client.start(&request()).await.unwrap();
    until(|| client.is_renewal_failing()).await;
    simulator.handle().set_faults(faults(json!({})));
    pass(Duration::from_secs(61)).await;
    until(|| simulator.handle().stats().token_requests == 4).await;
    assert!(client.is_renewal_failing(), "what is in the file now is not the password");

    *in_its_file.lock().unwrap() = "demo-password";
    pass(Duration::from_secs(311)).await;
    until(|| !client.is_renewal_failing()).await;
    let _last = client.start(&request()).await.unwrap();
    let stats = simulator.handle().stats();
    assert_eq!((stats.requests, stats.accepted, asked()), (4, 4, 5), "no request was refused meanwhile");
}

#[tokio::test]
async fn without_iam_everything_waits_and_it_is_said_how_soon_to_ask_again() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"outage": {"service": "iam"}})));
    let client = client(&simulator.url(), password(&simulator.url(), "demo-password"));
    let failure = client.start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Credentials, FailureReason::CredentialsUnavailable));
    assert_eq!((failure.retry_after, failure.http_status), (Some(Duration::from_secs(15)), None));
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
        CredentialSettings::Temporary(KeySource::Oidc {
            id_token: IdToken::Given(SecretString::from("hidden-token")),
            exchange: agency("http://127.0.0.1:1"),
        }),
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

#[tokio::test]
async fn a_secret_that_is_corrected_long_after_the_refusal_is_used_by_the_next_request() {
    let simulator = simulator().await;
    let secret = Arc::new(Mutex::new("wrong"));
    let read = Arc::clone(&secret);
    let renewal = Renewal::new(move || Some(access_key(DEMO_ACCESS_KEY, *read.lock().unwrap())));
    let settings =
        ClientSettings { renewal: Some(renewal), ..settings(&simulator.url(), access_key(DEMO_ACCESS_KEY, "wrong")) };
    let client = SecMasterClient::new(settings).unwrap();
    assert_eq!(client.start(&request()).await.unwrap_err().class, Credentials);
    // The status asks each second.
    assert_eq!(client.credentials_expire_at(), None);
    *secret.lock().unwrap() = DEMO_SECRET_KEY;
    assert_eq!(client.start(&request()).await.unwrap().http_status, 200);
}
