//! Who we are to SecMaster: an access key that signs, an IAM user whose tokens are sent, or a given token.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};

use super::client::BuildError;
use super::endpoint::Endpoint;
use super::iam::{PasswordTokens, PasswordUser, Token};
use super::signing::{AccessKey, Signable, sign};
use crate::ports::ApiFailure;

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const X_SDK_DATE: HeaderName = HeaderName::from_static("x-sdk-date");
const X_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");

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
            _ => false,
        }
    }
}

/// Adds to a request what proves who sends it.
pub(super) enum Authorizer {
    AccessKey {
        key: AccessKey,
        /// Not a secret in itself, but half of one: services repeat it in their errors.
        id: SecretString,
        secret: SecretString,
        security_token: Option<(HeaderValue, SecretString)>,
    },
    Password(PasswordTokens),
    Token {
        header: HeaderValue,
        secret: SecretString,
    },
}

impl Authorizer {
    pub(super) fn new(settings: CredentialSettings, http: &reqwest::Client) -> Result<Self, BuildError> {
        match settings {
            CredentialSettings::AccessKey { access_key_id, secret_access_key: secret, security_token } => {
                if HeaderValue::from_str(&access_key_id).is_err() {
                    return Err(BuildError::Credentials("the access key id cannot stand in a header"));
                }
                let id = SecretString::from(access_key_id.as_str());
                let key = AccessKey::try_new(access_key_id, &secret)
                    .ok_or(BuildError::Credentials("the secret access key cannot sign"))?;
                let security_token = match security_token {
                    Some(secret) => Some((secret_header(&secret)?, secret)),
                    None => None,
                };
                Ok(Self::AccessKey { key, id, secret, security_token })
            }
            CredentialSettings::Password { iam_endpoint, domain_name, user_name, password } => {
                let user = PasswordUser { iam: iam_endpoint, domain_name, user_name, password };
                Ok(Self::Password(PasswordTokens::new(http.clone(), user)))
            }
            CredentialSettings::Token(secret) => Ok(Self::Token { header: secret_header(&secret)?, secret }),
        }
    }

    /// Adds the headers. `host` is the value of the `Host` header. Gives the IAM token that was used, if one was.
    pub(super) async fn authorize(
        &self,
        request: &mut reqwest::Request,
        host: &str,
        project_id: &Arc<str>,
        body: &[u8],
    ) -> Result<Option<Token>, ApiFailure> {
        match self {
            Self::AccessKey { key, security_token, .. } => {
                let date = Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
                let security_token = security_token.as_ref().map(|(header, _)| header);
                sign_request(request, host, body, &date, key, security_token);
                Ok(None)
            }
            Self::Password(tokens) => {
                let token = tokens.token(project_id).await?;
                set(request.headers_mut(), X_AUTH_TOKEN, token.header.clone());
                Ok(Some(token))
            }
            Self::Token { header, .. } => {
                set(request.headers_mut(), X_AUTH_TOKEN, header.clone());
                Ok(None)
            }
        }
    }

    /// The service refused this token; the next request gets another one. Says whether that was news.
    pub(super) fn refused(&self, project_id: &Arc<str>, token: &Token) -> bool {
        match self {
            Self::Password(tokens) => tokens.refused(project_id, token),
            Self::AccessKey { .. } | Self::Token { .. } => false,
        }
    }

    /// Whether the next request takes a new token because one that had been accepted was refused. True once for each.
    pub(super) fn takes_new_token(&self) -> bool {
        match self {
            Self::Password(tokens) => tokens.takes_new_token(),
            Self::AccessKey { .. } | Self::Token { .. } => false,
        }
    }

    /// When what is used expires, where that is known.
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        match self {
            Self::Password(tokens) => tokens.expires_at(),
            Self::AccessKey { .. } | Self::Token { .. } => None,
        }
    }

    /// What must not stand in any text.
    pub(super) fn secrets(&self) -> Vec<&SecretString> {
        match self {
            Self::AccessKey { id, secret, security_token, .. } => {
                [id, secret].into_iter().chain(security_token.as_ref().map(|(_, secret)| secret)).collect()
            }
            // The password goes to IAM alone; of IAM's tokens nothing is known here, but they are long words.
            Self::Password(_) => Vec::new(),
            Self::Token { secret, .. } => vec![secret],
        }
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccessKey { key, security_token, .. } => f
                .debug_struct("AccessKey")
                .field("key", key)
                .field("temporary", &security_token.is_some())
                .finish_non_exhaustive(),
            Self::Password(tokens) => tokens.fmt(f),
            Self::Token { .. } => f.write_str("Token(..)"),
        }
    }
}

/// Signs what identifies the request. `User-Agent` and `X-Language` are left out of the signature, so that a proxy
/// that rewrites them does no harm; the gateway demands `host` and `x-sdk-date` alone.
fn sign_request(
    request: &mut reqwest::Request,
    host: &str,
    body: &[u8],
    date: &str,
    key: &AccessKey,
    security_token: Option<&HeaderValue>,
) {
    if let Some(token) = security_token {
        set(request.headers_mut(), X_SECURITY_TOKEN, token.clone());
    }
    let authorization = {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let mut headers: Vec<(&str, &str)> = vec![("host", host), ("x-sdk-date", date)];
        for name in ["content-type", "x-project-id", "x-security-token"] {
            headers.extend(text(name).map(|value| (name, value)));
        }
        let method = request.method().as_str();
        let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = request.url().query_pairs().collect();
        let query: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        let signable = Signable { method, path: request.url().path(), query: &query, headers: &headers, body };
        sign(&signable, date, key).authorization
    };
    // Neither can fail: both are printable ASCII, the access key's id having been checked.
    if let (Ok(date), Ok(mut authorization)) = (HeaderValue::from_str(date), HeaderValue::from_str(&authorization)) {
        authorization.set_sensitive(true);
        set(request.headers_mut(), X_SDK_DATE, date);
        set(request.headers_mut(), http::header::AUTHORIZATION, authorization);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let _replaced = headers.insert(name, value);
}

fn secret_header(secret: &SecretString) -> Result<HeaderValue, BuildError> {
    let mut header = HeaderValue::from_str(secret.expose_secret())
        .map_err(|_| BuildError::Credentials("a token holds characters that cannot stand in a header"))?;
    header.set_sensitive(true);
    Ok(header)
}
