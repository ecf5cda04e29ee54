//! Asking whoever gives out tokens and keys (IAM, STS, the metadata service, a pod's identity): one call, a bounded
//! answer, and whose fault a failure is.
//!
//! Without a token or key nothing can be sent, so every failure is the credentials': all sending pauses, and no
//! delivery pays for it (promise 4). Where the issuer is away, the failure says how soon to ask again, since nothing
//! locks; a refusal waits for its turn, since IAM locks a user after some wrong passwords.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use secrecy::SecretString;

use super::error_body::ErrorBody;
use super::excerpt::excerpt;
use super::response::{Body, cause_text, failure, read_body, request_id};
use super::retry_after::server_date;
use crate::domain::{FailureClass, FailureReason};
use crate::ports::ApiFailure;

/// As much of an answer as is read. IAM's, with `nocatalog`, is a few KiB.
const ANSWER_BYTES: usize = 256 * 1024;

/// How soon an issuer that is away is asked again while everything waits for it.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// Who is asked, for the texts of failures, and what must not stand in these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issuer<'a> {
    /// E.g. `IAM`.
    pub(super) name: &'static str,
    pub(super) secrets: &'a [&'a SecretString],
}

/// What it answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Empty where it was too long or broke off.
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The issuer's time: of the answer's `Date`, so that our own clock does not matter, else ours.
    pub(super) fn time(&self) -> Timestamp {
        server_date(&self.headers).unwrap_or_else(Timestamp::now)
    }
}

/// Nothing came from whoever was asked, in all the time that a request has.
pub(super) fn too_slow() -> ApiFailure {
    let message = "no token or access key came within the time of the request (`secmaster.request_timeout`)";
    let (class, reason) = (FailureClass::Credentials, FailureReason::CredentialsUnavailable);
    ApiFailure { retry_after: Some(ASK_AGAIN_AFTER), ..failure(class, reason, message.to_owned()) }
}

impl Issuer<'_> {
    /// Sends a request and reads the answer, whatever its status.
    pub(super) async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Answer, ApiFailure> {
        let mut response = request.send().await.map_err(|error| {
            let mut failure = self.failed(&format!("{} is not reached: {}", self.name, cause_text(&error)));
            failure.retry_after = Some(ASK_AGAIN_AFTER);
            failure
        })?;
        let body = match read_body(&mut response, ANSWER_BYTES).await {
            Body::Whole(body) => body,
            Body::TooLong | Body::Broken(_) => Vec::new(),
        };
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body })
    }

    /// An answer that is not what was asked for.
    pub(super) fn refused(&self, answer: &Answer) -> ApiFailure {
        let status = answer.status;
        let said = ErrorBody::parse(&answer.body);
        // Keystone's code is the status once more.
        let code = said.code.filter(|code| *code != status.as_str()).map(|code| format!(" {code}")).unwrap_or_default();
        let mut failure = self.failed(&format!("{} answered {}{code}: {}", self.name, status.as_u16(), said.message));
        failure.request_id = request_id(&answer.headers);
        // What passes by itself; all else is for an operator: wrong user, password, agency, project, address.
        if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
            failure.retry_after = Some(ASK_AGAIN_AFTER);
        }
        failure
    }

    /// Nothing can be had from it.
    pub(super) fn failed(&self, message: &str) -> ApiFailure {
        failure(FailureClass::Credentials, FailureReason::CredentialsUnavailable, excerpt(message, self.secrets))
    }
}
