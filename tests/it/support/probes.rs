//! A bridge's own server as Kubernetes and Prometheus see it.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::bridge::PATIENCE;

/// Asks one bridge.
pub(crate) struct Probes {
    address: String,
}

impl Probes {
    /// A configuration whose server listens where we know it, and the probes of it.
    pub(crate) fn of(configuration: &str) -> (String, Self) {
        let probes = Self::somewhere();
        (configuration.replace("listen: 127.0.0.1:0", &format!("listen: {}", probes.address)), probes)
    }

    /// An address that nobody listens at yet.
    pub(crate) fn somewhere() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self { address: listener.local_addr().unwrap().to_string() }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Over a connection of its own, as a kubelet's; 0 where none is taken.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let Ok(mut stream) = TcpStream::connect(&self.address).await else { return (0, String::new()) };
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    pub(crate) async fn until(&self, path: &str, what: &str, holds: impl Fn(u16, &str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, body) = self.get(path).await;
            if holds(status, &body) {
                return;
            }
            assert!(Instant::now() < deadline, "{path} is never {what}: {status} {body}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status").await.1).unwrap()
    }
}
