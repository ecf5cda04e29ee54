//! `/_simulator/*`: what was created and counted, and which faults are in force. See docs/simulator.md.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::json_answer;
use super::api::{Shared, lock, serve};
use super::faults::Faults;
use super::store::{CapturedRequest, Instance, Stats};
use super::world::World;

/// The most instances that one page holds.
const MAX_PAGE: usize = 10_000;

/// The simulator's whole HTTP face.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/_simulator/instances", get(instances))
        .route("/_simulator/stats", get(stats))
        .route("/_simulator/requests", get(requests))
        .route("/_simulator/faults", get(faults).put(set_faults).post(set_faults).delete(clear_faults))
        .route("/_simulator/world", get(world))
        .route("/_simulator/workflows/{id}/enable", post(enable_workflow))
        .route("/_simulator/tokens/expire", post(expire_tokens))
        .route("/_simulator/reset", post(reset))
        .fallback(serve)
        .with_state(shared)
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    offset: usize,
    #[serde(default = "usual_page")]
    limit: usize,
}

const fn usual_page() -> usize {
    100
}

#[derive(Serialize)]
struct Instances {
    count: usize,
    instances: Vec<Instance>,
}

async fn instances(State(shared): State<Arc<Shared>>, Query(page): Query<Page>) -> Json<Instances> {
    let store = lock(&shared.store);
    let all = store.instances();
    let shown = all.iter().skip(page.offset).take(page.limit.min(MAX_PAGE)).cloned().collect();
    Json(Instances { count: all.len(), instances: shown })
}

async fn stats(State(shared): State<Arc<Shared>>) -> Json<Stats> {
    Json(lock(&shared.store).stats.clone())
}

async fn requests(State(shared): State<Arc<Shared>>) -> Json<Vec<CapturedRequest>> {
    Json(lock(&shared.store).captured().cloned().collect())
}

async fn world(State(shared): State<Arc<Shared>>) -> Json<World> {
    Json(lock(&shared.store).world.clone())
}

async fn enable_workflow(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let mut store = lock(&shared.store);
    store.is_changed = true;
    store.world.enable_workflow(&id).unwrap_or_else(|refusal| refusal.answer())
}

async fn faults(State(shared): State<Arc<Shared>>) -> Json<Faults> {
    Json(lock(&shared.faults).faults().clone())
}

async fn set_faults(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match serde_json::from_slice::<Faults>(&body) {
        Ok(faults) => {
            let answer = json!(faults);
            shared.set_faults(faults);
            json_answer(200, &answer)
        }
        Err(error) => json_answer(400, &json!({"error": error.to_string()})),
    }
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.set_faults(Faults::default());
    StatusCode::NO_CONTENT
}

async fn expire_tokens(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.expire_tokens();
    StatusCode::NO_CONTENT
}

/// Forgets instances, counts, captured requests and what was created; faults and tokens stay.
async fn reset(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.reset();
    StatusCode::NO_CONTENT
}
