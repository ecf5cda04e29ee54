//! Whoever gives out keys may be slow: the time of a request goes on meanwhile, so that nothing leaves after it.

use std::time::Duration;

use alertbridge::domain::FailureClass::{Ambiguous, Credentials};
use alertbridge::domain::FailureReason;
use alertbridge::ports::WorkflowApi;
use alertbridge::secmaster::{ClientSettings, CredentialSettings, KeySource, SecMasterClient};
use alertbridge::simulator::RunningSimulator;
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::{faults, request, settings, simulator, until};

/// A client whose metadata service lets each connection wait for this long.
async fn client_after(simulator: &RunningSimulator, wait: Duration, request_timeout: Duration) -> SecMasterClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, to) = (listener.local_addr().unwrap(), simulator.addr());
    #[expect(clippy::disallowed_methods, reason = "a server of a test, which ends with the test's runtime")]
    let _slow = tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let _connection = tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let mut far = TcpStream::connect(to).await.unwrap();
                let _ended = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let metadata_endpoint = format!("http://{at}").parse().unwrap();
    let credentials = CredentialSettings::Temporary(KeySource::InstanceAgency { metadata_endpoint });
    SecMasterClient::new(ClientSettings { request_timeout, ..settings(&simulator.url(), credentials) }).unwrap()
}

#[tokio::test]
async fn no_request_leaves_once_its_time_is_over_and_the_key_serves_the_next() {
    let simulator = simulator().await;
    let client = client_after(&simulator, Duration::from_secs(1), Duration::from_millis(500)).await;
    let failure = client.start(&request()).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Credentials, FailureReason::CredentialsUnavailable));
    assert_eq!(failure.retry_after, Some(Duration::from_secs(15)));
    until(|| simulator.handle().stats().keys_issued == 1).await;
    assert!(simulator.handle().instances().is_empty(), "nothing has left");
    let begun = Instant::now();
    while let Err(failure) = client.start(&request()).await {
        assert!(begun.elapsed() < Duration::from_secs(10), "{failure}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(simulator.handle().stats().keys_issued, 1);
}

#[tokio::test]
async fn a_request_has_the_time_that_is_left_and_may_be_under_way_when_that_is_over() {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"hang": {}})));
    let client = client_after(&simulator, Duration::from_secs(2), Duration::from_secs(3)).await;
    let begun = Instant::now();
    let failure = client.start(&request()).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!((failure.class, failure.reason), (Ambiguous, FailureReason::ConnectionLost), "{failure}");
}
