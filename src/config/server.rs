//! `server`: the HTTP server for probes, metrics and status.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::secret;

/// The HTTP server for probes, metrics and status.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on: `127.0.0.1:9464`, `[::]:9464` for all. In a pod the probes need `0.0.0.0:9464`.
    #[schemars(extend("x-form" = "socket_address", "examples" = ["127.0.0.1:9464"]))]
    pub listen: SocketAddr,
    /// Who asks for `/status`, `/guard/open` and `/log-level` has to show it (`Authorization: Bearer`), if it is set; at
    /// least 16 characters. Probes and `/metrics` stay open. The commands `guard` and `log-level` read it here, too.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub token: Option<SecretString>,
    /// A file that holds the token; it is read again for each request.
    pub token_file: Option<PathBuf>,
}

impl Server {
    /// The token as it is now: where it stands in a file, that is read.
    ///
    /// # Errors
    /// Why the file cannot be read; never its content.
    pub fn current_token(&self) -> Result<Option<SecretString>, String> {
        match &self.token_file {
            Some(file) => Self::token_in(file).map(Some),
            None => Ok(self.token.clone()),
        }
    }

    /// The token in a file.
    ///
    /// # Errors
    /// Why it cannot be read; never its content.
    pub fn token_in(file: &Path) -> Result<SecretString, String> {
        secret::read_file(file)
            .map_err(|why| format!("`server.token_file`: cannot take the secret from `{}`: {why}", file.display()))
    }
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9464)), token: None, token_file: None }
    }
}
