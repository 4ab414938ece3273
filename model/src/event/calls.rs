//! What steps wait for: events, updates, people, limits, the ends of runs that they have called, and the undos of their items.

use super::{Actor, Failure};
use crate::id::{Attempt, ItemIndex, StepIndex, TimerId};
use crate::limit::Ticket;
use crate::payload::Payload;
use crate::time::Timestamp;

/// What a step waits for from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A signal.
    Signal {
        /// Its name.
        name: String,
    },
    /// An event that somebody emits. It comes as a signal whose name [`signal_name`](crate::topic::signal_name) makes.
    Event {
        /// Its name.
        name: String,
        /// Set while events that were emitted before the step waited are still to be offered to it: the revision at which
        /// it began to wait.
        reads: Option<u32>,
    },
    /// An update.
    Update {
        /// Its name.
        name: String,
    },
    /// The decision of a person.
    Approval {
        /// Who may decide: `user:…`, `group:…`, or either.
        by: Vec<String>,
        /// What they are asked; may be empty.
        message: String,
    },
}

/// A step waits for an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateAwaited {
    /// The step.
    pub step: StepIndex,
    /// The update's name.
    pub name: String,
    /// The timer that ends the wait, and when.
    pub timer: Option<(TimerId, Timestamp)>,
}

/// A step took an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateAccepted {
    /// The step.
    pub step: StepIndex,
    /// The update's name.
    pub name: String,
    /// The sender's key, under which the reply is found again; empty if there is none.
    pub id: String,
    /// What it carries, complete with defaults.
    pub data: Payload,
    /// What the sender is answered.
    pub reply: Payload,
    /// Who sent it.
    pub by: Actor,
}

/// How a called run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildEnd {
    /// Well.
    Completed {
        /// Its output.
        output: Payload,
    },
    /// Badly, or it could not be started.
    Failed {
        /// Why.
        failure: Failure,
        /// Whether another attempt goes on with the same run; else it calls a new one.
        goes_on: bool,
    },
    /// It was cancelled.
    Cancelled {
        /// Why.
        reason: String,
        /// As with a failure.
        goes_on: bool,
    },
}

/// The name of the run number `number` that `step` of the run `parent` calls.
///
/// Source: docs/how-to/call-a-workflow.md, "Names".
pub fn child_name(parent: &str, step: &str, number: u32) -> String {
    match number {
        0 | 1 => format!("{parent}/{step}"),
        _ => format!("{parent}/{step}.{number}"),
    }
}

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

/// What a limit or a breaker answers. See [`Event::StepSlotGranted`](super::Event::StepSlotGranted),
/// [`Event::StepCallAllowed`](super::Event::StepCallAllowed) and [`Event::StepCallRefused`](super::Event::StepCallRefused).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotAnswer {
    /// The step.
    pub step: StepIndex,
    /// The item, if it is for one.
    pub item: Option<ItemIndex>,
    /// The number of the request.
    pub ticket: Ticket,
}
