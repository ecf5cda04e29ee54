//! Who we are to SecMaster: an access key that signs, given or fetched; an IAM user whose tokens are sent; or a given
//! token.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::client::{BuildError, Renewal};
use super::endpoint::Endpoint;
use super::http_clients::HttpClients;
use super::iam::{PasswordTokens, PasswordUser, Token};
use super::signing_key::{SigningKey, secret_header, set};
use super::temporary_keys::{KeyLease, KeySource, TemporaryKeys};
use crate::ports::ApiFailure;

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// What the client authenticates with. Its `Debug` output shows no secret.
#[derive(Clone, Debug)]
pub enum CredentialSettings {
    /// An access key; temporary if it comes with a security token.
    AccessKey {
        /// The key's id (AK).
        access_key_id: String,
        /// The key's secret (SK).
        secret_access_key: SecretString,
        /// Belongs to temporary keys.
        security_token: Option<SecretString>,
    },
    /// An IAM user's password, for which tokens are fetched.
    Password {
        /// Where tokens are fetched.
        iam_endpoint: Endpoint,
        /// The account's name.
        domain_name: String,
        /// The IAM user's name.
        user_name: String,
        /// The IAM user's password.
        password: SecretString,
    },
    /// A token that someone else renews.
    Token(SecretString),
    /// Temporary access keys, fetched and renewed.
    Temporary(KeySource),
}

impl CredentialSettings {
    /// Whether both prove the same.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
        match (self, other) {
            (
                Self::AccessKey { access_key_id: id, secret_access_key: secret, security_token: token },
                Self::AccessKey { access_key_id, secret_access_key, security_token },
            ) => {
                let same_token = match (token, security_token) {
                    (Some(a), Some(b)) => same(a, b),
                    (None, None) => true,
                    _ => false,
                };
                id == access_key_id && same(secret, secret_access_key) && same_token
            }
            (
                Self::Password { iam_endpoint: iam, domain_name: domain, user_name: user, password: secret },
                Self::Password { iam_endpoint, domain_name, user_name, password },
            ) => iam == iam_endpoint && domain == domain_name && user == user_name && same(secret, password),
            (Self::Token(a), Self::Token(b)) => same(a, b),
            (Self::Temporary(a), Self::Temporary(b)) => a == b,
            _ => false,
        }
    }

    /// Whether TLS is needed to get them.
    pub(super) fn needs_tls(&self) -> bool {
        match self {
            Self::Password { iam_endpoint, .. } => iam_endpoint.is_tls(),
            Self::Temporary(source) => source.is_tls(),
            Self::AccessKey { .. } | Self::Token(_) => false,
        }
    }
}

/// Adds to a request what proves who sends it.
pub(super) enum Authorizer {
    AccessKey(SigningKey),
    Password(Arc<PasswordTokens>),
    Token { header: HeaderValue, secret: SecretString },
    Temporary(Arc<TemporaryKeys>),
}

/// What was lent to a request to prove who sends it.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// Nothing that could be given back.
    Own,
    Token(Token),
    Key(KeyLease),
}

impl Proof {
    /// The service took a request with it.
    pub(super) fn accept(&self) {
        match self {
            Self::Own => {}
            Self::Token(token) => token.accept(),
            Self::Key(key) => key.accept(),
        }
    }

    /// What must not stand in any text. Of IAM's tokens nothing is kept but the header; they are long words.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let key = match self {
            Self::Key(key) => Some(&key.what),
            Self::Own | Self::Token(_) => None,
        };
        key.into_iter().flat_map(|key| key.secrets())
    }
}

impl Authorizer {
    pub(super) fn new(
        settings: CredentialSettings,
        http: &HttpClients,
        renewal: Option<&Renewal>,
    ) -> Result<Self, BuildError> {
        match settings {
            CredentialSettings::AccessKey { access_key_id, secret_access_key, security_token } => {
                Ok(Self::AccessKey(SigningKey::new(access_key_id, secret_access_key, security_token)?))
            }
            CredentialSettings::Password { iam_endpoint, domain_name, user_name, password } => {
                let user = PasswordUser { iam: iam_endpoint, domain_name, user_name, password };
                Ok(Self::Password(Arc::new(PasswordTokens::new(http.service.clone(), user, renewal.cloned()))))
            }
            CredentialSettings::Token(secret) => Ok(Self::Token { header: secret_header(&secret)?, secret }),
            CredentialSettings::Temporary(source) => {
                Ok(Self::Temporary(Arc::new(TemporaryKeys::new(http.clone(), source))))
            }
        }
    }

    /// Adds the headers. `host` is the value of the `Host` header. Gives what was lent for it.
    pub(super) async fn authorize(
        &self,
        request: &mut reqwest::Request,
        host: &str,
        project_id: &Arc<str>,
        body: &[u8],
    ) -> Result<Proof, ApiFailure> {
        match self {
            Self::AccessKey(key) => {
                key.sign(request, host, body);
                Ok(Proof::Own)
            }
            Self::Password(tokens) => {
                let token = tokens.token(project_id).await?;
                set(request.headers_mut(), X_AUTH_TOKEN, token.what.clone());
                Ok(Proof::Token(token))
            }
            Self::Token { header, .. } => {
                set(request.headers_mut(), X_AUTH_TOKEN, header.clone());
                Ok(Proof::Own)
            }
            Self::Temporary(keys) => {
                let key = keys.key().await?;
                key.what.sign(request, host, body);
                Ok(Proof::Key(key))
            }
        }
    }

    /// The service refused this proof; the next request gets another one. Says whether that was news.
    pub(super) fn refused(&self, project_id: &Arc<str>, proof: &Proof) -> bool {
        match (self, proof) {
            (Self::Password(tokens), Proof::Token(token)) => tokens.refused(project_id, token),
            (Self::Temporary(keys), Proof::Key(key)) => keys.refused(key),
            _ => false,
        }
    }

    /// Whether the next request has better prospects than those before, because something that had been accepted was
    /// refused and is fetched anew, or because what is shown to get it has changed. True once for each.
    pub(super) fn takes_new(&self) -> bool {
        match self {
            Self::Password(tokens) => tokens.takes_new_token(),
            Self::Temporary(keys) => keys.takes_new_key(),
            Self::AccessKey(_) | Self::Token { .. } => false,
        }
    }

    /// When what is used expires, where that is known.
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        match self {
            Self::Password(tokens) => tokens.expires_at(),
            Self::Temporary(keys) => keys.expires_at(),
            Self::AccessKey(_) | Self::Token { .. } => None,
        }
    }

    /// Whether what is to be used next could not be fetched.
    pub(super) fn is_failing(&self) -> bool {
        match self {
            Self::Password(tokens) => tokens.is_failing(),
            Self::Temporary(keys) => keys.is_failing(),
            Self::AccessKey(_) | Self::Token { .. } => false,
        }
    }

    /// Whether requests are signed, so that the clock matters.
    pub(super) const fn signs(&self) -> bool {
        matches!(self, Self::AccessKey(_) | Self::Temporary(_))
    }

    /// What must not stand in any text, besides what was lent.
    pub(super) fn secrets(&self) -> Vec<&SecretString> {
        match self {
            Self::AccessKey(key) => key.secrets().collect(),
            // The password goes to IAM alone; what is lent knows its own secrets.
            Self::Password(_) | Self::Temporary(_) => Vec::new(),
            Self::Token { secret, .. } => vec![secret],
        }
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccessKey(key) => key.fmt(f),
            Self::Password(tokens) => tokens.fmt(f),
            Self::Token { .. } => f.write_str("Token(..)"),
            Self::Temporary(keys) => keys.fmt(f),
        }
    }
}
