//! What commands ask of a running daemon: one request without a body over plain HTTP, and its answer. The server speaks
//! no TLS and ends the connection with its answer, so that a plain socket serves.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use http::Uri;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Failure;
use super::config::ConfigFiles;
use crate::config::Purpose;

/// How long connecting and each part of the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// As much of an answer as is read.
const ANSWER_BYTES: u64 = 64 * 1024;

/// Which daemon is asked.
#[derive(Debug, Args)]
pub(super) struct DaemonArgs {
    #[command(flatten)]
    config: ConfigFiles,
    /// The daemon's server, e.g. http://10.0.0.7:9464 [default: the configuration's server.listen, on this machine].
    /// The configuration's server.token is sent to it, if there is one
    #[arg(long, value_name = "URL")]
    server: Option<Uri>,
}

/// A daemon that can be asked.
pub(super) struct Daemon {
    authority: String,
    token: Option<SecretString>,
}

/// What it says.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl DaemonArgs {
    /// Reads the configuration; reaches nothing.
    pub(super) fn daemon(&self) -> Result<Daemon, Failure> {
        let server = self.config.load(Purpose::Offline)?.config.server;
        let authority = match &self.server {
            Some(url) => authority(url).map_err(Failure::Usage)?,
            None => local(server.listen).to_string(),
        };
        let token = server.current_token().map_err(|why| Failure::Usage(anyhow!(why)))?;
        Ok(Daemon { authority, token })
    }
}

impl Daemon {
    /// Its address, for messages.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&self, method: &str, path: &str) -> Result<Answer, Failure> {
        let (status, body) = self.exchange(method, path).with_context(|| {
            format!(
                "{} cannot be reached: is the daemon running, and is that its server.listen? (--server URL names another)",
                self.url()
            )
        })?;
        Ok(Answer { status, body: serde_json::from_str(&body).unwrap_or_default() })
    }

    /// Why an answer is none of those that were expected.
    pub(super) fn unexpected(&self, answer: &Answer) -> Failure {
        let (url, status) = (self.url(), answer.status);
        let error = match (status, answer.body["error"].as_str()) {
            (401, _) if self.token.is_some() => anyhow!("{url} refuses the token: is it this daemon's server.token?"),
            (401, _) => anyhow!("{url} asks for a token: set server.token or server.token_file as for the daemon"),
            (_, Some(error)) => anyhow!("{url} answers {status}: {error}"),
            _ => anyhow!("{url} answers {status}, which is not alertbridge"),
        };
        error.into()
    }

    /// The answer's status and body. With HTTP/1.0 the answer ends with the connection and is in one piece.
    fn exchange(&self, method: &str, path: &str) -> anyhow::Result<(u16, String)> {
        let authority = &self.authority;
        let address = authority.to_socket_addrs()?.next().context("the name has no address")?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let shown = self.token.as_ref().map(ExposeSecret::expose_secret);
        let shown = shown.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        write!(stream, "{method} {path} HTTP/1.0\r\nhost: {authority}\r\n{shown}content-length: 0\r\n\r\n")?;
        let mut answer = Vec::new();
        let _bytes = stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").context("what answers does not speak HTTP")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status.context("what answers does not speak HTTP")?, body.to_owned()))
    }
}

/// The host and port of a URL.
fn authority(url: &Uri) -> anyhow::Result<String> {
    if url.scheme_str().is_some_and(|scheme| scheme != "http") || !matches!(url.path(), "" | "/") {
        bail!("--server: `{url}` is not of the form http://HOST:PORT (the server speaks plain HTTP)");
    }
    let host = url.host().ok_or_else(|| anyhow!("--server: `{url}` names no host; write http://HOST:PORT"))?;
    Ok(format!("{host}:{}", url.port_u16().unwrap_or(80)))
}

/// Where a server that listens at this address is reached on its own machine.
fn local(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::{authority, local};

    #[test]
    fn a_server_that_listens_everywhere_is_reached_on_the_loopback() {
        let local = |listen: &str| local(listen.parse().unwrap()).to_string();
        assert_eq!(local("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(local("[::]:9464"), "[::1]:9464");
        assert_eq!(local("10.0.0.7:9464"), "10.0.0.7:9464");
    }

    #[test]
    fn a_server_is_named_by_a_plain_url() {
        let authority = |url: &str| authority(&url.parse().unwrap()).map_err(|error| error.to_string());
        assert_eq!(authority("http://pod-0.soc:9464/").unwrap(), "pod-0.soc:9464");
        assert_eq!(authority("pod-0.soc:9464").unwrap(), "pod-0.soc:9464");
        assert_eq!(authority("http://[::1]:9464").unwrap(), "[::1]:9464");
        assert!(authority("https://pod-0.soc").unwrap_err().contains("plain HTTP"));
        assert!(authority("http://pod-0.soc/status").unwrap_err().contains("http://HOST:PORT"));
    }
}
