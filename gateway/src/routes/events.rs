//! `events`: a run's events as they are recorded, as lines of JSON or, if asked for, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use futures_util::stream::{Stream, StreamExt, unfold};
use serde::{Deserialize, Serialize};

use super::read::{Name, Params};
use crate::api::{EventView, Problem};
use crate::{Follow, Service};

/// How often a silent stream of server-sent events gets a comment.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsParams {
    #[serde(default)]
    from: u32,
}

pub(super) async fn follow(
    State(service): State<Service>,
    Name(run): Name,
    Params(params): Params<EventsParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let as_sse = text(ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/event-stream"));
    let seen: Option<u32> = text("last-event-id").and_then(|id| id.parse().ok());
    let from = seen.map_or(params.from, |seen| seen.saturating_add(1));
    let items = items(service.follow(&run, from).await?);
    if as_sse {
        let events = items.map(|item| Ok::<_, Infallible>(sse(&item)));
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
        return Ok(Sse::new(events).keep_alive(keep_alive).into_response());
    }
    let lines = items.map(|item| Ok::<_, Infallible>(line(&item)));
    let body = Body::from_stream(lines);
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

fn items(follow: Follow) -> impl Stream<Item = Result<EventView, Problem>> {
    unfold(follow, async |mut follow| {
        let item = follow.next().await?;
        Some((item, follow))
    })
}

fn line(item: &Result<EventView, Problem>) -> Bytes {
    let mut line = json(item);
    line.push('\n');
    Bytes::from(line)
}

fn sse(item: &Result<EventView, Problem>) -> Event {
    let event = Event::default().data(json(item));
    match item {
        Ok(view) => event.id(view.n.to_string()).event(view.event.clone()),
        Err(_) => event.event("problem"),
    }
}

/// An item as JSON: an event or a problem, which are told apart by their fields.
fn json(item: &Result<EventView, Problem>) -> String {
    fn text(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap_or_default()
    }
    match item {
        Ok(view) => text(view),
        Err(problem) => text(problem),
    }
}
