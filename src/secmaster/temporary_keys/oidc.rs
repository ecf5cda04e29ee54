//! A key for the token of an OpenID Connect provider: by STS for an agency that trusts the provider, or by IAM for a
//! federated user of an identity provider (the vendor's older way, in two calls).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::taken;
use crate::ports::ApiFailure;
use crate::secmaster::endpoint::Endpoint;
use crate::secmaster::http_clients::HttpClients;
use crate::secmaster::issuer::Issuer;
use crate::secmaster::renewed::Fresh;
use crate::secmaster::signing_key::SigningKey;

const JSON: &str = "application/json;charset=UTF-8";
const X_IDP_ID: HeaderName = HeaderName::from_static("x-idp-id");

const IAM: &str = "IAM";
const STS: &str = "STS";

/// Who the bridge is to the provider.
#[derive(Clone)]
pub enum IdToken {
    /// A token that does not change.
    Given(SecretString),
    /// The file of a token that somebody renews; read anew each time.
    File(PathBuf),
}

impl PartialEq for IdToken {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Given(a), Self::Given(b)) => a.expose_secret() == b.expose_secret(),
            (Self::File(a), Self::File(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// Where an OpenID Connect token is exchanged, and for whose key.
#[derive(Clone, Debug, PartialEq)]
pub enum Exchange {
    /// At STS, for a trust agency's key.
    Agency {
        /// STS' address.
        sts_endpoint: Endpoint,
        /// The identity provider's URN.
        provider_urn: String,
        /// The agency's URN.
        agency_urn: String,
        /// The session's name in the cloud's audit log.
        session_name: String,
        /// A policy that narrows the agency's rights further.
        policy: Option<String>,
        /// The ids of such policies.
        policy_ids: Vec<String>,
        /// How long a key lives.
        duration: Duration,
    },
    /// At IAM, for a federated user's key.
    Federation {
        /// IAM's address.
        iam_endpoint: Endpoint,
        /// The identity provider's id.
        idp_id: String,
        /// How long a key lives.
        duration: Duration,
    },
}

impl Exchange {
    pub(super) const fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Agency { sts_endpoint: endpoint, .. } | Self::Federation { iam_endpoint: endpoint, .. } => endpoint,
        }
    }

    pub(super) const fn issuer(&self) -> &'static str {
        match self {
            Self::Agency { .. } => STS,
            Self::Federation { .. } => IAM,
        }
    }

    /// Exchanges the token for a key.
    pub(super) async fn ask(
        &self,
        http: &HttpClients,
        id_token: &SecretString,
    ) -> Result<Fresh<Arc<SigningKey>>, ApiFailure> {
        let issuer = Issuer { name: self.issuer(), secrets: &[id_token] };
        let post = |at: &Endpoint, path: &str, body: &Value| {
            http.service.post(at.url(path, "")).header(CONTENT_TYPE, JSON).body(body.to_string())
        };
        match self {
            Self::Agency { sts_endpoint, .. } => {
                let answer =
                    issuer.ask(post(sts_endpoint, "/v5/agencies/assume-with-oidc", &self.assume(id_token))).await?;
                taken(&issuer, &answer)
            }
            Self::Federation { iam_endpoint, idp_id, duration } => {
                let body = json!({"auth": {"id_token": {"id": id_token.expose_secret()}}});
                let request = post(iam_endpoint, "/v3.0/OS-AUTH/id-token/tokens", &body).header(X_IDP_ID, idp_id);
                let answer = issuer.ask(request).await?;
                if !answer.status.is_success() {
                    return Err(issuer.refused(&answer));
                }
                let token = answer.headers.get("x-subject-token").and_then(|token| token.to_str().ok());
                let token = token.filter(|token| !token.is_empty());
                let token = SecretString::from(token.ok_or_else(|| issuer.failed("IAM gave no X-Subject-Token"))?);
                let issuer = Issuer { name: IAM, secrets: &[id_token, &token] };
                let identity = json!({"methods": ["token"], "token": {
                    "id": token.expose_secret(), "duration_seconds": duration.as_secs(),
                }});
                let body = json!({"auth": {"identity": identity}});
                let answer = issuer.ask(post(iam_endpoint, "/v3.0/OS-CREDENTIAL/securitytokens", &body)).await?;
                taken(&issuer, &answer)
            }
        }
    }

    fn assume(&self, id_token: &SecretString) -> Value {
        let Self::Agency { provider_urn, agency_urn, session_name, policy, policy_ids, duration, .. } = self else {
            return Value::Null;
        };
        let mut body = json!({
            "provider_urn": provider_urn,
            "agency_urn": agency_urn,
            "agency_session_name": session_name,
            "id_token": id_token.expose_secret(),
            "duration_seconds": duration.as_secs(),
        });
        if let Some(policy) = policy {
            body["policy"] = json!(policy);
        }
        if !policy_ids.is_empty() {
            body["policy_ids"] = json!(policy_ids);
        }
        body
    }
}
