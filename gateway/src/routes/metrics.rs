//! `/metrics`.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::Service;

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn show(State(service): State<Service>) -> Response {
    match service.metrics().await {
        Ok(text) => ([(CONTENT_TYPE, TEXT)], text).into_response(),
        Err(problem) => problem.into_response(),
    }
}
