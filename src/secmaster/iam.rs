//! IAM password tokens: fetched once, shared, replaced well before they expire, a single flight.
//!
//! A token is good for one project, so there is one for each project that requests go to. Callers that come while a
//! token is being fetched wait for that fetch and share its end, good or bad: a wrong password is tried once, not once
//! for each waiting request.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::error_body::ErrorBody;
use super::excerpt::excerpt;
use super::response::{Body, cause_text, failure, read_body, request_id};
use crate::domain::{FailureClass, FailureReason};
use crate::ports::ApiFailure;

/// As much of IAM's answer as is read. With `nocatalog` it is a few KiB.
const ANSWER_BYTES: usize = 1024 * 1024;

/// What a token lives where the answer does not say (24 h according to IAM's documentation).
const USUAL_LIFETIME: Duration = Duration::from_secs(24 * 3_600);

/// A token is replaced when a sixth of its life is left, at most this much.
const MAX_MARGIN: Duration = Duration::from_secs(3_600);

/// After a failed early replacement the token in hand goes on being used for this long before the next try.
const REPLACE_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Who asks for tokens.
#[derive(Clone, Debug)]
pub(super) struct PasswordUser {
    pub(super) iam: Endpoint,
    pub(super) domain_name: String,
    pub(super) user_name: String,
    pub(super) password: SecretString,
}

/// A token on loan: to be put into a request, and given back by [`PasswordTokens::refused`] if it is not accepted.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// Marked sensitive.
    pub(super) header: HeaderValue,
    replace_at: Instant,
    expires_at: Instant,
    serial: u64,
    /// A request that carried it has not been refused for it.
    is_accepted: Arc<AtomicBool>,
}

impl Token {
    /// The service took a request with it.
    pub(super) fn accept(&self) {
        self.is_accepted.store(true, Ordering::Relaxed);
    }
}

/// The tokens of one user, by project.
pub(super) struct PasswordTokens {
    http: reqwest::Client,
    user: PasswordUser,
    slots: Mutex<HashMap<Arc<str>, Arc<Slot>>>,
    /// A token died that had been accepted, so that a new one will probably do.
    has_died: AtomicBool,
}

/// The token of one project.
#[derive(Default)]
struct Slot {
    /// Held while a token is being fetched: the single flight.
    flight: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// How many fetches have ended, and how the last one failed, if it did.
    fetches: u64,
    failure: Option<ApiFailure>,
}

impl PasswordTokens {
    pub(super) fn new(http: reqwest::Client, user: PasswordUser) -> Self {
        Self { http, user, slots: Mutex::default(), has_died: AtomicBool::new(false) }
    }

    /// A token for this project. Cancel safe: a dropped fetch is begun anew by the next caller.
    pub(super) async fn token(&self, project_id: &Arc<str>) -> Result<Token, ApiFailure> {
        let slot = self.slot(project_id);
        let now = Instant::now();
        let (held, fetches) = {
            let state = lock(&slot.state);
            (state.token.clone().filter(|token| now < token.expires_at), state.fetches)
        };
        match held {
            Some(token) if now < token.replace_at => Ok(token),
            // Due: the first to come replaces it, the others go on with it.
            Some(token) => match slot.flight.try_lock() {
                Ok(_flight) => Ok(self.fetch(&slot, project_id).await.unwrap_or(token)),
                Err(_) => Ok(token),
            },
            None => {
                let _flight = slot.flight.lock().await;
                if let Some(shared) = lock(&slot.state).since(fetches) {
                    return shared;
                }
                self.fetch(&slot, project_id).await
            }
        }
    }

    /// The service did not accept this token: it is not given out again. Says whether it would have been.
    pub(super) fn refused(&self, project_id: &Arc<str>, token: &Token) -> bool {
        let slot = self.slot(project_id);
        let mut state = lock(&slot.state);
        let was_held = state.token.take_if(|held| held.serial == token.serial).is_some();
        if was_held && token.is_accepted.load(Ordering::Relaxed) {
            self.has_died.store(true, Ordering::Relaxed);
        }
        was_held
    }

    /// Whether a token that had been accepted was refused since this was asked last.
    pub(super) fn takes_new_token(&self) -> bool {
        self.has_died.swap(false, Ordering::Relaxed)
    }

    /// When the first of the tokens in use expires.
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        let slots = lock(&self.slots);
        let first = slots.values().filter_map(|slot| lock(&slot.state).token.as_ref().map(|t| t.expires_at)).min()?;
        Some(SystemTime::now() + first.saturating_duration_since(Instant::now()))
    }

    fn slot(&self, project_id: &Arc<str>) -> Arc<Slot> {
        Arc::clone(lock(&self.slots).entry(Arc::clone(project_id)).or_default())
    }

    /// Fetches a token and leaves it, or the failure, to those who wait. The caller holds the flight.
    async fn fetch(&self, slot: &Slot, project_id: &str) -> Result<Token, ApiFailure> {
        let result = self.ask(project_id).await;
        let mut state = lock(&slot.state);
        state.fetches += 1;
        match result {
            Ok((header, lifetime)) => {
                let now = Instant::now();
                let margin = (lifetime / 6).min(MAX_MARGIN);
                let token = Token {
                    header,
                    replace_at: now + lifetime.saturating_sub(margin),
                    expires_at: now + lifetime,
                    serial: state.fetches,
                    is_accepted: Arc::default(),
                };
                state.failure = None;
                state.token = Some(token.clone());
                tracing::info!(
                    event = "iam.token_fetched",
                    project_id,
                    lifetime_seconds = lifetime.as_secs(),
                    "token fetched"
                );
                Ok(token)
            }
            Err(failure) => {
                state.failure = Some(failure.clone());
                if let Some(token) = &mut state.token {
                    token.replace_at = Instant::now() + REPLACE_AGAIN_AFTER;
                }
                tracing::warn!(
                    event = "iam.token_failed",
                    project_id,
                    failure_class = %failure.class,
                    error = %failure.message,
                    "no token"
                );
                Err(failure)
            }
        }
    }

    /// One call to IAM: the token and how long it lives.
    async fn ask(&self, project_id: &str) -> Result<(HeaderValue, Duration), ApiFailure> {
        let user = &self.user;
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "domain": {"name": user.domain_name},
                "name": user.user_name,
                "password": user.password.expose_secret(),
            }}},
            "scope": {"project": {"id": project_id}},
        }});
        let call = self
            .http
            .post(user.iam.url("/v3/auth/tokens", "nocatalog=true"))
            .header(http::header::CONTENT_TYPE, "application/json;charset=utf8")
            .body(body.to_string())
            .send()
            .await;
        let mut response = call.map_err(|error| {
            self.failed(FailureClass::Transient, &format!("IAM is not reached: {}", cause_text(&error)))
        })?;
        let status = response.status();
        let body = match read_body(&mut response, ANSWER_BYTES).await {
            Body::Whole(body) => body,
            // The token is in the headers; without the body its usual lifetime is assumed.
            Body::TooLong | Body::Broken(_) => Vec::new(),
        };
        if status != StatusCode::CREATED {
            return Err(self.refused_by_iam(status, response.headers(), &body));
        }
        let header = response.headers().get("x-subject-token").filter(|token| !token.is_empty()).cloned();
        let Some(mut header) = header else {
            return Err(self.failed(FailureClass::Credentials, "IAM answered 201 without X-Subject-Token"));
        };
        header.set_sensitive(true);
        Ok((header, lifetime(&body).unwrap_or(USUAL_LIFETIME)))
    }

    fn refused_by_iam(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ApiFailure {
        // What passes by itself; all else is for an operator: wrong user, password, project, address.
        let class = if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
            FailureClass::Transient
        } else {
            FailureClass::Credentials
        };
        let said = ErrorBody::parse(body);
        // Keystone's code is the status once more.
        let code = said.code.filter(|code| *code != status.as_str()).map(|code| format!(" {code}")).unwrap_or_default();
        let mut failure = self.failed(class, &format!("IAM answered {}{code}: {}", status.as_u16(), said.message));
        failure.request_id = request_id(headers);
        failure
    }

    fn failed(&self, class: FailureClass, message: &str) -> ApiFailure {
        failure(class, FailureReason::CredentialsUnavailable, excerpt(message, &[&self.user.password]))
    }
}

impl fmt::Debug for PasswordTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordTokens").field("user", &self.user).finish_non_exhaustive()
    }
}

impl State {
    /// How a fetch ended that was under way, if one has ended since.
    fn since(&self, fetches: u64) -> Option<Result<Token, ApiFailure>> {
        if self.fetches == fetches {
            return None;
        }
        match (&self.token, &self.failure) {
            (Some(token), _) if Instant::now() < token.expires_at => Some(Ok(token.clone())),
            (_, Some(failure)) => Some(Err(failure.clone())),
            _ => None,
        }
    }
}

/// The token's life by IAM's own clock, so that ours does not matter.
fn lifetime(body: &[u8]) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Answer {
        token: Times,
    }
    #[derive(Deserialize)]
    struct Times {
        issued_at: String,
        expires_at: String,
    }
    let Answer { token } = serde_json::from_slice(body).ok()?;
    let issued_at: Timestamp = token.issued_at.parse().ok()?;
    let expires_at: Timestamp = token.expires_at.parse().ok()?;
    Duration::try_from(expires_at.duration_since(issued_at)).ok()
}

/// A panic while one of these locks is held leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
