//! What a shard is told about an attempt of a step or of an item.

use nexus_model::command::Command;
use nexus_model::id::{Attempt, ItemIndex, StepIndex};
use nexus_model::payload::NewPayload;

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
    let orderly = true;
    match item {
        None => Command::InterruptAttempts { attempts: vec![(step, attempt)], orderly },
        Some(item) => Command::InterruptItems { attempts: vec![(step, item, attempt)], orderly },
    }
}

/// It is carried on.
pub(super) fn resumed(step: StepIndex, item: Option<ItemIndex>, attempt: Attempt) -> Command {
    match item {
        None => Command::ResumeAttempt { step, attempt },
        Some(item) => Command::ResumeItem { step, item, attempt },
    }
}
