//! The HTTP clients: one for the cloud's services, through a proxy where the environment names one, and one for what is
//! on this machine or in this cluster, which never takes a proxy: a metadata service asked through one would give the
//! proxy's key, and would give ours to the proxy.

use std::time::Duration;

use super::client::{BuildError, ClientSettings};
use crate::tls;

/// An idle connection is dropped after this time: sooner than gateways close theirs (a minute and more is usual), so
/// that a request rarely meets a connection that is just being closed, which would make it ambiguous.
const POOL_IDLE: Duration = Duration::from_secs(20);

/// Notices a peer that is gone without a word.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// Bounds of a local call, as in the vendor's SDK.
const LOCAL_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const LOCAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Both clients. Clones share connections.
#[derive(Clone, Debug)]
pub(super) struct HttpClients {
    /// For the cloud's services.
    pub(super) service: reqwest::Client,
    /// For what is near, without any proxy.
    pub(super) local: reqwest::Client,
}

impl HttpClients {
    pub(super) fn new(settings: &ClientSettings) -> Result<Self, BuildError> {
        let needs_tls = settings.endpoint.is_tls() || settings.credentials.needs_tls();
        let tls = tls::client_config(settings.ca_file.as_deref(), needs_tls)?;
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                // A redirect is an answer of something that is not the API; following it would take credentials there.
                .redirect(reqwest::redirect::Policy::none())
                // Whether to send again is not the HTTP library's decision.
                .retry(reqwest::retry::never())
                .referer(false)
                .http1_only()
                .pool_idle_timeout(POOL_IDLE)
                .tcp_keepalive(TCP_KEEPALIVE)
        };
        Ok(Self {
            service: builder().connect_timeout(settings.connect_timeout).timeout(settings.request_timeout).build()?,
            local: builder().no_proxy().connect_timeout(LOCAL_CONNECT_TIMEOUT).timeout(LOCAL_TIMEOUT).build()?,
        })
    }
}
