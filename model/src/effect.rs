//! Effects: the work that should be under way for a run, derived from its state.

use crate::event::{Awaited, Failure, child_name};
use crate::id::{Attempt, DefinitionHash, ItemIndex, StepIndex};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::{ItemState, ItemsRun, Run, StepState, UndoState};
use crate::time::Timestamp;

/// Work for the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A handler should be at work.
    RunAttempt(RunAttempt),
    /// An attempt that was cut off should be carried on: that is recorded first, then its handler is called.
    ResumeAttempt {
        /// The step.
        step: StepIndex,
        /// The item, if it is an attempt of one.
        item: Option<ItemIndex>,
        /// The attempt.
        attempt: Attempt,
        /// Whether it must run while no other attempt runs in this engine, because it may be what ends the process.
        alone: bool,
    },
    /// A step that waits for an event should be offered those that were emitted since the run started.
    ReadEvents(Reading),
    /// A handler that is at work should stop and report.
    StopAttempt {
        /// The step.
        step: StepIndex,
        /// The item, if it is an attempt of one.
        item: Option<ItemIndex>,
        /// The attempt.
        attempt: Attempt,
    },
    /// A called run should be there, and its end be told.
    Call(Call),
}

/// A run that a step calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The step.
    pub step: StepIndex,
    /// The name of the called run.
    pub child: String,
    /// Its definition.
    pub definition: DefinitionHash,
    /// Its input.
    pub input: Payload,
    /// An end of it after which it had this many events or fewer is known already, and it is to be tried again; 0: none is.
    pub seen: u32,
    /// What it should do.
    pub wish: Wish,
}

/// What a called run should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Go on.
    GoOn,
    /// Start nothing new.
    Pause,
    /// End.
    End,
}

/// A call of a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAttempt {
    /// The step.
    pub step: StepIndex,
    /// The item, if it is an attempt of one.
    pub item: Option<ItemIndex>,
    /// The attempt.
    pub attempt: Attempt,
    /// The handler's input.
    pub input: Payload,
    /// How far an earlier attempt, or an earlier execution of this one, said it was; `null` if it did not.
    pub progress: Payload,
    /// How often this attempt was cut off by the end of a process.
    pub interruptions: u32,
    /// Whether it undoes what the step did.
    pub undo: bool,
}

/// A step that waits for an event, and is to be offered those of before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The step.
    pub step: StepIndex,
    /// The revision at which it began to wait.
    pub waiting: u32,
    /// The event's name.
    pub event: String,
    /// When the run started.
    pub since: Timestamp,
}

/// Names the work that should be under way for `run`; recovery asks the same question.
///
/// Shape: one effect for each running step, in order of steps, then one for each step that waits for a called run, then one for
/// each running item, then one for each step that waits for an event and was not offered yet what was emitted before.
pub fn pending(plan: &Plan, run: &Run) -> Vec<Effect> {
    let steps = run.running().chain(run.calling());
    let steps = steps.filter_map(|step| pending_for(plan, run, step));
    let items = run.iterating().flat_map(|step| pending_items(plan, run, step));
    let reads = run.reading_events().filter_map(|(step, ..)| pending_for(plan, run, step));
    steps.chain(items).chain(reads).collect()
}

/// Names the work that should be under way for the items of one step.
pub fn pending_items(plan: &Plan, run: &Run, step: StepIndex) -> Vec<Effect> {
    let items = run.items(step).into_iter().flat_map(ItemsRun::running);
    items.filter_map(|(item, _)| pending_item(plan, run, step, item)).collect()
}

/// Names the work that should be under way for one item. An attempt that was cut off runs again when no pause keeps it.
pub fn pending_item(plan: &Plan, run: &Run, step: StepIndex, item: ItemIndex) -> Option<Effect> {
    let items = run.items(step)?;
    let item_run = items.item(item)?;
    let (attempt, item) = (item_run.attempt, Some(item));
    let ItemState::Running { input, interruptions, rests, .. } = &item_run.state else {
        return None;
    };
    if items.stopping.is_some() {
        return Some(Effect::StopAttempt { step, item, attempt });
    }
    if *rests {
        return (!run.holds(step)).then(|| resume(step, item, attempt, *interruptions));
    }
    Some(Effect::RunAttempt(RunAttempt {
        step,
        item,
        attempt,
        input: input.clone().unwrap_or_else(|| plan.literal_input(step)),
        progress: Payload::Null,
        interruptions: *interruptions,
        undo: false,
    }))
}

/// Names the work that should be under way for one step. An attempt that was cut off runs again when no pause keeps it.
pub fn pending_for(plan: &Plan, run: &Run, step: StepIndex) -> Option<Effect> {
    if let StepState::Calling { number, input, stopping, .. } = run.step(step) {
        return call(plan, run, step, *number, input.as_ref(), stopping.as_ref()).map(Effect::Call);
    }
    if run.holds_cut_off(step) {
        return None;
    }
    if let Some(undo) = run.step_run(step).undo() {
        return pending_undo(plan, run, step, undo);
    }
    if let StepState::Awaiting { what: Awaited::Event { name, reads: Some(waiting) }, .. } =
        run.step(step)
    {
        let (event, since) = (name.clone(), run.started_at);
        return Some(Effect::ReadEvents(Reading { step, waiting: *waiting, event, since }));
    }
    let StepState::Running { attempt, input, interruptions, rests, stopping, .. } = run.step(step)
    else {
        return None;
    };
    if stopping.is_some() {
        return Some(Effect::StopAttempt { step, item: None, attempt: *attempt });
    }
    if *rests {
        return Some(resume(step, None, *attempt, *interruptions));
    }
    let input = input.clone().unwrap_or_else(|| plan.literal_input(step));
    Some(Effect::RunAttempt(RunAttempt {
        step,
        item: None,
        attempt: *attempt,
        input,
        progress: run.progress.get(&step).cloned().unwrap_or_default(),
        interruptions: *interruptions,
        undo: false,
    }))
}

fn resume(
    step: StepIndex,
    item: Option<ItemIndex>,
    attempt: Attempt,
    interruptions: u32,
) -> Effect {
    let alone = interruptions >= crate::decide::ALONE_AFTER_INTERRUPTIONS;
    Effect::ResumeAttempt { step, item, attempt, alone }
}

fn pending_undo(plan: &Plan, run: &Run, step: StepIndex, undo: &UndoState) -> Option<Effect> {
    let UndoState::Running { attempt, input, interruptions, rests, stopping, .. } = undo else {
        return None;
    };
    if *stopping {
        return Some(Effect::StopAttempt { step, item: None, attempt: *attempt });
    }
    if *rests {
        return Some(resume(step, None, *attempt, *interruptions));
    }
    Some(Effect::RunAttempt(RunAttempt {
        step,
        item: None,
        attempt: *attempt,
        input: input.clone().unwrap_or_else(|| plan.literal_undo_input(step)),
        progress: run.progress.get(&step).cloned().unwrap_or_default(),
        interruptions: *interruptions,
        undo: true,
    }))
}

fn call(
    plan: &Plan,
    run: &Run,
    step: StepIndex,
    number: u32,
    input: Option<&Payload>,
    stopping: Option<&Failure>,
) -> Option<Call> {
    let wish = match stopping {
        Some(_) => Wish::End,
        None if run.holds(step) => Wish::Pause,
        None => Wish::GoOn,
    };
    let last = run.calls.get(&step);
    Some(Call {
        step,
        child: child_name(&run.started.as_ref()?.name, plan.id(step), number),
        definition: last?.definition,
        input: input.cloned().unwrap_or_else(|| plan.literal_input(step)),
        seen: last?.seen,
        wish,
    })
}
