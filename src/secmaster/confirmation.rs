//! What a 2xx says: that it is what was asked for, that it is not, or that what answered is no API.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::api::Deprecation;
use crate::domain::Started;

/// Longest id that is believed (a UUID has 36): it goes into logs and headers.
const ID_BYTES: usize = 128;

/// Reads the body of a 2xx.
pub(super) type Reader<T> = fn(&[u8]) -> Confirmation<T>;

/// A success that says what it should.
#[derive(Debug)]
pub(super) struct Confirmed<T> {
    pub(super) what: T,
    pub(super) http_status: u16,
    pub(super) request_id: Option<String>,
    pub(super) deprecation: Option<Deprecation>,
}

impl From<Confirmed<String>> for Started {
    fn from(Confirmed { what, http_status, request_id, .. }: Confirmed<String>) -> Self {
        Self { action_instance_id: what, http_status, request_id }
    }
}

/// What a 2xx says.
pub(super) enum Confirmation<T> {
    Of(T),
    None { code: Option<String>, message: String },
    NotJson,
}

/// The members that matter; the content that the answer repeats is passed over.
#[derive(Deserialize)]
struct Answer {
    action_instance_id: Option<Value>,
    code: Option<Value>,
    message: Option<Value>,
    success: Option<Value>,
}

impl Confirmation<String> {
    /// CreateWorkflowInstance has no envelope, but its neighbours answer 200 with `code` and `success`: where these
    /// say no, or there is no instance id, nothing is confirmed.
    pub(super) fn of_start(body: &[u8]) -> Self {
        let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
            return match serde_json::from_slice::<IgnoredAny>(body) {
                Ok(_) => Self::None { code: None, message: "the answer is not the documented one".to_owned() },
                Err(_) => Self::NotJson,
            };
        };
        let code = answer.code.as_ref().and_then(|code| match code {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        let said_no = answer.success == Some(Value::Bool(false));
        let bad_code = code.as_deref().is_some_and(|code| !code.bytes().all(|b| b == b'0'));
        match answer.action_instance_id {
            Some(Value::String(id)) if is_id(&id) && !said_no && !bad_code => Self::Of(id),
            _ => {
                let message = match answer.message {
                    Some(Value::String(text)) if !text.is_empty() => text,
                    _ => "the answer confirms no instance".to_owned(),
                };
                Self::None { code: code.filter(|_| bad_code), message }
            }
        }
    }
}

/// Whether this is believed to be an id.
pub(super) fn is_id(text: &str) -> bool {
    (1..=ID_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}
