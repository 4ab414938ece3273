//! Errands of schedules: runs are started, watched until they end, and cancelled.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::schedule::{Cause, ScheduleCommand, ScheduleEffect, StartRun};

use crate::handle::{Handle, RequestError, StartError, StartRequest};
use crate::loader::LoadError;
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

/// Starts a run, or finds that it is there: nobody else uses its name.
async fn start_run(handle: &Handle, start: StartRun) -> ScheduleCommand {
    let due = start.due;
    let not_started = |code: &str, message: String| ScheduleCommand::NotStarted {
        due,
        code: code.to_owned(),
        message,
    };
    loop {
        match try_to_start(handle, &start).await {
            Ok((run, existing)) => return ScheduleCommand::Started { due, run, existing },
            Err(error) => match final_code(&error) {
                Some(code) => return not_started(code, words(&error)),
                None => {
                    tracing::debug!(run = start.name, %error, "a scheduled run is started later");
                }
            },
        }
        tokio::time::sleep(REST).await;
    }
}

async fn try_to_start(handle: &Handle, start: &StartRun) -> Result<(RunId, bool), StartError> {
    if let Some(run) = handle.find(&start.name).await.map_err(RequestError::from)? {
        return Ok((run, true));
    }
    let definition = start.definition;
    let plan = handle.blocking(move |loader| loader.plan(definition)).await;
    let plan = plan.map_err(RequestError::from)?;
    let input = serde_json::from_str(&start.input).unwrap_or_default();
    let by = match &start.cause {
        Cause::Due | Cause::CatchUp => {
            Actor { name: start.schedule.clone(), via: "schedule".to_owned() }
        }
        Cause::Trigger(by) | Cause::Backfill(by) => by.clone(),
    };
    let request = StartRequest {
        labels: BTreeMap::from([(LABEL.to_owned(), start.schedule.clone())]),
        folder: (!start.folder.is_empty()).then(|| PathBuf::from(&start.folder)),
        by,
        ..StartRequest::new(plan).input(input).name(start.name.clone())
    };
    match handle.start(request).await {
        Ok(started) => Ok((started.run, started.existing)),
        Err(StartError::Conflict { run, .. }) => Ok((run, true)),
        Err(error) => Err(error),
    }
}

/// The code of an error that trying again does not help.
pub(super) fn final_code(error: &StartError) -> Option<&'static str> {
    match error {
        StartError::Inputs(_) => Some("NX1205"),
        StartError::InputTooLarge { .. } => Some("NX7005"),
        StartError::Unresolved { .. } => Some("NX1185"),
        StartError::Name(_)
        | StartError::RunId { .. }
        | StartError::Limit { .. }
        | StartError::Conflict { .. } => Some("NX7020"),
        StartError::Request(RequestError::Load(LoadError::Definition(_))) => Some("NX4143"),
        StartError::Request(RequestError::Refused(Refusal::Rejected(_) | Refusal::TooLarge)) => {
            Some("NX7005")
        }
        StartError::NoEncryption => Some("NX6023"),
        StartError::CallsEncrypted => Some("NX1136"),
        StartError::Busy { .. }
        | StartError::Full { .. }
        | StartError::Uncounted(_)
        | StartError::Request(_) => None,
    }
}

pub(super) fn words(error: &StartError) -> String {
    if let StartError::Inputs(errors) = error {
        return errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    }
    error.to_string()
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
