//! CreateWorkflowInstance: judges path, headers and body by the API's page.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answer::Refusal;
use super::query::{missing, object, text};

/// Where a request goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Target {
    pub(super) project_id: String,
    pub(super) workspace_id: String,
    pub(super) workflow_id: String,
}

/// A request that is in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Accepted {
    pub(super) action_instance_id: Option<String>,
    /// The data object's content.
    pub(super) content: Value,
    /// The answer's body, but for the instance id.
    pub(super) answer: Value,
}

impl Target {
    /// Reads the path; `None` where it is not the one of this call.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').collect();
        let ["", "v1", project_id, "workspaces", workspace_id, "soc", "workflows", workflow_id, "instances"] =
            segments[..]
        else {
            return None;
        };
        let decoded = |segment| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        Some(Self {
            project_id: decoded(project_id),
            workspace_id: decoded(workspace_id),
            workflow_id: decoded(workflow_id),
        })
    }

    /// Judges the ids' forms.
    pub(super) fn judge(&self) -> Result<(), Refusal> {
        judge_place(&self.project_id, &self.workspace_id)?;
        // Whatever workflow it is: none are kept here. A template's placeholder is none.
        if self.workflow_id.is_empty() || self.workflow_id.contains(['{', '}', '/']) {
            return Err(Refusal::invalid("Invalid parameter: workflow_id."));
        }
        Ok(())
    }
}

/// Judges the forms of the ids that every path begins with.
pub(super) fn judge_place(project_id: &str, workspace_id: &str) -> Result<(), Refusal> {
    let id = |c: char| c.is_ascii_hexdigit() || c == '-';
    if !(32..=36).contains(&project_id.len()) || !project_id.chars().all(id) {
        return Err(Refusal::new(400, "SecMaster.20041003", "Invalid project ID."));
    }
    if !is_uuid(workspace_id) {
        return Err(Refusal::new(400, "SecMaster.20041001", "Invalid workspace ID."));
    }
    Ok(())
}

/// The content type in any of the spellings that the vendor uses.
pub(super) fn judge_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Err(Refusal::new(400, "APIGW.0106", "Orchestration error: Content-Type is missing."));
    };
    let spelling: String = value.to_str().unwrap_or_default().split_whitespace().collect();
    match spelling.to_ascii_lowercase().as_str() {
        "application/json" | "application/json;charset=utf-8" | "application/json;charset=utf8" => Ok(()),
        other => Err(Refusal::invalid(format!("Unsupported Content-Type: {other}."))),
    }
}

/// Judges a body, member for member.
pub(super) fn judge_body(body: &[u8], target: &Target) -> Result<Accepted, Refusal> {
    let parsed: Value = serde_json::from_slice(body).map_err(|_| Refusal::invalid("The body is not JSON."))?;
    let Value::Object(body) = parsed else {
        return Err(Refusal::invalid("The body is not an object."));
    };
    one_of(&body, "command_type", "ActionInstanceRunCommand")?;
    one_of(&body, "action_type", "workflow")?;
    if text(&body, "action_id")?.is_some_and(|id| id != target.workflow_id) {
        return Err(Refusal::invalid("action_id is not the workflow of the path."));
    }
    let action_instance_id = text(&body, "action_instance_id")?.filter(|id| !id.is_empty()).map(str::to_owned);
    let mut content = Value::Null;
    if let Some(context) = object(&body, "playbook_context")? {
        let Some(data_object) = object(context, "data_object")? else {
            return Err(missing("playbook_context.data_object"));
        };
        if let Some(object) = object(data_object, "content")? {
            content = Value::Object(object.clone());
        }
        if let Some(class) = object(data_object, "dataclass")? {
            if text(class, "name")?.is_none_or(str::is_empty) {
                return Err(missing("playbook_context.data_object.dataclass.name"));
            }
            if text(class, "id")?.is_some_and(|id| !is_uuid(id)) {
                return Err(Refusal::invalid("dataclass.id is no UUID."));
            }
        }
    }
    Ok(Accepted { action_instance_id, content, answer: Value::Object(body) })
}

/// As little judgement as a benchmark needs: it is JSON, and it may name an id.
pub(super) fn glance_at_body(body: &[u8]) -> Result<Accepted, Refusal> {
    #[derive(Deserialize)]
    struct Glance {
        action_instance_id: Option<String>,
    }
    let Glance { action_instance_id } =
        serde_json::from_slice(body).map_err(|_| Refusal::invalid("The body is not as documented."))?;
    let answer = json!({"command_type": "ActionInstanceRunCommand", "action_type": "workflow"});
    Ok(Accepted { action_instance_id, content: Value::Null, answer })
}

fn one_of(body: &Map<String, Value>, name: &str, only: &str) -> Result<(), Refusal> {
    match text(body, name)? {
        None => Err(missing(name)),
        Some(value) if value == only => Ok(()),
        Some(_) => Err(Refusal::invalid(format!("{name} must be {only}."))),
    }
}

pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    use super::{Target, judge_body, judge_content_type};

    const WORKFLOW: &str = "446255ce-1111-2222-3333-0b4931000000";

    fn target() -> Target {
        Target {
            project_id: "0123456789abcdef0123456789abcdef".to_owned(),
            workspace_id: "f44065f5-557b-4376-ae02-8c65ef1960f4".to_owned(),
            workflow_id: WORKFLOW.to_owned(),
        }
    }

    fn body() -> Value {
        json!({
            "command_type": "ActionInstanceRunCommand",
            "action_type": "workflow",
            "action_id": WORKFLOW,
            "action_instance_id": "909494e3-558e-46b6-a9eb-07a8e18ca62f",
            "playbook_context": {"data_object": {"content": {"title": "t"}, "dataclass": {"name": "Alert"}}},
        })
    }

    /// What is said of the body with one member changed.
    fn complaint(pointer: &str, value: Value) -> String {
        let mut body = body();
        *body.pointer_mut(pointer).unwrap() = value;
        judge_body(body.to_string().as_bytes(), &target()).unwrap_err().message
    }

    #[test]
    fn the_documented_body_is_accepted_and_its_content_kept() {
        let accepted = judge_body(body().to_string().as_bytes(), &target()).unwrap();
        assert_eq!(accepted.content, json!({"title": "t"}));
        let least = json!({"command_type": "ActionInstanceRunCommand", "action_type": "workflow"});
        assert!(judge_body(least.to_string().as_bytes(), &target()).is_ok());
    }

    #[test]
    fn each_member_is_judged() {
        assert_eq!(complaint("/command_type", Value::Null), "command_type is missing.");
        assert_eq!(complaint("/command_type", json!("Run")), "command_type must be ActionInstanceRunCommand.");
        assert_eq!(complaint("/action_type", json!(1)), "action_type is not a string.");
        assert_eq!(complaint("/action_id", json!("x")), "action_id is not the workflow of the path.");
        assert_eq!(complaint("/action_instance_id", json!(7)), "action_instance_id is not a string.");
        assert_eq!(complaint("/playbook_context", json!({})), "playbook_context.data_object is missing.");
        assert_eq!(complaint("/playbook_context/data_object/content", json!([])), "content is not an object.");
        let class = "/playbook_context/data_object/dataclass";
        assert_eq!(complaint(class, json!({})), "playbook_context.data_object.dataclass.name is missing.");
        assert_eq!(complaint(class, json!({"name": "Alert", "id": "x"})), "dataclass.id is no UUID.");
    }

    #[test]
    fn the_paths_ids_have_their_forms() {
        let path = |ids: [&str; 3]| {
            let [p, w, f] = ids;
            Target::of_path(&format!("/v1/{p}/workspaces/{w}/soc/workflows/{f}/instances"))
        };
        let (project, workspace) = ("0123456789abcdef0123456789abcdef", "f44065f5-557b-4376-ae02-8c65ef1960f4");
        assert_eq!(path([project, workspace, WORKFLOW]), Some(target()));
        assert_eq!(target().judge(), Ok(()));
        let code = |ids| path(ids).unwrap().judge().unwrap_err().code;
        assert_eq!(path([project, workspace, "contain-host"]).unwrap().judge(), Ok(()));
        assert_eq!(code(["p", workspace, WORKFLOW]), "SecMaster.20041003");
        assert_eq!(code([project, "w", WORKFLOW]), "SecMaster.20041001");
        assert_eq!(code([project, workspace, "%7Bworkflow_id%7D"]), "SecMaster.20030001");
        assert_eq!(Target::of_path("/v1/p/workspaces/w/soc/workflows/f/instances/"), None);
    }

    #[test]
    fn every_spelling_of_the_content_type_that_the_vendor_uses_is_taken() {
        let judge = |value: &'static str| {
            judge_content_type(&HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        for spelling in ["application/json", "application/json;charset=UTF-8", "Application/JSON; charset=utf-8"] {
            assert_eq!(judge(spelling), Ok(()), "{spelling}");
        }
        assert_eq!(judge("text/plain").unwrap_err().code, "SecMaster.20030001");
        assert_eq!(judge_content_type(&HeaderMap::new()).unwrap_err().code, "APIGW.0106");
    }
}
