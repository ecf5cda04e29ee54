//! What became of one call: what its success confirms, or a classified failure.
//!
//! The line that matters is whether the service can have got the request. Before it: transient, nothing happened.
//! After it without an answer: ambiguous, the workflow may run (promise 3 and 4 rest on this difference).

use std::error::Error;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use secrecy::SecretString;

use super::api::Deprecation;
use super::classify::Classifier;
use super::confirmation::{Confirmation, Confirmed, Reader};
use super::error_body::ErrorBody;
use super::excerpt::excerpt;
use super::retry_after;
use crate::domain::{FailureClass, FailureReason};
use crate::ports::ApiFailure;

/// As much of an answer as is read, besides what repeats the request.
const ANSWER_BYTES: usize = 1024 * 1024;

/// A confirmed start repeats the request's content, at worst with every two-byte character as a six-byte escape.
const ESCAPE_FACTOR: usize = 3;

/// Longest header that is kept.
const HEADER_CHARS: usize = 128;

/// Everything needed to judge a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<'a> {
    pub(super) classifier: &'a Classifier,
    /// Secrets that were in the request, to be removed from texts.
    pub(super) secrets: &'a [&'a SecretString],
    /// Length of the request's body.
    pub(super) request_bytes: usize,
}

impl Judge<'_> {
    /// Reads the answer to its end and judges it; `read` says what a success confirms.
    pub(super) async fn judge<T>(
        self,
        call: Result<reqwest::Response, reqwest::Error>,
        read: Reader<T>,
    ) -> Result<Confirmed<T>, ApiFailure> {
        let mut response = call.map_err(|error| self.not_answered(&error))?;
        let status = response.status();
        let cap = ANSWER_BYTES + ESCAPE_FACTOR * self.request_bytes;
        let body = read_body(&mut response, cap).await;
        self.answered(status, response.headers(), body, read)
    }

    /// A call without an answer.
    fn not_answered(&self, error: &reqwest::Error) -> ApiFailure {
        let (class, reason) =
            if nothing_was_sent(error) { (FailureClass::Transient, FailureReason::ConnectFailed) } else { lost(error) };
        failure(class, reason, self.text(error))
    }

    /// A call with at least an answer's head.
    fn answered<T>(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: Body,
        read: Reader<T>,
    ) -> Result<Confirmed<T>, ApiFailure> {
        let request_id = request_id(headers);
        let failed = |class, reason, code: Option<String>, message: &str| {
            let throttle_text = || retry_after::from_message(message).filter(|_| class == FailureClass::Throttled);
            ApiFailure {
                class,
                reason,
                http_status: Some(status.as_u16()),
                error_code: code,
                request_id: request_id.clone(),
                message: excerpt(message, self.secrets),
                retry_after: retry_after::from_headers(headers, Timestamp::now()).or_else(throttle_text),
            }
        };
        let body = match body {
            Body::Whole(bytes) => bytes,
            Body::Broken(error) => {
                let (class, reason) = self.broken(status, &error);
                return Err(failed(class, reason, None, &self.text(&error)));
            }
            Body::TooLong if status.is_success() => {
                let (class, reason) = self.classifier.unconfirmed(status.as_u16(), None);
                return Err(failed(class, reason, None, "the answer is longer than any that confirms a start"));
            }
            // The status alone decides.
            Body::TooLong => Vec::new(),
        };
        if status.is_success() {
            return match read(&body) {
                Confirmation::Of(what) => {
                    Ok(Confirmed { what, http_status: status.as_u16(), request_id, deprecation: deprecation(headers) })
                }
                Confirmation::None { code, message } => {
                    let (class, reason) = self.classifier.unconfirmed(status.as_u16(), code.as_deref());
                    Err(failed(class, reason, code, &message))
                }
                Confirmation::NotJson => {
                    let (class, reason) = self.classifier.not_the_api(status.as_u16());
                    Err(failed(class, reason, None, "the answer is a success, but not JSON: this is not the API"))
                }
            };
        }
        let ErrorBody { code, message } = ErrorBody::parse(&body);
        let code = code.map(|code| excerpt(&code, self.secrets));
        let (class, reason) = self.classifier.refusal(status.as_u16(), code.as_deref());
        let message = if message.trim().is_empty() { status.to_string() } else { message };
        Err(failed(class, reason, code, &message))
    }

    /// The head of an answer came, its body did not.
    fn broken(&self, status: StatusCode, error: &reqwest::Error) -> (FailureClass, FailureReason) {
        if status.is_success() {
            return lost(error);
        }
        match self.classifier.refusal(status.as_u16(), None) {
            // Nothing was started. But the body might have held a code that makes it something else than the record's
            // fault, so the record is not given up for it: it is asked again.
            (FailureClass::Rejected, _) => (FailureClass::Transient, lost(error).1),
            judged => judged,
        }
    }

    /// What went wrong, fit to be shown.
    fn text(&self, error: &reqwest::Error) -> String {
        excerpt(&cause_text(error), self.secrets)
    }
}

/// Whether the request cannot have reached the service:
///
/// * the connection was not made: name, TCP, TLS or proxy failed, or took longer than the connect time-out;
/// * hyper gives the request back as cancelled: the connection ended before the request was written to it. (On a
///   pooled connection that the server had closed, hyper tries another one by itself; this is the case of a new one.)
///
/// A pooled connection that breaks while the request is being written does not count: the server may have read it.
fn nothing_was_sent(error: &reqwest::Error) -> bool {
    error.is_connect()
        || error.is_builder()
        || causes(error).any(|cause| cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled))
}

/// The causes of an error, outermost first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source())
}

/// What went wrong, without the URL (which reqwest's own text begins with).
pub(super) fn cause_text(error: &reqwest::Error) -> String {
    let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    if texts.is_empty() { "the request failed".to_owned() } else { texts.join(": ") }
}

/// The request is out and its answer will not come.
fn lost(error: &reqwest::Error) -> (FailureClass, FailureReason) {
    // The kernel gives up a silent peer by its own clock, not by ours.
    let is_broken = causes(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::TimedOut);
    let reason = if error.is_timeout() && !is_broken { FailureReason::NoAnswer } else { FailureReason::ConnectionLost };
    (FailureClass::Ambiguous, reason)
}

/// A failure without an answer of the service.
pub(super) fn failure(class: FailureClass, reason: FailureReason, message: String) -> ApiFailure {
    ApiFailure { class, reason, http_status: None, error_code: None, request_id: None, message, retry_after: None }
}

/// The answer's `X-Request-Id`.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-request-id")?.to_str().ok()?.trim();
    (!value.is_empty()).then(|| value.chars().take(HEADER_CHARS).collect())
}

/// What the answer says about the end of its call.
fn deprecation(headers: &HeaderMap) -> Option<Deprecation> {
    let text = |name| {
        let value: &str = headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then(|| value.chars().take(HEADER_CHARS).collect::<String>())
    };
    let (info, date) = (text("x-api-deprecation-info"), text("x-api-deprecation-date"));
    (info.is_some() || date.is_some()).then_some(Deprecation { info, date })
}

/// An answer's body.
#[derive(Debug)]
pub(super) enum Body {
    Whole(Vec<u8>),
    TooLong,
    Broken(reqwest::Error),
}

/// Reads a body of at most `cap` bytes.
pub(super) async fn read_body(response: &mut reqwest::Response, cap: usize) -> Body {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > cap => return Body::TooLong,
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Body::Whole(bytes),
            Err(error) => return Body::Broken(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::{Body, Judge};
    use crate::domain::FailureClass::{Ambiguous, Rejected, Target, Throttled, Transient};
    use crate::domain::{FailureClass, FailureReason, Started};
    use crate::ports::ApiFailure;
    use crate::secmaster::classify::Classifier;
    use crate::secmaster::confirmation::Confirmation;

    fn judge(status: u16, body: &str) -> Result<Started, ApiFailure> {
        let mut headers = HeaderMap::new();
        headers.insert("X-Request-Id", HeaderValue::from_static("r-1"));
        let judge = Judge { classifier: &Classifier::default(), secrets: &[], request_bytes: 10 };
        let body = Body::Whole(body.as_bytes().to_vec());
        answered(&judge, StatusCode::from_u16(status).unwrap(), &headers, body)
    }

    fn answered(judge: &Judge<'_>, status: StatusCode, headers: &HeaderMap, body: Body) -> Result<Started, ApiFailure> {
        judge.answered(status, headers, body, Confirmation::of_start).map(Started::from)
    }

    fn class(status: u16, body: &str) -> FailureClass {
        judge(status, body).unwrap_err().class
    }

    #[test]
    fn a_2xx_with_an_instance_id_is_a_start() {
        let started = Started { action_instance_id: "i".into(), http_status: 200, request_id: Some("r-1".into()) };
        assert_eq!(judge(200, r#"{"action_instance_id":"i","playbook_context":{"x":[1]}}"#).unwrap(), started);
        assert_eq!(judge(201, r#"{"action_instance_id":"i"}"#).unwrap().http_status, 201);
        for envelope in [r#""code":0"#, r#""code":"00000000","success":true"#] {
            assert!(judge(200, &format!(r#"{{"action_instance_id":"i",{envelope}}}"#)).is_ok(), "{envelope}");
        }
    }

    #[test]
    fn a_2xx_that_confirms_nothing_is_ambiguous() {
        for body in [
            "{}",
            "[]",
            "1",
            r#"{"action_instance_id":""}"#,
            r#"{"action_instance_id":null}"#,
            r#"{"action_instance_id":7}"#,
            r#"{"action_instance_id":"two\nlines"}"#,
            r#"{"action_instance_id":"i","success":false}"#,
            r#"{"action_instance_id":"i","code":"SecMaster.20030001"}"#,
            r#"{"action_instance_id":"i","code":7}"#,
            r#"{"action_instance_id":"i","action_instance_id":"j"}"#,
        ] {
            assert_eq!(class(200, body), Ambiguous, "{body}");
        }
    }

    #[test]
    fn a_2xx_that_is_not_json_and_a_redirect_are_not_the_api() {
        for (status, body) in [(200, ""), (200, "<html>"), (204, ""), (302, ""), (200, r#"{"action_instance_id":"#)] {
            let failure = judge(status, body).unwrap_err();
            assert_eq!((failure.class, failure.reason), (Target, FailureReason::NotTheApi), "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_keeps_status_code_message_and_request_id() {
        let failure = judge(400, r#"{"code":"SecMaster.20030025","message":"title missing"}"#).unwrap_err();
        assert_eq!((failure.class, failure.reason), (Rejected, FailureReason::RequestRefused));
        assert_eq!(failure.http_status, Some(400));
        assert_eq!(failure.error_code.as_deref(), Some("SecMaster.20030025"));
        assert_eq!(failure.message, "title missing");
        assert_eq!(failure.request_id.as_deref(), Some("r-1"));
        assert_eq!(judge(503, "").unwrap_err().message, "503 Service Unavailable");
    }

    #[test]
    fn the_throttle_texts_period_counts_only_where_the_answer_is_a_throttle() {
        let body =
            |code: &str| format!(r#"{{"error_code":"{code}","error_msg":"over ratelimit,limit:5,time:1 minute"}}"#);
        let throttled = judge(429, &body("APIGW.0308")).unwrap_err();
        assert_eq!((throttled.class, throttled.retry_after), (Throttled, Some(Duration::from_secs(60))));
        let other = judge(503, &body("APIGW.0613")).unwrap_err();
        assert_eq!((other.class, other.retry_after), (Transient, None));
    }

    #[test]
    fn an_answer_of_any_length_is_judged() {
        let judge = Judge { classifier: &Classifier::default(), secrets: &[], request_bytes: 10 };
        let headers = HeaderMap::new();
        assert_eq!(answered(&judge, StatusCode::OK, &headers, Body::TooLong).unwrap_err().class, Ambiguous);
        assert_eq!(answered(&judge, StatusCode::BAD_GATEWAY, &headers, Body::TooLong).unwrap_err().class, Transient);
    }
}
