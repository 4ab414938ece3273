//! `pause`, `resume`, `cancel`, `retry`, `drive`: what changes a run.

use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::shard::Answer;
use nexus_engine::{MigrateRequest, RequestError, StartError};

use super::code_elsewhere::OF_PROGRAMS;
use super::get::find_step;
use super::{Service, show};
use crate::api::{Act, Acted, Problem};
use crate::problems;

/// What a run was to be continued without was undone.
const UNDONE: &str = "NX5005";

impl Service {
    /// Starts nothing new in a run until it is resumed.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it has ended or is paused.
    pub async fn pause(&self, name: &str, act: Act) -> Result<Acted, Problem> {
        let (run, name) = self.resolve_whole(name).await?;
        let answer = self.handle().pause(run, show::actor(act.by), act.reason).await;
        self.acted(run, name, "pause", answer)
    }

    /// Starts nothing new of a step until it is resumed.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run or step, or it has ended or is paused.
    pub async fn pause_step(&self, name: &str, step: &str, act: Act) -> Result<Acted, Problem> {
        let (run, name, step) = self.resolve_step(name, step).await?;
        let answer = self.handle().pause_step(run, step, show::actor(act.by), act.reason).await;
        self.acted(run, name, "pause-step", answer)
    }

    /// Ends the pause of a step.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run or step, or it is not paused.
    pub async fn resume_step(&self, name: &str, step: &str, act: Act) -> Result<Acted, Problem> {
        let (run, name, step) = self.resolve_step(name, step).await?;
        let answer = self.handle().resume_step(run, step, show::actor(act.by)).await;
        self.acted(run, name, "resume-step", answer)
    }

    async fn resolve_step(
        &self,
        name: &str,
        step: &str,
    ) -> Result<(RunId, String, StepIndex), Problem> {
        let (run, name) = self.resolve_whole(name).await?;
        let (plan, _) = self.load(run, &name).await?;
        let step = find_step(&plan, &name, step)?;
        Ok((run, name, step))
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it has ended or is not paused.
    pub async fn resume(&self, name: &str, act: Act) -> Result<Acted, Problem> {
        let (run, name) = self.resolve_whole(name).await?;
        let answer = self.handle().resume(run, show::actor(act.by)).await;
        self.acted(run, name, "resume", answer)
    }

    /// Ends a run: what runs is stopped, nothing new is started.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it has ended or is being cancelled.
    pub async fn cancel(&self, name: &str, act: Act) -> Result<Acted, Problem> {
        let (run, name) = self.resolve_whole(name).await?;
        let by = show::actor(act.by);
        let answer = if act.no_undo {
            self.handle().cancel_without_undo(run, by, act.reason).await
        } else {
            self.handle().cancel(run, by, act.reason).await
        };
        self.acted(run, name, "cancel", answer)
    }

    /// Continues a failed or cancelled run with the steps that did not complete; with another definition, if one is given.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, it is neither failed nor cancelled, or cannot go on with that definition.
    pub async fn retry(&self, name: &str, act: Act) -> Result<Acted, Problem> {
        let (run, name) = self.resolve_whole(name).await?;
        let by = show::actor(act.by);
        if act.definition.is_null() {
            let answer = self.handle().retry(run, by).await;
            let acted = self.acted(run, name.clone(), "retry", answer);
            return match acted {
                Err(problem) if problem.code == UNDONE => {
                    Err(self.with_its_program(problem, run, &name).await)
                }
                acted => acted,
            };
        }
        let (plan, callees) = self.compiled(act.definition, act.callees).await?;
        let (before, _) = self.load(run, &name).await?;
        let answer = if before.hash() == plan.hash() {
            self.handle().retry(run, by).await
        } else {
            let reason = act.reason;
            let request = MigrateRequest { plan, callees, by, reason, retries: true };
            match self.handle().migrate(run, request).await {
                Err(StartError::Request(error)) => Err(error),
                Err(error) => return Err(problems::start_problem(&error)),
                Ok(answer) => Ok(answer),
            }
        };
        self.acted(run, name, "retry", answer)
    }

    /// Who started a run from a program has no file of its workflow.
    async fn with_its_program(&self, problem: Problem, run: RunId, name: &str) -> Problem {
        let started = self.load(run, name).await.ok().and_then(|(_, state)| state.started);
        if started.is_some_and(|started| started.by.via == OF_PROGRAMS) {
            return problem.hint(problems::start_another());
        }
        problem
    }

    /// Has the engine work on a run that was started before it was opened.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it gets no further without the code of another program: its function (NX5022), or
    /// the handlers of its steps (NX3004).
    pub async fn drive(&self, name: &str) -> Result<Acted, Problem> {
        let (run, name) = self.resolve(name).await?;
        let (plan, state) = self.load(run, &name).await?;
        self.check_code(&plan, &state, &name).await?;
        self.handle().drive(run);
        self.acted(run, name, "drive", Ok(Answer { run, revision: state.revision }))
    }

    pub(super) fn acted(
        &self,
        run: RunId,
        name: String,
        action: &str,
        answer: Result<Answer, RequestError>,
    ) -> Result<Acted, Problem> {
        let answer = answer.map_err(|error| problems::request(&error, &name))?;
        self.note_driven(run);
        let revision = answer.revision;
        Ok(Acted { kind: "acted/v1".into(), id: name, action: action.into(), revision })
    }
}
