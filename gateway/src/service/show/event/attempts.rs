//! Events of attempts as they are told in a line.
//!
//! An attempt has a number of its own in its step, whatever it is for. Where that is no count of tries, since a loop goes round or
//! a step is undone, it is called a number.

use nexus_engine::model::event::Event;
use nexus_engine::model::id::{Attempt, StepIndex};

use super::{Showing, failure_line};

impl Showing<'_> {
    /// What there is to say about an event of an attempt in a line.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists every event")]
    pub(super) fn detail_of_attempts(&self, event: &Event) -> String {
        match event {
            Event::StepStarted { step, attempt, .. } | Event::AttemptResumed { step, attempt } => {
                self.tried(*step, *attempt)
            }
            Event::UndoStarted { attempt, .. } => numbered(*attempt),
            Event::AttemptFailed { step, attempt, failure, .. } => {
                format!("{}: {}", self.tried(*step, *attempt), failure_line(failure))
            }
            Event::UndoAttemptFailed { attempt, failure, .. } => {
                format!("{}: {}", numbered(*attempt), failure_line(failure))
            }
            Event::RetryScheduled { step, attempt, at, .. } => {
                format!("{} {}", self.tried(*step, *attempt), self.until(*at))
            }
            Event::UndoRetryScheduled { attempt, at, .. } => {
                format!("{} {}", numbered(*attempt), self.until(*at))
            }
            Event::StepCalled { step, attempt, number: 1, .. } => self.tried(*step, *attempt),
            Event::StepCalled { step, attempt, number, .. } => {
                format!("{}, run number {number}", self.tried(*step, *attempt))
            }
            _ => String::new(),
        }
    }

    fn tried(&self, step: StepIndex, attempt: Attempt) -> String {
        if self.plan.loops(step).is_empty() {
            format!("try {}", attempt.0)
        } else {
            numbered(attempt)
        }
    }
}

/// The number of an attempt among all of its step.
pub(super) fn numbered(attempt: Attempt) -> String {
    format!("attempt #{}", attempt.0)
}
