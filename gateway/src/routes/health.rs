//! `/health/live`: the process answers. `/health/ready`: it takes requests.

use axum::extract::State;
use axum::http::StatusCode;

use crate::Service;

pub(super) async fn live() -> &'static str {
    "live\n"
}

pub(super) async fn ready(State(service): State<Service>) -> (StatusCode, &'static str) {
    if service.is_closing() {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}
