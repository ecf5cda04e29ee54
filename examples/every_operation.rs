//! Calls every operation of SecMaster's API through the library, in the order of tests/sdk/sdk_operations.py, at
//! `SIMULATOR_URL` with the access key of `HUAWEICLOUD_SDK_AK` and `HUAWEICLOUD_SDK_SK`.
//!
//! `tests/sdk/operations.sh` compares its requests with those of the vendor's SDK.

use std::env;
use std::io::Write as _;
use std::time::Duration;

use alertbridge::secmaster::api::{
    AlertSearch, Command, DataClassFilter, FieldFilter, InstanceFilter, NewAction, NewWorkflow, Operation,
    PlaybookFilter, PlaybookInstanceFilter, PlaybookOperation, VersionFilter, WorkflowFilter, Workspace,
    WorkspaceFilter, list_workspaces,
};
use alertbridge::secmaster::{ClientSettings, CredentialSettings, SecMasterClient};
use anyhow::Context as _;
use secrecy::SecretString;
use serde_json::json;

const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const WORKSPACE: &str = "f44065f5-557b-4376-ae02-8c65ef1960f4";
const WORKFLOW: &str = "446255ce-1111-2222-3333-0b4931000000";
const INSTANCE: &str = "909494e3-558e-46b6-a9eb-07a8e18ca62f";
const PLAYBOOK: &str = "11111111-0000-4000-8000-000000000001";
const DRAFT: &str = "11111111-0000-4000-8000-000000000003";
const PLAYBOOK_INSTANCE: &str = "11111111-0000-4000-8000-000000000004";
const ALERT_CLASS: &str = "a1e57c1a-5500-4000-8000-000000000001";
const ALERT: &str = "5f0c7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11";

/// As long as the simulator takes to end an instance, and more.
const TERMINATED: Duration = Duration::from_millis(200);

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
    let place = Workspace { project_id: PROJECT.into(), workspace_id: WORKSPACE.into() };
    instances(&client, &place).await?;
    workflows(&client, &place).await?;
    playbooks(&client, &place).await?;
    alerts(&client, &place).await?;
    writeln!(std::io::stdout(), "alertbridge's client made its calls")?;
    Ok(())
}

/// One call whose answer only has to be understood.
async fn call<T>(client: &SecMasterClient, operation: Operation<T>) -> anyhow::Result<()> {
    let _answer = client.call(&operation).await.with_context(|| operation.name)?;
    Ok(())
}

fn alert() -> serde_json::Value {
    json!({"id": ALERT, "title": "SSH brute force 测试", "severity": "High", "count": 3})
}

async fn instances(client: &SecMasterClient, place: &Workspace) -> anyhow::Result<()> {
    let body = json!({
        "command_type": "ActionInstanceRunCommand",
        "action_type": "workflow",
        "action_id": WORKFLOW,
        "action_instance_id": INSTANCE,
        "playbook_context": {"data_object": {"content": alert(), "dataclass": {"name": "Alert"}}},
    });
    call(client, place.run_workflow(WORKFLOW, body.to_string().into())).await?;
    let filter = InstanceFilter { workflow_id: Some(WORKFLOW.to_owned()), ..InstanceFilter::default() };
    call(client, place.list_instances(&filter)).await?;
    call(client, place.show_instance(INSTANCE, true)).await?;
    call(client, place.update_instance(INSTANCE, Command::Terminate)).await?;
    tokio::time::sleep(TERMINATED).await;
    call(client, place.update_instance(INSTANCE, Command::Retry)).await?;
    call(client, place.operate_playbook_instance(PLAYBOOK_INSTANCE, PlaybookOperation::Terminate)).await?;
    tokio::time::sleep(TERMINATED).await;
    call(client, place.operate_playbook_instance(PLAYBOOK_INSTANCE, PlaybookOperation::Retry)).await
}

async fn workflows(client: &SecMasterClient, place: &Workspace) -> anyhow::Result<()> {
    let new = NewWorkflow {
        name: "made by hand".to_owned(),
        description: Some("a trial".to_owned()),
        engine_type: "public_engine".to_owned(),
        aop_type: "NORMAL".to_owned(),
        dataclass_id: ALERT_CLASS.to_owned(),
        labels: Some("IP".to_owned()),
    };
    call(client, place.create_workflow(&new)).await?;
    let filter = WorkflowFilter { enabled: Some(true), name: Some("contain".to_owned()), ..WorkflowFilter::default() };
    call(client, place.list_workflows(&filter)).await?;
    call(client, place.show_workflow(WORKFLOW)).await?;
    call(client, place.list_workflow_versions(WORKFLOW)).await?;
    let alerts = DataClassFilter {
        business_code: Some("Alert".to_owned()),
        is_built_in: Some(true),
        ..DataClassFilter::default()
    };
    call(client, place.list_dataclasses(&alerts)).await?;
    call(client, place.list_dataclass_fields(ALERT_CLASS, &FieldFilter::default())).await
}

async fn playbooks(client: &SecMasterClient, place: &Workspace) -> anyhow::Result<()> {
    call(client, place.list_playbooks(&PlaybookFilter { enabled: Some(true), ..PlaybookFilter::default() })).await?;
    call(client, place.show_playbook(PLAYBOOK)).await?;
    let drafts = VersionFilter { version_type: Some(0), ..VersionFilter::default() };
    call(client, place.list_playbook_versions(PLAYBOOK, &drafts)).await?;
    let action = NewAction {
        name: Some("contain".to_owned()),
        description: None,
        action_type: "AOP_WORKFLOW".to_owned(),
        action_id: WORKFLOW.to_owned(),
        sort_order: Some("1".to_owned()),
    };
    call(client, place.add_actions(DRAFT, &[action])).await?;
    let filter = PlaybookInstanceFilter { trigger_type: Some("EVENT".to_owned()), ..Default::default() };
    call(client, place.list_playbook_instances(&filter)).await?;
    call(client, place.show_playbook_instance(PLAYBOOK_INSTANCE)).await?;
    call(client, place.show_playbook_topology(PLAYBOOK_INSTANCE)).await?;
    call(client, list_workspaces(&place.project_id, &WorkspaceFilter::default())).await
}

async fn alerts(client: &SecMasterClient, place: &Workspace) -> anyhow::Result<()> {
    call(client, place.create_alert(&alert())).await?;
    call(client, place.show_alert(ALERT)).await?;
    let search = AlertSearch { limit: Some(10), offset: Some(0), ..AlertSearch::default() };
    call(client, place.search_alerts(&search)).await
}
