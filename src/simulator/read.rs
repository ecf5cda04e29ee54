//! ListWorkflowInstances and ShowWorkflowInstance: what was created, as the API's pages show it.
//!
//! Strict about parameters: a name that the page does not have, a value of another form, and a parameter given twice
//! are refused. The pages do not say what the service does with them; a client that is right here is right there.

use axum::response::Response;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answer::{Refusal, json_answer};
use super::create::judge_place;
use super::query::{Parameters, malformed, number, one_of, parameters, unknown};
use super::run::service_time;
use super::store::{Instance, Store};
use super::world::ALERT_CLASS;

/// The code for an instance that does not exist. Invented here: what the service answers is not known.
pub(super) const NO_SUCH_INSTANCE: &str = "SecMaster.20048999";

pub(super) const STATUSES: &[&str] = &["RUNNING", "FAILED", "FINISHED", "RETRYING", "TERMINATING", "TERMINATED"];
pub(super) const TRIGGERS: &[&str] = &["DEBUG", "TIMER", "EVENT", "MANUAL"];

/// Filters on what no instance has here.
const NEVER_MET: &[&str] = &["name", "dataclass_id", "defence_id"];

/// A read call, by its path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Read {
    pub(super) project_id: String,
    workspace_id: String,
    /// The instance to show; `None` lists.
    instance_id: Option<String>,
}

impl Read {
    /// Reads the path; `None` where it is not of one of these calls.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').collect();
        let ["", "v1", project_id, "workspaces", workspace_id, "soc", "workflows", "instances", ref rest @ ..] =
            segments[..]
        else {
            return None;
        };
        let decoded = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let instance_id = match rest {
            [] => None,
            [id] if !id.is_empty() => Some(decoded(id)),
            _ => return None,
        };
        Some(Self { project_id: decoded(project_id), workspace_id: decoded(workspace_id), instance_id })
    }

    /// Answers from what is in the store.
    pub(super) fn answer(&self, query: &str, store: &Store) -> Result<Response, Refusal> {
        judge_place(&self.project_id, &self.workspace_id)?;
        let mut parameters = parameters(query)?;
        let is_here =
            |instance: &&Instance| instance.project_id == self.project_id && instance.workspace_id == self.workspace_id;
        let Some(id) = &self.instance_id else { return list(&parameters, store, is_here) };
        let show_topology = parameters.remove("show_topology");
        if let Some(name) = parameters.keys().next() {
            return Err(unknown(name));
        }
        if show_topology.as_ref().is_some_and(|value| !matches!(value.as_str(), "true" | "false")) {
            return Err(malformed("show_topology"));
        }
        match store.instance(id).filter(is_here) {
            Some(instance) => {
                let mut shown = shown(instance, store, Timestamp::now());
                if show_topology.is_some_and(|value| value == "true") {
                    topology(&mut shown, instance);
                }
                Ok(json_answer(200, &shown))
            }
            None => Err(Refusal::new(400, NO_SUCH_INSTANCE, "The workflow instance does not exist.")),
        }
    }
}

fn list(parameters: &Parameters, store: &Store, is_here: impl Fn(&&Instance) -> bool) -> Result<Response, Refusal> {
    let (mut offset, mut limit, mut is_descending, mut can_match) = (0, 10, true, true);
    let (mut id, mut workflow_id, mut status, mut object, mut playbook) = (None, None, None, None, None);
    let now = Timestamp::now();
    for (name, value) in parameters {
        match name.as_str() {
            "offset" => offset = number(name, value, 0, 10_000)?,
            "limit" => limit = number(name, value, 1, 100)?,
            "sort_key" => one_of(name, value, &["create_time", "update_time"])?,
            "sort_dir" => {
                one_of(name, value, &["ASC", "DESC"])?;
                is_descending = value == "DESC";
            }
            "id" => id = Some(value),
            "workflow_id" => workflow_id = Some(value),
            "status" => {
                one_of(name, value, STATUSES)?;
                status = Some(value);
            }
            "trigger_type" => {
                one_of(name, value, TRIGGERS)?;
                can_match &= value == "EVENT";
            }
            "dataobject_id" => object = Some(value),
            "playbook_id" => playbook = Some(value),
            // Not applied: what is here is as old as the simulator.
            "from_date" | "to_date" => {}
            _ if NEVER_MET.contains(&name.as_str()) => can_match = false,
            _ => return Err(unknown(name)),
        }
    }
    let fits = |instance: &&Instance| {
        can_match
            && is_here(instance)
            && workflow_id.is_none_or(|workflow| instance.workflow_id == *workflow)
            && status.is_none_or(|status| instance.run.status(now) == status)
            && object.is_none_or(|object| object_id(instance) == object)
            && playbook.is_none_or(|playbook| instance.run.playbook_id.as_ref() == Some(playbook))
    };
    let found: Vec<&Instance> = match id {
        Some(id) => store.instance(id).into_iter().filter(fits).collect(),
        None if is_descending => store.instances().iter().rev().filter(fits).collect(),
        None => store.instances().iter().filter(fits).collect(),
    };
    let page: Vec<Value> = found.iter().skip(offset).take(limit).map(|instance| shown(instance, store, now)).collect();
    Ok(json_answer(200, &json!({"count": found.len(), "instances": page})))
}

/// The members of the page's table.
pub(super) fn shown(instance: &Instance, store: &Store, now: Timestamp) -> Value {
    let run = &instance.run;
    let name_of = |document: Option<&Value>| document.and_then(|d| d["name"].as_str()).unwrap_or_default().to_owned();
    let workflow = store.world.workflow(&instance.workflow_id);
    let name = name_of(workflow);
    let of = |member: &str| workflow.and_then(|w| w[member].as_str()).unwrap_or_default();
    let playbook_id = run.playbook_id.as_deref().unwrap_or_default();
    let playbook = name_of(store.world.playbook(playbook_id));
    json!({
        "id": instance.id,
        "name": name,
        "workflow": {
            "id": instance.workflow_id, "name": name, "name_en": name, "version": of("version"),
            "version_id": of("version_id"),
        },
        "dataclass": {"id": ALERT_CLASS, "name": "Alert", "en_name": "Alert"},
        "playbook": {"id": playbook_id, "name": playbook, "en_name": playbook},
        "trigger_type": "EVENT",
        "status": run.status(now),
        "start_time": service_time(run.began),
        "end_time": if run.has_ended(now) { service_time(run.ends) } else { String::new() },
        "retry_count": run.retries,
        "defense_id": "",
        "dataobject_id": object_id(instance),
    })
}

/// What each node did: here there is one.
fn topology(shown: &mut Value, instance: &Instance) {
    let status = shown["status"].clone();
    shown["topology"] = json!({"audit_logs": [{
        "instance_type": "AOP_WORKFLOW",
        "action_id": instance.workflow_id,
        "action_name": shown["name"],
        "start_time": shown["start_time"],
        "end_time": shown["end_time"],
        "error_msg": if status == "FAILED" { "simulated failure" } else { "" },
        "input": "",
        "output": "",
        "parent_instance_id": "",
        "succeed": status == "FINISHED",
        "status": status,
    }]});
}

fn object_id(instance: &Instance) -> &str {
    instance.content.get("id").and_then(Value::as_str).unwrap_or_default()
}
