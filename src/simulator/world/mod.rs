//! What a workspace holds besides instances: workflows, playbooks, data classes, alerts, and how they hang together.
//!
//! Things are kept as the documents that they are shown as. One without `workspace_id` is in every workspace.

mod alerts;
mod calls;
mod classes;
mod playbook_runs;
mod playbooks;
mod workflows;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use jiff::Timestamp;

use self::playbook_runs::PlaybookRun;
use super::answer::{Refusal, json_answer};
use super::query::{Parameters, page};
use super::run::service_time;

pub(super) use calls::{Asked, WorldCall};
pub(super) use classes::ALERT_CLASS;

/// The codes that the vendor's Terraform provider knows for things that do not exist.
const NO_WORKFLOW: &str = "SecMaster.20040611";
const NO_PLAYBOOK: &str = "SecMaster.20048004";
const NO_OBJECT: &str = "SecMaster.20030005";

/// The code for a spent daily quota of retries. Invented here: what the service answers is not known.
const NO_RETRIES_LEFT: &str = "SecMaster.20048997";

/// "At most 100 retries per account and workspace per day."
const RETRIES_A_DAY: u64 = 100;

/// What a simulator begins with: the form of seed files and of the state that is kept. Every member may be left out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// The workspaces; none: whichever are asked for.
    pub workspaces: Vec<Value>,
    /// Data classes besides `Alert`.
    pub dataclasses: Vec<Value>,
    /// The workflows; none: whichever are asked for.
    pub workflows: Vec<Value>,
    /// Their versions, by `aopworkflow_id`.
    pub workflow_versions: Vec<Value>,
    /// The playbooks.
    pub playbooks: Vec<Value>,
    /// Their versions, by `playbook_id`.
    pub playbook_versions: Vec<Value>,
    /// The workflows hung into versions, by `playbook_version_id`.
    pub actions: Vec<Value>,
    /// The alerts.
    pub alerts: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    playbook_instances: Vec<PlaybookRun>,
    /// Retries by day and workspace.
    #[serde(skip_serializing_if = "Map::is_empty")]
    retries: Map<String, Value>,
}

/// Where a call goes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) project_id: String,
    pub(super) workspace_id: String,
}

impl World {
    pub(super) fn workflow(&self, id: &str) -> Option<&Value> {
        by_id(&self.workflows, id)
    }

    pub(super) fn playbook(&self, id: &str) -> Option<&Value> {
        by_id(&self.playbooks, id)
    }

    /// Whether a workflow may be started: any where none are kept, else an enabled one that is here.
    pub(super) fn judge_start(&self, place: &Place, workflow_id: &str) -> Result<(), Refusal> {
        self.judge_workspace(place)?;
        if self.workflows.is_empty() {
            return Ok(());
        }
        let workflow = self.workflow(workflow_id).filter(|workflow| place.holds(workflow));
        let workflow = workflow.ok_or_else(|| Refusal::new(400, NO_WORKFLOW, "The workflow does not exist."))?;
        if workflow["enabled"] == Value::Bool(true) {
            return Ok(());
        }
        Err(Refusal::new(400, "SecMaster.20048028", "The workflow is disabled."))
    }

    fn judge_workspace(&self, place: &Place) -> Result<(), Refusal> {
        let is_known = |workspace: &Value| workspace["id"] == place.workspace_id;
        if self.workspaces.is_empty() || self.workspaces.iter().any(is_known) {
            return Ok(());
        }
        Err(Refusal::new(403, "SecMaster.20010001", "Invalid workspace ID."))
    }

    /// One retry more today.
    fn spend_retry(&mut self, place: &Place, now: Timestamp) -> Result<(), Refusal> {
        let day = format!("{}/{}", now.strftime("%F"), place.workspace_id);
        let spent = self.retries.get(&day).and_then(Value::as_u64).unwrap_or(0);
        if spent >= RETRIES_A_DAY {
            let message = format!("No more than {RETRIES_A_DAY} instances may be retried a day.");
            return Err(Refusal::new(400, NO_RETRIES_LEFT, message));
        }
        let _before = self.retries.insert(day, Value::from(spent + 1));
        Ok(())
    }
}

impl Place {
    /// Whether this is here.
    fn holds(&self, document: &Value) -> bool {
        document.get("workspace_id").and_then(Value::as_str).is_none_or(|id| id.is_empty() || id == self.workspace_id)
    }
}

fn by_id<'a>(documents: &'a [Value], id: &str) -> Option<&'a Value> {
    documents.iter().find(|document| document["id"] == id)
}

/// The document with these members where it has none of its own.
fn completed(document: &Value, usual: Value) -> Value {
    let (Value::Object(mut usual), Value::Object(own)) = (usual, document) else { return document.clone() };
    usual.extend(own.clone());
    Value::Object(usual)
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}

fn now_text() -> String {
    service_time(Timestamp::now())
}

/// Whether a filter is absent, or this member of the document fits it.
fn fits(parameters: &Parameters, name: &str, document: &Value, member: &str) -> bool {
    parameters.get(name).is_none_or(|wanted| match &document[member] {
        Value::String(text) if name == "name" || name == "description" => text.contains(wanted.as_str()),
        Value::String(text) => text == wanted,
        Value::Bool(flag) => matches!((flag, wanted.as_str()), (true, "true" | "1") | (false, "false" | "0")),
        other => other.as_u64().is_some_and(|number| wanted.parse() == Ok(number)),
    })
}

fn envelope(data: &Value) -> axum::response::Response {
    json_answer(200, &json!({"code": "00000000", "message": "", "success": true, "request_id": "", "data": data}))
}

/// A page of a list in an envelope.
fn enveloped_page(parameters: &Parameters, found: &[Value]) -> axum::response::Response {
    let (offset, limit) = page(parameters);
    let shown: Vec<&Value> = found.iter().skip(offset).take(limit).collect();
    json_answer(
        200,
        &json!({
            "code": "00000000", "message": "", "success": true, "request_id": "", "total": found.len(),
            "offset": offset, "limit": limit, "size": limit, "page": offset / limit + 1, "data": shown,
        }),
    )
}
