//! The key of a pod's identity, from an address that the cluster tells the pod.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use secrecy::SecretString;

use super::taken;
use crate::ports::ApiFailure;
use crate::secmaster::endpoint::Endpoint;
use crate::secmaster::http_clients::HttpClients;
use crate::secmaster::issuer::Issuer;
use crate::secmaster::renewed::Fresh;
use crate::secmaster::signing_key::{SigningKey, secret_header};

pub(super) const NAME: &str = "the pod identity service";

/// Shows the token and asks for the key.
pub(super) async fn ask(
    http: &HttpClients,
    at: &Endpoint,
    token: &SecretString,
) -> Result<Fresh<Arc<SigningKey>>, ApiFailure> {
    let issuer = Issuer { name: NAME, secrets: &[token] };
    let header = secret_header(token).map_err(|error| issuer.failed(&error.to_string()))?;
    let request = http
        .local
        .post(at.url("", ""))
        .header(AUTHORIZATION, header)
        .header(CONTENT_TYPE, "application/json")
        .body("{}");
    taken(&issuer, &issuer.ask(request).await?)
}
