//! Schedules: runs that are started by the clock.

use std::path::PathBuf;
use std::sync::Arc;

use nexus_log::Revision;
use nexus_model::aggregate::{Command, Event, Kind};
use nexus_model::event::Actor;
use nexus_model::input::check;
use nexus_model::plan::Plan;
use nexus_model::schedule::{
    CatchUp, DUES_MAX, Overlap, Schedule, ScheduleCommand, ScheduleEvent, Spec, Timing, due_times,
    run_name,
};
use nexus_model::time::Timestamp;
use serde_json::Value;

use super::{Handle, RequestError, StartError};
use crate::loader::{LoadError, events_of_aggregate};
use crate::shard::Answer;
use crate::tables::{NAMES, definition_row, stream};

/// A schedule to make or to change.
#[derive(Clone, Debug)]
pub struct ScheduleRequest {
    /// Its name.
    pub name: String,
    /// When it is due.
    pub timing: Timing,
    /// The definition of its runs, compiled.
    pub plan: Arc<Plan>,
    /// The definitions it calls, directly or not.
    pub callees: Vec<Arc<Plan>>,
    /// Whether they have the version that is current when they are started, instead of this definition.
    pub follows: bool,
    /// Their input.
    pub input: Value,
    /// Where their scripts work.
    pub folder: Option<PathBuf>,
    /// What becomes of due times at which nobody was there.
    pub catch_up: CatchUp,
    /// What happens at a due time when a run is open.
    pub overlap: Overlap,
    /// Whether one that is there is changed.
    pub replace: bool,
    /// Who asks.
    pub by: Actor,
}

/// What became of a request to make up for a stretch of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// Due times in the stretch.
    pub due: usize,
    /// Names of the runs that were missing and are started now, in order.
    pub started: Vec<String>,
}

/// What became of a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduledRun {
    /// The run of this name is started.
    Requested(String),
    /// The run of this name waits for another to end.
    Queued(String),
    /// A run is open, and the schedule skips then.
    Skipped,
}

impl Handle {
    /// Makes a schedule, or changes what it does.
    ///
    /// # Errors
    /// [`StartError`] if its runs could not be started, or it is refused.
    pub async fn put_schedule(&self, mut request: ScheduleRequest) -> Result<Answer, StartError> {
        (request.plan, request.callees) = self.link(request.plan, request.callees).await?;
        let ScheduleRequest { name, timing, plan, callees, .. } = &request;
        self.check_calls(plan, callees).await?;
        let called = callees
            .iter()
            .map(|callee| definition_row(callee.hash(), callee.definition().to_canonical_json()));
        let (name, timing, plan) = (name.clone(), timing.clone(), Arc::clone(plan));
        let called: Vec<_> = called.collect();
        let ScheduleRequest { follows, input, folder, catch_up, overlap, replace, by, .. } =
            request;
        let definition = plan.definition();
        let input = check(definition, input).map_err(StartError::Inputs)?.to_string();
        let bytes_max = self.shared.config.payload_bytes_max;
        if input.len() > bytes_max {
            return Err(StartError::InputTooLarge { bytes: input.len(), bytes_max });
        }
        let spec = Spec {
            timing,
            workflow: definition.name.clone(),
            definition: plan.hash(),
            follows,
            input,
            folder: folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default(),
            catch_up,
            overlap,
        };
        let mut rows = vec![definition_row(plan.hash(), definition.to_canonical_json())];
        rows.extend(called);
        let command = ScheduleCommand::Put { spec, replace, next: None, by };
        let command = Command::Schedule(command);
        let answer = self.ask_aggregate_with(Kind::Schedule, &name, command, rows).await?;
        self.shared.loader.keep(&plan);
        Ok(answer)
    }

    /// The state of a schedule; `None`: there never was one of this name.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn schedule(&self, name: &str) -> Result<Option<Schedule>, LoadError> {
        self.state_of(name).await
    }

    /// Has a schedule start nothing until it is resumed.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn pause_schedule(
        &self,
        name: &str,
        by: Actor,
        reason: String,
    ) -> Result<Answer, RequestError> {
        self.ask_schedule(name, ScheduleCommand::Pause { by, reason }).await
    }

    /// Ends the pause of a schedule. What was due meanwhile is not made up for.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn resume_schedule(&self, name: &str, by: Actor) -> Result<Answer, RequestError> {
        self.ask_schedule(name, ScheduleCommand::Resume { next: None, by }).await
    }

    /// Deletes a schedule. Runs that it started go on.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn delete_schedule(&self, name: &str, by: Actor) -> Result<Answer, RequestError> {
        self.ask_schedule(name, ScheduleCommand::Delete { by }).await
    }

    /// Has a schedule start a run now, as its overlap policy allows.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn trigger_schedule(
        &self,
        name: &str,
        by: Actor,
    ) -> Result<ScheduledRun, RequestError> {
        let answer = self.ask_schedule(name, ScheduleCommand::Trigger { by }).await?;
        let last = Revision(answer.revision.saturating_sub(1));
        let stream = stream(answer.run);
        let events = self
            .blocking(move |loader| {
                let frames = loader.log().read_stream(stream, last, 1)?;
                frames.first().map_or(Ok(Vec::new()), events_of_aggregate)
            })
            .await?;
        Ok(match events.into_iter().next_back().map(|recorded| recorded.event) {
            Some(Event::Schedule(ScheduleEvent::RunRequested(requested))) => {
                ScheduledRun::Requested(run_name(name, requested.due))
            }
            Some(Event::Schedule(ScheduleEvent::Queued(queued))) => {
                ScheduledRun::Queued(run_name(name, queued.due))
            }
            Some(_) | None => ScheduledRun::Skipped,
        })
    }

    /// Has a schedule start the runs of a stretch of the past that are missing: `from` on, before `to`.
    ///
    /// `None`: there is no such schedule.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn backfill_schedule(
        &self,
        name: &str,
        from: Timestamp,
        to: Timestamp,
        by: Actor,
    ) -> Result<Option<Backfill>, RequestError> {
        let Some(schedule) = self.schedule(name).await? else { return Ok(None) };
        let Some(spec) = schedule.spec.clone() else { return Ok(None) };
        let to = to.min(self.shared.clock.wall_now());
        let calendar = Arc::clone(&self.shared.calendar);
        let (due, missing) = self
            .blocking(move |loader| {
                // More than can be asked for, so that too many are refused and not cut off.
                let dues = due_times(&spec.timing, from, to, 100 * DUES_MAX, &*calendar);
                let mut missing = Vec::new();
                for due in dues.iter().copied().filter(|due| !schedule.has(*due)) {
                    let name = run_name(&schedule.name, due);
                    if loader.log().row(NAMES, name.as_bytes())?.is_none() {
                        missing.push((due, name));
                    }
                }
                Ok::<_, LoadError>((dues.len(), missing))
            })
            .await?;
        if missing.is_empty() {
            return Ok(Some(Backfill { due, started: Vec::new() }));
        }
        let (dues, started): (Vec<Timestamp>, Vec<String>) = missing.into_iter().unzip();
        self.ask_schedule(name, ScheduleCommand::Backfill { from, to, dues, by }).await?;
        Ok(Some(Backfill { due, started }))
    }

    /// The next due times of a timing after `after`, at most `count_max`.
    pub fn next_due_times(
        &self,
        timing: &Timing,
        after: Timestamp,
        count_max: usize,
    ) -> Vec<Timestamp> {
        let from = Timestamp(after.0.saturating_add(1));
        due_times(timing, from, Timestamp(i64::MAX), count_max, &*self.shared.calendar)
    }

    async fn ask_schedule(
        &self,
        name: &str,
        command: ScheduleCommand,
    ) -> Result<Answer, RequestError> {
        self.ask_aggregate(Kind::Schedule, name, Command::Schedule(command)).await
    }
}
