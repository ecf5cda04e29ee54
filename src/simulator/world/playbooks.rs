//! Playbooks, their versions, and the workflows in these.

use axum::response::Response;
use http::HeaderValue;
use serde_json::{Value, json};

use super::super::answer::{Refusal, json_answer};
use super::super::query::{Kind, judged, needed, text};
use super::{NO_PLAYBOOK, NO_WORKFLOW, Place, World, by_id, completed, envelope, enveloped_page, fits, new_id};

/// The spellings of an action's type: the model's, and those of the page's examples.
const ACTION_TYPES: &[&str] = &["AOP_WORKFLOW", "aopworkflow", "Workflow"];

impl World {
    pub(super) fn list_playbooks(&self, place: &Place, query: &str) -> Result<Response, Refusal> {
        let parameters = judged(
            query,
            &[
                ("search_txt", Kind::Text),
                ("enabled", Kind::Words(&["0", "1"])),
                ("offset", Kind::Number(0, usize::MAX)),
                ("limit", Kind::Number(1, 100)),
                ("description", Kind::Text),
                ("dataclass_name", Kind::Text),
                ("name", Kind::Text),
            ],
        )?;
        let search = parameters.get("search_txt").map_or("", String::as_str);
        let fitting = |p: &Value| {
            p["name"].as_str().is_some_and(|name| name.contains(search))
                && ["enabled", "description", "dataclass_name", "name"].iter().all(|n| fits(&parameters, n, p, n))
        };
        let here = self.playbooks.iter().filter(|playbook| place.holds(playbook));
        let found: Vec<Value> = here.map(|playbook| whole(playbook, place)).filter(fitting).collect();
        Ok(enveloped_page(&parameters, &found))
    }

    pub(super) fn show_playbook(&self, place: &Place, id: &str, query: &str) -> Result<Response, Refusal> {
        let _none = judged(query, &[])?;
        Ok(envelope(&whole(self.playbook_here(place, id)?, place)))
    }

    fn playbook_here(&self, place: &Place, id: &str) -> Result<&Value, Refusal> {
        let missing = || Refusal::new(400, NO_PLAYBOOK, "The playbook does not exist.");
        self.playbook(id).filter(|playbook| place.holds(playbook)).ok_or_else(missing)
    }

    pub(super) fn list_playbook_versions(&self, place: &Place, id: &str, query: &str) -> Result<Response, Refusal> {
        let parameters = judged(
            query,
            &[
                ("status", Kind::Words(&["EDITING", "APPROVING", "UNPASSED", "PUBLISHED"])),
                ("enabled", Kind::Words(&["0", "1"])),
                ("version_type", Kind::Words(&["0", "1"])),
                ("offset", Kind::Number(0, usize::MAX)),
                ("limit", Kind::Number(1, 100)),
            ],
        )?;
        let _playbook = self.playbook_here(place, id)?;
        let usual = json!({
            "id": "", "playbook_id": id, "version": "v1", "status": "EDITING", "enabled": false, "trigger_type": "EVENT",
            "version_type": 0, "dataclass_id": super::ALERT_CLASS, "dataclass_name": "Alert", "update_time": "",
            "project_id": place.project_id,
        });
        let versions = self.playbook_versions.iter().filter(|version| version["playbook_id"] == id);
        let found: Vec<Value> = versions
            .map(|version| completed(version, usual.clone()))
            .filter(|v| ["status", "enabled", "version_type"].iter().all(|name| fits(&parameters, name, v, name)))
            .collect();
        Ok(enveloped_page(&parameters, &found))
    }

    /// The playbook of a version that is here.
    fn version_here(&self, place: &Place, id: &str) -> Result<&Value, Refusal> {
        let missing = || Refusal::new(400, NO_PLAYBOOK, "The playbook version does not exist.");
        let version = by_id(&self.playbook_versions, id).ok_or_else(missing)?;
        let _playbook = self.playbook_here(place, version["playbook_id"].as_str().unwrap_or_default())?;
        Ok(version)
    }

    pub(super) fn list_actions(&self, place: &Place, id: &str, query: &str) -> Result<Response, Refusal> {
        let numbers = [("offset", Kind::Number(0, usize::MAX)), ("limit", Kind::Number(1, 100))];
        let parameters = judged(query, &numbers)?;
        let _version = self.version_here(place, id)?;
        let found: Vec<Value> = self.actions_of(id).cloned().collect();
        Ok(deprecated(enveloped_page(&parameters, &found)))
    }

    /// The actions of a version.
    pub(super) fn actions_of<'a>(&'a self, version_id: &'a str) -> impl Iterator<Item = &'a Value> {
        self.actions.iter().filter(move |action| action["playbook_version_id"] == version_id)
    }

    /// CreatePlaybookAction. Its answer is that of the page's example: the code is a number, the text odd.
    pub(super) fn add_actions(&mut self, place: &Place, id: &str, body: &[u8]) -> Result<Response, Refusal> {
        let version = self.version_here(place, id)?;
        if version["status"] == "PUBLISHED" {
            return Err(Refusal::invalid("The playbook version is published: only a draft can be changed."));
        }
        let playbook_id = version["playbook_id"].clone();
        let Ok(Value::Array(actions)) = serde_json::from_slice(body) else {
            return Err(Refusal::invalid("The body is not an array."));
        };
        let mut added = Vec::new();
        for action in &actions {
            let Value::Object(action) = action else { return Err(Refusal::invalid("An action is not an object.")) };
            let kind = needed(action, "action_type")?;
            if !ACTION_TYPES.contains(&kind) {
                return Err(Refusal::invalid("action_type must be AOP_WORKFLOW."));
            }
            let _order = text(action, "sort_order")?;
            let workflow_id = needed(action, "action_id")?;
            if !self.workflows.is_empty() && self.workflow(workflow_id).is_none_or(|workflow| !place.holds(workflow)) {
                return Err(Refusal::new(400, NO_WORKFLOW, "The workflow does not exist."));
            }
            added.push(json!({
                "id": new_id(), "name": text(action, "name")?, "description": text(action, "description")?,
                "action_type": kind, "action_id": workflow_id, "playbook_id": playbook_id,
                "playbook_version_id": id, "project_id": place.project_id,
            }));
        }
        self.actions.extend(added.iter().cloned());
        Ok(deprecated(json_answer(200, &json!({"code": 0, "message": "Error message", "data": added}))))
    }
}

/// This call is being deprecated; its model has headers for that. The texts are the simulator's own.
fn deprecated(mut answer: Response) -> Response {
    let headers = [
        ("x-api-deprecation-info", "simulated: this API is being deprecated"),
        ("x-api-deprecation-date", "2027-12-31"),
    ];
    answer
        .headers_mut()
        .extend(headers.map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value))));
    answer
}

fn whole(playbook: &Value, place: &Place) -> Value {
    completed(
        playbook,
        json!({
            "id": "", "name": "", "description": "", "create_time": "", "update_time": "", "version": "", "version_id": "",
            "enabled": false, "project_id": place.project_id, "workspace_id": place.workspace_id,
            "dataclass_id": super::ALERT_CLASS, "dataclass_name": "Alert",
        }),
    )
}
