//! `secmaster`: where workflows are started, and as whom.

use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::secret;
use super::units::TimeSpan;

/// The SecMaster workspace and how it is reached.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecMaster {
    /// The region; it names the endpoints of SecMaster and IAM.
    pub region: String,
    /// The address instead of the region's own, e.g. `https://secmaster.example.com` or `http://127.0.0.1:8080`.
    pub endpoint: Option<String>,
    /// The IAM project in that region (32 to 36 characters). Unset: `HUAWEICLOUD_SDK_PROJECT_ID`.
    pub project_id: String,
    /// The SecMaster workspace (a UUID).
    pub workspace_id: String,
    /// Who the bridge is.
    pub credentials: Credentials,
    /// How long making a connection may take.
    pub connect_timeout: TimeSpan,
    /// How long one request may take, connection included.
    pub request_timeout: TimeSpan,
    /// Certificate authorities added to the system's, a PEM file. Works in an image without any of its own.
    pub ca_file: Option<PathBuf>,
}

impl Default for SecMaster {
    fn default() -> Self {
        Self {
            region: "cn-north-4".to_owned(),
            endpoint: None,
            project_id: String::new(),
            workspace_id: String::new(),
            credentials: Credentials::default(),
            connect_timeout: TimeSpan::from_secs(5),
            request_timeout: TimeSpan::from_secs(20),
            ca_file: None,
        }
    }
}

/// Who the bridge is towards SecMaster. Each secret can also be given as a file that holds it, `NAME_file`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// Which kind of credential is used; the other kinds' keys are then not read.
    pub kind: CredentialKind,
    /// `access_key`: the access key's id. Unset: `HUAWEICLOUD_SDK_AK`.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub access_key_id: Option<SecretString>,
    /// A file that holds the access key's id.
    pub access_key_id_file: Option<PathBuf>,
    /// `access_key`: the secret access key. Unset: `HUAWEICLOUD_SDK_SK`.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub secret_access_key: Option<SecretString>,
    /// A file that holds the secret access key.
    pub secret_access_key_file: Option<PathBuf>,
    /// `access_key`: the token that belongs to a temporary access key. Unset: `HUAWEICLOUD_SDK_SECURITY_TOKEN`.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub security_token: Option<SecretString>,
    /// A file that holds the security token.
    pub security_token_file: Option<PathBuf>,
    /// `password`: IAM's address instead of the region's own.
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
    /// The agency of the instance that the bridge runs on.
    InstanceAgency,
    /// Federation with an OpenID Connect provider.
    Oidc,
    /// The identity of the pod that the bridge runs in.
    PodIdentity,
}
