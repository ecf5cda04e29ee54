//! `secmaster`: where workflows are started, and as whom.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use super::units::TimeSpan;

/// The SecMaster workspace and how it is reached.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecMaster {
    /// The region; it names the endpoints of SecMaster and IAM.
    pub region: String,
    /// The address instead of the region's own, e.g. `https://secmaster.example.com` or `http://127.0.0.1:8080`. Unset:
    /// `HUAWEICLOUD_SDK_REGION_SECMASTER_` and the region, as `CN_NORTH_4`.
    pub endpoint: Option<String>,
    /// The IAM project in that region (32 to 36 characters). Unset: `HUAWEICLOUD_SDK_PROJECT_ID`.
    pub project_id: String,
    /// The SecMaster workspace (a UUID).
    pub workspace_id: String,
    /// Who the bridge is.
    pub credentials: Credentials,
    /// How long making a connection may take.
    pub connect_timeout: TimeSpan,
    /// How long one request may take, connection included, and the fetching of a token or temporary key where none is in
    /// hand.
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
