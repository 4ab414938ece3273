//! Calls of a run: what it knows of the runs that its steps have called.

use super::{Run, StepState};
use crate::id::{DefinitionHash, StepIndex};
use crate::payload::PayloadHash;

/// The last run that a step has called. It outlives the step's state, so that another attempt can go on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastCall {
    /// Which of the runs this step has called, from 1.
    pub number: u32,
    /// What was called.
    pub definition: DefinitionHash,
    /// Hash of the input it was called with.
    pub input: PayloadHash,
    /// How many events it had when its end was last heard of; 0: it was not.
    pub seen: u32,
    /// Whether another attempt goes on with it.
    pub goes_on: bool,
}

impl Run {
    /// Steps that wait for the end of a called run, in order.
    pub fn calling(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.calling.iter().copied()
    }

    /// Whether a called run is to be told to end: that must not be forgotten.
    pub(super) fn ends_a_call(&self) -> bool {
        self.calling()
            .any(|step| matches!(self.step(step), StepState::Calling { stopping: Some(_), .. }))
    }
}
