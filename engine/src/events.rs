//! Emitted events: reading them from their topics, finding who waits for them, and the handler by which steps emit them.

use std::sync::{Arc, OnceLock, Weak};

use nexus_log::{EventLog, ReadError, Revision};
use nexus_model::aggregate::{Event, Kind};
use nexus_model::command::Command;
use nexus_model::event::Actor;
use nexus_model::id::{RunId, StepIndex};
use nexus_model::payload::{ContentType, Payload};
use nexus_model::time::Timestamp;
use nexus_model::topic::{EventEmitted, TopicEvent, offer_id};
use serde_json::Value;

use crate::handle::{EmitError, Handle, Shared};
use crate::handler::{Data, Handler, HandlerFuture, StepCx, StepError};
use crate::loader::{LoadError, events_of_aggregate};
use crate::tables::{META, event_waits, raw, read_event_wait_key, stream};

/// Records and rows read at a time.
const ROWS_MAX: usize = 256;

/// An event as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Emitted {
    /// The record of the topic's stream it stands in.
    pub record: u32,
    /// When it was emitted.
    pub at: Timestamp,
    /// What makes it count once.
    pub id: String,
    /// What it carries, as JSON.
    pub data: String,
    /// Who emitted it.
    pub by: Actor,
}

/// The events of a topic from a record on, a page at a time; and the record to go on with, `None` at the end.
pub(crate) fn read_events(
    log: &dyn EventLog,
    topic: &str,
    from: u32,
) -> Result<(Vec<Emitted>, Option<u32>), LoadError> {
    let frames = log.read_stream(stream(raw(Kind::Topic.id(topic))), Revision(from), ROWS_MAX)?;
    let mut found = Vec::new();
    for recorded in frames.iter().map(events_of_aggregate).collect::<Result<Vec<_>, _>>()? {
        found.extend(recorded.into_iter().filter(|one| one.revision >= from).filter_map(|one| {
            let Event::Topic(TopicEvent::EventEmitted(event)) = one.event else { return None };
            let EventEmitted { id, data, by } = event;
            Some(Emitted { record: one.revision, at: one.time, id, data, by })
        }));
    }
    Ok((found, frames.last().map(|frame| frame.next_revision().0)))
}

/// The first record of a topic that is not from before `since`. Each of its frames holds one record.
pub(crate) fn first_since(
    log: &dyn EventLog,
    topic: &str,
    records: u32,
    since: Timestamp,
) -> Result<u32, ReadError> {
    let stream = stream(raw(Kind::Topic.id(topic)));
    let (mut low, mut high) = (0, records);
    while low < high {
        let middle = low + (high - low) / 2;
        let frames = log.read_stream(stream, Revision(middle), 1)?;
        match frames.first() {
            Some(frame) if frame.time_us < since.0 => low = middle + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

/// The steps that wait for an event of this name, as their rows say.
pub(crate) fn waiters(
    log: &dyn EventLog,
    event: &str,
) -> Result<Vec<(RunId, StepIndex)>, ReadError> {
    let (mut next, end) = event_waits(event);
    let mut found = Vec::new();
    loop {
        let rows = log.rows(META, &next, &end, ROWS_MAX)?;
        let Some((last, _)) = rows.last() else { return Ok(found) };
        next = [last, &[0][..]].concat();
        found.extend(rows.iter().filter_map(|(key, _)| read_event_wait_key(event, key)));
    }
}

/// The request that offers an event to a run, for the sake of one of its steps.
pub(crate) fn offer(topic: &str, event: &Emitted, step: StepIndex) -> Command {
    Command::OfferEvent {
        step,
        event: topic.to_owned(),
        id: offer_id(topic, event.record, step),
        payload: Payload::new(ContentType::Json, event.data.as_bytes().to_vec()).0,
        by: event.by.clone(),
    }
}

/// Emits an event for a step. Its id is the step's key, so that it counts once, however often the attempt is made.
#[derive(Default)]
pub(crate) struct Emit {
    engine: Arc<OnceLock<Weak<Shared>>>,
}

impl Emit {
    pub(crate) fn new(engine: Arc<OnceLock<Weak<Shared>>>) -> Self {
        Self { engine }
    }
}

/// What a step emits: the name, and what it carries.
pub(crate) fn emitted_by_step(input: &[u8]) -> Option<(String, Value)> {
    let mut input: Value = serde_json::from_slice(input).ok()?;
    let name = input.get("event")?.as_str()?.to_owned();
    Some((name, input.get_mut("data").map(Value::take).unwrap_or_default()))
}

/// Who emits an event for a step.
pub(crate) fn step_actor(cx: &StepCx) -> Actor {
    let name = format!("{}/{}", cx.info().run_name, cx.info().step_id);
    Actor { name, via: "step".to_owned() }
}

impl Handler for Emit {
    fn call(&self, cx: StepCx, input: Data) -> HandlerFuture {
        let engine = self.engine.get().and_then(Weak::upgrade);
        Box::pin(async move {
            let handle = engine.map(|shared| Handle { shared });
            let handle = handle.ok_or_else(|| StepError::retry("the engine is ending"))?;
            let (name, data) = emitted_by_step(&input.bytes).ok_or_else(no_event)?;
            match handle.emit(&name, &data, &cx.idempotency_key(), step_actor(&cx)).await {
                // What it emitted before is what counts.
                Ok(_) | Err(EmitError::Conflict { .. }) => Data::json(&data),
                Err(error @ EmitError::Rejected(_)) => {
                    Err(StepError::fatal(error.to_string()).code("NX4121"))
                }
                Err(EmitError::Request(error)) => Err(StepError::from(error)),
            }
        })
    }
}

fn no_event() -> StepError {
    StepError::fatal("the step says no event: it needs `event`, a name").code("NX4121")
}
