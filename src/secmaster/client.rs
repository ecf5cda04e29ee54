//! CreateWorkflowInstance and CreateAlert, and the look-ups of what they made, over one pooled HTTP client.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::time::Instant;

use super::alerts;
use super::call::Call;
use super::classify::{Classifier, FailureOverride};
use super::clock::ClockWatch;
use super::confirmation::{Confirmation, Confirmed, Reader};
use super::credentials::{Authorizer, CredentialSettings, Proof};
use super::endpoint::Endpoint;
use super::http_clients::HttpClients;
use super::issuer;
use super::listing;
use super::response::{Judge, failure};
use super::target::{Target, Targets};
use crate::domain::{
    AlertRequest, Created, Destination, FailureClass, FailureReason, Found, FoundAlert, Started, WorkflowRequest,
};
use crate::ports::{ApiFailure, WorkflowApi};
use crate::tls::TlsError;

/// What requests are sent as.
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("alertbridge/", env!("CARGO_PKG_VERSION")));
const ENGLISH: HeaderValue = HeaderValue::from_static("en-us");
const X_LANGUAGE: HeaderName = HeaderName::from_static("x-language");
const X_PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");

/// A request that had to wait no longer for its proof had its whole time.
const AT_ONCE: Duration = Duration::from_millis(100);

/// What the client is built from.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Where SecMaster is.
    pub endpoint: Endpoint,
    /// Who we are.
    pub credentials: CredentialSettings,
    /// Bound of name resolution, TCP and TLS together; less than `request_timeout`, or a slow connect looks like a
    /// lost answer.
    pub connect_timeout: Duration,
    /// Bound of the whole call, from its begin, at which a token or key may have to be fetched, to the last byte of the
    /// answer.
    pub request_timeout: Duration,
    /// PEM certificates, trusted beside the system's roots.
    pub ca_file: Option<PathBuf>,
    /// Rules that come before the built-in classes.
    pub failure_classes: Vec<FailureOverride>,
    /// Where credentials come from anew, should those at hand be refused.
    pub renewal: Option<Renewal>,
}

/// Reads the credentials again; `None` where that fails, and the old ones stay.
#[derive(Clone)]
pub struct Renewal(Arc<dyn Fn() -> Option<CredentialSettings> + Send + Sync>);

impl Renewal {
    /// With this reader. It is called before the next request once one was refused, each few seconds while they are
    /// refused, and before a token is asked for again that IAM has not given; it should take no longer than a small
    /// file.
    pub fn new(read: impl Fn() -> Option<CredentialSettings> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(super) fn read(&self) -> Option<CredentialSettings> {
        (self.0)()
    }
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewal(..)")
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No usable TLS roots.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Unusable credentials; the text holds none of them.
    #[error("the credentials cannot be used: {0}")]
    Credentials(&'static str),
    /// The HTTP library refuses.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

/// The client of SecMaster. Clones share connections and tokens.
#[derive(Clone, Debug)]
pub struct SecMasterClient {
    inner: Arc<Inner>,
}

/// Who we are, and what that was made of.
#[derive(Debug)]
struct Identity {
    settings: CredentialSettings,
    authorizer: Arc<Authorizer>,
}

#[derive(Debug)]
struct Inner {
    http: HttpClients,
    request_timeout: Duration,
    targets: Targets,
    host: String,
    host_header: HeaderValue,
    identity: RwLock<Identity>,
    renewal: Option<Renewal>,
    /// The credentials at hand have been refused.
    are_refused: AtomicBool,
    clock: ClockWatch,
    classifier: Classifier,
}

impl SecMasterClient {
    /// Builds a client. Reads the CA file and the system's roots; reaches nothing.
    ///
    /// # Errors
    ///
    /// The CA file is unusable or nothing is trusted at all; a credential cannot stand in a header.
    pub fn new(settings: ClientSettings) -> Result<Self, BuildError> {
        let http = HttpClients::new(&settings)?;
        let host = settings.endpoint.host();
        let host_header = HeaderValue::from_str(&host).map_err(|_| BuildError::Credentials("unusable host"))?;
        let inner = Inner {
            identity: RwLock::new(Identity {
                authorizer: Arc::new(Authorizer::new(settings.credentials.clone(), &http, settings.renewal.as_ref())?),
                settings: settings.credentials,
            }),
            renewal: settings.renewal,
            are_refused: AtomicBool::new(false),
            clock: ClockWatch::default(),
            http,
            request_timeout: settings.request_timeout,
            targets: Targets::new(settings.endpoint),
            host,
            host_header,
            classifier: Classifier::new(settings.failure_classes),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Sends a call, once. A refused token is not used again, and no request is repeated here: each departure needs a
    /// token of the rate limits, which the caller has.
    pub(super) async fn send<T>(&self, call: &Call, read: Reader<T>) -> Result<Confirmed<T>, ApiFailure> {
        let authorizer = self.authorizer_to_send();
        let (proof, result) = self.send_with(&authorizer, call, read).await;
        match &result {
            // A token or temporary key can die before its time (changed password, agency or permissions).
            Err(failure) if failure.http_status == Some(401) => {
                if authorizer.refused(&call.project_id, &proof) {
                    let request_id = failure.request_id.as_deref();
                    tracing::info!(event = "secmaster.token_refused", request_id, "token or temporary key refused");
                }
            }
            Err(failure) if failure.http_status.is_none() => {}
            _ => proof.accept(),
        }
        if result.as_ref().is_err_and(|failure| failure.class == FailureClass::Credentials) {
            self.inner.are_refused.store(true, Ordering::Relaxed);
        }
        result
    }

    /// One call, and what was lent to it.
    async fn send_with<T>(
        &self,
        authorizer: &Authorizer,
        call: &Call,
        read: Reader<T>,
    ) -> (Proof, Result<Confirmed<T>, ApiFailure>) {
        let inner = &*self.inner;
        let mut request = self.prepare(call);
        let begun = Instant::now();
        let authorize = authorizer.authorize(&mut request, &inner.host, &call.project_id, &call.body);
        let authorized = tokio::time::timeout(inner.request_timeout, authorize).await;
        let waited = begun.elapsed();
        // Whoever comes after us counts on it that nothing leaves later.
        let left = inner.request_timeout.saturating_sub(waited);
        let proof = match authorized {
            Ok(Ok(proof)) if !left.is_zero() => proof,
            Ok(Err(failure)) => return (Proof::Own, Err(failure)),
            Ok(Ok(_)) | Err(_) => return (Proof::Own, Err(issuer::too_slow())),
        };
        *request.timeout_mut() = Some(left);
        let sent = Timestamp::now();
        let answer = inner.http.service.execute(request).await;
        if let Ok(response) = &answer {
            inner.clock.observe(response.headers(), sent, Timestamp::now());
        }
        let secrets: Vec<&SecretString> = authorizer.secrets().into_iter().chain(proof.secrets()).collect();
        let judge = Judge { classifier: &inner.classifier, secrets: &secrets, request_bytes: call.answer_like };
        let mut result = judge.judge(answer, read).await;
        drop(secrets);
        // Cut off before its whole time it may be under way still, as after a connection that broke.
        if let Err(failure) = &mut result
            && failure.reason == FailureReason::NoAnswer
            && waited > AT_ONCE
        {
            failure.reason = FailureReason::ConnectionLost;
        }
        (proof, result)
    }

    /// Who we are, for a request: after a refusal, read anew first, since a secret's file may hold another one by now.
    fn authorizer_to_send(&self) -> Arc<Authorizer> {
        if self.inner.are_refused.swap(false, Ordering::Relaxed) {
            let _is_new = self.renew();
        }
        self.authorizer()
    }

    fn authorizer(&self) -> Arc<Authorizer> {
        Arc::clone(&self.inner.identity.read().unwrap_or_else(PoisonError::into_inner).authorizer)
    }

    /// Reads the credentials again and takes them if they are others; says whether they are.
    fn renew(&self) -> bool {
        let inner = &*self.inner;
        let Some(settings) = inner.renewal.as_ref().and_then(Renewal::read) else { return false };
        let mut identity = inner.identity.write().unwrap_or_else(PoisonError::into_inner);
        if settings.is_same_as(&identity.settings) {
            return false;
        }
        let Ok(authorizer) = Authorizer::new(settings.clone(), &inner.http, inner.renewal.as_ref()) else {
            return false;
        };
        *identity = Identity { settings, authorizer: Arc::new(authorizer) };
        true
    }

    /// The request without what proves who sends it.
    fn prepare(&self, call: &Call) -> reqwest::Request {
        let mut request = reqwest::Request::new(call.method.clone(), call.url.clone());
        request.headers_mut().extend([
            (HOST, self.inner.host_header.clone()),
            (CONTENT_TYPE, JSON),
            (USER_AGENT, AGENT),
            (X_LANGUAGE, ENGLISH),
            (X_PROJECT_ID, call.project_header.clone()),
        ]);
        if !call.body.is_empty() {
            *request.body_mut() = Some(call.body.clone().into());
        }
        request
    }

    /// How far the service's clock is ahead of ours (negative: behind), by the latest answer that had a date.
    #[must_use]
    pub fn clock_ahead(&self) -> Option<SignedDuration> {
        self.inner.clock.skew_seconds().map(|ours| SignedDuration::from_secs(-ours))
    }

    /// Where SecMaster is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        self.inner.targets.endpoint()
    }

    fn target(&self, destination: &Destination) -> Result<Arc<Target>, ApiFailure> {
        self.inner.targets.of(destination).ok_or_else(|| {
            let problem = "a project id cannot stand in a header".to_owned();
            failure(FailureClass::Target, FailureReason::TargetNotFound, problem)
        })
    }
}

impl WorkflowApi for SecMasterClient {
    fn renew_credentials(&self) -> bool {
        // All are asked: each change is told once.
        let authorizer = self.authorizer();
        let (takes_new, is_clock_set) = (authorizer.takes_new(), self.inner.clock.has_been_set(authorizer.signs()));
        self.renew() || takes_new || is_clock_set
    }

    fn credentials_expire_at(&self) -> Option<SystemTime> {
        self.authorizer().expires_at()
    }

    fn is_renewal_failing(&self) -> bool {
        self.authorizer().is_failing()
    }

    fn clock_skew_seconds(&self) -> Option<i64> {
        self.inner.clock.skew_seconds()
    }

    async fn start(&self, request: &WorkflowRequest) -> Result<Started, ApiFailure> {
        let to = self.target(&request.destination)?;
        let started = self.send(&Call::start(&to, request), Confirmation::of_start).await?;
        Ok(started.into())
    }

    async fn find(&self, destination: &Destination, action_instance_id: &str) -> Result<Found, ApiFailure> {
        let to = self.target(destination)?;
        let listed = self.send(&Call::find(&to, destination, action_instance_id), listing::read).await?;
        Ok(listing::found(listed, action_instance_id))
    }

    async fn create_alert(&self, request: &AlertRequest) -> Result<Created, ApiFailure> {
        let to = self.target(&request.destination)?;
        let created = self.send(&Call::create_alert(&to, request), alerts::read).await?;
        Ok(created.into())
    }

    async fn find_alert(&self, place: &Destination, alert_id: &str) -> Result<FoundAlert, ApiFailure> {
        let to = self.target(place)?;
        alerts::found(self.send(&Call::find_alert(&to, place, alert_id), alerts::read).await, alert_id)
    }
}
