//! What the log says of a task that no worker holds: whether this worker's report is recorded already, or it comes too late.

use nexus_model::event::{Event, Failure};
use nexus_model::id::Attempt;
use serde_json::Value;

use super::{Pulse, Reporting, TaskId};
use crate::handle::{Handle, RequestError};
use crate::handler::{Data, StepError, StepResult};
use crate::loader::Recorded;
use crate::shard::Refusal;

/// Events that are looked at together.
const EVENTS_MAX: usize = 1_000;

/// Why a worker's word about a task is not taken.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// There was never such a task.
    #[error("there is no such task")]
    Unknown,
    /// No worker holds the task under this token; [`Handle::task_is_over`] says why.
    #[error("no worker holds the task under this token")]
    NotHeld,
    /// Something else has become of it.
    #[error("ignored: stale attempt")]
    Stale(Box<Over>),
    /// The progress is refused.
    #[error("{}", .0.0.message)]
    Progress(StepError),
    /// It was not recorded, or whether it was is not known.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Why a task is not held under a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// The name of the run.
    pub run: String,
    /// The step by id.
    pub step: String,
    /// What came of it, in words.
    pub why: String,
    /// The token that counts now, if the task is on the board.
    pub token: Option<u32>,
    /// How the worker's attempt ended, if it did so by a report.
    pub outcome: Option<Ended>,
}

/// A report that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It completed.
    Completed,
    /// It failed.
    Failed(Failure),
}

impl Handle {
    /// Takes the outcome of a task from the worker that holds it under `token`, and answers when it is recorded: whether it was
    /// before, because the same was reported already.
    ///
    /// # Errors
    /// [`TaskError`]; nothing is recorded then, or, with [`RequestError::Unknown`], it is not known.
    pub async fn report_task(
        &self,
        id: TaskId,
        token: u32,
        outcome: StepResult<Data>,
    ) -> Result<bool, TaskError> {
        let failure = outcome.as_ref().err().map(|error| error.0.clone());
        let (recorded, is_again) = match self.workers().report(id, token, outcome) {
            Reporting::Under(mut recorded, is_again) => {
                let answer =
                    recorded.wait_for(Option::is_some).await.ok().and_then(|it| it.clone());
                // The attempt may have ended at the same moment: the log knows.
                let Some(answer) = answer else {
                    return self.was_reported(id, token, failure.as_ref()).await;
                };
                (answer, is_again)
            }
            Reporting::NotHeld => return self.was_reported(id, token, failure.as_ref()).await,
        };
        match recorded {
            Ok(_) if is_again => self.was_reported(id, token, failure.as_ref()).await,
            Ok(_) => Ok(false),
            Err(Refusal::Rejected(_)) => Err(self.stale(id, token).await),
            Err(refusal) => Err(RequestError::Refused(refusal).into()),
        }
    }

    /// Whether the same was reported before under this token, which is no mistake.
    async fn was_reported(
        &self,
        id: TaskId,
        token: u32,
        failure: Option<&Failure>,
    ) -> Result<bool, TaskError> {
        let over = self.task_is_over(id, token).await?;
        let is_same = match (&over.outcome, failure) {
            (Some(Ended::Completed), None) => true,
            (Some(Ended::Failed(was)), Some(is)) => {
                was.code == is.code && was.message == is.message
            }
            (Some(_) | None, _) => false,
        };
        if is_same { Ok(true) } else { Err(self.is_stale(over)) }
    }

    /// Takes a sign of life of the worker that holds a task, and how far it is; `null`: it says nothing of that.
    ///
    /// # Errors
    /// [`TaskError`]
    pub async fn task_heartbeat(
        &self,
        id: TaskId,
        token: u32,
        progress: &Value,
    ) -> Result<Pulse, TaskError> {
        match self.workers().heartbeat(id, token, progress) {
            Err(TaskError::NotHeld) => Err(self.stale(id, token).await),
            pulse => pulse,
        }
    }

    async fn stale(&self, id: TaskId, token: u32) -> TaskError {
        match self.task_is_over(id, token).await {
            Ok(over) => self.is_stale(over),
            Err(error) => error,
        }
    }

    fn is_stale(&self, over: Over) -> TaskError {
        self.workers().metrics().stale();
        TaskError::Stale(Box::new(over))
    }

    /// What became of a task that no worker holds under this token, from the log.
    ///
    /// # Errors
    /// [`TaskError::Unknown`] if there was never such a task; also if the log cannot be read.
    pub async fn task_is_over(&self, id: TaskId, token: u32) -> Result<Over, TaskError> {
        let loaded = self.load(id.run).await.map_err(RequestError::Load)?;
        let Some((plan, run)) = loaded.filter(|(plan, run)| {
            id.step.0 < plan.step_count() && (1..=run.revision).contains(&token)
        }) else {
            return Err(TaskError::Unknown);
        };
        let began = self.history(id.run, token - 1, 1).await.map_err(RequestError::Load)?;
        let is_outside = [false, true].map(|undo| plan.worker_handler(id.step, undo).is_some());
        if began.is_empty() || is_outside == [false, false] {
            return Err(TaskError::Unknown);
        }
        let name = run.started.as_ref().map(|started| started.name.clone()).unwrap_or_default();
        let mut over = Over {
            run: name,
            step: plan.id(id.step).to_owned(),
            why: "it was never handed out under this token".to_owned(),
            token: self.workers().standing(id).map(|standing| standing.token),
            outcome: None,
        };
        if over.token == Some(token) {
            return Ok(over);
        }
        let mut from = token;
        loop {
            let events =
                self.history(id.run, from, EVENTS_MAX).await.map_err(RequestError::Load)?;
            let Some(last) = events.last() else { break };
            from = last.revision + 1;
            if let Some((why, outcome)) = events.iter().find_map(|event| fate(id, event)) {
                (over.why, over.outcome) = (why, outcome);
                return Ok(over);
            }
        }
        "its worker lost it".clone_into(&mut over.why);
        Ok(over)
    }
}

/// What an event makes of a task that was under way.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else ends an attempt of a worker")]
fn fate(id: TaskId, recorded: &Recorded) -> Option<(String, Option<Ended>)> {
    let completed = |attempt: Attempt| {
        Some((format!("attempt {} completed", attempt.0), Some(Ended::Completed)))
    };
    let failed = |attempt: Attempt, failure: &Failure| {
        let why = format!("attempt {} failed: {} {}", attempt.0, failure.code, failure.message);
        Some((why, Some(Ended::Failed(failure.clone()))))
    };
    let cut_off = || Some(("the engine has ended since then".to_owned(), None));
    let is_ours = |step| step == id.step && id.item.is_none();
    let is_our_item = |step, item| step == id.step && id.item == Some(item);
    match &recorded.event {
        Event::StepCompleted { step, attempt, .. } | Event::UndoCompleted { step, attempt, .. }
            if is_ours(*step) =>
        {
            completed(*attempt)
        }
        Event::AttemptFailed { step, attempt, failure }
        | Event::UndoAttemptFailed { step, attempt, failure }
            if is_ours(*step) =>
        {
            failed(*attempt, failure)
        }
        Event::ItemCompleted { step, item, attempt, .. } if is_our_item(*step, *item) => {
            completed(*attempt)
        }
        Event::ItemAttemptFailed { step, item, attempt, failure } if is_our_item(*step, *item) => {
            failed(*attempt, failure)
        }
        Event::AttemptsInterrupted { attempts, .. }
            if attempts.iter().any(|(step, _)| is_ours(*step)) =>
        {
            cut_off()
        }
        Event::ItemsInterrupted { attempts, .. }
            if attempts.iter().any(|(step, item, _)| is_our_item(*step, *item)) =>
        {
            cut_off()
        }
        Event::ItemUndone(undone) if is_ours(undone.step) => completed(undone.attempt),
        Event::StepsCancelled { steps } if steps.contains(&id.step) => {
            Some(("the step was cancelled".to_owned(), None))
        }
        Event::RunMigrated(_) => {
            Some(("the run goes on with another definition since then".to_owned(), None))
        }
        _ => None,
    }
}
