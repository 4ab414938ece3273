//! Events of calls.

use super::super::wire::{
    CHILD_CANCELLED, CHILD_COMPLETED, CHILD_FAILED, ChildEndedV1, ParentPausedV1, ParentResumedV1,
    StepCalledV1, TimerV1,
};
use super::Wire;
use crate::event::{ChildEnd, Event};
use crate::id::{Attempt, StepIndex};

impl<'a> Wire<'a> for ChildEndedV1<'a> {
    fn event(self) -> Option<Event> {
        let goes_on = self.goes_on;
        let ended = match (self.how, self.output, self.failure, self.reason) {
            (CHILD_COMPLETED, Some(output), None, None) if !goes_on => {
                ChildEnd::Completed { output: output.payload()? }
            }
            (CHILD_FAILED, None, Some(failure), None) => {
                ChildEnd::Failed { failure: failure.failure(), goes_on }
            }
            (CHILD_CANCELLED, None, None, Some(reason)) => {
                ChildEnd::Cancelled { reason: reason.to_owned(), goes_on }
            }
            _ => return None,
        };
        let (step, child) = (StepIndex(self.step), self.child.to_owned());
        Some(Event::ChildEnded { step, child, revision: self.revision, ended })
    }
}

impl<'a> Wire<'a> for StepCalledV1<'a> {
    fn event(self) -> Option<Event> {
        let input = match self.input {
            Some(input) => Some(input.payload()?),
            None => None,
        };
        Some(Event::StepCalled {
            step: StepIndex(self.step),
            attempt: Attempt(self.attempt),
            number: self.number,
            input,
            timer: self.timer.map(TimerV1::due),
            deadline: self.deadline.map(TimerV1::due),
        })
    }
}

impl Wire<'_> for ParentPausedV1 {
    fn event(self) -> Option<Event> {
        Some(Event::ParentPaused)
    }
}

impl Wire<'_> for ParentResumedV1 {
    fn event(self) -> Option<Event> {
        Some(Event::ParentResumed)
    }
}
