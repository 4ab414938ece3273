//! Migrations: whether a run can go on with another definition, and what becomes of its steps.
//!
//! A run keeps what it has done, and steps that were not begun may change. So what is done or under way must be in the new
//! definition, what is under way must be the same there, and nothing may come before it that has not happened.
//!
//! Invariants:
//! * The answer follows from the two plans, the state and the input alone.
//! * What others know by its number (attempts under way, slots of limits) keeps its number, so that their reports stay right.

mod places;

use std::sync::Arc;

use serde_json::Value;

use crate::definition::Step;
use crate::event::{Actor, Awaited};
use crate::id::StepIndex;
use crate::input;
use crate::plan::{Plan, Work, changes_of_step};
use crate::run::{Run, RunStatus, Slot, StepState};

/// A request to give a run another definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateRun {
    /// The definition.
    pub to: Target,
    /// Who asks.
    pub by: Actor,
    /// Why, or where the definition comes from.
    pub reason: String,
    /// Whether the run has ended and is to be retried with it.
    pub retries: bool,
}

/// The plan to go on with. Equal if the definitions are.
#[derive(Clone)]
pub struct Target(pub Arc<Plan>);

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.0.hash() == other.0.hash()
    }
}

impl Eq for Target {}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0.hash())
    }
}

/// That a run can go on with another definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// What becomes of each step of the old definition.
    pub steps: Vec<Option<StepIndex>>,
    /// Where the new definition says something else about what the run has done: its result is kept. None: it is safe.
    pub kept: Vec<String>,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has not begun, or is opened again.
    Open,
    /// It failed and waits for its next attempt.
    Between,
    /// It is at work, waits or sleeps, or holds a slot.
    UnderWay,
    /// It has settled and stays so.
    Done,
}

/// Whether a run of `old` with this `input` can go on with `new`; `retries`: it has ended, and is opened again first.
///
/// # Errors
/// All reasons against it, one line each.
pub fn examine(
    old: &Plan,
    new: &Plan,
    run: &Run,
    input: &Value,
    retries: bool,
) -> Result<Fit, Vec<String>> {
    let steps = old.steps().map(|step| new.find(old.id(step))).collect();
    let mut examined = Examined {
        old,
        new,
        run,
        retries,
        fit: Fit { steps, kept: Vec::new() },
        against: Vec::new(),
    };
    examined.workflow(input);
    examined.status();
    if examined.against.is_empty() {
        old.steps().for_each(|step| examined.step(step));
        new.steps().for_each(|step| examined.place(step));
    }
    if examined.against.is_empty() { Ok(examined.fit) } else { Err(examined.against) }
}

struct Examined<'a> {
    old: &'a Plan,
    new: &'a Plan,
    run: &'a Run,
    retries: bool,
    fit: Fit,
    against: Vec<String>,
}

impl Examined<'_> {
    fn workflow(&mut self, input: &Value) {
        let (old, new) = (self.old.definition(), self.new.definition());
        if old.name != new.name {
            self.against.push(format!("it is a run of `{}`, not of `{}`", old.name, new.name));
        }
        if self.old.hash() == self.new.hash() {
            self.against.push("it has this definition already".to_owned());
        }
        if (old.input_is_value, &old.inputs) == (new.input_is_value, &new.inputs) {
            return;
        }
        match input::check(new, input.clone()) {
            Ok(checked) if checked == *input => {}
            Ok(_) => self.against.push(
                "inputs: the new definition fills in defaults that its input does not have"
                    .to_owned(),
            ),
            Err(errors) => {
                self.against.extend(errors.iter().map(|error| format!("inputs: {error}")));
            }
        }
    }

    fn status(&mut self) {
        let status = &self.run.status;
        let fits = match status {
            RunStatus::Running => !self.retries && !self.run.is_undoing(),
            RunStatus::Failed { .. } | RunStatus::Cancelled { .. } => self.retries,
            RunStatus::Failing { .. }
            | RunStatus::Cancelling { .. }
            | RunStatus::Completed { .. } => false,
        };
        if !fits {
            let where_it_is = if status.is_terminal() {
                "it has ended"
            } else if *status == RunStatus::Running && !self.run.is_undoing() {
                "it has not ended, so that nothing can be retried"
            } else {
                "it is ending"
            };
            self.against.push(format!("{where_it_is} ({})", self.run.word()));
        }
    }

    fn step(&mut self, step: StepIndex) {
        let stage = self.stage(step);
        if stage == Stage::Open && self.run.items(step).is_none() && !self.is_known_by_number(step)
        {
            return;
        }
        let word = self.run.step(step).word();
        let id = self.old.id(step).to_owned();
        let Some(next) = self.fit.steps.get(step.at()).copied().flatten() else {
            if stage != Stage::Open {
                self.against
                    .push(format!("step `{id}` is {word}, and is not in the new definition"));
            }
            return;
        };
        if self.is_known_by_number(step) && step != next {
            self.against.push(format!(
                "step `{id}` is {word}, and stands at another place in the new definition ({} → {}); it can be moved when it has settled",
                step.0 + 1, next.0 + 1
            ));
        }
        self.settings(step, next, stage);
        if stage != Stage::Open {
            self.needs(step, next, word);
        }
    }

    /// What the new definition says of a step that has begun.
    fn settings(&mut self, step: StepIndex, next: StepIndex, stage: Stage) {
        let (id, word) = (self.old.id(step), self.run.step(step).word());
        let (was, is) = (definition(self.old, step), definition(self.new, next));
        let changes = changes_of_step(was, is).into_iter().map(|change| change.key);
        let mut changed = changes.filter(|key| key != "name").collect::<Vec<_>>().join(", ");
        if changed.is_empty() && stage == Stage::UnderWay && !self.same_literal(step, next) {
            "its input".clone_into(&mut changed);
        }
        let same_kind = std::mem::discriminant(&was.kind) == std::mem::discriminant(&is.kind);
        if was.for_each != is.for_each && self.run.items(step).is_some() {
            self.against.push(format!("step `{id}` has begun its items, and changes `for_each`"));
        }
        if changed.is_empty() || stage == Stage::Open {
            return;
        }
        if stage == Stage::UnderWay {
            self.against.push(format!("step `{id}` is {word}, and changes {changed}"));
        } else if !same_kind {
            self.against.push(format!("step `{id}` is {word}, and is of another kind"));
        } else if stage == Stage::Done && steers(&self.old.step(step).work) {
            self.against.push(format!("step `{id}` has decided what runs, and changes {changed}"));
        } else {
            let kept = format!("step `{id}` is {word}, and changes {changed}: what it did is kept");
            self.fit.kept.push(kept);
        }
    }

    /// Nothing may come before what has begun that has not happened.
    fn needs(&mut self, step: StepIndex, next: StepIndex, word: &str) {
        let id = self.old.id(step);
        for &need in self.new.needs(next) {
            let name = self.new.id(need);
            let was = self.old.find(name);
            let is_kept = was.is_some_and(|was| self.old.needs(step).contains(&was));
            if !is_kept && was.is_none_or(|was| self.stage(was) != Stage::Done) {
                self.against.push(format!(
                    "step `{id}` is {word}, and would come after `{name}`, which has not happened"
                ));
            }
        }
    }

    fn stage(&self, step: StepIndex) -> Stage {
        match self.run.step(step) {
            StepState::Waiting if self.holds_slot(step) => Stage::UnderWay,
            StepState::Waiting => Stage::Open,
            StepState::Running { .. }
            | StepState::Sleeping { .. }
            | StepState::Awaiting { .. }
            | StepState::Calling { .. }
            | StepState::Iterating => Stage::UnderWay,
            StepState::Retrying { .. } => Stage::Between,
            StepState::Failed { continued: false, .. }
            | StepState::NotReached
            | StepState::Cancelled
                if self.retries =>
            {
                Stage::Open
            }
            StepState::Completed { .. }
            | StepState::Skipped { .. }
            | StepState::Failed { .. }
            | StepState::NotReached
            | StepState::Cancelled => Stage::Done,
        }
    }

    /// Whether somebody else knows the step by its number: who carries out its attempts, a limit, the run it has called, or who
    /// reads events for it.
    fn is_known_by_number(&self, step: StepIndex) -> bool {
        let state = self.run.step(step);
        let reads = matches!(
            state,
            StepState::Awaiting { what: Awaited::Event { .. }, .. } | StepState::Calling { .. }
        );
        let may_call_on = self.run.calls.contains_key(&step) && !state.is_ok();
        state.is_at_work() || reads || may_call_on || self.holds_slot(step)
    }

    /// Whether it holds a slot of a limit or breaker, or waits for one.
    fn holds_slot(&self, step: StepIndex) -> bool {
        let slots = [Slot::Step(step), Slot::Call(step)];
        slots.into_iter().any(|slot| self.run.slots.get(slot).is_some())
            || self.run.slots.of_items(step).next().is_some()
    }

    /// Whether an input that is not recorded, because it holds no expression, is the same in both.
    fn same_literal(&self, step: StepIndex, next: StepIndex) -> bool {
        self.old.literal_input(step) == self.new.literal_input(next)
    }
}

fn definition(plan: &Plan, step: StepIndex) -> &Step {
    &plan.definition().steps[step.at()]
}

/// Whether a step with this work says which other steps run.
fn steers(work: &Work) -> bool {
    match work {
        Work::Switch(_) | Work::Race(_) | Work::Repeat(_) => true,
        Work::Handler { .. }
        | Work::Set { .. }
        | Work::Sleep { .. }
        | Work::SleepUntil { .. }
        | Work::WaitFor(_)
        | Work::Call(_)
        | Work::Update(_)
        | Work::Approve(_) => false,
    }
}
