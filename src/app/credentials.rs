//! From `secmaster.credentials` to who the client is.

use std::time::Duration;

use anyhow::{Context, anyhow};
use secrecy::ExposeSecret;

use crate::config::{Config, CredentialKind, TimeSpan};
use crate::secmaster::{CredentialSettings, Endpoint, Exchange, IdToken, KeySource, iam_endpoint, sts_endpoint};

/// Where a cloud server's metadata service answers.
const METADATA_ENDPOINT: &str = "http://169.254.169.254";

/// The session's name in the cloud's audit log.
const SESSION_NAME: &str = "alertbridge";

/// How long keys live, as the vendor's SDK asks for them.
const AGENCY_KEY: Duration = Duration::from_secs(3_600);
const FEDERATED_KEY: Duration = Duration::from_secs(6 * 3_600);

/// Who the client is. The configuration has been checked; what is missing nevertheless is said.
pub(super) fn credentials(config: &Config) -> anyhow::Result<CredentialSettings> {
    let given = &config.secmaster.credentials;
    match given.kind {
        CredentialKind::AccessKey => Ok(CredentialSettings::AccessKey {
            access_key_id: set("access_key_id", &given.access_key_id)?.expose_secret().to_owned(),
            secret_access_key: set("secret_access_key", &given.secret_access_key)?,
            security_token: given.security_token.clone(),
        }),
        CredentialKind::Password => Ok(CredentialSettings::Password {
            iam_endpoint: iam(config)?,
            domain_name: set("domain_name", &given.domain_name)?,
            user_name: set("user_name", &given.user_name)?,
            password: set("password", &given.password)?,
        }),
        CredentialKind::Token => Ok(CredentialSettings::Token(set("token", &given.token)?)),
        CredentialKind::InstanceAgency => {
            let address = given.metadata_endpoint.as_deref().unwrap_or(METADATA_ENDPOINT);
            let metadata_endpoint = endpoint("secmaster.credentials.metadata_endpoint", address)?;
            Ok(CredentialSettings::Temporary(KeySource::InstanceAgency { metadata_endpoint }))
        }
        CredentialKind::Oidc => {
            let oidc = &given.oidc;
            let id_token = match &oidc.id_token {
                Some(token) => IdToken::Given(token.clone()),
                None => IdToken::File(set("oidc.id_token_file", &oidc.id_token_file)?),
            };
            Ok(CredentialSettings::Temporary(KeySource::Oidc { id_token, exchange: exchange(config)? }))
        }
        CredentialKind::PodIdentity => {
            let pod = &given.pod_identity;
            let address = set("pod_identity.credentials_uri", &pod.credentials_uri)?;
            let file = set("pod_identity.authorization_token_file", &pod.authorization_token_file)?;
            Ok(CredentialSettings::Temporary(KeySource::PodIdentity {
                credentials_uri: endpoint("secmaster.credentials.pod_identity.credentials_uri", &address)?,
                authorization_token_file: file,
            }))
        }
    }
}

fn exchange(config: &Config) -> anyhow::Result<Exchange> {
    let oidc = &config.secmaster.credentials.oidc;
    if let Some(idp_id) = &oidc.idp_id {
        let duration = oidc.duration.map_or(FEDERATED_KEY, TimeSpan::get);
        return Ok(Exchange::Federation { iam_endpoint: iam(config)?, idp_id: idp_id.clone(), duration });
    }
    let address = oidc.sts_endpoint.clone().unwrap_or_else(|| sts_endpoint(&config.secmaster.region));
    Ok(Exchange::Agency {
        sts_endpoint: endpoint("secmaster.credentials.oidc.sts_endpoint", &address)?,
        provider_urn: set("oidc.provider_urn", &oidc.provider_urn)?,
        agency_urn: set("oidc.agency_urn", &oidc.agency_urn)?,
        session_name: oidc.session_name.clone().unwrap_or_else(|| SESSION_NAME.to_owned()),
        policy: oidc.policy.clone(),
        policy_ids: oidc.policy_ids.clone(),
        duration: oidc.duration.map_or(AGENCY_KEY, TimeSpan::get),
    })
}

fn iam(config: &Config) -> anyhow::Result<Endpoint> {
    let given = config.secmaster.credentials.iam_endpoint.clone();
    let address = given.unwrap_or_else(|| iam_endpoint(&config.secmaster.region));
    endpoint("secmaster.credentials.iam_endpoint", &address)
}

fn set<T: Clone>(key: &str, value: &Option<T>) -> anyhow::Result<T> {
    value.clone().ok_or_else(|| anyhow!("secmaster.credentials.{key} is not set"))
}

pub(super) fn endpoint(key: &str, address: &str) -> anyhow::Result<Endpoint> {
    address.parse().with_context(|| format!("{key}: `{address}`"))
}
