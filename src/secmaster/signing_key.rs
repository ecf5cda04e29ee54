//! An access key with all that belongs to it, and what it adds to a request.

use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};

use super::client::BuildError;
use super::signing::{AccessKey, Signable, sign};

const X_SDK_DATE: HeaderName = HeaderName::from_static("x-sdk-date");
const X_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");

/// An access key, temporary if it comes with a security token. Its `Debug` output shows no secret.
#[derive(Clone)]
pub(super) struct SigningKey {
    key: AccessKey,
    /// Not a secret in itself, but half of one: services repeat it in their errors.
    id: SecretString,
    secret: SecretString,
    security_token: Option<(HeaderValue, SecretString)>,
}

impl SigningKey {
    pub(super) fn new(
        id: String,
        secret: SecretString,
        security_token: Option<SecretString>,
    ) -> Result<Self, BuildError> {
        if id.is_empty() || HeaderValue::from_str(&id).is_err() {
            return Err(BuildError::Credentials("the access key id cannot stand in a header"));
        }
        let hidden_id = SecretString::from(id.as_str());
        let key =
            AccessKey::try_new(id, &secret).ok_or(BuildError::Credentials("the secret access key cannot sign"))?;
        let security_token = match security_token {
            Some(secret) => Some((secret_header(&secret)?, secret)),
            None => None,
        };
        Ok(Self { key, id: hidden_id, secret, security_token })
    }

    /// Signs what identifies the request. `User-Agent` and `X-Language` are left out of the signature, so that a proxy
    /// that rewrites them does no harm; the gateway demands `host` and `x-sdk-date` alone. `host` is the value of the
    /// `Host` header.
    pub(super) fn sign(&self, request: &mut reqwest::Request, host: &str, body: &[u8]) {
        let date = Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        if let Some((token, _)) = &self.security_token {
            set(request.headers_mut(), X_SECURITY_TOKEN, token.clone());
        }
        let authorization = {
            let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
            let mut headers: Vec<(&str, &str)> = vec![("host", host), ("x-sdk-date", &date)];
            for name in ["content-type", "x-project-id", "x-security-token"] {
                headers.extend(text(name).map(|value| (name, value)));
            }
            let method = request.method().as_str();
            let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = request.url().query_pairs().collect();
            let query: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
            let signable = Signable { method, path: request.url().path(), query: &query, headers: &headers, body };
            sign(&signable, &date, &self.key).authorization
        };
        // Neither can fail: both are printable ASCII, the access key's id having been checked.
        if let (Ok(date), Ok(mut authorization)) = (HeaderValue::from_str(&date), HeaderValue::from_str(&authorization))
        {
            authorization.set_sensitive(true);
            set(request.headers_mut(), X_SDK_DATE, date);
            set(request.headers_mut(), http::header::AUTHORIZATION, authorization);
        }
    }

    /// What must not stand in any text.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        [&self.id, &self.secret].into_iter().chain(self.security_token.as_ref().map(|(_, secret)| secret))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("key", &self.key)
            .field("temporary", &self.security_token.is_some())
            .finish_non_exhaustive()
    }
}

pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let _replaced = headers.insert(name, value);
}

pub(super) fn secret_header(secret: &SecretString) -> Result<HeaderValue, BuildError> {
    let mut header = HeaderValue::from_str(secret.expose_secret())
        .map_err(|_| BuildError::Credentials("a token holds characters that cannot stand in a header"))?;
    header.set_sensitive(true);
    Ok(header)
}
