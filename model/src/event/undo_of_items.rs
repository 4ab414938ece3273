//! Items of a step are undone.

use crate::id::{Attempt, ItemIndex, StepIndex};
use crate::payload::Payload;

/// An attempt to undo one item of a step was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemUndoStarted {
    /// The step.
    pub step: StepIndex,
    /// The item. Those after it are undone, or did not complete.
    pub item: ItemIndex,
    /// The attempt, counted on from those of the step.
    pub attempt: Attempt,
    /// The rendered input; `None`: the plan's literal.
    pub input: Option<Payload>,
}

/// One item of a step was undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemUndone {
    /// The step.
    pub step: StepIndex,
    /// The item.
    pub item: ItemIndex,
    /// The attempt, counted on from those of the step.
    pub attempt: Attempt,
    /// Whether an earlier execution of the same attempt was cut off, so that its effects may have happened twice.
    pub may_repeat: bool,
}
