//! Errands of schedules: runs are started, watched until they end, and cancelled.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::schedule::{Cause, ScheduleCommand, ScheduleEffect, StartRun};
use serde_json::Value;

use crate::handle::{Begun, Handle, RequestError, StartError, StartRequest};
use crate::shard::Refusal;

/// Time before something is tried again that may work then.
const REST: Duration = Duration::from_secs(1);

/// Label of a run that a schedule has started: the name of the schedule.
pub(crate) const LABEL: &str = "schedule";

pub(super) async fn carry_out(handle: &Handle, effect: ScheduleEffect) -> Option<ScheduleCommand> {
    match effect {
        ScheduleEffect::Start(start) => Some(start_run(handle, *start).await),
        ScheduleEffect::Watch { due, run } => Some(watch(handle, due, run).await),
        ScheduleEffect::Cancel { run, .. } => {
            cancel(handle, run).await;
            None
        }
    }
}

/// What is known of the start of a due time.
#[derive(Default)]
struct Known {
    /// Whether it was looked for before.
    looked: bool,
    /// The start key that took it, and the number of its run: it is not handed in again, whatever is published since.
    taken: Option<(String, u32)>,
}

/// Starts a run, or finds that it is there: nobody else uses its name.
async fn start_run(handle: &Handle, start: StartRun) -> ScheduleCommand {
    let due = start.due;
    let not_started = |code: &str, message: String| ScheduleCommand::NotStarted {
        due,
        code: code.to_owned(),
        message,
    };
    let mut known = Known::default();
    loop {
        match try_to_start(handle, &start, &mut known).await {
            Ok(Some((run, existing))) => return ScheduleCommand::Started { due, run, existing },
            // It is kept; the schedule hears of it when its run is there.
            Ok(None) => {}
            Err(error) => match error.final_code() {
                Some(code) => return not_started(code, error.words()),
                None => {
                    tracing::debug!(run = start.name, %error, "a scheduled run is started later");
                }
            },
        }
        tokio::time::sleep(REST).await;
    }
}

/// Starts the run, and says whether it was there; `None`: its start is kept.
async fn try_to_start(
    handle: &Handle,
    start: &StartRun,
    known: &mut Known,
) -> Result<Option<(RunId, bool)>, StartError> {
    if let Some(run) = handle.find(&start.name).await.map_err(RequestError::from)? {
        return Ok(Some((run, true)));
    }
    let input: Value = serde_json::from_str(&start.input).unwrap_or_default();
    // An engine that was here before may have handed it in, with the version that was current then.
    if let Some(workflow) = start.follows.as_ref().filter(|_| !known.looked) {
        known.taken = handle.taken_earlier(workflow, |_| Some(input.clone()), &start.name).await?;
    }
    known.looked = true;
    if let Some((start_key, number)) = &known.taken {
        return match handle.kept_before(start_key, *number).await {
            Ok(Begun::Started(started)) => Ok(Some((started.run, false))),
            Ok(Begun::Kept(_)) => Ok(None),
            // Its run may have got the name that was asked for just now.
            Err(error) => match handle.find(&start.name).await.map_err(RequestError::from)? {
                Some(run) => Ok(Some((run, true))),
                None => Err(error),
            },
        };
    }
    let current = match &start.follows {
        Some(workflow) => handle.current_version(workflow).await?,
        None => None,
    };
    let (definition, folder) = current.unwrap_or_else(|| (start.definition, start.folder.clone()));
    let plan = handle.blocking(move |loader| loader.plan(definition)).await;
    let plan = plan.map_err(RequestError::from)?;
    let by = match &start.cause {
        Cause::Due | Cause::CatchUp => {
            Actor { name: start.schedule.clone(), via: "schedule".to_owned() }
        }
        Cause::Trigger(by) | Cause::Backfill(by) => by.clone(),
    };
    let request = StartRequest {
        labels: BTreeMap::from([(LABEL.to_owned(), start.schedule.clone())]),
        folder: (!folder.is_empty()).then(|| PathBuf::from(&folder)),
        by,
        ..StartRequest::new(plan).input(input).name(start.name.clone())
    };
    match handle.begin(request).await {
        Ok(Begun::Started(started)) => {
            // A run that its start was kept for is its own, whatever that is called.
            let was_kept = !started.duplicate && started.name != start.name;
            Ok(Some((started.run, started.existing && !was_kept)))
        }
        Ok(Begun::Kept(kept)) => {
            known.taken = Some((kept.start_key, kept.number));
            Ok(None)
        }
        Err(StartError::Conflict { run, .. }) => Ok(Some((run, true))),
        Err(error) => Err(error),
    }
}

async fn watch(handle: &Handle, due: nexus_model::time::Timestamp, run: RunId) -> ScheduleCommand {
    loop {
        match handle.wait(run).await {
            Ok(status) => {
                return ScheduleCommand::Ended { due, status: status.word().to_owned() };
            }
            Err(RequestError::Refused(Refusal::NotFound)) => {
                return ScheduleCommand::Ended { due, status: "gone".to_owned() };
            }
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

async fn cancel(handle: &Handle, run: RunId) {
    let by = Actor { name: "schedule".to_owned(), via: "engine".to_owned() };
    loop {
        let reason = "the next run of its schedule is due".to_owned();
        match handle.cancel(run, by.clone(), reason).await {
            Ok(_) | Err(RequestError::Refused(Refusal::Rejected(_) | Refusal::NotFound)) => return,
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}
