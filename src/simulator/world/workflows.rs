//! Workflows and their versions.

use axum::response::Response;
use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::query::{Kind, judged, needed, object_body, text, word};
use super::{NO_WORKFLOW, Place, World, completed, envelope, enveloped_page, fits, new_id, now_text};

const STATUSES: &[&str] =
    &["pending_submit", "pending_approval", "publishing", "publish_failed", "not_activated", "activated", "rejected"];
const TYPES: &[&str] = &["NORMAL", "SURVEY", "HEMOSTASIS", "EASE"];

impl World {
    pub(super) fn list_workflows(&self, place: &Place, query: &str) -> Result<Response, Refusal> {
        let parameters = judged(
            query,
            &[
                ("offset", Kind::Number(0, usize::MAX)),
                ("limit", Kind::Number(1, 100)),
                ("order", Kind::Words(&["ASC", "DESC"])),
                ("sortby", Kind::Words(&["create_time", "update_time"])),
                ("enabled", Kind::Flag),
                ("name", Kind::Text),
                ("description", Kind::Text),
                ("dataclass_id", Kind::Text),
                ("dataclass_name", Kind::Text),
                ("aop_type", Kind::Words(TYPES)),
            ],
        )?;
        let members = ["enabled", "name", "description", "dataclass_id", "dataclass_name", "aop_type"];
        let all = self.workflows.iter().filter(|workflow| place.holds(workflow));
        let found: Vec<Value> = all
            .map(|workflow| whole(workflow, place))
            .filter(|workflow| members.iter().all(|name| fits(&parameters, name, workflow, name)))
            .collect();
        Ok(enveloped_page(&parameters, &found))
    }

    pub(super) fn show_workflow(&self, place: &Place, id: &str, query: &str) -> Result<Response, Refusal> {
        let _none = judged(query, &[])?;
        // Where none are kept, whichever is asked for exists.
        let any = json!({"id": id, "name": "any", "enabled": true, "version": "v1"});
        let workflow = if self.workflows.is_empty() { &any } else { self.workflow_here(place, id)? };
        Ok(envelope(&whole(workflow, place)))
    }

    fn workflow_here(&self, place: &Place, id: &str) -> Result<&Value, Refusal> {
        let missing = || Refusal::new(400, NO_WORKFLOW, "The workflow does not exist.");
        self.workflow(id).filter(|workflow| place.holds(workflow)).ok_or_else(missing)
    }

    /// CreateAopWorkflow: disabled and without a version.
    pub(super) fn create_workflow(&mut self, place: &Place, body: &[u8]) -> Result<Response, Refusal> {
        let body = object_body(body)?;
        let name = needed(&body, "name")?;
        let _engine = word(&body, "engine_type", &["public_engine"])?;
        let _type = word(&body, "aop_type", TYPES)?;
        let class = needed(&body, "dataclass_id")?;
        let class_name = self.class_name(class).ok_or_else(|| Refusal::invalid("There is no such data class."))?;
        if let Some(labels) = text(&body, "labels")?.filter(|labels| !labels.is_empty())
            && !["IP", "ACCOUNT", "DOMAIN"].contains(&labels)
        {
            return Err(Refusal::invalid("labels must be IP or ACCOUNT or DOMAIN."));
        }
        let _description = text(&body, "description")?;
        if self.workflows.iter().any(|workflow| place.holds(workflow) && workflow["name"] == name) {
            return Err(Refusal::new(400, "SecMaster.20030003", "Invalid name: there is a workflow of this name."));
        }
        let now = now_text();
        let own = json!({
            "id": new_id(), "project_id": place.project_id, "workspace_id": place.workspace_id,
            "create_time": now, "update_time": now, "dataclass_name": class_name, "enabled": false,
        });
        let workflow = whole(&completed(&Value::Object(body), own), place);
        self.workflows.push(workflow.clone());
        Ok(envelope(&workflow))
    }

    /// UpdateAopWorkflow. Enabled for the first time, a workflow gets its first version: approving is not simulated.
    pub(super) fn update_workflow(&mut self, place: &Place, id: &str, body: &[u8]) -> Result<Response, Refusal> {
        let body = object_body(body)?;
        let mut workflow = whole(self.workflow_here(place, id)?, place);
        for (name, value) in &body {
            match (name.as_str(), value) {
                ("enabled", Value::Bool(_)) | ("name" | "description" | "version_id" | "labels", Value::String(_)) => {
                    workflow[name] = value.clone();
                }
                (_, Value::Null) => {}
                _ => return Err(Refusal::invalid(format!("Invalid parameter: {name}."))),
            }
        }
        if workflow["enabled"] == true && workflow["version_id"] == "" {
            let version = json!({
                "id": new_id(), "aopworkflow_id": id, "name": workflow["name"], "version": "v1", "enabled": true,
                "status": "activated", "update_time": now_text(), "workspace_id": place.workspace_id,
            });
            workflow["version_id"] = version["id"].clone();
            workflow["version"] = version["version"].clone();
            self.workflow_versions.push(version);
        }
        workflow["update_time"] = now_text().into();
        if let Some(kept) = self.workflows.iter_mut().find(|kept| kept["id"] == id) {
            *kept = workflow.clone();
        }
        Ok(envelope(&workflow))
    }

    /// What the console does, wherever the workflow is.
    pub(in super::super) fn enable_workflow(&mut self, id: &str) -> Result<Response, Refusal> {
        let text = |member: &str| self.workflow(id).and_then(|w| w[member].as_str()).unwrap_or_default().to_owned();
        let place = Place { project_id: text("project_id"), workspace_id: text("workspace_id") };
        self.update_workflow(&place, id, br#"{"enabled": true}"#)
    }

    pub(super) fn list_workflow_versions(&self, place: &Place, id: &str, query: &str) -> Result<Response, Refusal> {
        let parameters = judged(query, &[("status", Kind::Words(STATUSES))])?;
        let _workflow = self.workflow_here(place, id)?;
        let versions = self.workflow_versions.iter().filter(|version| version["aopworkflow_id"] == id);
        let found: Vec<Value> =
            versions.filter(|version| fits(&parameters, "status", version, "status")).cloned().collect();
        Ok(enveloped_page(&parameters, &found))
    }
}

/// With the members that the service leaves empty rather than out.
fn whole(workflow: &Value, place: &Place) -> Value {
    let empty = [
        "id",
        "name",
        "description",
        "project_id",
        "owner_id",
        "creator_id",
        "creator_name",
        "create_time",
        "modifier_id",
        "modifier_name",
        "update_time",
        "edit_role",
        "use_role",
        "approve_role",
        "workspace_id",
        "version_id",
        "current_approval_version_id",
        "current_rejected_version_id",
        "labels",
        "version",
    ];
    let mut usual = json!({
        "aop_type": "NORMAL", "engine_type": "public_engine", "enabled": false,
        "dataclass_id": super::ALERT_CLASS, "dataclass_name": "Alert",
    });
    for name in empty {
        usual[name] = "".into();
    }
    usual["project_id"] = place.project_id.as_str().into();
    usual["workspace_id"] = place.workspace_id.as_str().into();
    completed(workflow, usual)
}
