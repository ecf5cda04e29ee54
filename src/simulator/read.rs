//! ListWorkflowInstances and ShowWorkflowInstance: what was created, as the API's pages show it.
//!
//! Strict about parameters: a name that the page does not have, a value of another form, and a parameter given twice
//! are refused. The pages do not say what the service does with them; a client that is right here is right there.

use std::collections::BTreeMap;

use axum::response::Response;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answer::{Refusal, json_answer};
use super::create::judge_place;
use super::store::{Instance, Store};

/// The code for an instance that does not exist. Invented here: what the service answers is not known.
const NO_SUCH_INSTANCE: &str = "SecMaster.20048999";

/// The state of every instance: nothing here ends them.
const STATUS: &str = "RUNNING";

const STATUSES: &[&str] = &["RUNNING", "FAILED", "FINISHED", "RETRYING", "TERMINATING", "TERMINATED"];
const TRIGGERS: &[&str] = &["DEBUG", "TIMER", "EVENT", "MANUAL"];

/// Filters on what no instance has here.
const NEVER_MET: &[&str] = &["name", "dataobject_id", "dataclass_id", "playbook_id", "defence_id"];

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
        if show_topology.is_some_and(|value| !matches!(value.as_str(), "true" | "false")) {
            return Err(malformed("show_topology"));
        }
        match store.instance(id).filter(is_here) {
            Some(instance) => Ok(json_answer(200, &shown(instance))),
            None => Err(Refusal::new(400, NO_SUCH_INSTANCE, "The workflow instance does not exist.")),
        }
    }
}

fn list(
    parameters: &BTreeMap<String, String>,
    store: &Store,
    is_here: impl Fn(&&Instance) -> bool,
) -> Result<Response, Refusal> {
    let (mut offset, mut limit, mut is_descending, mut can_match) = (0, 10, true, true);
    let (mut id, mut workflow_id) = (None, None);
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
                can_match &= value == STATUS;
            }
            "trigger_type" => {
                one_of(name, value, TRIGGERS)?;
                can_match &= value == "EVENT";
            }
            // Not applied: what is here is as old as the simulator.
            "from_date" | "to_date" => {}
            _ if NEVER_MET.contains(&name.as_str()) => can_match = false,
            _ => return Err(unknown(name)),
        }
    }
    let fits = |instance: &&Instance| {
        can_match && is_here(instance) && workflow_id.is_none_or(|workflow| instance.workflow_id == *workflow)
    };
    let found: Vec<&Instance> = match id {
        Some(id) => store.instance(id).into_iter().filter(fits).collect(),
        None if is_descending => store.instances().iter().rev().filter(fits).collect(),
        None => store.instances().iter().filter(fits).collect(),
    };
    let page: Vec<Value> = found.iter().skip(offset).take(limit).map(|instance| shown(instance)).collect();
    Ok(json_answer(200, &json!({"count": found.len(), "instances": page})))
}

/// The members of the page's table.
fn shown(instance: &Instance) -> Value {
    json!({
        "id": instance.id,
        "name": "",
        "workflow": {"id": instance.workflow_id, "name": "", "name_en": "", "version": "", "version_id": ""},
        "dataclass": {"id": "", "name": "Alert", "en_name": "Alert"},
        "playbook": {"id": "", "name": "", "en_name": ""},
        "trigger_type": "EVENT",
        "status": STATUS,
        "start_time": instance.received_at,
        "end_time": "",
        "retry_count": 0,
        "defense_id": "",
        "dataobject_id": "",
    })
}

fn parameters(query: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut parameters = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name);
        if value.is_empty() {
            return Err(malformed(&name));
        }
        if parameters.insert(name.clone(), decoded(value)).is_some() {
            return Err(Refusal::invalid(format!("The parameter {name} is given twice.")));
        }
    }
    Ok(parameters)
}

fn number(name: &str, value: &str, least: usize, most: usize) -> Result<usize, Refusal> {
    value.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| malformed(name))
}

fn one_of(name: &str, value: &str, words: &[&str]) -> Result<(), Refusal> {
    if words.contains(&value) { Ok(()) } else { Err(malformed(name)) }
}

fn unknown(name: &str) -> Refusal {
    Refusal::invalid(format!("Unknown parameter: {name}."))
}

fn malformed(name: &str) -> Refusal {
    Refusal::invalid(format!("Invalid parameter: {name}."))
}
