//! IAM password tokens: one for each project that requests go to, since a token is good for one.
//!
//! Where IAM has given none, the next one is asked for with the password as its file has it then: it may have been
//! changed, and a token that lives is no reason to show IAM the old one again, which locks a user after a few wrong
//! passwords.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::client::Renewal;
use super::credentials::CredentialSettings;
use super::endpoint::Endpoint;
use super::issuer::Issuer;
use super::renewed::{Fresh, Lease, Renewed};
use crate::ports::ApiFailure;

/// What a token lives where the answer does not say (24 h according to IAM's documentation).
const USUAL_LIFETIME: Duration = Duration::from_secs(24 * 3_600);

/// A token is replaced when a sixth of its life is left, at most this much.
const MAX_MARGIN: Duration = Duration::from_secs(3_600);

/// Who asks for tokens.
#[derive(Clone, Debug)]
pub(super) struct PasswordUser {
    pub(super) iam: Endpoint,
    pub(super) domain_name: String,
    pub(super) user_name: String,
    pub(super) password: SecretString,
}

/// A token on loan: the value of its header, marked sensitive.
pub(super) type Token = Lease<HeaderValue>;

/// The tokens of one user, by project.
pub(super) struct PasswordTokens {
    http: reqwest::Client,
    /// As it was read last.
    user: Mutex<PasswordUser>,
    /// The last question had no token for an answer.
    has_failed: AtomicBool,
    renewal: Option<Renewal>,
    projects: Mutex<HashMap<Arc<str>, Arc<Renewed<HeaderValue>>>>,
}

impl PasswordTokens {
    pub(super) fn new(http: reqwest::Client, user: PasswordUser, renewal: Option<Renewal>) -> Self {
        let (user, has_failed) = (Mutex::new(user), AtomicBool::new(false));
        Self { http, user, has_failed, renewal, projects: Mutex::default() }
    }

    /// A token for this project. Cancel safe: the fetch goes on for the next caller.
    pub(super) async fn token(self: &Arc<Self>, project_id: &Arc<str>) -> Result<Token, ApiFailure> {
        let project = Arc::clone(project_id);
        let fetch = move |tokens: Arc<Self>| {
            let project = Arc::clone(&project);
            async move { tokens.fetch(&project).await }
        };
        self.of(project_id).get(self, fetch).await
    }

    /// The service did not accept this token: it is not given out again. Says whether it would have been.
    pub(super) fn refused(&self, project_id: &Arc<str>, token: &Token) -> bool {
        self.of(project_id).refused(token)
    }

    /// Whether a token that had been accepted was refused since this was asked last.
    pub(super) fn takes_new_token(&self) -> bool {
        // Each is asked: it tells once.
        self.projects().values().filter(|tokens| tokens.takes_new()).count() > 0
    }

    /// When the tokens expire, as far as that matters: see [`told`].
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        let projects = self.projects();
        let all = projects.values().filter_map(|tokens| Some((tokens.expires_at()?, tokens.is_failing())));
        told(&all.collect::<Vec<_>>(), SystemTime::now())
    }

    /// Whether fetching fails for one of the projects.
    pub(super) fn is_failing(&self) -> bool {
        self.projects().values().any(|tokens| tokens.is_failing())
    }

    fn of(&self, project_id: &Arc<str>) -> Arc<Renewed<HeaderValue>> {
        Arc::clone(self.projects().entry(Arc::clone(project_id)).or_default())
    }

    /// A panic while the lock is held leaves nothing half done.
    fn projects(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Renewed<HeaderValue>>>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who asks now. While the file cannot be read, as when it is being replaced, that is who asked last; and as long as
    /// IAM answers well, since a new password may be in the file before it is IAM's.
    fn user(&self) -> PasswordUser {
        let read = self.has_failed.load(Ordering::Relaxed).then(|| self.renewal.as_ref()?.read()).flatten();
        let mut user = self.user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(CredentialSettings::Password { iam_endpoint, domain_name, user_name, password }) = read {
            *user = PasswordUser { iam: iam_endpoint, domain_name, user_name, password };
        }
        user.clone()
    }

    async fn fetch(&self, project_id: &str) -> Result<Fresh<HeaderValue>, ApiFailure> {
        let result = self.ask(project_id).await;
        self.has_failed.store(result.is_err(), Ordering::Relaxed);
        match &result {
            Ok(fresh) => tracing::info!(
                event = "iam.token_fetched",
                project_id,
                lifetime_seconds = fresh.lifetime.as_secs(),
                "token fetched"
            ),
            Err(failure) => tracing::warn!(
                event = "iam.token_failed",
                project_id,
                failure_class = %failure.class,
                error = %failure.message,
                "no token"
            ),
        }
        result
    }

    /// One call to IAM.
    async fn ask(&self, project_id: &str) -> Result<Fresh<HeaderValue>, ApiFailure> {
        let user = self.user();
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "domain": {"name": user.domain_name},
                "name": user.user_name,
                "password": user.password.expose_secret(),
            }}},
            "scope": {"project": {"id": project_id}},
        }});
        let request = self
            .http
            .post(user.iam.url("/v3/auth/tokens", "nocatalog=true"))
            .header(http::header::CONTENT_TYPE, "application/json;charset=utf8")
            .body(body.to_string());
        let iam = Issuer { name: "IAM", secrets: &[&user.password] };
        let answer = iam.ask(request).await?;
        if answer.status != StatusCode::CREATED {
            return Err(iam.refused(&answer));
        }
        let header = answer.headers.get("x-subject-token").filter(|token| !token.is_empty()).cloned();
        let mut header = header.ok_or_else(|| iam.failed("IAM answered 201 without X-Subject-Token"))?;
        header.set_sensitive(true);
        // The token is in the headers; without the body its usual lifetime is assumed.
        let lifetime = lifetime(&answer.body).unwrap_or(USUAL_LIFETIME);
        Ok(Fresh { what: header, lifetime, margin: (lifetime / 6).min(MAX_MARGIN) })
    }
}

impl fmt::Debug for PasswordTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordTokens").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Of tokens, each with whether it cannot be replaced: when the first of those expires that cannot; where all can, the
/// first that lives, or, where none does, the last that has expired: those are replaced when they are needed again.
fn told(all: &[(SystemTime, bool)], now: SystemTime) -> Option<SystemTime> {
    let failing = all.iter().filter(|(_, is_failing)| *is_failing).map(|(at, _)| *at).min();
    let living = || all.iter().map(|(at, _)| *at).filter(|at| *at > now).min();
    failing.or_else(living).or_else(|| all.iter().map(|(at, _)| *at).max())
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::told;

    #[test]
    fn an_idle_projects_dead_token_is_not_what_another_ones_failure_is_about() {
        let now = SystemTime::now();
        let (dead, longer) = (now - Duration::from_secs(60), now - Duration::from_secs(3_600));
        let (soon, later) = (now + Duration::from_secs(600), now + Duration::from_secs(3_000));
        assert_eq!(told(&[(dead, false), (soon, false), (later, true)], now), Some(later), "the one that fails");
        assert_eq!(told(&[(later, true), (soon, true)], now), Some(soon));
        assert_eq!(told(&[(dead, true), (soon, false)], now), Some(dead), "it is needed and cannot be had");
        assert_eq!(told(&[(dead, false), (later, false), (soon, false)], now), Some(soon));
        assert_eq!(told(&[(longer, false), (dead, false)], now), Some(dead));
        assert_eq!(told(&[], now), None);
    }
}
