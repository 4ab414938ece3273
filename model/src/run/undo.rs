//! Undoing: where the undo of each completed step stands, and which may start.
//!
//! Invariants:
//! * Only a step that completed, or of which items did, has an undo, from `UndoRequested` on; once undone it stays so.
//! * An undo may start when no step that comes after its own, near or far, has an open undo.
//! * The indexes follow from the states of the undos; only [`Run::set_step`] changes them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Run, StepRun, StepState, set_member};
use crate::event::Failure;
use crate::id::{Attempt, ItemIndex, StepIndex, TimerId};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::time::Timestamp;

/// The undo of a step: its state, and the numbers that outlive a change of state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUndo {
    /// Where it stands.
    pub state: UndoState,
    /// Attempts of the step up to this number do not count as attempts to undo it.
    pub attempts_forgiven: u32,
    /// When its first attempt was started.
    pub started_at: Option<Timestamp>,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
    /// How far its items are undone, if the step has some and that has begun.
    pub items: Option<ItemsUndo>,
}

/// How far the items of a step are undone: one after the other, the last first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemsUndo {
    /// Items from here on are undone, or did not complete. The one before is under way, unless the undo is
    /// [pending](UndoState::Pending).
    pub below: ItemIndex,
    /// How many are undone.
    pub undone: u32,
}

impl StepUndo {
    /// The item of which an attempt to undo it is under way, or was the last.
    pub fn item(&self) -> Option<ItemIndex> {
        let items = self.items.filter(|_| self.state != UndoState::Pending)?;
        items.below.0.checked_sub(1).map(ItemIndex)
    }
}

/// Where the undo of a step stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UndoState {
    /// For the undos of later steps, or for room to start.
    #[default]
    Pending,
    /// A handler is at work, or should be.
    Running {
        /// The attempt, counted on from those of the step.
        attempt: Attempt,
        /// Its rendered input; `None`: the plan's literal.
        input: Option<Payload>,
        /// How often this attempt was cut off by the end of a process (orderly ends do not count).
        interruptions: u32,
        /// Whether an execution of this attempt was cut off at all.
        may_repeat: bool,
        /// Whether no handler is at work for it: it was cut off, and its resumption is not recorded yet.
        rests: bool,
        /// When the attempt was recorded as started.
        since: Timestamp,
        /// Whether it was told to stop, because the undoing was given up.
        stopping: bool,
    },
    /// For the next attempt.
    Retrying {
        /// The number of the next attempt.
        attempt: Attempt,
        /// The timer that starts it; `None`: the timer has fired and it waits for room.
        timer: Option<TimerId>,
        /// When.
        at: Timestamp,
        /// How the last attempt failed.
        failure: Failure,
    },
    /// Its attempts are used up. The run waits until somebody retries it or gives up undoing.
    Failed {
        /// How the last attempt failed.
        failure: Failure,
    },
    /// Done.
    Undone,
    /// Given up on request; what the step did stays.
    GivenUp,
}

/// What a run knows about undoing beside its steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Undoing {
    /// Whether completed steps are to be undone as soon as what runs has stopped.
    planned: bool,
    open: u32,
    /// For each step, how many of its direct successors have an open undo or are themselves listed here.
    blocks: BTreeMap<StepIndex, u32>,
    ready: BTreeSet<StepIndex>,
}

impl UndoState {
    /// Whether something has still to happen.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Pending | Self::Running { .. } | Self::Retrying { .. } | Self::Failed { .. } => {
                true
            }
            Self::Undone | Self::GivenUp => false,
        }
    }

    fn is_startable(&self) -> bool {
        matches!(self, Self::Pending | Self::Retrying { timer: None, .. })
    }
}

impl StepRun {
    /// Where its undo stands, if it has one.
    pub fn undo(&self) -> Option<&UndoState> {
        self.undo.as_ref().map(|undo| &undo.state)
    }

    /// The word for where it stands, as expressions and people see it.
    pub fn word(&self) -> &'static str {
        match self.undo() {
            Some(UndoState::Running { .. } | UndoState::Retrying { .. }) => "undoing",
            Some(UndoState::Failed { .. }) => "undo failed",
            Some(UndoState::Undone) => "undone",
            Some(UndoState::Pending | UndoState::GivenUp) | None => self.state.word(),
        }
    }

    /// Whether an attempt of it or of its undo is under way.
    pub fn is_under_way(&self) -> bool {
        matches!(self.state, StepState::Running { .. })
            || matches!(self.undo(), Some(UndoState::Running { .. }))
    }

    pub(super) fn has_open_undo(&self) -> bool {
        self.undo().is_some_and(UndoState::is_open)
    }

    pub(super) fn has_startable_undo(&self) -> bool {
        self.undo().is_some_and(UndoState::is_startable)
    }
}

impl Run {
    /// The word for where it stands, as people see it.
    pub fn word(&self) -> &'static str {
        if self.undo.open > 0 { "compensating" } else { self.status.word() }
    }

    /// Whether completed steps are undone, or will be once what runs has stopped. What runs last waits for that.
    pub fn is_undoing(&self) -> bool {
        self.undo.planned || self.undo.open > 0
    }

    /// Whether completed steps are to be undone once what runs has stopped.
    pub fn plans_undo(&self) -> bool {
        self.undo.planned
    }

    /// How many undos are not settled.
    pub fn open_undos(&self) -> u32 {
        self.undo.open
    }

    /// Steps that were undone, or of which items were, in order.
    pub fn touched_by_undo(&self) -> impl Iterator<Item = StepIndex> + '_ {
        let is_touched = |step: &StepRun| {
            let items = step.undo.as_ref().and_then(|undo| undo.items);
            matches!(step.undo(), Some(UndoState::Undone))
                || items.is_some_and(|items| items.undone > 0)
        };
        self.steps().filter(move |(_, step)| is_touched(step)).map(|(step, _)| step)
    }

    /// Steps that were undone, in order.
    pub fn undone(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.steps()
            .filter(|(_, step)| matches!(step.undo(), Some(UndoState::Undone)))
            .map(|(step, _)| step)
    }

    /// Steps whose undo has failed for good, with the failure, in order.
    pub fn failed_undos(&self) -> impl Iterator<Item = (StepIndex, &Failure)> {
        self.steps().filter_map(|(step, step_run)| match step_run.undo() {
            Some(UndoState::Failed { failure }) => Some((step, failure)),
            Some(
                UndoState::Pending
                | UndoState::Running { .. }
                | UndoState::Retrying { .. }
                | UndoState::Undone
                | UndoState::GivenUp,
            )
            | None => None,
        })
    }

    /// How many steps after `step` hold up its undo.
    pub fn undo_blocks(&self, step: StepIndex) -> u32 {
        self.undo.blocks.get(&step).copied().unwrap_or(0)
    }

    pub(crate) fn plan_undo(&mut self, planned: bool) {
        self.undo.planned = planned;
    }

    /// Steps that could be started now: while there is something to undo, only undos are.
    pub(super) fn startable(&self) -> &BTreeSet<StepIndex> {
        if self.is_undoing() { &self.undo.ready } else { &self.ready }
    }

    /// Keeps the indexes in step with the undo of `step`, which was open before or not.
    pub(super) fn follow_undo(&mut self, plan: &Plan, step: StepIndex, was_open: bool) {
        let is_open = self.step_run(step).has_open_undo();
        if was_open != is_open {
            self.undo.open = if is_open { self.undo.open + 1 } else { self.undo.open - 1 };
            if !self.undo.blocks.contains_key(&step) {
                self.move_blocks(plan, step, is_open);
            }
        }
        self.follow_undo_ready(step);
    }

    /// `step` began or ceased to hold up the undos of what comes before it.
    fn move_blocks(&mut self, plan: &Plan, step: StepIndex, blocks: bool) {
        let mut moved = vec![step];
        while let Some(step) = moved.pop() {
            for &need in plan.needs(step) {
                let count = self.undo.blocks.entry(need).or_insert(0);
                *count = if blocks { *count + 1 } else { *count - 1 };
                let is_edge = *count == u32::from(blocks);
                if *count == 0 {
                    self.undo.blocks.remove(&need);
                }
                if is_edge && !self.step_run(need).has_open_undo() {
                    moved.push(need);
                }
                self.follow_undo_ready(need);
            }
        }
    }

    fn follow_undo_ready(&mut self, step: StepIndex) {
        let is_ready =
            self.step_run(step).has_startable_undo() && !self.undo.blocks.contains_key(&step);
        set_member(&mut self.undo.ready, step, is_ready);
    }
}
