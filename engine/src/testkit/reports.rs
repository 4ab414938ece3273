//! What a shard is told about an attempt of a step or of an item.

use nexus_model::command::Command;
use nexus_model::event::Interruption;
use nexus_model::id::{Attempt, ItemIndex, StepIndex};
use nexus_model::payload::NewPayload;

use super::call::Call;
use super::world::World;
use crate::driver::AttemptOutcome;

/// How it ended, with the payloads that the report names.
pub(super) fn ended(
    step: StepIndex,
    item: Option<ItemIndex>,
    attempt: Attempt,
    result: AttemptOutcome,
) -> (Command, Vec<NewPayload>) {
    match (result, item) {
        (Ok((output, payloads)), None) => {
            (Command::CompleteStep { step, attempt, output }, payloads)
        }
        (Ok((output, payloads)), Some(item)) => {
            (Command::CompleteItem { step, item, attempt, output }, payloads)
        }
        (Err(error), None) => (Command::FailStep { step, attempt, failure: error.0 }, Vec::new()),
        (Err(error), Some(item)) => {
            (Command::FailItem { step, item, attempt, failure: error.0 }, Vec::new())
        }
    }
}

/// It was left in order.
pub(super) fn left(step: StepIndex, item: Option<ItemIndex>, attempt: Attempt) -> Command {
    let how = Interruption::ShutDown;
    match item {
        None => Command::InterruptAttempts { attempts: vec![(step, attempt)], how },
        Some(item) => Command::InterruptItems { attempts: vec![(step, item, attempt)], how },
    }
}

/// It is carried on.
pub(super) fn resumed(step: StepIndex, item: Option<ItemIndex>, attempt: Attempt) -> Command {
    match item {
        None => Command::ResumeAttempt { step, attempt },
        Some(item) => Command::ResumeItem { step, item, attempt },
    }
}

impl World {
    /// An attempt is made once in a life of the engine, and not again once its outcome is recorded.
    pub(super) fn check_call(&mut self, call: &Call) {
        let this = (call.key.clone(), call.attempt);
        let earlier = self.last_calls.insert(this, self.calls.len());
        let Some(earlier) = earlier.and_then(|at| self.calls.get(at)) else { return };
        let why = if earlier.recorded {
            "although its outcome is recorded"
        } else if earlier.life == call.life {
            "in one life of the engine"
        } else if !call.may_repeat {
            "without being told that it may repeat"
        } else {
            return;
        };
        let Call { step, run_name, attempt, .. } = call;
        self.broken.push(format!("attempt {attempt} of {step} of {run_name} was made twice {why}"));
    }
}
