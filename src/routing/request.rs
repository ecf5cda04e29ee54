//! The CreateWorkflowInstance request of one delivery, serialised once: every attempt sends these bytes (promise 3).
//!
//! Shape and order of the members are the API's (`AopInstanceEventData`); what is null is left out.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::{Alert, Destination, WorkflowRequest};

/// Room for most bodies, so that writing one does not copy it again and again.
const USUAL_BYTES: usize = 2 << 10;

#[derive(Serialize)]
struct Body<'a> {
    command_type: &'static str,
    action_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_instance_id: Option<&'a str>,
    playbook_context: PlaybookContext<'a>,
}

#[derive(Serialize)]
struct PlaybookContext<'a> {
    data_object: DataObject<'a>,
}

#[derive(Serialize)]
struct DataObject<'a> {
    content: &'a Map<String, Value>,
    dataclass: DataClassRef<'a>,
}

#[derive(Serialize)]
struct DataClassRef<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
}

/// Builds the request of one delivery.
#[must_use]
pub fn build(destination: Destination, alert: &Alert, action_instance_id: Option<String>) -> WorkflowRequest {
    let body = body(Some(&destination.workflow_id), alert, action_instance_id.as_deref());
    WorkflowRequest { destination, action_instance_id, body }
}

/// The body alone: compact UTF-8 JSON. Without a workflow it is what `map` shows where no route is configured.
#[must_use]
pub fn body(workflow_id: Option<&str>, alert: &Alert, action_instance_id: Option<&str>) -> Bytes {
    let body = Body {
        command_type: "ActionInstanceRunCommand",
        action_type: "workflow",
        action_id: workflow_id,
        action_instance_id,
        playbook_context: PlaybookContext {
            data_object: DataObject {
                content: &alert.content,
                dataclass: DataClassRef { id: alert.data_class.id.as_deref(), name: &alert.data_class.name },
            },
        },
    };
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    match serde_json::to_writer(&mut bytes, &body) {
        Ok(()) => Bytes::from(bytes.into_boxed_slice()),
        // Texts and JSON values under text names: nothing in it can fail to serialise.
        Err(_) => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{body, build};
    use crate::domain::{Alert, DataClass, Destination, Severity};

    fn alert() -> Alert {
        Alert {
            format: "f".into(),
            part: 0,
            id: "i".to_owned(),
            severity: Severity::High,
            data_class: DataClass { id: None, name: "Alert".into() },
            content: json!({"title": "SSH brute force \u{6d4b}\u{8bd5}", "id": "i"}).as_object().unwrap().clone(),
            skip: None,
        }
    }

    #[test]
    fn the_body_has_the_apis_members_in_the_apis_order_and_no_nulls() {
        let destination = Destination {
            route: "r".into(),
            project_id: "p".into(),
            workspace_id: "ws".into(),
            workflow_id: "wf".into(),
        };
        let request = build(destination, &alert(), Some("inst".to_owned()));
        assert_eq!(
            std::str::from_utf8(&request.body).unwrap(),
            "{\"command_type\":\"ActionInstanceRunCommand\",\"action_type\":\"workflow\",\"action_id\":\"wf\",\
             \"action_instance_id\":\"inst\",\"playbook_context\":{\"data_object\":{\"content\":\
             {\"title\":\"SSH brute force \u{6d4b}\u{8bd5}\",\"id\":\"i\"},\"dataclass\":{\"name\":\"Alert\"}}}}"
        );
        assert_eq!(request.action_instance_id.as_deref(), Some("inst"));
    }

    #[test]
    fn what_is_not_known_is_left_out_and_a_data_class_id_is_sent() {
        let mut alert = alert();
        alert.data_class.id = Some("dc".into());
        let text = String::from_utf8(body(None, &alert, None).to_vec()).unwrap();
        assert!(!text.contains("action_id") && !text.contains("action_instance_id"));
        assert!(text.ends_with("\"dataclass\":{\"id\":\"dc\",\"name\":\"Alert\"}}}}"));
    }
}
