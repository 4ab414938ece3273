//! Wire structs of undoing to events.

use super::super::wire::{
    UndoAttemptFailedV1, UndoCompletedV1, UndoFailedV1, UndoRetriedV1, UndoRetryScheduledV1,
    UndoStartedV1, UndoWaivedV1,
};
use super::Wire;
use crate::event::Event;
use crate::id::{Attempt, StepIndex, TimerId};
use crate::time::Timestamp;

impl Wire<'_> for UndoCompletedV1 {
    fn event(self) -> Option<Event> {
        let (step, attempt) = (StepIndex(self.step), Attempt(self.attempt));
        Some(Event::UndoCompleted { step, attempt, may_repeat: self.may_repeat })
    }
}

impl<'a> Wire<'a> for UndoAttemptFailedV1<'a> {
    fn event(self) -> Option<Event> {
        let (step, attempt) = (StepIndex(self.step), Attempt(self.attempt));
        Some(Event::UndoAttemptFailed { step, attempt, failure: self.failure.failure() })
    }
}

impl<'a> Wire<'a> for UndoWaivedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::UndoWaived { by: self.by.actor(), reason: self.reason.to_owned() })
    }
}

impl<'a> Wire<'a> for UndoRetriedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::UndoRetried { by: self.by.actor() })
    }
}

impl<'a> Wire<'a> for UndoStartedV1<'a> {
    fn event(self) -> Option<Event> {
        let input = match self.input {
            Some(input) => Some(input.payload()?),
            None => None,
        };
        let (step, attempt) = (StepIndex(self.step), Attempt(self.attempt));
        Some(Event::UndoStarted { step, attempt, input })
    }
}

impl Wire<'_> for UndoRetryScheduledV1 {
    fn event(self) -> Option<Event> {
        Some(Event::UndoRetryScheduled {
            step: StepIndex(self.step),
            attempt: Attempt(self.attempt),
            timer: TimerId(self.timer),
            at: Timestamp(self.at),
        })
    }
}

impl<'a> Wire<'a> for UndoFailedV1<'a> {
    fn event(self) -> Option<Event> {
        let (step, failure) = (StepIndex(self.step), self.failure.failure());
        Some(Event::UndoFailed { step, failure })
    }
}
