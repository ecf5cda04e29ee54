//! What probes, Prometheus and people ask over HTTP: `/livez`, `/readyz`, `/metrics`, `/status`.
//!
//! Plain HTTP, read-only, no content of alerts: it may be served inside a cluster. It tells what others have published
//! and decides nothing. It goes on during a drain, so that the last figures can be scraped.

use std::io;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::telemetry::{Health, Status, Telemetry};

/// A loop that has not come round for so long is taken for dead. Its rounds take milliseconds.
const STALLED_AFTER: Duration = Duration::from_secs(60);
/// How often telemetry's housekeeping is done.
const TICK: Duration = Duration::from_secs(5);
/// How long open connections may hold up the end.
const LINGER: Duration = Duration::from_secs(2);
/// The Prometheus text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Shown {
    health: Health,
    telemetry: Telemetry,
    status: watch::Receiver<Status>,
}

/// Answers until `shutdown`, and does telemetry's housekeeping meanwhile. Connections that are open then have two
/// seconds. Cancel safe: dropping the future closes the listener.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    telemetry: Telemetry,
    status: watch::Receiver<Status>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let router = router(Shown { health, telemetry: telemetry.clone(), status });
    let server = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let server = async {
        tokio::select! {
            result = server => result,
            // A client that keeps its connection busy is left behind.
            () = async { shutdown.cancelled().await; sleep(LINGER).await } => Ok(()),
        }
    };
    tokio::select! {
        result = server => result,
        () = keep_house(&telemetry) => Ok(()),
    }
}

/// Never ends.
async fn keep_house(telemetry: &Telemetry) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let _at = ticks.tick().await;
        telemetry.tick();
    }
}

fn router(shown: Shown) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .with_state(shown)
}

async fn livez(State(shown): State<Shown>) -> Response {
    if shown.health.is_live(Instant::now(), STALLED_AFTER) {
        (StatusCode::OK, "live\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the pipeline's loop stands still\n").into_response()
    }
}

async fn readyz(State(shown): State<Shown>) -> Response {
    if shown.health.is_ready() {
        (StatusCode::OK, "ready\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the consumer group is not joined, or a shutdown has begun\n").into_response()
    }
}

async fn metrics(State(shown): State<Shown>) -> Response {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], shown.telemetry.render()).into_response()
}

async fn status(State(shown): State<Shown>) -> Response {
    let status = shown.status.borrow().clone();
    Json(status).into_response()
}

#[cfg(test)]
mod tests;
