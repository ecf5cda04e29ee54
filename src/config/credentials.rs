//! `secmaster.credentials`: who the bridge is.

use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::secret;
use super::units::TimeSpan;

/// Who the bridge is towards SecMaster. Each secret can also be given as a file that holds it, `NAME_file`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// Which kind of credential is used; the other kinds' keys, and the files that they name, are then not read.
    pub kind: CredentialKind,
    /// `access_key`: the access key's id. Unset: `HUAWEICLOUD_SDK_AK`, then the vendor's profile file
    /// (`HUAWEICLOUD_SDK_CREDENTIALS_FILE`, else `~/.huaweicloud/credentials`), key and secret from the same place.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub access_key_id: Option<SecretString>,
    /// A file that holds the access key's id.
    pub access_key_id_file: Option<PathBuf>,
    /// `access_key`: the secret access key. Unset: `HUAWEICLOUD_SDK_SK`, then the profile file.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub secret_access_key: Option<SecretString>,
    /// A file that holds the secret access key.
    pub secret_access_key_file: Option<PathBuf>,
    /// `access_key`: the token that belongs to a temporary access key. Unset: from where the access key's id is from
    /// (`HUAWEICLOUD_SDK_SECURITY_TOKEN`, or the profile file).
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub security_token: Option<SecretString>,
    /// A file that holds the security token.
    pub security_token_file: Option<PathBuf>,
    /// `password`, and `oidc` with `idp_id`: IAM's address instead of the region's own. Unset:
    /// `HUAWEICLOUD_SDK_IAM_ENDPOINT`.
    pub iam_endpoint: Option<String>,
    /// `password`: the account (domain) that the user belongs to.
    pub domain_name: Option<String>,
    /// `password`: the IAM user.
    pub user_name: Option<String>,
    /// `password`: the IAM user's password.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub password: Option<SecretString>,
    /// A file that holds the password.
    pub password_file: Option<PathBuf>,
    /// `token`: an IAM token. It is used as it is and not renewed.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub token: Option<SecretString>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// `instance_agency`: the metadata service's address instead of `http://169.254.169.254`. Never asked through a proxy.
    pub metadata_endpoint: Option<String>,
    /// `oidc`: who the bridge is to an OpenID Connect provider, and whose key it gets for that.
    pub oidc: Oidc,
    /// `pod_identity`: where the pod's key comes from.
    pub pod_identity: PodIdentity,
    /// The profile file that the access key was taken from.
    #[serde(skip)]
    pub(super) profile: Option<PathBuf>,
}

/// `oidc`: with `provider_urn` and `agency_urn`, STS gives out a key of the agency; with `idp_id`, IAM gives out one of
/// the federated user.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oidc {
    /// The identity provider's URN. Unset: `HUAWEICLOUD_OIDC_PROVIDER_URN`.
    pub provider_urn: Option<String>,
    /// The URN of the agency that trusts the provider. Unset: `HUAWEICLOUD_OIDC_AGENCY_URN`.
    pub agency_urn: Option<String>,
    /// The identity provider's id in IAM, instead of the two URNs. Unset: `HUAWEICLOUD_SDK_IDP_ID`, then the vendor's
    /// profile file.
    pub idp_id: Option<String>,
    /// The file of the provider's token, such as a projected service account token; read anew each time. Unset:
    /// `HUAWEICLOUD_OIDC_TOKEN_FILE`, or with `idp_id` `HUAWEICLOUD_SDK_ID_TOKEN_FILE`, then the profile file.
    pub id_token_file: Option<PathBuf>,
    /// The provider's token itself, where it does not change. Unset: `HUAWEICLOUD_OIDC_ID_TOKEN`.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub id_token: Option<SecretString>,
    /// The session's name in the cloud's audit log. Unset: `HUAWEICLOUD_OIDC_SESSION_NAME`, else `alertbridge`.
    pub session_name: Option<String>,
    /// How long a key lives. Unset: `HUAWEICLOUD_OIDC_DURATION_SECONDS`, else 1 h, or 6 h with `idp_id`.
    pub duration: Option<TimeSpan>,
    /// A policy (JSON) that narrows the agency's rights further. Unset: `HUAWEICLOUD_OIDC_POLICY`.
    pub policy: Option<String>,
    /// The ids of such policies. Empty: those of `HUAWEICLOUD_OIDC_POLICY_IDS`, separated by commas.
    pub policy_ids: Vec<String>,
    /// STS' address instead of the region's own. Unset: `HUAWEICLOUD_SDK_STS_ENDPOINT`.
    pub sts_endpoint: Option<String>,
}

/// `pod_identity`: an address inside of the cluster gives out the key. Never asked through a proxy.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PodIdentity {
    /// The address. Unset: `HC_CONTAINER_CREDENTIALS_FULL_URI`, which the cluster sets.
    pub credentials_uri: Option<String>,
    /// The file of the token that is shown there; read anew each time. Unset: `HC_CONTAINER_AUTHORIZATION_TOKEN_FILE`.
    pub authorization_token_file: Option<PathBuf>,
}

/// A kind of credential.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CredentialKind {
    /// Each request is signed with an access key.
    #[default]
    AccessKey,
    /// An IAM token is fetched with user and password, and renewed.
    Password,
    /// A given IAM token.
    Token,
    /// Temporary access keys of the agency of the cloud server that the bridge runs on, from its metadata service.
    InstanceAgency,
    /// Temporary access keys for the token of an OpenID Connect provider.
    Oidc,
    /// Temporary access keys for the identity of the pod that the bridge runs in.
    PodIdentity,
}
