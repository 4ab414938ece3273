//! `get` and `output`: a run in full.

use std::sync::Arc;

use nexus_engine::model::event::RunStarted;
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::payload::Payload;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{Run, RunStatus, StepState};
use nexus_engine::model::suggest::nearest;
use nexus_engine::{LoadError, Loader};
use serde_json::Value;

use super::calls::{Calls, Shown};
use super::show::standing::Standing;
use super::show::{self, time};
use super::{Service, raw};
use crate::api::{FailureView, Problem, Raw, RunView, StepView};
use crate::problems;

/// The largest output of a step that stands in a [`RunView`], in bytes.
const STEP_OUTPUT_BYTES_MAX: u64 = 64 * 1024;
/// All outputs of steps that stand in a [`RunView`], in bytes; the rest is named and can be asked for.
const STEP_OUTPUTS_BYTES_MAX: u64 = 4 * 1024 * 1024;

impl Service {
    /// A run in full.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it cannot be read.
    pub async fn get(&self, name: &str) -> Result<RunView, Problem> {
        let (run, name) = self.resolve(name).await?;
        self.view(run, name).await
    }

    /// The whole output of a run, or of one of its steps: `null` until there is one.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run or step, or it cannot be read.
    pub async fn output(&self, name: &str, step: Option<&str>) -> Result<Value, Problem> {
        let (run, name) = self.resolve(name).await?;
        let (plan, run) = self.load(run, &name).await?;
        let payload = match step {
            None => run_output(&run).cloned(),
            Some(step) => match self.earlier_call(&plan, &run, step).await? {
                Some(output) => output,
                None => run.step(find_step(&plan, &name, step)?).output().cloned(),
            },
        };
        let payload = payload.unwrap_or_default();
        self.read(move |loader| show::payload(loader, &payload, u64::MAX)).await
    }

    /// The bytes of a binary value in the output of a run, or of one of its steps, and their media type: of the value at `path`,
    /// or of the only one there is.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, step or value, or it cannot be read.
    pub async fn raw(
        &self,
        name: &str,
        step: Option<&str>,
        path: Option<&str>,
    ) -> Result<Raw, Problem> {
        let (id, name) = self.resolve(name).await?;
        let (_, run) = self.load(id, &name).await?;
        if run.forgotten {
            return Err(problems::output_forgotten(&name));
        }
        let output = self.output(&name, step).await?;
        let blob = raw::find(&output, path).map_err(|none| none.problem(&name, step))?;
        let content_type = blob.content_type().to_owned();
        let bytes = self.read(move |loader| blob.load(loader)).await?;
        Ok(Raw { content_type, bytes: bytes.to_vec() })
    }

    /// What a call brought, if it is one of a function whose number another one was given since.
    pub(super) async fn earlier_call(
        &self,
        plan: &Plan,
        run: &Run,
        step: &str,
    ) -> Result<Option<Option<Payload>>, Problem> {
        if !plan.is_code() || plan.find(step).is_some() {
            return Ok(None);
        }
        let (run, step) = (run.clone(), step.to_owned());
        let found = move |loader: &Loader| {
            let calls = Calls::read(loader, &run)?;
            Ok(calls.find(&step).map(|call| call.output().cloned()))
        };
        self.read(found).await
    }

    /// The plan and state of a run.
    pub(super) async fn load(&self, run: RunId, name: &str) -> Result<(Arc<Plan>, Run), Problem> {
        let name = name.to_owned();
        self.blocking(move |service| service.load_now(run, &name)).await
    }

    /// The same, where it may block.
    pub(super) fn load_now(&self, run: RunId, name: &str) -> Result<(Arc<Plan>, Run), Problem> {
        let loaded = self.handle().loader().shown(run).map_err(|error| problems::load(&error))?;
        let (plan, mut state) = loaded.ok_or_else(|| problems::no_such_run(name, None))?;
        // A pause of the store holds also the runs in which nothing has happened since, of which their events do not tell.
        if let Some(started) = state.started.as_deref()
            && !state.status.is_terminal()
        {
            state.holds.by_store = self.handle().pauses().of(started);
        }
        Ok((plan, state))
    }

    /// A run in full, by its id.
    pub(super) async fn view(&self, run: RunId, name: String) -> Result<RunView, Problem> {
        let (plan, run) = self.load(run, &name).await?;
        self.view_of(plan, run).await
    }

    /// A state in full.
    pub(super) async fn view_of(&self, plan: Arc<Plan>, run: Run) -> Result<RunView, Problem> {
        let now = self.handle().clock().now();
        let driven = self.drives_it(&run);
        let published_as = self.published_as(&plan.definition().name, plan.hash()).await?;
        let run = Arc::new(run);
        let (of_plan, of_run) = (Arc::clone(&plan), Arc::clone(&run));
        let view = move |loader: &Loader| {
            view(loader, &Standing { plan: &of_plan, run: &of_run, now, driven })
        };
        let mut view = RunView { published_as, ..self.read(view).await? };
        view.elsewhere = self.code_elsewhere(&plan, &run).await.map(|code| code.view(&view.id));
        self.tell_of_workers(&mut view, &plan, &run);
        self.tell_of_missing_code(&mut view, (&plan, &run), driven);
        Ok(view)
    }
}

/// The step of this id.
pub(super) fn find_step(plan: &Plan, name: &str, step: &str) -> Result<StepIndex, Problem> {
    plan.find(step).ok_or_else(|| {
        let ids = plan.steps().map(|step| plan.id(step));
        problems::no_such_step(name, step, nearest(step, ids))
    })
}

fn view(loader: &Loader, standing: &Standing<'_>) -> Result<RunView, LoadError> {
    let Standing { plan, run, .. } = *standing;
    let nothing = RunStarted::default();
    let started = run.started.as_deref().unwrap_or(&nothing);
    let mut room = STEP_OUTPUTS_BYTES_MAX;
    let (steps, begins_late) = if plan.is_code() {
        calls_in_order(loader, standing, &mut room)?
    } else {
        let steps = plan.steps().map(|step| step_view(loader, standing, step, &mut room));
        (steps.collect::<Result<_, _>>()?, false)
    };
    let outputs = run_output(run).map(|output| show::payload(loader, output, u64::MAX));
    Ok(RunView {
        kind: "run/v1".into(),
        id: started.name.clone(),
        stream: started.run.to_string(),
        workflow: started.workflow.clone(),
        version: plan.definition().version,
        definition: plan.hash().to_string(),
        published_as: None,
        status: standing.status().into(),
        waiting: standing.waiting(),
        why: standing.why(),
        elsewhere: None,
        started_at: time(run.started_at),
        finished_at: run.ended_at.map(time),
        took_ms: standing.took_ms(),
        input: show::payload(loader, &started.input, u64::MAX)?,
        outputs: outputs.transpose()?.unwrap_or_default(),
        error: run_error(plan, run),
        steps,
        has_earlier_steps: begins_late,
        labels: started.labels.iter().cloned().collect(),
        by: show::by(&started.by),
        folder: Some(started.folder.clone()).filter(|folder| !folder.is_empty()),
        parent: started.parent.as_ref().map(|parent| parent.name.clone()),
        events: run.revision,
        forgotten: run.forgotten,
    })
}

/// The calls of a function in the order in which they were made, and whether earlier ones are left out.
fn calls_in_order(
    loader: &Loader,
    standing: &Standing<'_>,
    room: &mut u64,
) -> Result<(Vec<StepView>, bool), LoadError> {
    let Standing { plan, run, .. } = *standing;
    let mut calls = Calls::read(loader, run)?;
    let mut steps = Vec::new();
    for call in calls.shown(plan) {
        steps.push(match call {
            Shown::Kept(step) => step_view(loader, standing, step, room)?,
            Shown::Earlier(call) => {
                let bytes_max = STEP_OUTPUT_BYTES_MAX.min(*room);
                let len = call.output().map_or(0, Payload::len);
                *room -= if len <= bytes_max { len } else { 0 };
                call.view(loader, bytes_max)?
            }
        });
    }
    Ok((steps, calls.begins_late))
}

fn step_view(
    loader: &Loader,
    standing: &Standing<'_>,
    step: StepIndex,
    room: &mut u64,
) -> Result<StepView, LoadError> {
    let Standing { plan, run, now, .. } = *standing;
    let step_run = run.step_run(step);
    let ended = step_run
        .settled_at
        .or_else(|| step_run.state.is_at_work().then_some(now))
        // Nobody knows when it was cut off.
        .filter(|_| !standing.rests(step));
    let took = step_run.started_at.zip(ended).map(|(from, to)| to.ms_since(from));
    let output = step_run.state.output().map(|output| {
        let bytes_max = STEP_OUTPUT_BYTES_MAX.min(*room);
        if output.len() <= bytes_max {
            *room -= output.len();
        }
        show::payload(loader, output, bytes_max)
    });
    let progress = run.progress.get(&step);
    let progress = progress.map(|progress| show::payload(loader, progress, STEP_OUTPUT_BYTES_MAX));
    Ok(StepView {
        id: plan.id(step).to_owned(),
        status: standing.step_status(step).into(),
        attempts: standing.attempts(step),
        max_attempts: standing.attempts_max(step),
        started_at: step_run.started_at.map(time),
        took_ms: took,
        note: standing.step_note(step),
        progress: progress.transpose()?.unwrap_or_default(),
        output: output.transpose()?.unwrap_or_default(),
        error: step_error(&step_run.state, plan.id(step)),
        child: standing.child(step),
        undo: standing.undo_view(step),
        needs: plan.needs(step).iter().map(|need| plan.id(*need).to_owned()).collect(),
        items: standing.items_view(step),
    })
}

fn run_output(run: &Run) -> Option<&Payload> {
    match &run.status {
        RunStatus::Completed { output } => Some(output),
        RunStatus::Running
        | RunStatus::Failing { .. }
        | RunStatus::Cancelling { .. }
        | RunStatus::Failed { .. }
        | RunStatus::Cancelled { .. } => None,
    }
}

/// Why a run fails or failed.
pub(super) fn run_error(plan: &Plan, run: &Run) -> Option<FailureView> {
    match &run.status {
        RunStatus::Failing { failure, step } | RunStatus::Failed { failure, step } => {
            Some(show::failure(failure, step.map(|step| plan.id(step))))
        }
        RunStatus::Running
        | RunStatus::Cancelling { .. }
        | RunStatus::Completed { .. }
        | RunStatus::Cancelled { .. } => None,
    }
}

fn step_error(state: &StepState, step: &str) -> Option<FailureView> {
    match state {
        StepState::Retrying { failure, .. } | StepState::Failed { failure, .. } => {
            Some(show::failure(failure, Some(step)))
        }
        StepState::Waiting
        | StepState::Running { .. }
        | StepState::Sleeping { .. }
        | StepState::Awaiting { .. }
        | StepState::Calling { .. }
        | StepState::Iterating
        | StepState::Completed { .. }
        | StepState::Skipped { .. }
        | StepState::NotReached
        | StepState::Cancelled => None,
    }
}
