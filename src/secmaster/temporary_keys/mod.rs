//! Temporary access keys, fetched where the bridge runs or for who it is: from the instance's agency, for an OpenID
//! Connect token, or for the pod's identity. Shared, and replaced well before they expire.
//!
//! The calls and names are those of the vendor's SDK 3.1.219 (`huaweicloudsdkcore/auth/internal.py`);
//! `tests/sdk/credentials.sh` compares ours with them. As there, a key is replaced when fewer than 40 minutes are left; one
//! that lives for less than an hour, when a third of its life is over.

mod answer;
mod metadata;
mod oidc;
mod pod_identity;
mod token_file;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub use oidc::{Exchange, IdToken};
use secrecy::{ExposeSecret, SecretString};

use super::endpoint::Endpoint;
use super::http_clients::HttpClients;
use super::issuer::{Answer, Issuer};
use super::renewed::{Fresh, Lease, Renewed};
use super::signing_key::SigningKey;
use crate::ports::ApiFailure;

/// A key is replaced when so much of its life is left.
const MARGIN: Duration = Duration::from_secs(40 * 60);

/// Where temporary keys come from.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource {
    /// The agency of the cloud server that the bridge runs on, from its metadata service. Never through a proxy.
    InstanceAgency {
        /// Usually `http://169.254.169.254`.
        metadata_endpoint: Endpoint,
    },
    /// For the token of an OpenID Connect provider.
    Oidc {
        /// Who the bridge is to the provider.
        id_token: IdToken,
        /// Where the token is exchanged, and for whose key.
        exchange: Exchange,
    },
    /// For the identity of the pod, from an address inside the cluster. Never through a proxy.
    PodIdentity {
        /// Where keys are given out.
        credentials_uri: Endpoint,
        /// The file of the token that is shown there, read anew each time.
        authorization_token_file: std::path::PathBuf,
    },
}

impl KeySource {
    /// Whether TLS is needed to reach it.
    pub(super) fn is_tls(&self) -> bool {
        match self {
            Self::InstanceAgency { metadata_endpoint: endpoint }
            | Self::PodIdentity { credentials_uri: endpoint, .. } => endpoint.is_tls(),
            Self::Oidc { exchange, .. } => exchange.endpoint().is_tls(),
        }
    }

    /// Its name in configuration and log.
    const fn kind(&self) -> &'static str {
        match self {
            Self::InstanceAgency { .. } => "instance_agency",
            Self::Oidc { .. } => "oidc",
            Self::PodIdentity { .. } => "pod_identity",
        }
    }

    /// What stands in its token's file, where it has one.
    fn token(&self) -> Option<Result<SecretString, String>> {
        match self {
            Self::InstanceAgency { .. } | Self::Oidc { id_token: IdToken::Given(_), .. } => None,
            Self::Oidc { id_token: IdToken::File(path), .. }
            | Self::PodIdentity { authorization_token_file: path, .. } => Some(token_file::read(path)),
        }
    }
}

/// A temporary key on loan.
pub(super) type KeyLease = Lease<Arc<SigningKey>>;

/// The temporary keys of one source.
#[derive(Debug)]
pub(super) struct TemporaryKeys {
    http: HttpClients,
    source: KeySource,
    keys: Arc<Renewed<Arc<SigningKey>>>,
    /// What was last read from the token's file.
    shown: Mutex<Option<SecretString>>,
}

impl TemporaryKeys {
    pub(super) fn new(http: HttpClients, source: KeySource) -> Self {
        Self { http, source, keys: Arc::default(), shown: Mutex::default() }
    }

    /// A key to sign with. Cancel safe: the fetch goes on for the next caller.
    pub(super) async fn key(self: &Arc<Self>) -> Result<KeyLease, ApiFailure> {
        self.keys.get(self, |keys| async move { keys.fetch().await }).await
    }

    /// The service did not accept this key: it is not given out again. Says whether it would have been.
    pub(super) fn refused(&self, key: &KeyLease) -> bool {
        self.keys.refused(key)
    }

    /// Whether the next request has better prospects than the last: a key that had been accepted was refused, or the
    /// token's file holds another one. Told once for each change.
    pub(super) fn takes_new_key(&self) -> bool {
        let is_shown_anew = match self.source.token() {
            Some(Ok(token)) => self.show(&token),
            Some(Err(_)) | None => false,
        };
        if is_shown_anew {
            self.keys.ask_again();
        }
        self.keys.takes_new() || is_shown_anew
    }

    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        self.keys.expires_at()
    }

    /// Whether fetching fails.
    pub(super) fn is_failing(&self) -> bool {
        self.keys.is_failing()
    }

    /// Remembers what is shown to the issuer; says whether something else was shown before.
    fn show(&self, token: &SecretString) -> bool {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = shown.as_ref().is_none_or(|shown| shown.expose_secret() != token.expose_secret());
        if is_new {
            *shown = Some(token.clone());
        }
        is_new
    }

    async fn fetch(&self) -> Result<Fresh<Arc<SigningKey>>, ApiFailure> {
        let kind = self.source.kind();
        let result = self.ask().await;
        match &result {
            Ok(fresh) => tracing::info!(
                event = "credentials.key_fetched",
                kind,
                lifetime_seconds = fresh.lifetime.as_secs(),
                "temporary access key fetched"
            ),
            Err(failure) => tracing::warn!(
                event = "credentials.key_failed",
                kind,
                error = %failure.message,
                request_id = failure.request_id.as_deref(),
                "no temporary access key"
            ),
        }
        result
    }

    async fn ask(&self) -> Result<Fresh<Arc<SigningKey>>, ApiFailure> {
        match &self.source {
            KeySource::InstanceAgency { metadata_endpoint } => metadata::ask(&self.http, metadata_endpoint).await,
            KeySource::Oidc { id_token, exchange } => {
                let id_token = match id_token {
                    IdToken::Given(token) => token.clone(),
                    IdToken::File(_) => self.read_token(exchange.issuer())?,
                };
                exchange.ask(&self.http, &id_token).await
            }
            KeySource::PodIdentity { credentials_uri, .. } => {
                let token = self.read_token(pod_identity::NAME)?;
                pod_identity::ask(&self.http, credentials_uri, &token).await
            }
        }
    }

    /// The token in its file, as it is now.
    fn read_token(&self, issuer: &'static str) -> Result<SecretString, ApiFailure> {
        let none = || Err("there is no token file".to_owned());
        let token = self.source.token().unwrap_or_else(none).map_err(|why| {
            Issuer { name: issuer, secrets: &[] }.failed(&format!("the token for {issuer} cannot be read: {why}"))
        })?;
        let _is_new = self.show(&token);
        Ok(token)
    }
}

/// What is made of an answer that should hold a key.
fn taken(issuer: &Issuer<'_>, answer: &Answer) -> Result<Fresh<Arc<SigningKey>>, ApiFailure> {
    if !answer.status.is_success() {
        return Err(issuer.refused(answer));
    }
    let key = answer::read(&answer.body, answer.time())
        .map_err(|problem| issuer.failed(&format!("{} gave no usable key: {problem}", issuer.name)))?;
    let lifetime = key.lifetime;
    let what = SigningKey::new(key.id, key.secret, Some(key.security_token))
        .map_err(|error| issuer.failed(&format!("{} gave no usable key: {error}", issuer.name)))?;
    Ok(Fresh { what: Arc::new(what), lifetime, margin: MARGIN })
}
