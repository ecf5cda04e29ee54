//! The key of an instance's agency, from the metadata service that answers at a link-local address.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode};

use super::taken;
use crate::ports::ApiFailure;
use crate::secmaster::endpoint::Endpoint;
use crate::secmaster::http_clients::HttpClients;
use crate::secmaster::issuer::Issuer;
use crate::secmaster::renewed::Fresh;
use crate::secmaster::signing_key::SigningKey;

const X_METADATA_TOKEN: HeaderName = HeaderName::from_static("x-metadata-token");
const X_METADATA_TOKEN_TTL_SECONDS: HeaderName = HeaderName::from_static("x-metadata-token-ttl-seconds");

/// How long the session token is to live, in seconds; it is used once, directly.
const TTL: HeaderValue = HeaderValue::from_static("21600");

const ISSUER: Issuer<'_> = Issuer { name: "the metadata service", secrets: &[] };

/// Asks for a session token, where the service gives one out, and for the key.
pub(super) async fn ask(http: &HttpClients, at: &Endpoint) -> Result<Fresh<Arc<SigningKey>>, ApiFailure> {
    let put = http.local.put(at.url("/meta-data/latest/api/token", "")).header(X_METADATA_TOKEN_TTL_SECONDS, TTL);
    let answer = ISSUER.ask(put).await?;
    let token =
        match answer.status {
            status if status.is_success() => Some(session_token(&answer.body).ok_or_else(|| {
                ISSUER.failed("the metadata service gave a session token that cannot stand in a header")
            })?),
            // An older service, which wants none.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::SERVICE_UNAVAILABLE => None,
            _ => return Err(ISSUER.refused(&answer)),
        };
    let mut get = http.local.get(at.url("/openstack/latest/securitykey", ""));
    if let Some(token) = token {
        get = get.header(X_METADATA_TOKEN, token);
    }
    taken(&ISSUER, &ISSUER.ask(get).await?)
}

fn session_token(body: &[u8]) -> Option<HeaderValue> {
    let mut token = HeaderValue::from_bytes(body.trim_ascii()).ok().filter(|token| !token.is_empty())?;
    token.set_sensitive(true);
    Some(token)
}
