//! What steps that workers carry out wait for, as `explain` and `get` tell it: the log says that they are at work, and only the
//! engine knows whether a worker has them.

use nexus_engine::model::id::{ItemIndex, StepIndex};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{ItemsRun, Run};
use nexus_engine::remote::{Stage, TaskId, TaskStanding};

use crate::Service;
use crate::api::{Cause, ExplainView, RunView, WaitingOn};
use crate::service::show::{duration, time};

/// Steps and items that are looked at.
const LOOKED_AT_MAX: usize = 50;

/// A step that a worker has, or should have.
struct Told {
    step: String,
    /// Whether no worker has it, or one of its items.
    waits: bool,
    /// Whether no worker has any of its items.
    all_wait: bool,
    why: String,
    release: String,
}

impl Service {
    /// Says of the steps that workers carry out whether one has them.
    pub(in crate::service) fn tell_of_workers(&self, view: &mut RunView, plan: &Plan, run: &Run) {
        let told = self.told(plan, run);
        for told in &told {
            if let Some(step) = view.steps.iter_mut().find(|step| step.id == told.step) {
                step.note = Some(told.why.clone());
            }
        }
        if let Some(first) = only_waits(&told, run) {
            view.why.clone_from(&first.why);
            view.waiting = Some(waiting_on(first));
        }
    }

    /// Says of the steps that workers carry out what keeps them.
    pub(in crate::service) fn explain_workers(
        &self,
        view: &mut ExplainView,
        plan: &Plan,
        run: &Run,
    ) {
        let told = self.told(plan, run);
        for told in &told {
            if let Some(reason) = view.steps.iter_mut().find(|reason| reason.step == told.step) {
                reason.why.clone_from(&told.why);
            }
            let is_its = |cause: &&mut Cause| {
                cause.step.as_ref() == Some(&told.step) && cause.cause == "running"
            };
            if let Some(cause) = view.causes.iter_mut().find(is_its) {
                cause.why.clone_from(&told.why);
                cause.release.clone_from(&told.release);
                if told.waits {
                    "no_worker".clone_into(&mut cause.cause);
                }
            }
        }
        if let Some(first) = only_waits(&told, run) {
            view.why.clone_from(&first.why);
            view.waiting = Some(waiting_on(first));
        }
    }

    fn told(&self, plan: &Plan, run: &Run) -> Vec<Told> {
        if run.status.is_terminal() {
            return Vec::new();
        }
        let running = run.running().map(|step| (step, None));
        let first_item = |step| {
            let items = run.items(step).into_iter().flat_map(ItemsRun::running);
            let items: Vec<ItemIndex> = items.map(|(item, _)| item).take(LOOKED_AT_MAX).collect();
            let waits = |item: &ItemIndex| {
                let standing = self.standing(run, step, Some(*item));
                standing.is_some_and(|standing| standing.stage == Stage::Waiting)
            };
            let first = items.iter().find(|item| waits(item)).or_else(|| items.first());
            Some((step, Some(*first?)))
        };
        let items = run.iterating().filter_map(first_item);
        let tasks = running.chain(items).take(LOOKED_AT_MAX);
        tasks.filter_map(|(step, item)| self.told_of(plan, run, step, item)).collect()
    }

    fn all_items_wait(&self, run: &Run, step: StepIndex) -> bool {
        let mut items = run.items(step).into_iter().flat_map(ItemsRun::running);
        items.all(|(item, _)| {
            let standing = self.standing(run, step, Some(item));
            standing.is_some_and(|standing| standing.stage == Stage::Waiting)
        })
    }

    fn standing(
        &self,
        run: &Run,
        step: StepIndex,
        item: Option<ItemIndex>,
    ) -> Option<TaskStanding> {
        let id = run.started.as_ref()?.run;
        self.handle().workers().standing(TaskId { run: id, step, item })
    }

    fn told_of(
        &self,
        plan: &Plan,
        run: &Run,
        step: StepIndex,
        item: Option<ItemIndex>,
    ) -> Option<Told> {
        let is_undo = run.step_run(step).undo().is_some();
        plan.worker_handler(step, is_undo)?;
        let standing = self.standing(run, step, item)?;
        let (id, handler) = (plan.id(step), &standing.handler);
        let what = match item {
            Some(item) => format!("item {} of {id}", item.0),
            None if is_undo => format!("the undo of {id}"),
            None => id.to_owned(),
        };
        let now = self.handle().clock().now();
        let (waits, why, release) = match &standing.stage {
            Stage::Waiting => {
                let (why, release) = self.none_asks(handler);
                (true, format!("{what} waits for a worker: {why}"), release)
            }
            Stage::Held { worker, since } => (
                false,
                format!("{what} is with worker `{worker}` for {}", duration(now.ms_since(*since))),
                "the worker reports, is silent for too long, or the step runs out of time".into(),
            ),
            Stage::Reported => {
                (false, format!("{what} is reported about"), "it is recorded".to_owned())
            }
        };
        let all_wait = waits && item.is_none_or(|_| self.all_items_wait(run, step));
        Some(Told { step: id.to_owned(), waits, all_wait, why, release })
    }

    /// Why nobody takes a task for this handler, and what to do.
    fn none_asks(&self, handler: &str) -> (String, String) {
        let workers = self.handle().workers();
        let (polls, asked_at) = workers.asked(handler);
        if polls > 0 {
            let why = format!("one asks for `{handler}`");
            return (why, "nothing: it is about to be handed out".to_owned());
        }
        let why = match asked_at {
            Some(at) => format!("none asks for `{handler}` since {}", time(at)),
            None => format!(
                "none has asked for `{handler}` since the engine was opened at {}",
                time(workers.since())
            ),
        };
        let release = match self.listening().first() {
            Some(address) => {
                format!("a worker that offers `{handler}` asks at http://{address}/workers/v1/poll")
            }
            None => format!(
                "nexus-engine serve, and a worker that offers `{handler}` asks at its /workers/v1/poll"
            ),
        };
        (why, release)
    }
}

/// The first of the steps at work, if all of them wait for workers.
fn only_waits<'a>(told: &'a [Told], run: &Run) -> Option<&'a Told> {
    let iterates = |step: &StepIndex| run.items(*step).is_some_and(|it| it.running_count() > 0);
    let at_work = run.running().chain(run.iterating().filter(iterates)).count();
    let all_wait = told.len() == at_work && told.iter().all(|told| told.all_wait);
    told.first().filter(|_| all_wait && !run.is_held())
}

fn waiting_on(told: &Told) -> WaitingOn {
    WaitingOn { on: "worker".into(), step: Some(told.step.clone()), ..WaitingOn::default() }
}
