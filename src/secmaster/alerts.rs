//! What SecMaster says about an alert: that it was created, and whether it is there.
//!
//! CreateAlert and ShowAlert answer in the same form: an envelope with the alert under `data`. Of an alert that is not
//! there ShowAlert says 400 `SecMaster.20030005` (so the vendor's Terraform provider reads it); anything else is no word
//! about it.

use serde_json::Value;

use super::api;
use super::confirmation::{Confirmation, Confirmed, is_id};
use crate::domain::{Created, FoundAlert};
use crate::ports::ApiFailure;

/// The service's code for an alert that is not there.
const NO_SUCH_ALERT: &str = "SecMaster.20030005";

/// Reads the body of a 2xx: the alert's id, which is a member of `data` and of the object in it.
pub(super) fn read(body: &[u8]) -> Confirmation<String> {
    api::read(body, |document| {
        let data = document.get("data")?;
        let id = |of: &Value| of.get("id").and_then(Value::as_str).filter(|id| is_id(id)).map(str::to_owned);
        id(data).or_else(|| id(data.get("data_object")?))
    })
}

impl From<Confirmed<String>> for Created {
    fn from(Confirmed { what, http_status, request_id, .. }: Confirmed<String>) -> Self {
        Self { alert_id: what, http_status, request_id }
    }
}

/// What the answer to a look-up says about the alert of this id.
pub(super) fn found(answer: Result<Confirmed<String>, ApiFailure>, alert_id: &str) -> Result<FoundAlert, ApiFailure> {
    match answer {
        Ok(shown) if shown.what.eq_ignore_ascii_case(alert_id) => Ok(FoundAlert::Present(shown.into())),
        Ok(_) => Ok(FoundAlert::Unclear),
        Err(failure) if failure.error_code.as_deref() == Some(NO_SUCH_ALERT) => Ok(FoundAlert::Absent),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::{Confirmation, read};

    fn id(body: &str) -> Option<String> {
        match read(body.as_bytes()) {
            Confirmation::Of(id) => Some(id),
            Confirmation::None { .. } | Confirmation::NotJson => None,
        }
    }

    #[test]
    fn an_alert_is_known_by_its_id_and_an_envelope_that_says_no_confirms_none() {
        assert_eq!(id(r#"{"code":"00000000","data":{"id":"a","data_object":{"id":"b"}}}"#).as_deref(), Some("a"));
        assert_eq!(id(r#"{"code":0,"data":{"data_object":{"id":"b"}}}"#).as_deref(), Some("b"));
        for body in [
            "{}",
            "<html>",
            r#"{"data":null}"#,
            r#"{"data":{"id":""}}"#,
            r#"{"data":{"id":7}}"#,
            r#"{"data":{"id":"two\nlines"}}"#,
            r#"{"code":"SecMaster.20041805","data":{"id":"a"}}"#,
            r#"{"success":false,"data":{"id":"a"}}"#,
        ] {
            assert_eq!(id(body), None, "{body}");
        }
    }
}
