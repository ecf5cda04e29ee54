//! Who gives out tokens and temporary keys: IAM, STS, an instance's metadata service, a cluster's pod identity, all at
//! the simulator's one address. Calls and answers are those that the vendor's SDK sends and reads
//! (`huaweicloudsdkcore/auth/internal.py`, 3.1.219); `tests/sdk/credentials.sh` lets the SDK judge them.

use std::time::Duration;

use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode};
use jiff::Timestamp;
use rand::RngExt;
use rand::distr::Alphanumeric;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::answer::{Refusal, json_answer};
use super::api::{Shared, lock};
use super::faults::Service;

/// The lives that IAM and STS give to keys, in seconds.
const DURATIONS: std::ops::RangeInclusive<u64> = 900..=86_400;

/// A call of one of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Issuing {
    PasswordToken,
    MetadataSession,
    SecurityKey,
    AssumeWithOidc,
    FederatedToken,
    KeyForToken,
    PodIdentity,
}

impl Issuing {
    /// The call at this path, whatever its method.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        Some(match path {
            "/v3/auth/tokens" => Self::PasswordToken,
            "/meta-data/latest/api/token" => Self::MetadataSession,
            "/openstack/latest/securitykey" => Self::SecurityKey,
            "/v5/agencies/assume-with-oidc" => Self::AssumeWithOidc,
            "/v3.0/OS-AUTH/id-token/tokens" => Self::FederatedToken,
            "/v3.0/OS-CREDENTIAL/securitytokens" => Self::KeyForToken,
            "/pod-identity/credentials" => Self::PodIdentity,
            _ => return None,
        })
    }

    const fn method(self) -> Method {
        match self {
            Self::SecurityKey => Method::GET,
            Self::MetadataSession => Method::PUT,
            _ => Method::POST,
        }
    }

    /// What answers, for outages.
    const fn service(self) -> Service {
        match self {
            Self::MetadataSession | Self::SecurityKey | Self::PodIdentity => Service::Metadata,
            _ => Service::Iam,
        }
    }

    pub(super) fn answer(self, shared: &Shared, request: &Parts, body: &[u8]) -> Response {
        if self == Self::PasswordToken {
            lock(&shared.store).stats.token_requests += 1;
        } else {
            lock(&shared.store).stats.key_requests += 1;
        }
        let outage = lock(&shared.faults).outage(self.service());
        if let Some(status) = outage.and_then(|status| StatusCode::from_u16(status).ok()) {
            return Refusal::iam(status, "The service is unavailable.").answer();
        }
        if request.method != self.method() {
            return Refusal::iam(StatusCode::NOT_FOUND, "Not found.").answer();
        }
        self.judged(shared, request, body).unwrap_or_else(|refusal| refusal.answer())
    }

    fn judged(self, shared: &Shared, request: &Parts, body: &[u8]) -> Result<Response, Refusal> {
        let lifetime = lock(&shared.faults).faults().token_lifetime_ms.map(Duration::from_millis);
        let whole_life = lifetime.unwrap_or(shared.token_lifetime);
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match self {
            Self::PasswordToken => {
                let answer = lock(&shared.tokens).issue(body, whole_life)?;
                lock(&shared.store).stats.tokens_issued += 1;
                Ok(answer)
            }
            Self::MetadataSession => {
                if lock(&shared.faults).faults().plain_metadata {
                    return Err(Refusal::iam(StatusCode::NOT_FOUND, "Not found."));
                }
                header("x-metadata-token-ttl-seconds")
                    .parse::<u32>()
                    .map_err(|_| Refusal::iam(StatusCode::BAD_REQUEST, "X-Metadata-Token-Ttl-Seconds is missing."))?;
                Ok(Response::new(lock(&shared.tokens).open("metadata").into()))
            }
            Self::SecurityKey => {
                let is_plain = lock(&shared.faults).faults().plain_metadata;
                if !is_plain && !lock(&shared.tokens).is_open("metadata", header("x-metadata-token")) {
                    return Err(Refusal::iam(StatusCode::UNAUTHORIZED, "X-Metadata-Token is missing or not known."));
                }
                Ok(key(shared, whole_life).in_iam_words(200))
            }
            Self::AssumeWithOidc => {
                let asked = json(body)?;
                for member in ["provider_urn", "agency_urn", "agency_session_name"] {
                    text(&asked, &format!("/{member}"))?;
                }
                id_token(&asked, "/id_token", &shared.id_token)?;
                let asked_for = duration(&asked, "/duration_seconds")?;
                Ok(key(shared, lifetime.unwrap_or(asked_for)).in_sts_words())
            }
            Self::FederatedToken => {
                if header("x-idp-id").is_empty() {
                    return Err(Refusal::iam(StatusCode::BAD_REQUEST, "X-Idp-Id is missing."));
                }
                id_token(&json(body)?, "/auth/id_token/id", &shared.id_token)?;
                let token = lock(&shared.tokens).open("federated");
                let mut answer = json_answer(201, &json!({"token": {"methods": ["mapped"]}}));
                if let Ok(value) = token.parse() {
                    let _previous = answer.headers_mut().insert("x-subject-token", value);
                }
                Ok(answer)
            }
            Self::KeyForToken => {
                let asked = json(body)?;
                if asked.pointer("/auth/identity/methods") != Some(&json!(["token"])) {
                    return Err(Refusal::iam(StatusCode::BAD_REQUEST, "Only the method token is simulated."));
                }
                if !lock(&shared.tokens).is_open("federated", text(&asked, "/auth/identity/token/id")?) {
                    return Err(Refusal::iam(StatusCode::UNAUTHORIZED, "The token is not known."));
                }
                let asked_for = duration(&asked, "/auth/identity/token/duration_seconds")?;
                Ok(key(shared, lifetime.unwrap_or(asked_for)).in_iam_words(201))
            }
            Self::PodIdentity => {
                if json(body)? != json!({}) || header("authorization") != shared.id_token.expose_secret() {
                    return Err(Refusal::iam(StatusCode::UNAUTHORIZED, "The pod's token is not known."));
                }
                Ok(key(shared, whole_life).in_iam_words(200))
            }
        }
    }
}

/// A temporary key as it is given out.
struct TemporaryKey {
    access: String,
    secret: String,
    security_token: String,
    expires_at: Timestamp,
}

/// Makes a key and lets the gateway know it.
fn key(shared: &Shared, lifetime: Duration) -> TemporaryKey {
    let word = |length| -> String { rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect() };
    let key = TemporaryKey {
        access: format!("HST{}", word(17).to_ascii_uppercase()),
        secret: word(40),
        security_token: format!("gQp{}", word(197)),
        expires_at: shared.now() + lifetime,
    };
    let secret = SecretString::from(key.secret.as_str());
    lock(&shared.keys).add_temporary(key.access.clone(), secret, key.security_token.clone(), lifetime);
    lock(&shared.store).stats.keys_issued += 1;
    key
}

impl TemporaryKey {
    /// As IAM and the metadata service give it out.
    fn in_iam_words(&self, status: u16) -> Response {
        let answer = json!({"credential": {
            "access": self.access,
            "secret": self.secret,
            "securitytoken": self.security_token,
            "expires_at": self.expires_at(),
        }});
        json_answer(status, &answer)
    }

    /// As STS gives it out.
    fn in_sts_words(&self) -> Response {
        let answer = json!({"credentials": {
            "access_key_id": self.access,
            "secret_access_key": self.secret,
            "security_token": self.security_token,
            "expiration": self.expires_at(),
        }});
        json_answer(200, &answer)
    }

    fn expires_at(&self) -> String {
        self.expires_at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }
}

fn json(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::iam(StatusCode::BAD_REQUEST, "The body is not JSON."))
}

fn text<'a>(asked: &'a Value, pointer: &str) -> Result<&'a str, Refusal> {
    let text = asked.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| Refusal::iam(StatusCode::BAD_REQUEST, format!("{pointer} is missing.")))
}

fn duration(asked: &Value, pointer: &str) -> Result<Duration, Refusal> {
    let seconds = asked.pointer(pointer).and_then(Value::as_u64).filter(|seconds| DURATIONS.contains(seconds));
    let seconds = seconds.ok_or_else(|| Refusal::iam(StatusCode::BAD_REQUEST, format!("{pointer} is not allowed.")))?;
    Ok(Duration::from_secs(seconds))
}

fn id_token(asked: &Value, pointer: &str, known: &SecretString) -> Result<(), Refusal> {
    if text(asked, pointer)? == known.expose_secret() {
        return Ok(());
    }
    Err(Refusal::iam(StatusCode::UNAUTHORIZED, "The id token is not of the provider."))
}
