//! The requests of one delivery, serialised once: every attempt sends these bytes (promise 3).
//!
//! CreateWorkflowInstance: shape and order of the members are the API's (`AopInstanceEventData`); what is null is left
//! out. CreateAlert, where the route asks for it: the same content.

use std::ops::Range;

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::domain::{Alert, AlertRequest, Destination, Fields, WorkflowRequest};

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
    content: &'a Fields,
    dataclass: DataClassRef<'a>,
}

#[derive(Serialize)]
struct DataClassRef<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
}

/// The only data class that CreateAlert creates.
const ALERT: &str = "Alert";

#[derive(Serialize)]
struct AlertBody<'a> {
    data_object: &'a Fields,
}

/// Builds the request that creates the alert first, where the route asks for that. Content of another data class than
/// `Alert` cannot be created so.
#[must_use]
pub fn build_alert(destination: &Destination, alert: &Alert) -> Option<AlertRequest> {
    (destination.creates_alert && &*alert.data_class.name == ALERT).then(|| AlertRequest {
        destination: destination.of_alerts(),
        alert_id: alert.id.clone(),
        body: written(&AlertBody { data_object: &alert.content }),
    })
}

/// Where the alert's id stands in a body.
const ALERT_ID: [&str; 4] = ["playbook_context", "data_object", "content", "id"];

/// The same request about the alert of this id, which SecMaster gave it instead of ours. All other bytes stay what they
/// are: they are not read again, which has limits.
#[must_use]
pub fn about(request: &WorkflowRequest, alert_id: &str) -> WorkflowRequest {
    let body = &*request.body;
    let mut place = Some(0..body.len());
    for name in ALERT_ID {
        place = place.and_then(|within| member(body, within.start, name));
    }
    let parts = place.and_then(|id| Some((body.get(..id.start)?, body.get(id.end..)?)));
    // Every alert has an id, so that there is one in whatever `build` wrote.
    let Some((before, after)) = parts else { return request.clone() };
    let body = [before, &written(&alert_id), after].concat();
    WorkflowRequest { body: Bytes::from(body), ..request.clone() }
}

/// Where the value of a member stands, in the object that begins at a place of a compact text.
fn member(text: &[u8], object: usize, wanted: &str) -> Option<Range<usize>> {
    let mut at = object;
    loop {
        // Behind a brace or a comma stands a name, and behind that a colon.
        let (name, end): (String, _) = next(text, at + 1)?;
        // Skipping a value is no recursion, however deep it nests.
        let (IgnoredAny, after) = next(text, end + 1)?;
        if name == wanted {
            return Some(end + 1..after);
        }
        at = after;
    }
}

/// The value at a place of a text, and where it ends.
fn next<'t, T: Deserialize<'t>>(text: &'t [u8], at: usize) -> Option<(T, usize)> {
    let mut values = serde_json::Deserializer::from_slice(text.get(at..)?).into_iter();
    let value = values.next()?.ok()?;
    Some((value, at + values.byte_offset()))
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
    written(&body)
}

fn written(body: &impl Serialize) -> Bytes {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => Bytes::from(bytes.into_boxed_slice()),
        // Texts and JSON values under text names: nothing in it can fail to serialise.
        Err(_) => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{about, body, build, build_alert};
    use crate::domain::{Alert, Data, DataClass, Destination, Digits, Severity};

    fn alert() -> Alert {
        Alert {
            format: "f".into(),
            part: 0,
            id: "i".to_owned(),
            severity: Severity::High,
            data_class: DataClass { id: None, name: "Alert".into() },
            content: json!({"title": "SSH brute force \u{6d4b}\u{8bd5}", "id": "i"})
                .as_object()
                .unwrap()
                .clone()
                .into(),
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
            creates_alert: false,
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
    fn an_alert_is_created_with_the_content_that_its_workflow_gets() {
        let mut destination = Destination {
            route: "r".into(),
            project_id: "p".into(),
            workspace_id: "ws".into(),
            workflow_id: "wf".into(),
            creates_alert: true,
        };
        let created = build_alert(&destination, &alert()).unwrap();
        assert_eq!(
            created.body,
            "{\"data_object\":{\"title\":\"SSH brute force \u{6d4b}\u{8bd5}\",\"id\":\"i\"}}".as_bytes()
        );
        assert_eq!((&*created.destination.workflow_id, created.alert_id.as_str()), ("", "i"));
        let mut other = alert();
        other.data_class.name = "Device".into();
        assert_eq!(build_alert(&destination, &other), None, "CreateAlert creates alerts only");
        destination.creates_alert = false;
        assert_eq!(build_alert(&destination, &alert()), None);
    }

    #[test]
    fn a_request_about_another_id_differs_in_that_alone() {
        let destination = Destination {
            route: "r".into(),
            project_id: "p".into(),
            workspace_id: "ws".into(),
            workflow_id: "wf".into(),
            creates_alert: true,
        };
        let mut alert = alert();
        alert.content.set("count", Data::Number(Digits::parse("12345678901234567890.10").unwrap()));
        let first = build(destination, &alert, Some("inst".to_owned()));
        let theirs = about(&first, "theirs");
        let text = String::from_utf8(first.body.to_vec()).unwrap();
        assert_eq!(theirs.body, text.replace("\"id\":\"i\"", "\"id\":\"theirs\"").as_bytes());
        assert_eq!(about(&theirs, "i"), first);
    }

    #[test]
    fn a_request_about_another_id_is_whole_however_deep_its_content_nests() {
        let destination = Destination {
            route: "r".into(),
            project_id: "p".into(),
            workspace_id: "ws".into(),
            workflow_id: "wf".into(),
            creates_alert: true,
        };
        let mut alert = alert();
        // The same member elsewhere, and before.
        let deep = (0..300).fold(json!({"id": "i", "content": {"id": "i"}}), |inner, _| json!([inner]));
        alert.content.set_first("system_info", deep.into());
        let first = build(destination, &alert, Some("\"content\":{\"id\":\"i\"}".to_owned()));
        alert.content.set("id", Data::Text("their \"own\"".into()));
        let theirs = build(first.destination.clone(), &alert, first.action_instance_id.clone());
        assert_eq!(about(&first, "their \"own\""), theirs);
        assert_eq!(about(&theirs, "i"), first);
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
