//! Answers: documents and problems as JSON.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::api::Problem;
use crate::problems::exit;

/// What a request comes to.
pub(super) type Answer<T> = Result<Json<T>, Problem>;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after.map(HeaderValue::from);
        let mut response = (status_of(&self), Json(self)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

/// The status of HTTP for a problem: a few codes have their own, the rest follows from the exit code.
fn status_of(problem: &Problem) -> StatusCode {
    match problem.code.as_str() {
        "NX7005" => return StatusCode::PAYLOAD_TOO_LARGE,
        "NX7006" | "NX4168" => return StatusCode::TOO_MANY_REQUESTS,
        "NX6007" => return StatusCode::INSUFFICIENT_STORAGE,
        _ => {}
    }
    match problem.exit_code {
        exit::USAGE => StatusCode::BAD_REQUEST,
        exit::NOT_FOUND => StatusCode::NOT_FOUND,
        exit::REFUSED => StatusCode::FORBIDDEN,
        exit::CONFLICT => StatusCode::CONFLICT,
        exit::UNREACHABLE => StatusCode::SERVICE_UNAVAILABLE,
        // A long poll whose time ran out: nothing is wrong, and the client should ask again.
        exit::STILL_GOING => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_may_be_repeated_says_when() {
        let full = Problem::new("NX4168", 6, "").retry_after_ms(1_500);
        let response = full.into_response();
        assert_eq!(response.status().as_u16(), 429);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let other = Problem::new("NX7003", 5, "").into_response();
        assert!(other.headers().get(RETRY_AFTER).is_none());
    }

    #[test]
    fn problems_have_fitting_statuses() {
        let status = |code, exit| status_of(&Problem::new(code, exit, "")).as_u16();
        assert_eq!(status("NX7011", 3), 404);
        assert_eq!(status("NX7003", 5), 409);
        assert_eq!(status("NX7005", 2), 413);
        assert_eq!(status("NX7006", 6), 429);
        assert_eq!(status("NX7013", 8), 504);
        assert_eq!(status("NX7019", 2), 400);
        assert_eq!(status("NX6002", 10), 500);
        assert_eq!(status("NX9001", 70), 500);
    }
}
