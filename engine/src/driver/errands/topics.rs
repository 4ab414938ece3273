//! Errands of topics: an event is offered to the steps that wait for it, and starts runs. Also the other way round: a step that
//! begins to wait is offered what was emitted before.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
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
use serde_json::Value;

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

/// What has been done for events of a topic that are not recorded as delivered, so that it is not done again while something
/// has to wait for room. A process that does not know it does it again, which does no harm.
#[derive(Default)]
struct Progress {
    /// The last event that was offered to all who waited for it.
    offered: u32,
    /// Offers that could not be made.
    failures: Vec<StartFailure>,
    /// What came of triggers, by event.
    begun: BTreeMap<(u32, String), Start>,
}

/// The progress of topics that are behind.
#[derive(Clone, Default)]
pub(super) struct Topics(Arc<Mutex<BTreeMap<String, Progress>>>);

impl Topics {
    fn take(&self, topic: &str) -> Progress {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(topic).unwrap_or_default()
    }

    /// Remembers what goes beyond what is recorded now.
    fn put(&self, topic: &str, mut progress: Progress, through: u32) {
        progress.failures.retain(|failure| failure.number > through);
        progress.begun.retain(|(number, _), _| *number > through);
        if progress.offered > through {
            let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            topics.insert(topic.to_owned(), progress);
        }
    }
}

pub(super) async fn carry_out(handle: &Handle, topics: &Topics, deliver: Deliver) -> TopicCommand {
    let mut progress = topics.take(&deliver.topic);
    loop {
        match deliver_all(handle, &deliver, &mut progress).await {
            Ok(Delivery { through, started, failures }) => {
                topics.put(&deliver.topic, progress, through);
                return TopicCommand::Delivered { through, started, failures };
            }
            Err(error) => {
                tracing::warn!(topic = deliver.topic, %error, "events are delivered later");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Delivers a page of events, or those of them before the first that has to wait.
async fn deliver_all(
    handle: &Handle,
    deliver: &Deliver,
    progress: &mut Progress,
) -> Result<Delivery, StartError> {
    let Deliver { topic, number: first, record } = deliver;
    let (topic, first, record) = (topic.as_str(), *first, *record);
    let wanted = topic.to_owned();
    let page = handle.blocking(move |loader| read_events(&**loader.log(), &wanted, record)).await;
    let state = handle.topic(topic).await.map_err(RequestError::from)?.unwrap_or_default();
    let (events, _) = page.map_err(RequestError::from)?;
    let events: Vec<(u32, &Emitted)> =
        (first..).zip(events.iter().take(EVENTS_MAX as usize)).collect();
    // A start that has to wait for room must not keep from the runs that hold it what they wait for.
    let mut waits = offer_page(handle, topic, &events, progress).await.err();
    let mut through = first.saturating_sub(1);
    'events: for (number, event) in &events {
        if *number > progress.offered {
            break;
        }
        for (name, trigger) in state.triggers.iter().filter(|(_, trigger)| trigger.after < *number)
        {
            let begun = (*number, name.clone());
            if progress.begun.contains_key(&begun) {
                continue;
            }
            match start(handle, topic, *number, event, (name, trigger)).await {
                Ok(start) => {
                    progress.begun.insert(begun, start);
                }
                Err(error) => {
                    waits = Some(error);
                    break 'events;
                }
            }
        }
        through = *number;
    }
    match waits {
        Some(error) if through < first => Err(error),
        waits => {
            if let Some(error) = waits {
                tracing::debug!(topic, through, %error, "the events after it are delivered later");
            }
            Ok(progress.delivery(through))
        }
    }
}

impl Progress {
    fn delivery(&self, through: u32) -> Delivery {
        let offers = self.failures.iter().filter(|failure| failure.number <= through);
        let mut delivery = Delivery { through, started: 0, failures: offers.cloned().collect() };
        for (_, start) in self.begun.iter().filter(|((number, _), _)| *number <= through) {
            match start {
                Start::Started => delivery.started += 1,
                Start::Nothing => {}
                Start::Failed(failure) => delivery.failures.push(failure.clone()),
            }
        }
        delivery
    }
}

/// Offers those events that were not offered before, each to all who wait for it.
async fn offer_page(
    handle: &Handle,
    topic: &str,
    events: &[(u32, &Emitted)],
    progress: &mut Progress,
) -> Result<(), StartError> {
    for (number, event) in events {
        if *number <= progress.offered {
            continue;
        }
        for (run, reason) in offer_to_all(handle, topic, event).await? {
            progress.failures.push(StartFailure {
                number: *number,
                trigger: String::new(),
                code: "NX5004".to_owned(),
                message: format!("run {run} was not offered the event: {reason}"),
            });
        }
        progress.offered = *number;
    }
    Ok(())
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
#[derive(Clone, Debug)]
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
    if set.follows && was_started(handle, &plan, (topic, trigger), &data, &name).await? {
        return Ok(Start::Started);
    }
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
        Ok(_)
        | Err(
            StartError::Conflict { .. }
            | StartError::KeptOther { .. }
            | StartError::KeptGone { .. },
        ) => Ok(Start::Started),
        Err(error) => match error.final_code() {
            Some(code) => Ok(failed(code, error.words())),
            None => Err(error),
        },
    }
}

/// Whether an engine that was here before has started the run of this name, or handed in its start with the version that was
/// current then.
async fn was_started(
    handle: &Handle,
    plan: &Plan,
    (topic, trigger): (&str, &str),
    data: &Value,
    name: &str,
) -> Result<bool, StartError> {
    if handle.find(name).await.map_err(RequestError::from)?.is_some() {
        return Ok(true);
    }
    let input = |plan: &Plan| {
        let at = plan.definition().event_trigger(topic, trigger)?;
        plan.triggered_input(at, data).ok().flatten()
    };
    let workflow = plan.definition().name.as_str();
    Ok(handle.taken_earlier(workflow, input, name).await?.is_some())
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
