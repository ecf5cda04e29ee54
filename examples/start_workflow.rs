//! Starts one workflow through the library, without Kafka: at `SIMULATOR_URL`, with the access key of
//! `HUAWEICLOUD_SDK_AK` and `HUAWEICLOUD_SDK_SK`.
//!
//! `tests/sdk/run.sh` lets the vendor's signer recompute the signature of what this sends.

use std::env;
use std::io::Write as _;
use std::time::Duration;

use alertbridge::domain::{Destination, WorkflowRequest};
use alertbridge::ports::WorkflowApi as _;
use alertbridge::secmaster::{ClientSettings, CredentialSettings, SecMasterClient};
use anyhow::Context as _;
use bytes::Bytes;
use secrecy::SecretString;

const WORKFLOW: &str = "446255ce-1111-2222-3333-0b4931000000";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let variable = |name: &str| env::var(name).with_context(|| name.to_owned());
    let client = SecMasterClient::new(ClientSettings {
        endpoint: variable("SIMULATOR_URL")?.parse()?,
        credentials: CredentialSettings::AccessKey {
            access_key_id: variable("HUAWEICLOUD_SDK_AK")?,
            secret_access_key: SecretString::from(variable("HUAWEICLOUD_SDK_SK")?),
            security_token: None,
        },
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(20),
        ca_file: None,
        failure_classes: Vec::new(),
        renewal: None,
    })?;
    let body = serde_json::json!({
        "command_type": "ActionInstanceRunCommand",
        "action_type": "workflow",
        "action_id": WORKFLOW,
        "playbook_context": {"data_object": {"content": {"title": "SSH 测试"}, "dataclass": {"name": "Alert"}}},
    });
    let started = client
        .start(&WorkflowRequest {
            destination: Destination {
                route: "default".into(),
                project_id: "0123456789abcdef0123456789abcdef".into(),
                workspace_id: "f44065f5-557b-4376-ae02-8c65ef1960f4".into(),
                workflow_id: WORKFLOW.into(),
                creates_alert: false,
            },
            action_instance_id: None,
            body: Bytes::from(body.to_string()),
        })
        .await?;
    writeln!(std::io::stdout(), "alertbridge started instance {}", started.action_instance_id)?;
    Ok(())
}
