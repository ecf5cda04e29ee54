//! `server`: the HTTP server for probes, metrics and status.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The HTTP server for probes, metrics and status.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on: `127.0.0.1:9464`, `[::]:9464` for all. In a pod the probes need `0.0.0.0:9464`.
    #[schemars(extend("x-form" = "socket_address", "examples" = ["127.0.0.1:9464"]))]
    pub listen: SocketAddr,
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9464)) }
    }
}
