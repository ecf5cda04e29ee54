//! What a list of workflow instances says about one of them.
//!
//! The list is asked for one id of one workflow. Whether the service honours these filters is believed only as far as
//! its answer shows: an instance counts by its id, `count` counts for nothing, and a list of others says nothing.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::confirmation::{Confirmation, Confirmed, is_id};
use crate::domain::{Found, Started};

/// The members that matter.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    instances: Option<Vec<Listed>>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    id: Option<Value>,
    status: Option<Value>,
}

/// Reads the body of a 2xx. JSON of another form is a list that says nothing.
pub(super) fn read(body: &[u8]) -> Confirmation<Listing> {
    match serde_json::from_slice::<Listing>(body) {
        Ok(listing) => Confirmation::Of(listing),
        Err(_) if serde_json::from_slice::<IgnoredAny>(body).is_ok() => Confirmation::Of(Listing { instances: None }),
        Err(_) => Confirmation::NotJson,
    }
}

/// What the list says about this instance.
pub(super) fn found(listing: Confirmed<Listing>, action_instance_id: &str) -> Found {
    let Confirmed { what, http_status, request_id, .. } = listing;
    let Some(instances) = what.instances else { return Found::Unclear };
    if instances.is_empty() {
        return Found::Absent;
    }
    let text =
        |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned)).filter(|text| is_id(text));
    let ids = instances.into_iter().map(|listed| (text(listed.id), text(listed.status)));
    // The service may spell a UUID in its own case.
    let ours =
        ids.filter_map(|(id, status)| Some((id?, status))).find(|(id, _)| id.eq_ignore_ascii_case(action_instance_id));
    ours.map_or(Found::Unclear, |(action_instance_id, status)| Found::Present {
        started: Started { action_instance_id, http_status, request_id },
        status,
    })
}

#[cfg(test)]
mod tests {
    use super::{Confirmation, Confirmed, found, read};
    use crate::domain::Found;

    fn says(body: &str) -> Found {
        let Confirmation::Of(what) = read(body.as_bytes()) else { panic!("not JSON: {body}") };
        found(Confirmed { what, http_status: 200, request_id: None, deprecation: None }, "aBc")
    }

    #[test]
    fn an_instance_is_present_by_its_id_alone() {
        let present = says(r#"{"count": 0, "instances": [{"id": "abc", "status": "RUNNING"}]}"#);
        let Found::Present { started, status } = present else { panic!("{present:?}") };
        assert_eq!((started.action_instance_id.as_str(), status.as_deref()), ("abc", Some("RUNNING")));
        assert_eq!(says(r#"{"count": 0, "instances": []}"#), Found::Absent);
        assert_eq!(says(r#"{"count": 7, "instances": []}"#), Found::Absent);
    }

    #[test]
    fn a_list_that_does_not_show_the_filter_at_work_says_nothing() {
        for body in [
            r#"{"count": 1, "instances": [{"id": "other"}]}"#,
            r#"{"instances": [{"id": 7}]}"#,
            r#"{"instances": [{}]}"#,
            r#"{"instances": null}"#,
            r#"{"instances": "abc"}"#,
            r#"{"code": "SecMaster.20039999"}"#,
            "[]",
        ] {
            assert_eq!(says(body), Found::Unclear, "{body}");
        }
        assert!(matches!(read(b"<html>"), Confirmation::NotJson));
    }
}
