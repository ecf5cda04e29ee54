//! `/log-level`: what the log shows now, and another level until the next restart.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Shown, refusal};
use crate::config::LogLevel;
use crate::telemetry::LogLevelControl;

fn document(control: &LogLevelControl) -> Response {
    let (current, configured) = (control.current().as_str(), control.configured().as_str());
    Json(json!({"level": current, "configured": configured})).into_response()
}

pub(super) async fn show(State(shown): State<Shown>) -> Response {
    document(&shown.log_level)
}

/// 200: it holds from now on; 400: there is no such level.
pub(super) async fn change(State(shown): State<Shown>, Path(word): Path<String>) -> Response {
    let Some(level) = LogLevel::from_word(&word) else {
        let words = LogLevel::ALL.map(LogLevel::as_str).join(", ");
        return refusal(StatusCode::BAD_REQUEST, &format!("the levels are {words}"));
    };
    match shown.log_level.change(level, &shown.telemetry) {
        Ok(_before) => document(&shown.log_level),
        Err(error) => refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
