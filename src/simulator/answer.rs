//! Answers in the shapes that the real services use.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fault_state::Throttled;
use super::faults::{RetryAfter, StatusFault};

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");

/// A refusal: status, code and message, in the body shape of whoever refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// SecMaster's 400.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "SecMaster.20030001", message)
    }

    /// The gateway's 401.
    pub(super) fn unauthenticated(detail: impl AsRef<str>) -> Self {
        let message = format!("Incorrect IAM authentication information: {}", detail.as_ref());
        Self::new(401, "APIGW.0301", message)
    }

    /// IAM's errors are of another shape, with the status as their code.
    pub(super) fn iam(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status.as_u16(), "iam", message)
    }

    pub(super) fn answer(&self) -> Response {
        let id = Uuid::new_v4();
        let body = match self.code.as_str() {
            "iam" => {
                let title = StatusCode::from_u16(self.status).ok().and_then(|s| s.canonical_reason());
                json!({"error": {"code": self.status, "message": self.message, "title": title}})
            }
            code if code.starts_with("SecMaster.") => json!({"code": code, "message": self.message}),
            code => json!({"error_code": code, "error_msg": self.message, "request_id": id.simple().to_string()}),
        };
        finish(self.status, &body, &id)
    }
}

/// A JSON answer of the services.
pub(super) fn json_answer(status: u16, body: &Value) -> Response {
    finish(status, body, &Uuid::new_v4())
}

/// The gateway's 429.
pub(super) fn throttled(over: Throttled) -> Response {
    let period = match over.throttle.per_ms {
        60_000 => "1 minute".to_owned(),
        ms => format!("{} second", ms.div_ceil(1_000)),
    };
    let message = format!(
        "The throttling threshold has been reached: policy user over ratelimit,limit:{},time:{period}",
        over.throttle.requests
    );
    let mut response = Refusal::new(429, "APIGW.0308", message).answer();
    let seconds = over.wait.as_secs() + u64::from(over.wait.subsec_nanos() > 0);
    let value = match over.throttle.retry_after {
        RetryAfter::None => None,
        RetryAfter::Seconds => Some(seconds.to_string()),
        RetryAfter::Date => {
            let at = Timestamp::now() + std::time::Duration::from_secs(seconds);
            Some(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        }
    };
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
        let _previous = response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

/// The answer of a status fault.
pub(super) fn status_fault(fault: &StatusFault) -> Response {
    let id = Uuid::new_v4();
    match (&fault.body, &fault.code, &fault.message) {
        (Some(body), _, _) => with_id(fault.status, Body::from(body.clone()), &id),
        (None, None, None) => with_id(fault.status, Body::empty(), &id),
        (None, code, message) => {
            let code = code.as_deref().unwrap_or("SecMaster.20039999");
            Refusal::new(fault.status, code, message.as_deref().unwrap_or("simulated fault")).answer()
        }
    }
}

fn finish(status: u16, body: &Value, id: &Uuid) -> Response {
    let mut response = with_id(status, Body::from(body.to_string()), id);
    let _previous = response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// Every answer has a request id, of the documented form.
fn with_id(status: u16, body: Body, id: &Uuid) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let millis = Timestamp::now().as_millisecond();
    if let Ok(value) = HeaderValue::from_str(&format!("{id}-{millis}-simulator")) {
        let _previous = response.headers_mut().insert("x-request-id", value);
    }
    response
}
