//! The requests of one delivery, serialised once: every attempt sends these bytes (promise 3).
//!
//! CreateWorkflowInstance: shape and order of the members are the API's (`AopInstanceEventData`); what is null is left
//! out. CreateAlert, where the route asks for it: the same content.

use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::domain::{Alert, AlertRequest, Destination, WorkflowRequest, write_text};

/// Room for most bodies, so that writing one does not copy it again and again.
const USUAL_BYTES: usize = 2 << 10;

/// The only data class that CreateAlert creates.
const ALERT: &str = "Alert";

/// Builds the request that creates the alert first, where the route asks for that. Content of another data class than
/// `Alert` cannot be created so.
#[must_use]
pub fn build_alert(destination: &Destination, alert: &Alert) -> Option<AlertRequest> {
    (destination.creates_alert && &*alert.data_class.name == ALERT).then(|| AlertRequest {
        destination: destination.of_alerts(),
        alert_id: alert.id.clone(),
        body: written(|body| {
            body.extend_from_slice(b"{\"data_object\":");
            alert.content.write_json(body);
            body.push(b'}');
        }),
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
    let body = written(|body| {
        body.extend_from_slice(before);
        write_text(alert_id, body);
        body.extend_from_slice(after);
    });
    WorkflowRequest { body, ..request.clone() }
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
    written(|body| {
        body.extend_from_slice(b"{\"command_type\":\"ActionInstanceRunCommand\",\"action_type\":\"workflow\"");
        write_member(",\"action_id\":", workflow_id, body);
        write_member(",\"action_instance_id\":", action_instance_id, body);
        body.extend_from_slice(b",\"playbook_context\":{\"data_object\":{\"content\":");
        alert.content.write_json(body);
        body.extend_from_slice(b",\"dataclass\":{");
        if let Some(id) = &alert.data_class.id {
            write_member("\"id\":", Some(id), body);
            body.push(b',');
        }
        write_member("\"name\":", Some(&alert.data_class.name), body);
        body.extend_from_slice(b"}}}}");
    })
}

/// Writes a member, where it has a value.
fn write_member(before: &str, id: Option<&str>, body: &mut Vec<u8>) {
    if let Some(id) = id {
        body.extend_from_slice(before.as_bytes());
        write_text(id, body);
    }
}

/// A body that takes no more memory than it has bytes: it is kept until its delivery has its outcome.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut body = Vec::with_capacity(USUAL_BYTES);
    write(&mut body);
    Bytes::from(body.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{about, body, build, build_alert};
    use crate::domain::{Alert, Data, Destination, Digits};
    use crate::routing::alert_of;

    fn alert() -> Alert {
        alert_of(&json!({"title": "SSH brute force \u{6d4b}\u{8bd5}", "id": "i"}))
    }

    fn destination() -> Destination {
        Destination {
            route: "r".into(),
            project_id: "p".into(),
            workspace_id: "ws".into(),
            workflow_id: "wf".into(),
            creates_alert: true,
        }
    }

    #[test]
    fn the_body_has_the_apis_members_in_the_apis_order_and_no_nulls() {
        let request = build(destination(), &alert(), Some("inst".to_owned()));
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
        let mut destination = destination();
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
        let mut alert = alert();
        alert.content.set("count", Data::Number(Digits::parse("12345678901234567890.10").unwrap()));
        let first = build(destination(), &alert, Some("inst".to_owned()));
        let theirs = about(&first, "theirs");
        let text = String::from_utf8(first.body.to_vec()).unwrap();
        assert_eq!(theirs.body, text.replace("\"id\":\"i\"", "\"id\":\"theirs\"").as_bytes());
        assert_eq!(about(&theirs, "i"), first);
    }

    #[test]
    fn a_request_about_another_id_is_whole_however_deep_its_content_nests() {
        let mut alert = alert();
        // The same member elsewhere, and before.
        let deep = (0..300).fold(json!({"id": "i", "content": {"id": "i"}}), |inner, _| json!([inner]));
        alert.content.set_first("system_info", deep.into());
        let first = build(destination(), &alert, Some("\"content\":{\"id\":\"i\"}".to_owned()));
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
