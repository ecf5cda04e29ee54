//! Playbook instances: an alert sets off a playbook, that starts its workflows, and its state is made of theirs.

use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::answer::{Refusal, json_answer};
use super::super::query::{Kind, judged, malformed, object_body, page, word};
use super::super::read::{NO_SUCH_INSTANCE, STATUSES};
use super::super::run::{Courses, service_time};
use super::super::store::{Instance, Store};
use super::classes::{list, needs_page};
use super::{ALERT_CLASS, Place, fits, new_id};

/// A playbook that was set off.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct PlaybookRun {
    id: String,
    project_id: String,
    workspace_id: String,
    playbook: Value,
    dataobject: Value,
    #[serde(with = "super::super::run::millis")]
    began: Timestamp,
    /// The workflow instances.
    instances: Vec<String>,
}

impl Store {
    /// Sets off what an alert sets off: each enabled playbook with its version's workflows.
    pub(super) fn set_off(&mut self, place: &Place, alert: &Value, courses: &Courses, now: Timestamp) {
        let world = &self.world;
        let enabled = world.playbooks.iter().filter(|playbook| place.holds(playbook) && playbook["enabled"] == true);
        let mut runs = Vec::new();
        let mut started = Vec::new();
        for playbook in enabled {
            let id = playbook["id"].as_str().unwrap_or_default();
            let version = playbook["version_id"].as_str().unwrap_or_default();
            let mut instances = Vec::new();
            for workflow in world.actions_of(version).filter_map(|action| action["action_id"].as_str()) {
                let ids = [place.project_id.clone(), place.workspace_id.clone(), workflow.to_owned()];
                let mut instance = Instance::new(new_id(), None, ids, alert.clone(), courses.of(alert));
                instance.run.playbook_id = Some(id.to_owned());
                instances.push(instance.id.clone());
                started.push(instance);
            }
            runs.push(PlaybookRun {
                id: new_id(),
                project_id: place.project_id.clone(),
                workspace_id: place.workspace_id.clone(),
                playbook: json!({
                    "id": id, "version_id": version, "name": playbook["name"], "version": playbook["version"],
                }),
                dataobject: json!({"id": alert["id"], "name": alert["title"]}),
                began: now,
                instances,
            });
        }
        self.world.playbook_instances.extend(runs);
        for instance in started {
            // The ids are new.
            let _never_refused = self.create(instance, false);
        }
    }

    fn playbook_run(&self, place: &Place, id: &str) -> Result<&PlaybookRun, Refusal> {
        let is_here = |run: &&PlaybookRun| run.id == id && run.workspace_id == place.workspace_id;
        let missing = || Refusal::new(400, NO_SUCH_INSTANCE, "The playbook instance does not exist.");
        self.world.playbook_instances.iter().find(is_here).ok_or_else(missing)
    }

    fn shown(&self, run: &PlaybookRun, now: Timestamp) -> Value {
        let states: Vec<&str> = self.runs_of(run).map(|instance| instance.run.status(now)).collect();
        let order = ["RETRYING", "RUNNING", "TERMINATING", "FAILED", "TERMINATED"];
        let status = order.into_iter().find(|state| states.contains(state)).unwrap_or("FINISHED");
        let has_ended = !["RETRYING", "RUNNING", "TERMINATING"].contains(&status);
        let end = self.runs_of(run).map(|instance| instance.run.ends).max().unwrap_or(run.began);
        json!({
            "id": run.id, "name": run.playbook["name"], "project_id": run.project_id, "playbook": run.playbook,
            "dataclass": {"id": ALERT_CLASS, "name": "Alert"}, "dataobject": run.dataobject, "status": status,
            "trigger_type": "EVENT", "start_time": service_time(run.began),
            "end_time": if has_ended { service_time(end) } else { String::new() },
        })
    }

    fn runs_of<'a>(&'a self, run: &'a PlaybookRun) -> impl Iterator<Item = &'a Instance> {
        run.instances.iter().filter_map(|id| self.instance(id))
    }

    pub(super) fn list_playbook_instances(&self, place: &Place, query: &str) -> Result<Response, Refusal> {
        let parameters = judged(
            query,
            &[
                ("status", Kind::Words(STATUSES)),
                ("name", Kind::Text),
                ("playbook_name", Kind::Text),
                ("dataclass_name", Kind::Text),
                ("dataobject_name", Kind::Text),
                ("trigger_type", Kind::Words(&["TIMER", "EVENT"])),
                ("from_date", Kind::Text),
                ("to_date", Kind::Text),
                ("date_type", Kind::Words(&["START", "END"])),
                ("limit", Kind::Number(1, 100)),
                ("offset", Kind::Number(0, 10_000)),
            ],
        )?;
        needs_page(&parameters)?;
        let (offset, limit) = page(&parameters);
        if offset + limit >= 10_000 {
            return Err(malformed("offset"));
        }
        let now = Timestamp::now();
        let fitting = |shown: &Value| {
            ["status", "name", "trigger_type"].iter().all(|name| fits(&parameters, name, shown, name))
                && fits(&parameters, "playbook_name", &shown["playbook"], "name")
                && fits(&parameters, "dataclass_name", &shown["dataclass"], "name")
                && fits(&parameters, "dataobject_name", &shown["dataobject"], "name")
        };
        let here = self.world.playbook_instances.iter().rev().filter(|run| run.workspace_id == place.workspace_id);
        let found: Vec<Value> = here.map(|run| self.shown(run, now)).filter(fitting).collect();
        Ok(list(&parameters, &found, "instances", "count"))
    }

    pub(super) fn show_playbook_instance(&self, place: &Place, id: &str, query: &str) -> Result<Response, Refusal> {
        let _none = judged(query, &[])?;
        Ok(json_answer(200, &self.shown(self.playbook_run(place, id)?, Timestamp::now())))
    }

    pub(super) fn show_topology(&self, place: &Place, id: &str, query: &str) -> Result<Response, Refusal> {
        let _none = judged(query, &[])?;
        let run = self.playbook_run(place, id)?;
        let now = Timestamp::now();
        let shown = |instance: &Instance| {
            let log = super::super::read::shown(instance, self, now);
            json!({
                "action": {
                    "id": instance.id, "name": log["name"], "action_type": "AOP_WORKFLOW",
                    "action_id": instance.workflow_id, "playbook_id": run.playbook["id"],
                    "playbook_version_id": run.playbook["version_id"], "project_id": run.project_id,
                },
                "instance_log": {
                    "instance_type": "AOP_WORKFLOW", "instance_id": instance.id, "action_id": instance.workflow_id,
                    "action_name": log["name"], "start_time": log["start_time"], "end_time": log["end_time"],
                    "status": log["status"], "trigger_type": "EVENT",
                },
            })
        };
        let actions: Vec<Value> = self.runs_of(run).map(shown).collect();
        Ok(json_answer(200, &json!({"count": actions.len(), "action_instances": actions})))
    }

    /// ChangePlaybookInstance.
    pub(super) fn operate(
        &mut self,
        place: &Place,
        id: &str,
        body: &[u8],
        courses: &Courses,
    ) -> Result<Response, Refusal> {
        let body = object_body(body)?;
        let operation = word(&body, "operation", &["RETRY", "TERMINATE"])?;
        let now = Timestamp::now();
        let run = self.playbook_run(place, id)?.clone();
        let status = self.shown(&run, now)["status"].clone();
        let refused = |what: &str| {
            let status = status.as_str().unwrap_or_default();
            Refusal::new(400, "SecMaster.20048996", format!("The instance cannot be {what}: it is {status}."))
        };
        if operation == "RETRY" {
            if status != "FAILED" && status != "TERMINATED" {
                return Err(refused("retried"));
            }
            self.world.spend_retry(place, now)?;
            for id in &run.instances {
                if self.instance(id).is_some_and(|instance| instance.run.judge_retry(now).is_ok()) {
                    self.retry(id, courses, now);
                }
            }
        } else {
            if status != "RUNNING" && status != "RETRYING" {
                return Err(refused("terminated"));
            }
            for id in &run.instances {
                if let Some(instance) = self.instance_mut(id) {
                    // One that has ended stays as it is.
                    let _outcome = instance.run.terminate(now);
                }
            }
        }
        Ok(json_answer(200, &self.shown(&run, now)))
    }
}
