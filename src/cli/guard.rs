//! `alertbridge guard`: what an operator asks of a running daemon about its dead-letter guard.
//!
//! One request without a body over plain HTTP, and its answer: the server speaks no TLS, and the HTTP client of the
//! crate is SecMaster's.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use http::Uri;
use serde_json::Value;

use super::Failure;
use super::config::ConfigFiles;
use crate::config::Purpose;

/// How long connecting and each part of the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// As much of an answer as is read.
const ANSWER_BYTES: u64 = 64 * 1024;

/// Let held dead letters go
#[derive(Debug, Args)]
pub(super) struct GuardArgs {
    #[command(subcommand)]
    command: GuardCommand,
}

#[derive(Debug, Subcommand)]
enum GuardCommand {
    Open(OpenArgs),
}

/// Open the dead-letter guard of a running daemon
///
/// Everything that it holds is written to the dead-letter topic and committed. Counting then begins anew, so the guard
/// closes again at the next limit.
///
/// Where a mapping is what is wrong, rather mend it and restart: what is held was not committed, and is mapped again.
///
/// Each replica has a guard of its own. Exits with 1 if the guard is not closed or the daemon cannot be reached.
#[derive(Debug, Args)]
struct OpenArgs {
    #[command(flatten)]
    config: ConfigFiles,
    /// The daemon's server, e.g. http://10.0.0.7:9464 [default: the configuration's server.listen, on this machine]
    #[arg(long, value_name = "URL")]
    server: Option<Uri>,
}

pub(super) fn execute(args: GuardArgs) -> Result<(), Failure> {
    let GuardCommand::Open(args) = args.command;
    let authority = match &args.server {
        Some(url) => authority(url).map_err(Failure::Usage)?,
        None => local(args.config.load(Purpose::Offline)?.config.server.listen).to_string(),
    };
    let (status, body) = post(&authority, "/guard/open").with_context(|| {
        format!(
            "http://{authority} cannot be reached: is the daemon running, and is that its server.listen? \
             (--server URL names another)"
        )
    })?;
    let answer: Value = serde_json::from_str(&body).unwrap_or_default();
    match (status, answer["released"].as_u64(), answer["error"].as_str()) {
        (200, Some(released), _) => {
            let seconds = answer["held_for_seconds"].as_u64().unwrap_or_default();
            writeln!(io::stdout(), "released {released} dead letters; the guard was closed for {seconds} s")?;
            Ok(())
        }
        (409, ..) => Err(anyhow!(
            "the dead-letter guard of http://{authority} is not closed: nothing is held there (each replica has its own; \
             /status shows dead_letter_guard)"
        )
        .into()),
        (_, _, Some(error)) => Err(anyhow!("http://{authority} answers {status}: {error}").into()),
        _ => Err(anyhow!("http://{authority} answers {status}, which is not alertbridge").into()),
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

/// The answer's status and body. With HTTP/1.0 the answer ends with the connection and is in one piece.
fn post(authority: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let address = authority.to_socket_addrs()?.next().context("the name has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "POST {path} HTTP/1.0\r\nhost: {authority}\r\ncontent-length: 0\r\n\r\n")?;
    let mut answer = Vec::new();
    let _bytes = stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("what answers does not speak HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.context("what answers does not speak HTTP")?, body.to_owned()))
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
