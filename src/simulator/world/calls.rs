//! The calls on what the world holds: method and path to the call, the call to its answer.

use axum::response::Response;
use http::Method;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::super::answer::{Refusal, json_answer};
use super::super::create::judge_place;
use super::super::faults::Faults;
use super::super::query::{judged, object_body, word};
use super::super::read::NO_SUCH_INSTANCE;
use super::super::run::Courses;
use super::super::store::{Instance, Store};
use super::Place;

/// A call, by its method and path.
#[derive(Clone, Debug)]
pub(in super::super) struct WorldCall {
    pub(in super::super) place: Place,
    pub(in super::super) method: Method,
    /// The decoded segments after `soc`; none: the workspaces themselves.
    segments: Vec<String>,
}

/// What comes with a call.
#[derive(Debug)]
pub(in super::super) struct Asked<'a> {
    pub(in super::super) query: &'a str,
    pub(in super::super) body: &'a [u8],
    /// How the runs go that it begins.
    pub(in super::super) courses: &'a Courses,
    /// What is to go wrong.
    pub(in super::super) faults: &'a Faults,
}

impl WorldCall {
    /// Reads a path; `None` where no call is known there.
    pub(in super::super) fn of(method: &Method, path: &str) -> Option<Self> {
        let decoded = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let all: Vec<&str> = path.split('/').collect();
        let (project_id, workspace_id, rest) = match all[..] {
            ["", "v1", project_id, "workspaces"] => (project_id, "", &[][..]),
            ["", "v1", project_id, "workspaces", workspace_id, "soc", ref rest @ ..] if !rest.is_empty() => {
                (project_id, workspace_id, rest)
            }
            _ => return None,
        };
        if rest.iter().any(|segment| segment.is_empty()) || !is_known(method.as_str(), rest) {
            return None;
        }
        Some(Self {
            place: Place { project_id: decoded(project_id), workspace_id: decoded(workspace_id) },
            method: method.clone(),
            segments: rest.iter().map(|segment| decoded(segment)).collect(),
        })
    }

    /// Answers from what is in the store, and changes that.
    pub(in super::super) fn answer(&self, asked: &Asked<'_>, store: &mut Store) -> Result<Response, Refusal> {
        let place = &self.place;
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        if !segments.is_empty() {
            judge_place(&place.project_id, &place.workspace_id)?;
            store.world.judge_workspace(place)?;
        }
        if self.method != Method::GET {
            let _none = judged(asked.query, &[])?;
            store.is_changed = true;
        }
        match (self.method.as_str(), &segments[..]) {
            ("GET", []) => store.world.list_workspaces(place, asked.query),
            ("GET", ["workflows"]) => store.world.list_workflows(place, asked.query),
            ("POST", ["workflows"]) => store.world.create_workflow(place, asked.body),
            ("GET", ["workflows", id]) => store.world.show_workflow(place, id, asked.query),
            ("PUT", ["workflows", id]) => store.world.update_workflow(place, id, asked.body),
            ("GET", ["workflows", id, "versions"]) => store.world.list_workflow_versions(place, id, asked.query),
            ("PUT", ["workflows", "instances", id]) => update_instance(place, id, asked, store),
            ("GET", ["playbooks"]) => store.world.list_playbooks(place, asked.query),
            ("GET", ["playbooks", "instances"]) => store.list_playbook_instances(place, asked.query),
            ("GET", ["playbooks", "instances", id]) => store.show_playbook_instance(place, id, asked.query),
            ("GET", ["playbooks", "instances", id, "topology"]) => store.show_topology(place, id, asked.query),
            ("POST", ["playbooks", "instances", id, "operation"]) => {
                store.operate(place, id, asked.body, asked.courses)
            }
            ("GET", ["playbooks", "versions", id, "actions"]) => store.world.list_actions(place, id, asked.query),
            ("POST", ["playbooks", "versions", id, "actions"]) => store.world.add_actions(place, id, asked.body),
            ("GET", ["playbooks", id]) => store.world.show_playbook(place, id, asked.query),
            ("GET", ["playbooks", id, "versions"]) => store.world.list_playbook_versions(place, id, asked.query),
            ("GET", ["dataclasses"]) => store.world.list_dataclasses(place, asked.query),
            ("GET", ["dataclasses", id, "fields"]) => store.world.list_fields(place, id, asked.query),
            ("POST", ["alerts"]) => store.create_alert(place, asked),
            ("POST", ["alerts", "search"]) => store.world.search_alerts(place, asked.body),
            ("GET", ["alerts", id]) => store.world.show_alert(place, id, asked.query),
            // `is_known` names no others.
            _ => Err(Refusal::new(404, "APIGW.0101", "The API does not exist or has not been published.")),
        }
    }
}

fn is_known(method: &str, segments: &[&str]) -> bool {
    match method {
        "GET" => matches!(
            segments,
            [] | ["workflows" | "playbooks" | "dataclasses"]
                | ["workflows" | "alerts" | "playbooks", _]
                | ["workflows" | "playbooks", _, "versions"]
                | ["playbooks", "instances", _]
                | ["playbooks", "instances", _, "topology"]
                | ["playbooks", "versions", _, "actions"]
                | ["dataclasses", _, "fields"]
        ),
        "POST" => matches!(
            segments,
            ["workflows" | "alerts"]
                | ["alerts", "search"]
                | ["playbooks", "instances", _, "operation"]
                | ["playbooks", "versions", _, "actions"]
        ),
        "PUT" => matches!(segments, ["workflows", _] | ["workflows", "instances", _]),
        _ => false,
    }
}

/// UpdateWorkflowInstance.
fn update_instance(place: &Place, id: &str, asked: &Asked<'_>, store: &mut Store) -> Result<Response, Refusal> {
    let commands = ["ActionInstanceTerminateCommand", "ActionInstanceRetryCommand", "ActionInstanceDebugCommand"];
    let body = object_body(asked.body)?;
    let command = word(&body, "command_type", &commands)?;
    let now = Timestamp::now();
    let is_here = |i: &&Instance| i.project_id == place.project_id && i.workspace_id == place.workspace_id;
    let missing = || Refusal::new(400, NO_SUCH_INSTANCE, "The workflow instance does not exist.");
    let run = &store.instance(id).filter(is_here).ok_or_else(missing)?.run;
    match command {
        "ActionInstanceTerminateCommand" => store.instance_mut(id).ok_or_else(missing)?.run.terminate(now)?,
        "ActionInstanceRetryCommand" => {
            run.judge_retry(now)?;
            store.world.spend_retry(place, now)?;
            store.retry(id, asked.courses, now);
        }
        _ => return Err(Refusal::invalid("Debugging is not simulated.")),
    }
    Ok(json_answer(200, &json!({"code": "00000000", "message": "", "success": true, "request_id": ""})))
}

impl Store {
    /// Runs an instance again.
    pub(super) fn retry(&mut self, id: &str, courses: &Courses, now: Timestamp) {
        if let Some(instance) = self.instance_mut(id) {
            let course = courses.of(&instance.content);
            instance.run.retry(course, now);
            instance.runs += 1;
            self.stats.runs += 1;
        }
    }
}
