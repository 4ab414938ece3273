//! Errands of topics: an event is offered to the steps that wait for it, and starts runs. Also the other way round: a step that
//! begins to wait is offered what was emitted before.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use nexus_model::command::Command;
use nexus_model::effect::Reading;
use nexus_model::event::Actor;
use nexus_model::expression::EvalError;
use nexus_model::id::RunId;
use nexus_model::plan::Plan;
use nexus_model::rejection::Rejection;
use nexus_model::topic::{Deliver, EventTrigger, StartFailure, TopicCommand, run_name};

use crate::events::{Emitted, first_since, offer, read_events, waiters};
use crate::handle::{Begun, Handle, RequestError, StartError, StartRequest};
use crate::loader::LoadError;
use crate::shard::Refusal;

/// Time before something is tried again that may work then.
const REST: Duration = Duration::from_secs(1);

/// Events that are delivered before that is recorded.
const EVENTS_MAX: u32 = 100;

/// Runs that are offered an event at one time.
const OFFERS_MAX: usize = 64;

/// Label of a run that an event has started: the event's name.
const LABEL: &str = "event";

/// What has been delivered.
struct Delivery {
    through: u32,
    started: u32,
    failures: Vec<StartFailure>,
}

pub(super) async fn carry_out(handle: &Handle, deliver: Deliver) -> TopicCommand {
    loop {
        match deliver_all(handle, &deliver).await {
            Ok(Delivery { through, started, failures }) => {
                return TopicCommand::Delivered { through, started, failures };
            }
            Err(error) => {
                tracing::warn!(topic = deliver.topic, %error, "events are delivered later");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

async fn deliver_all(handle: &Handle, deliver: &Deliver) -> Result<Delivery, StartError> {
    let Deliver { topic, number, record } = deliver;
    let (topic, record) = (topic.as_str(), *record);
    let mut number = number.saturating_sub(1);
    let mut delivery = Delivery { through: number, started: 0, failures: Vec::new() };
    let wanted = topic.to_owned();
    let page = handle.blocking(move |loader| read_events(&**loader.log(), &wanted, record)).await;
    let state = handle.topic(topic).await.map_err(RequestError::from)?.unwrap_or_default();
    let (events, _) = page.map_err(RequestError::from)?;
    // A start that has to wait for room must not keep from the runs that hold it what they wait for.
    for (event, number) in events.iter().take(EVENTS_MAX as usize).zip(number + 1..) {
        for (run, reason) in offer_to_all(handle, topic, event).await? {
            let message = format!("run {run} was not offered the event: {reason}");
            let code = "NX5004".to_owned();
            delivery.failures.push(StartFailure { number, trigger: String::new(), code, message });
        }
    }
    for event in events.iter().take(EVENTS_MAX as usize) {
        number += 1;
        for (name, trigger) in state.triggers.iter().filter(|(_, trigger)| trigger.after < number) {
            match start(handle, topic, number, event, (name, trigger)).await? {
                Start::Started => delivery.started += 1,
                Start::Nothing => {}
                Start::Failed(failure) => delivery.failures.push(failure),
            }
        }
        delivery.through = number;
    }
    Ok(delivery)
}

/// Offers an event to all who wait for it. Returns the runs that cannot be read, and why: they must not keep it from the others.
async fn offer_to_all(
    handle: &Handle,
    topic: &str,
    event: &Emitted,
) -> Result<Vec<(RunId, String)>, StartError> {
    let wanted = topic.to_owned();
    let found = handle.blocking(move |loader| waiters(&**loader.log(), &wanted)).await;
    let found = found.map_err(LoadError::from).map_err(RequestError::from)?;
    let mut unreadable = Vec::new();
    for some in found.chunks(OFFERS_MAX) {
        let offers =
            some.iter().map(|(run, step)| offered(handle, *run, offer(topic, event, *step)));
        for ((run, _), outcome) in some.iter().zip(join_all(offers).await) {
            match outcome {
                Err(RequestError::Refused(Refusal::Unreadable { reason, passing: false })) => {
                    tracing::error!(%run, topic, reason, "a run that waits cannot be read");
                    unreadable.push((*run, reason));
                }
                outcome => drop(outcome?),
            }
        }
    }
    Ok(unreadable)
}

/// Offers an event to a run; that it is not wanted, or was taken before, is an answer as good as any.
async fn offered(handle: &Handle, run: RunId, command: Command) -> Result<bool, RequestError> {
    match handle.ask(run, command).await {
        Ok(_) => Ok(true),
        Err(RequestError::Refused(Refusal::Rejected(_) | Refusal::NotFound)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What came of a trigger.
enum Start {
    Started,
    Nothing,
    Failed(StartFailure),
}

/// What a trigger starts.
struct Meant {
    plan: Arc<Plan>,
    /// Which of its triggers for events.
    at: usize,
    folder: String,
}

/// The version that is current, and that the trigger is none of.
#[derive(Debug, thiserror::Error)]
#[error("{workflow}@{number}, which is current, has no such trigger for this event")]
struct Silent {
    workflow: String,
    number: u32,
}

/// What a trigger starts now; `Err`: nothing, because the version of this number is current and is not started by this event.
async fn meant(
    handle: &Handle,
    topic: &str,
    trigger: &str,
    set: &EventTrigger,
) -> Result<Result<Meant, Silent>, LoadError> {
    let definition = set.definition;
    let plan = handle.blocking(move |loader| loader.plan(definition)).await?;
    let pinned = Meant { plan, at: set.at as usize, folder: set.folder.clone() };
    if !set.follows {
        return Ok(Ok(pinned));
    }
    let workflow = pinned.plan.definition().name.clone();
    let versions = handle.versions(&workflow).await?.unwrap_or_default();
    let Some(current) = versions.get(versions.current) else { return Ok(Ok(pinned)) };
    let (definition, folder) = (current.definition, current.folder.clone());
    let plan = handle.blocking(move |loader| loader.plan(definition)).await?;
    let at = plan.definition().event_trigger(topic, trigger);
    let number = versions.current;
    Ok(at.map(|at| Meant { plan, at, folder }).ok_or(Silent { workflow, number }))
}

/// Starts the run of a trigger, or finds that it is there: nobody else uses its name.
async fn start(
    handle: &Handle,
    topic: &str,
    number: u32,
    event: &Emitted,
    (trigger, set): (&str, &EventTrigger),
) -> Result<Start, StartError> {
    let failed = |code: &str, message: String| {
        let (trigger, code) = (trigger.to_owned(), code.to_owned());
        Start::Failed(StartFailure { number, trigger, code, message })
    };
    let Meant { plan, at, folder } = match meant(handle, topic, trigger, set).await {
        Ok(Ok(meant)) => meant,
        Ok(Err(silent)) => return Ok(failed("NX4188", silent.to_string())),
        Err(error) if error.is_passing() => return Err(RequestError::from(error).into()),
        Err(error) => return Ok(failed("NX4143", error.to_string())),
    };
    let data = serde_json::from_str(&event.data).unwrap_or_default();
    let input = match plan.triggered_input(at, &data) {
        Ok(Some(input)) => input,
        Err(EvalError::Failed { code, message }) => return Ok(failed(code, message)),
        Ok(None) | Err(EvalError::Needs(_)) => return Ok(Start::Nothing),
    };
    let name = run_name(trigger, topic, number);
    let request = StartRequest {
        labels: BTreeMap::from([(LABEL.to_owned(), topic.to_owned())]),
        folder: (!folder.is_empty()).then(|| PathBuf::from(&folder)),
        by: Actor { name: topic.to_owned(), via: "event".to_owned() },
        ..StartRequest::new(plan).input(input).name(name.clone())
    };
    match handle.begin(request).await {
        // Another run stands for it.
        Ok(Begun::Started(started)) if started.duplicate && started.name != name => {
            Ok(Start::Nothing)
        }
        Ok(_) | Err(StartError::Conflict { .. } | StartError::KeptGone { .. }) => {
            Ok(Start::Started)
        }
        Err(error) => match error.final_code() {
            Some(code) => Ok(failed(code, error.words())),
            None => Err(error),
        },
    }
}

/// Offers a step what was emitted before it waited, since its run started.
pub(super) async fn read_for(handle: &Handle, run: RunId, reading: &Reading) {
    while let Err(error) = read_once(handle, run, reading).await {
        // It is read for anew when the run can be read again.
        if let RequestError::Refused(
            Refusal::Unreadable { passing: false, .. } | Refusal::ShuttingDown,
        ) = error
        {
            return;
        }
        tracing::debug!(%run, %error, "earlier events are offered later");
        tokio::time::sleep(REST).await;
    }
}

async fn read_once(handle: &Handle, run: RunId, reading: &Reading) -> Result<(), RequestError> {
    let Reading { step, waiting, event: topic, since } = reading;
    let (step, topic, since) = (*step, topic.as_str(), *since);
    let records = handle.topic(topic).await?.map_or(0, |topic| topic.records);
    let wanted = topic.to_owned();
    let first = handle
        .blocking(move |loader| first_since(&**loader.log(), &wanted, records, since))
        .await
        .map_err(LoadError::from)?;
    let mut next = Some(first);
    while let Some(from) = next {
        let wanted = topic.to_owned();
        let page =
            handle.blocking(move |loader| read_events(&**loader.log(), &wanted, from)).await?;
        for event in page.0.iter().filter(|event| event.at >= since) {
            match handle.ask(run, offer(topic, event, step)).await {
                Err(RequestError::Refused(
                    Refusal::Rejected(Rejection::EventNotAwaited { .. } | Rejection::Ended { .. })
                    | Refusal::NotFound,
                )) => return Ok(()),
                Ok(_) | Err(RequestError::Refused(Refusal::Rejected(_))) => {}
                Err(error) => return Err(error),
            }
        }
        next = page.1;
    }
    let waiting = Some(*waiting);
    offered(handle, run, Command::EventsRead { step, waiting }).await.map(|_| ())
}
