//! The server's connections: so many at once, so much of a head, and so long for it, that nobody who reaches the port
//! costs the bridge more than a little memory (promise 4: nor keeps the probes from being answered for long).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How many connections are served at once; others wait to be accepted.
const CONNECTIONS: usize = 128;
/// How long a client may take for a request's head, and be idle between two requests.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may last. Prometheus makes a new one.
const LIFE: Duration = Duration::from_secs(600);
/// The bytes of a request's head, and of what is buffered of an answer.
const HEAD_BYTES: usize = 16 << 10;
/// How long to wait when there is no file handle left for a connection.
const NO_HANDLES: Duration = Duration::from_millis(100);

/// Answers until `shutdown`; then connections that are busy may finish, for as long as the future is polled.
pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    let service = TowerToHyperService::new(router);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            // It is never closed.
            let permit = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((accept(&listener).await?, permit))
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = next => {
                let (stream, permit) = accepted?;
                let connection = connection(stream, service.clone(), shutdown.clone());
                let _handle = connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Waits for a client. What concerns one client, and a moment without file handles, are waited out.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => return Ok(stream),
            Err(error) if is_the_clients(&error) => {}
            Err(_) => sleep(NO_HANDLES).await,
        }
    }
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves one connection to its end. What goes wrong on it is its client's.
async fn connection(stream: TcpStream, service: TowerToHyperService<Router>, shutdown: CancellationToken) {
    let mut settings = http1::Builder::new();
    settings.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    let mut connection = std::pin::pin!(settings.serve_connection(TokioIo::new(stream), service));
    let served = async {
        tokio::select! {
            result = connection.as_mut() => result,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    let _its_own_affair = timeout(LIFE, served).await;
}
