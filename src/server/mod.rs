//! What probes, Prometheus and people ask over HTTP: `/livez`, `/readyz`, `/metrics`, and behind a token if there is
//! one `/status`, `/guard/open` and `/log-level`.
//!
//! Plain HTTP, no content of alerts: it may be served inside a cluster. It tells what others have published and decides
//! nothing; what can be asked for is that held dead letters be written, which loses none, and that the log show more or
//! less. It goes on during a drain, so that the last figures can be scraped.

mod access;
mod connections;
mod log_level;

use std::io;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use self::access::Access;
use crate::ports::GuardControl;
use crate::telemetry::{Health, LogLevelControl, Status, Telemetry};

/// A loop that has not come round for so long is taken for dead. Its rounds take milliseconds.
const STALLED_AFTER: Duration = Duration::from_secs(60);
/// How often telemetry's housekeeping is done.
const TICK: Duration = Duration::from_secs(5);
/// How long open connections may hold up the end.
const LINGER: Duration = Duration::from_secs(2);
/// How long the pipeline may take to answer; it takes milliseconds.
const ANSWER: Duration = Duration::from_secs(5);
/// The Prometheus text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is shown, and what can be asked for.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Liveness and readiness.
    pub health: Health,
    /// The metrics.
    pub telemetry: Telemetry,
    /// The status document.
    pub status: watch::Receiver<Status>,
    /// Opens the dead-letter guard.
    pub guard: GuardControl,
    /// Changes the log's level.
    pub log_level: LogLevelControl,
    /// Who may ask for more than probes and metrics.
    pub access: Access,
}

/// Answers until `shutdown`, and does telemetry's housekeeping meanwhile. Connections that are open then have two
/// seconds. Cancel safe: dropping the future closes the listener.
///
/// # Errors
/// If the listener fails.
pub async fn serve(listener: TcpListener, shown: Shown, shutdown: CancellationToken) -> io::Result<()> {
    let telemetry = shown.telemetry.clone();
    let router = router(shown);
    let server = connections::serve(listener, router, shutdown.clone());
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
    let for_some = Router::new()
        .route("/status", get(status))
        .route("/guard/open", post(open_guard))
        .route("/log-level", get(log_level::show))
        .route("/log-level/{level}", post(log_level::change))
        .route_layer(from_fn_with_state(shown.access.clone(), access::check));
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .merge(for_some)
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
    shown.telemetry.ready(shown.health.is_ready());
    ([(header::CONTENT_TYPE, METRICS_TYPE)], shown.telemetry.render()).into_response()
}

async fn status(State(shown): State<Shown>) -> Response {
    let status = shown.status.borrow().clone();
    Json(status).into_response()
}

/// 200: it is open again; 409: it was not closed; 503: the pipeline does not answer.
async fn open_guard(State(shown): State<Shown>) -> Response {
    match timeout(ANSWER, shown.guard.open()).await {
        Ok(Ok(Some(opened))) => {
            let held_for = opened.held_for.as_secs();
            Json(json!({"released": opened.released, "held_for_seconds": held_for})).into_response()
        }
        Ok(Ok(None)) => refusal(StatusCode::CONFLICT, "the dead-letter guard is not closed"),
        Ok(Err(_)) | Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, "the pipeline does not answer"),
    }
}

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}

#[cfg(test)]
mod tests;
