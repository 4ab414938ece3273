//! Steps whose code this program does not have.

use nexus_model::id::StepIndex;
use nexus_model::plan::Plan;
use nexus_model::run::{Run, StepState, UndoState};
use nexus_model::workers::worker_handler;

use super::Handle;

/// A step that waits for a program that has its handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingCode {
    /// The step.
    pub step: StepIndex,
    /// The name of the handler.
    pub handler: String,
}

/// What a run waits for that goes no further with the handlers of this program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stalled {
    /// The steps that wait for their handlers.
    pub missing: Vec<MissingCode>,
    /// The steps that wait for runs they called: one of those may go on.
    pub calls: Vec<StepIndex>,
}

/// What may become of a step.
enum Prospect {
    /// It goes on here: at once, by a timer, or by what somebody tells it.
    GoesOn,
    /// It does nothing: it has ended, or its turn has not come.
    IsStill,
    /// It waits for the run that it called.
    Calls,
    /// It is, or is to be, at work, or undone if that is true.
    Works { undo: bool },
}

impl Handle {
    /// The steps of a run that are to be at work, and whose handlers this program does not have. They rest until a program opens the
    /// store that has them. Why the function of a run gets no further is said by [`function_trouble`](Self::function_trouble).
    pub fn missing_code(&self, plan: &Plan, run: &Run) -> Vec<MissingCode> {
        if plan.is_code() {
            return Vec::new();
        }
        let at_work = run.running().chain(run.iterating());
        let missing = at_work.filter_map(|step| {
            let undo = run.step_run(step).undo().is_some();
            self.missing_of(plan, step, undo)
        });
        missing.collect()
    }

    /// Whether this program lacks a handler of a graph, so that its runs may get no further here.
    pub fn may_lack_code(&self, plan: &Plan) -> bool {
        let lacks = |step, undo| self.missing_of(plan, step, undo).is_some();
        !plan.is_code() && plan.steps().any(|step| lacks(step, false) || lacks(step, true))
    }

    /// What an open run of a graph waits for, if nothing of it can go on with the handlers of this program: each step that is not
    /// over lacks its handler, or waits for a run that it called. `None` if something can go on, also if it is a pause that keeps it,
    /// or if it waits for a timer, or for somebody. That a step has no time for ever is not looked at: when its time is over,
    /// nothing was done.
    pub fn stalled(&self, plan: &Plan, run: &Run) -> Option<Stalled> {
        if plan.is_code() || run.status.is_terminal() || run.is_held_back() {
            return None;
        }
        let mut stalled = Stalled::default();
        for (step, _) in run.steps() {
            match prospect(plan, run, step) {
                Prospect::GoesOn => return None,
                Prospect::IsStill => {}
                Prospect::Calls => stalled.calls.push(step),
                Prospect::Works { undo } => {
                    stalled.missing.push(self.missing_of(plan, step, undo)?);
                }
            }
        }
        (stalled != Stalled::default()).then_some(stalled)
    }

    fn missing_of(&self, plan: &Plan, step: StepIndex, undo: bool) -> Option<MissingCode> {
        let name = if undo { plan.undo_handler(step) } else { plan.handler(step) }?;
        let is_here = self.registry().get(name).is_some() || worker_handler(name).is_some();
        (!is_here).then(|| MissingCode { step, handler: name.to_owned() })
    }
}

fn prospect(plan: &Plan, run: &Run, step: StepIndex) -> Prospect {
    if let Some(undo) = run.step_run(step).undo() {
        return match undo {
            UndoState::Pending if run.undo_blocks(step) > 0 => Prospect::IsStill,
            // One that failed waits for somebody who decides.
            UndoState::Running { stopping: true, .. } | UndoState::Failed { .. } => {
                Prospect::GoesOn
            }
            UndoState::Pending | UndoState::Running { .. } | UndoState::Retrying { .. } => {
                Prospect::Works { undo: true }
            }
            UndoState::Undone | UndoState::GivenUp => Prospect::IsStill,
        };
    }
    match run.step(step) {
        StepState::Waiting if run.is_undoing() || !run.needs_met(step) => Prospect::IsStill,
        StepState::Waiting if run.slots.blocks(step) => Prospect::GoesOn,
        // Whether it is done at all is asked when the pause has ended.
        StepState::Waiting if run.holds(step) && has_condition(plan, step) => Prospect::GoesOn,
        StepState::Running { stopping: Some(_), .. }
        | StepState::Calling { stopping: Some(_), .. }
        | StepState::Sleeping { .. }
        | StepState::Awaiting { .. } => Prospect::GoesOn,
        StepState::Waiting
        | StepState::Iterating
        | StepState::Running { .. }
        | StepState::Retrying { .. } => Prospect::Works { undo: false },
        StepState::Calling { .. } => Prospect::Calls,
        StepState::Completed { .. }
        | StepState::Failed { .. }
        | StepState::Skipped { .. }
        | StepState::NotReached
        | StepState::Cancelled => Prospect::IsStill,
    }
}

fn has_condition(plan: &Plan, step: StepIndex) -> bool {
    plan.step_definition(step).is_some_and(|step| step.condition.is_some())
}
