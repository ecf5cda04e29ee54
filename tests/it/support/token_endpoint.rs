//! An OAuth token endpoint over TLS: the client-credentials grant for one client, whose secret, state and patience tests change.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What it does, and what it has done.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The secret that it takes.
    pub(crate) secret: String,
    /// It answers 503.
    pub(crate) is_away: bool,
    /// What tokens live.
    pub(crate) lifetime: Duration,
    /// The tokens that it has granted.
    pub(crate) granted: Vec<String>,
    /// How often it was asked in vain.
    pub(crate) refused: usize,
}

/// A running endpoint; it ends with the runtime.
pub(crate) struct TokenEndpoint {
    port: u16,
    state: Arc<Mutex<Endpoint>>,
}

impl TokenEndpoint {
    /// Starts it with the certificate and key in this file, for `localhost`.
    pub(crate) async fn start(pem: &Path, secret: &str, lifetime: Duration) -> Self {
        let certificates = CertificateDer::pem_file_iter(pem).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(pem).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Endpoint { secret: secret.to_owned(), is_away: false, lifetime, granted: Vec::new(), refused: 0 };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        #[expect(clippy::disallowed_methods, reason = "a server of a test, which ends with the test's runtime")]
        drop(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let request = read_request(&mut stream).await;
                let (status, body) = shared.lock().unwrap().answer(&request);
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                // A client that is gone needs no answer.
                drop(stream.write_all((head + &body).as_bytes()).await);
                drop(stream.shutdown().await);
            }
        }));
        Self { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/token", self.port)
    }

    pub(crate) fn state(&self) -> Endpoint {
        self.state.lock().unwrap().clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Endpoint)) {
        change(&mut self.state.lock().unwrap());
    }
}

impl Endpoint {
    fn answer(&mut self, request: &str) -> (&'static str, String) {
        let expected = format!("Basic {}", STANDARD.encode(format!("soc-bridge:{}", self.secret)));
        let is_known = request.contains(&expected) && request.ends_with("grant_type=client_credentials&scope=kafka");
        if self.is_away || !is_known {
            self.refused += 1;
        }
        if self.is_away {
            return ("503 Service Unavailable", String::new());
        }
        if !is_known {
            return ("401 Unauthorized", json!({"error": "invalid_client"}).to_string());
        }
        let token = unsecured("soc-bridge", self.lifetime);
        let body = json!({"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime.as_secs()});
        self.granted.push(token);
        ("200 OK", body.to_string())
    }
}

/// A token that is not signed (RFC 7515, appendix A.5).
fn unsecured(subject: &str, lifetime: Duration) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"sub": subject, "iat": now.as_secs(), "exp": (now + lifetime).as_secs()});
    format!("{}.{}.", part(json!({"alg": "none"})), part(claims))
}

/// A request whole: its head, and a body as long as it says.
async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return text,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        }
    }
}
