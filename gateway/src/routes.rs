//! The addresses of the control API, `/metrics` and `/health`: each translates a request for the [`Service`] and its answer back.
//!
//! Source: docs/reference/control-api.md, docs/reference/workers.md.

mod act_bodies;
mod acts;
mod answer;
mod approvals;
mod breakers;
mod events;
mod health;
mod limits;
mod lists;
mod metrics;
mod pauses;
mod read;
mod runs;
mod same_machine;
mod schedules;
mod start_keys;
mod state_queries;
mod topics;
mod updates;
mod upkeep;
mod versions;
mod waiting;
mod workers;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::Service;
use crate::api::Problem;
use crate::problems::exit;

/// The largest request, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// All addresses.
pub(crate) fn router(service: Service) -> Router {
    Router::new()
        .nest("/control/v1", control().merge(workers::control()))
        .nest("/workers/v1", workers::protocol())
        .route("/metrics", get(metrics::show))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service)
}

/// All addresses, for requests that browsers of this machine may send: pages of other origins are refused.
pub(crate) fn guarded_router(service: Service) -> Router {
    router(service).layer(middleware::from_fn(same_machine::check))
}

fn control() -> Router<Service> {
    Router::new()
        .route("/status", get(lists::status))
        .route("/runs", get(lists::runs).post(runs::start))
        .route("/runs/{run}", get(runs::show))
        .route("/runs/{run}/output", get(runs::output))
        .route("/runs/{run}/output/raw", get(runs::raw))
        .route("/runs/{run}/history", get(runs::history))
        .route("/runs/{run}/events", get(events::follow))
        .route("/runs/{run}/logs", get(runs::logs))
        .route("/runs/{run}/wait", get(runs::wait))
        .route("/runs/{run}/replay", get(runs::replay))
        .route("/runs/{run}/explain", get(runs::explain))
        .route("/runs/{run}/graph", get(runs::graph))
        .route("/runs/{run}/queries", get(state_queries::list))
        .route("/runs/{run}/queries/{query}", get(state_queries::show))
        .route("/runs/{run}/pause", post(acts::pause))
        .route("/runs/{run}/resume", post(acts::resume))
        .route("/runs/{run}/steps/{step}/pause", post(acts::pause_step))
        .route("/runs/{run}/steps/{step}/resume", post(acts::resume_step))
        .route("/runs/{run}/cancel", post(acts::cancel))
        .route("/runs/{run}/retry", post(acts::retry))
        .route("/runs/{run}/forget", post(acts::forget))
        .route("/runs/{run}/drive", post(acts::drive))
        .route("/runs/{run}/signals/{signal}", post(waiting::signal))
        .route("/runs/{run}/updates/{update}", post(updates::send))
        .route("/events", get(topics::list))
        .route("/events/{event}", post(topics::emit))
        .route("/events/{event}/triggers/{trigger}/delete", post(topics::delete_trigger))
        .route("/triggers", post(topics::set_triggers))
        .route("/pauses", get(pauses::list).post(pauses::pause))
        .route("/pauses/resume", post(pauses::resume))
        .route("/breakers", get(breakers::list))
        .route("/breakers/{target}", get(breakers::show))
        .route("/breakers/{target}/reset", post(breakers::reset))
        .route("/starts", get(start_keys::list))
        .route("/starts/{start}", get(start_keys::show))
        .route("/starts/{start}/cancel", post(start_keys::cancel))
        .route("/limits", get(limits::list))
        .route("/limits/{limit}", get(limits::show).post(limits::set))
        .route("/schedules", get(schedules::list).post(schedules::put))
        .route("/schedules/{schedule}", get(schedules::show))
        .route("/schedules/{schedule}/pause", post(schedules::pause))
        .route("/schedules/{schedule}/resume", post(schedules::resume))
        .route("/schedules/{schedule}/delete", post(schedules::delete))
        .route("/schedules/{schedule}/trigger", post(schedules::trigger))
        .route("/schedules/{schedule}/backfill", post(schedules::backfill))
        .route("/workflows", get(versions::list).post(versions::publish))
        .route("/workflows/{workflow}", get(versions::show))
        .route("/workflows/{workflow}/rollback", post(versions::roll_back))
        .route("/workflows/{workflow}/migrate", post(versions::migrate))
        .route("/definitions/compare", post(versions::compare))
        .route("/definitions/{reference}", get(versions::definition))
        .route("/runs/{run}/approve", post(approvals::approve))
        .route("/runs/{run}/reject", post(approvals::reject))
        .route("/inbox", get(approvals::inbox))
        .route("/audit", get(lists::audit))
        .route("/verify", get(upkeep::verify))
        .route("/projections/rebuild", post(upkeep::rebuild))
}

/// Where the control API is described.
const REFERENCE: &str = "docs/reference/control-api.md";

async fn unknown() -> Response {
    unknown_of(REFERENCE)
}

async fn wrong_method() -> Response {
    wrong_method_of(REFERENCE)
}

/// There is nothing at an address; `page` lists those that there are.
fn unknown_of(page: &str) -> Response {
    let problem = Problem::new("NX7021", exit::NOT_FOUND, "there is nothing at this address");
    problem.hint(format!("{page} lists the addresses")).into_response()
}

fn wrong_method_of(page: &str) -> Response {
    let problem = Problem::new("NX7021", exit::USAGE, "this address does not take this method");
    let problem = problem.hint(format!("{page} lists the addresses"));
    (StatusCode::METHOD_NOT_ALLOWED, axum::Json(problem)).into_response()
}
