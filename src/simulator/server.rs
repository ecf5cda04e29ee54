//! Listens, speaks TLS if asked to, and serves connections until stopped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::admin::router;
use super::api::{Shared, lock};
use super::faults::Faults;
use super::persist;
use super::settings::{SimulatorSettings, TlsFiles};
use super::socket::{ResetSwitch, Socket};
use super::store::{CapturedRequest, Instance, Stats};

/// How long to wait before the port is tried again, where it cannot be had after a refusing outage.
const REBIND_AFTER: Duration = Duration::from_millis(20);

/// Starts simulators.
#[derive(Debug)]
pub struct Simulator;

/// A simulator at work. Dropping it ends it at once.
#[derive(Debug)]
pub struct RunningSimulator {
    address: SocketAddr,
    tls: bool,
    handle: SimulatorHandle,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// What tests see and set, without HTTP in between.
#[derive(Clone, Debug)]
pub struct SimulatorHandle {
    shared: Arc<Shared>,
}

impl Simulator {
    /// Starts to listen and serve.
    ///
    /// # Errors
    ///
    /// The address cannot be had; the certificate or the state file cannot be used.
    pub async fn start(settings: SimulatorSettings) -> io::Result<RunningSimulator> {
        let acceptor = settings.tls.as_ref().map(acceptor).transpose()?;
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let state_file = settings.state_file.clone();
        let store = persist::load(state_file.as_deref(), &settings.world)?;
        let shared = Arc::new(Shared::new(settings, store));
        let stop = CancellationToken::new();
        let tls = acceptor.is_some();
        let server = Server { address, acceptor, shared: Arc::clone(&shared) };
        let mut tasks = JoinSet::new();
        let stopped = stop.clone();
        let _handle = tasks.spawn(async move {
            // Ends the connections too: they belong to the future that is dropped.
            let _outcome = stopped.run_until_cancelled(server.run(listener)).await;
        });
        if let Some(file) = &state_file {
            let _handle = tasks.spawn(persist::keep(Arc::clone(&shared), file.clone(), stop.clone()));
        }
        tracing::info!(event = "simulator.started", %address, tls, "simulator started");
        Ok(RunningSimulator { address, tls, handle: SimulatorHandle { shared }, stop, tasks })
    }
}

impl RunningSimulator {
    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for clients, of SecMaster and IAM alike.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// Typed access.
    #[must_use]
    pub const fn handle(&self) -> &SimulatorHandle {
        &self.handle
    }

    /// Stops listening, breaks all connections, and waits for that.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl SimulatorHandle {
    /// Every instance, oldest first.
    #[must_use]
    pub fn instances(&self) -> Vec<Instance> {
        lock(&self.shared.store).instances().to_vec()
    }

    /// The alerts, as CreateAlert answered.
    #[must_use]
    pub fn alerts(&self) -> Vec<Value> {
        lock(&self.shared.store).world.alerts.clone()
    }

    /// The counts.
    #[must_use]
    pub fn stats(&self) -> Stats {
        lock(&self.shared.store).stats.clone()
    }

    /// The last raw requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<CapturedRequest> {
        lock(&self.shared.store).captured().cloned().collect()
    }

    /// Puts these faults in force instead of those before.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.set_faults(faults);
    }

    /// Expires all tokens and temporary keys given out so far.
    pub fn expire_tokens(&self) {
        self.shared.expire_tokens();
    }
}

struct Server {
    address: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
}

impl Server {
    async fn run(self, mut listener: TcpListener) {
        let service = TowerToHyperService::new(router(Arc::clone(&self.shared)));
        let mut changed = self.shared.faults_changed.subscribe();
        let mut connections = JoinSet::new();
        loop {
            let refused = lock(&self.shared.faults).refused_until();
            if let Some(until) = refused {
                // A port that nobody listens at is the only one that refuses connections.
                drop(listener);
                connections.shutdown().await;
                let end = async {
                    match until {
                        Some(until) => tokio::time::sleep_until(until).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = end => {}
                    _ = changed.changed() => {}
                }
                listener = self.listen_again().await;
                continue;
            }
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _peer)) => {
                        let connection = serve(stream, self.acceptor.clone(), service.clone());
                        let _handle = connections.spawn(connection);
                    }
                    Err(error) => tracing::warn!(event = "simulator.accept_failed", %error, "a connection was lost"),
                },
                Some(_ended) = connections.join_next() => {}
                _ = changed.changed() => {}
            }
        }
    }

    async fn listen_again(&self) -> TcpListener {
        loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => return listener,
                Err(error) => {
                    tracing::warn!(event = "simulator.port_taken", %error, "cannot listen again yet");
                    tokio::time::sleep(REBIND_AFTER).await;
                }
            }
        }
    }
}

/// Serves one connection to its end.
async fn serve(stream: TcpStream, acceptor: Option<TlsAcceptor>, service: TowerToHyperService<axum::Router>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(event = "simulator.nodelay", %error, "no TCP_NODELAY");
    }
    let reset = ResetSwitch::default();
    let socket = Socket::new(stream, reset.clone());
    let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
        let _previous = request.extensions_mut().insert(reset.clone());
        let answer = service.call(request);
        let reset = reset.clone();
        async move {
            match answer.await {
                // hyper drops the connection at an error, and its socket resets it.
                Ok(_) if reset.is_pulled() => Err(io::Error::other("simulated: connection reset")),
                Ok(response) => Ok(response),
                Err(never) => match never {},
            }
        }
    });
    let ended = match acceptor {
        None => http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await,
        Some(acceptor) => match acceptor.accept(socket).await {
            Ok(stream) => http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await,
            Err(error) => {
                tracing::debug!(event = "simulator.tls_failed", %error, "TLS handshake failed");
                return;
            }
        },
    };
    if let Err(error) = ended {
        tracing::debug!(event = "simulator.connection_ended", %error, "connection ended");
    }
}

fn acceptor(files: &TlsFiles) -> io::Result<TlsAcceptor> {
    let invalid = |what: &str, error: &dyn std::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("the TLS {what} cannot be used: {error}"))
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&files.certificate).collect();
    let chain = chain.map_err(|error| invalid("certificate", &error))?;
    let key =
        PrivateKeyDer::from_pem_slice(files.key.expose_secret().as_bytes()).map_err(|error| invalid("key", &error))?;
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| invalid("certificate or key", &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
