//! Which calls take the proxy that the environment names.

use alertbridge::simulator::DEMO_ID_TOKEN;
use tokio::process::Command;

use super::{PROJECT, WORKSPACE, simulator};

#[tokio::test]
async fn keys_from_near_by_are_never_asked_for_through_a_proxy_and_the_service_is() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, DEMO_ID_TOKEN).unwrap();
    for (kind, calls) in [("instance_agency", 2), ("pod_identity", 1)] {
        // The proxy is another simulator: it answers whatever it is asked for, and remembers it.
        let (near, proxy) = (simulator().await, simulator().await);
        let output = Command::new(env!("CARGO_BIN_EXE_alertbridge"))
            .args(["secmaster", "workspace", "list"])
            .env_clear()
            .env("http_proxy", proxy.url())
            .env("ALERTBRIDGE__SECMASTER__ENDPOINT", "http://secmaster.example.com")
            .env("ALERTBRIDGE__SECMASTER__WORKSPACE_ID", WORKSPACE)
            .env("ALERTBRIDGE__SECMASTER__PROJECT_ID", PROJECT)
            .env("ALERTBRIDGE__SECMASTER__CREDENTIALS__KIND", kind)
            .env("ALERTBRIDGE__SECMASTER__CREDENTIALS__METADATA_ENDPOINT", near.url())
            .env("HC_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/pod-identity/credentials", near.url()))
            .env("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // The proxy does not know the key that was given out near by.
        assert!(said.contains("401"), "{kind}: {said}");
        let (near, proxy) = (near.handle().stats(), proxy.handle().stats());
        assert_eq!((near.key_requests, near.requests), (calls, 0), "{kind}: {said}");
        assert_eq!((proxy.key_requests, proxy.requests), (0, 1), "{kind}: {said}");
    }
}
