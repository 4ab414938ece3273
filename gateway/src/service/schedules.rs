//! `schedules`: runs that are started by the clock.

use std::path::PathBuf;

use nexus_engine::ScheduleRequest;
use nexus_engine::model::aggregate::{Kind, Rejection};
use nexus_engine::model::schedule::{CatchUp, Overlap, Schedule, ScheduleRejection, Timing};
use nexus_engine::model::time::Timestamp;
use nexus_engine::shard::Refusal;
use nexus_engine::{RequestError, ScheduledRun, StartError};

use super::start::Wanted;
use super::{Service, show};
use crate::api::{
    Act, BackfillSchedule, BackfillView, Problem, PutSchedule, ScheduleActed, SchedulePage,
    ScheduleView, StartFailureView,
};
use crate::problems;

/// The shortest interval, in milliseconds.
const EVERY_MS_MIN: u64 = 1_000;

impl Service {
    /// All schedules, by name. Everything recorded before the call is seen.
    ///
    /// # Errors
    /// A [`Problem`] if they cannot be read.
    pub async fn schedules(&self) -> Result<SchedulePage, Problem> {
        let rows = self
            .blocking(|service| {
                let views = service.views_now()?;
                views.aggregates(Kind::Schedule).map_err(|error| problems::views(&error))
            })
            .await?;
        let mut schedules = Vec::new();
        for row in rows {
            let found = self.find_schedule(&row.name).await?;
            if let Some(schedule) = found.as_ref().and_then(view) {
                schedules.push(self.with_version(schedule, found.as_ref()).await?);
            }
        }
        Ok(SchedulePage { kind: "schedules/v1".into(), schedules })
    }

    /// A schedule.
    ///
    /// # Errors
    /// A [`Problem`] if there is none of this name.
    pub async fn schedule(&self, name: &str) -> Result<ScheduleView, Problem> {
        let found = self.find_schedule(name).await?;
        let view = found.as_ref().and_then(view).ok_or_else(|| problems::no_such_schedule(name))?;
        self.with_version(view, found.as_ref()).await
    }

    /// With the number under which the definition of its runs is published.
    async fn with_version(
        &self,
        view: ScheduleView,
        schedule: Option<&Schedule>,
    ) -> Result<ScheduleView, Problem> {
        let Some(spec) = schedule.and_then(|schedule| schedule.spec.as_ref()) else {
            return Ok(view);
        };
        let version = self.published_as(&spec.workflow, spec.definition).await?;
        Ok(ScheduleView { version, ..view })
    }

    /// Makes a schedule, or changes one.
    ///
    /// # Errors
    /// A [`Problem`] if it could never start a run, or there is another one of this name.
    pub async fn put_schedule(&self, request: PutSchedule) -> Result<ScheduleActed, Problem> {
        let timing = timing(&request)?;
        let catch_up = catch_up(request.catch_up.as_deref())?;
        let overlap = overlap(request.overlap.as_deref())?;
        let PutSchedule { id, definition, workflow, callees, input, folder, replace, by, .. } =
            request;
        let was_there = self.find_schedule(&id).await?.is_some_and(|it| it.spec.is_some());
        let Wanted { plan, callees, folder, follows } =
            self.wanted(definition, callees, workflow, folder).await?;
        let request = ScheduleRequest {
            name: id.clone(),
            timing,
            plan,
            callees,
            follows,
            input,
            folder: folder.map(PathBuf::from),
            catch_up,
            overlap,
            replace,
            by: show::actor(by),
        };
        let action = match self.handle().put_schedule(request).await {
            Ok(_) if was_there => "changed",
            Ok(_) => "created",
            Err(StartError::Request(RequestError::Refused(Refusal::Aggregate(
                Rejection::Schedule(ScheduleRejection::Unchanged),
            )))) => "unchanged",
            Err(error) => return Err(problems::schedule_problem(&error, &id)),
        };
        self.schedule_acted(&id, action).await
    }

    /// Has a schedule start nothing until it is resumed.
    ///
    /// # Errors
    /// A [`Problem`] if there is none of this name, or it is paused.
    pub async fn pause_schedule(&self, name: &str, act: Act) -> Result<ScheduleActed, Problem> {
        let answer = self.handle().pause_schedule(name, show::actor(act.by), act.reason).await;
        answer.map_err(|error| problems::request(&error, name))?;
        self.schedule_acted(name, "paused").await
    }

    /// Ends the pause of a schedule.
    ///
    /// # Errors
    /// A [`Problem`] if there is none of this name, or it is not paused.
    pub async fn resume_schedule(&self, name: &str, act: Act) -> Result<ScheduleActed, Problem> {
        let answer = self.handle().resume_schedule(name, show::actor(act.by)).await;
        answer.map_err(|error| problems::request(&error, name))?;
        self.schedule_acted(name, "resumed").await
    }

    /// Deletes a schedule. Runs that it started go on.
    ///
    /// # Errors
    /// A [`Problem`] if there is none of this name.
    pub async fn delete_schedule(&self, name: &str, act: Act) -> Result<ScheduleActed, Problem> {
        let answer = self.handle().delete_schedule(name, show::actor(act.by)).await;
        answer.map_err(|error| problems::request(&error, name))?;
        self.schedule_acted(name, "deleted").await
    }

    /// Has a schedule start a run now.
    ///
    /// # Errors
    /// A [`Problem`] if there is none of this name.
    pub async fn trigger_schedule(&self, name: &str, act: Act) -> Result<ScheduleActed, Problem> {
        let answer = self.handle().trigger_schedule(name, show::actor(act.by)).await;
        let triggered = answer.map_err(|error| problems::request(&error, name))?;
        let (run, outcome) = match triggered {
            ScheduledRun::Requested(run) => (Some(run), "started"),
            ScheduledRun::Queued(run) => (Some(run), "queued"),
            ScheduledRun::Skipped => (None, "skipped"),
        };
        let acted = self.schedule_acted(name, "triggered").await?;
        Ok(ScheduleActed { run, outcome: Some(outcome.into()), ..acted })
    }

    /// Has a schedule start the runs of a stretch of the past that are missing.
    ///
    /// # Errors
    /// A [`Problem`] if there is none of this name, or too many are missing.
    pub async fn backfill_schedule(
        &self,
        name: &str,
        request: BackfillSchedule,
    ) -> Result<BackfillView, Problem> {
        let (from, to) = (from_ms(request.from_ms), from_ms(request.to_ms));
        let by = show::actor(request.by);
        let done = self.handle().backfill_schedule(name, from, to, by).await;
        let done = done.map_err(|error| problems::request(&error, name))?;
        let done = done.ok_or_else(|| problems::no_such_schedule(name))?;
        let (due, runs) = (done.due, done.started);
        Ok(BackfillView { kind: "backfill/v1".into(), id: name.into(), due, runs })
    }

    async fn find_schedule(&self, name: &str) -> Result<Option<Schedule>, Problem> {
        self.handle().schedule(name).await.map_err(|error| problems::load(&error))
    }

    async fn schedule_acted(&self, name: &str, action: &str) -> Result<ScheduleActed, Problem> {
        let next = self.find_schedule(name).await?.and_then(|schedule| schedule.next);
        Ok(ScheduleActed {
            kind: "schedule-acted/v1".into(),
            id: name.into(),
            action: action.into(),
            next: next.map(|(_, due)| show::time(due)),
            ..ScheduleActed::default()
        })
    }
}

fn from_ms(ms: i64) -> Timestamp {
    Timestamp(ms.saturating_mul(1_000))
}

fn timing(request: &PutSchedule) -> Result<Timing, Problem> {
    match (&request.cron, request.every_ms) {
        (Some(expression), None) => Ok(Timing::Cron {
            expression: expression.clone(),
            zone: request.timezone.clone().unwrap_or_else(|| "UTC".to_owned()),
        }),
        (None, Some(ms)) if ms >= EVERY_MS_MIN => Ok(Timing::Every { ms }),
        (None, Some(ms)) => Err(problems::bad_request(format!(
            "an interval has at least {EVERY_MS_MIN} ms, this one has {ms}"
        ))),
        (Some(_), Some(_)) | (None, None) => {
            Err(problems::bad_request("a schedule is due by `cron` or by `every_ms`: one of them"))
        }
    }
}

fn catch_up(word: Option<&str>) -> Result<CatchUp, Problem> {
    match word {
        None => Ok(CatchUp::default()),
        Some(word) => CatchUp::of(word)
            .ok_or_else(|| problems::bad_request("`catch_up` is none, latest or all")),
    }
}

fn overlap(word: Option<&str>) -> Result<Overlap, Problem> {
    match word {
        None => Ok(Overlap::default()),
        Some(word) => Overlap::of(word)
            .ok_or_else(|| problems::bad_request("`overlap` is skip, queue, cancel_old or allow")),
    }
}

/// A schedule as people see it; `None`: it is deleted.
fn view(schedule: &Schedule) -> Option<ScheduleView> {
    let spec = schedule.spec.as_ref()?;
    let (cron, timezone, every_ms) = match &spec.timing {
        Timing::Cron { expression, zone } => (Some(expression.clone()), Some(zone.clone()), None),
        Timing::Every { ms } => (None, None, Some(*ms)),
    };
    Some(ScheduleView {
        kind: "schedule/v1".into(),
        id: schedule.name.clone(),
        status: if schedule.paused.is_some() { "paused" } else { "active" }.into(),
        workflow: spec.workflow.clone(),
        definition: spec.definition.to_string(),
        version: None,
        follows: spec.follows,
        cron,
        timezone,
        every_ms,
        catch_up: spec.catch_up.word().into(),
        overlap: spec.overlap.word().into(),
        next: schedule.next.map(|(_, due)| show::time(due)),
        last: schedule.last.map(show::time),
        open: schedule.open.iter().map(|firing| schedule.run_name(firing.due)).collect(),
        waiting: schedule.waiting.iter().map(|waiting| show::time(waiting.due)).collect(),
        started: schedule.counts.started,
        skipped: schedule.counts.skipped,
        failed: schedule.counts.failed,
        failure: schedule.failure.as_ref().map(|failure| StartFailureView {
            due: show::time(failure.due),
            code: failure.code.clone(),
            message: failure.message.clone(),
        }),
        reason: schedule.paused.as_ref().map(|pause| pause.reason.clone()),
    })
}
