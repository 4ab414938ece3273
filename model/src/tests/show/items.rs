//! The notation of stories: events of items as text.

use super::{interruption, payload, timer, why};
use crate::event::{Event, SlotAnswer};
use crate::id::{Attempt, ItemIndex, StepIndex};
use crate::plan::Plan;

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists every event")]
pub(super) fn event(plan: &Plan, event: &Event) -> String {
    let tried = |step: &StepIndex, item: &ItemIndex, attempt: &Attempt| {
        tried(plan, *step, Some(*item), *attempt)
    };
    match event {
        Event::ItemsStarted { step, count, deadline, .. } => {
            format!("{} has {count} items{}", plan.id(*step), timer(*deadline, "deadline"))
        }
        Event::ItemResumed { step, item, attempt } => {
            format!("{} resumed", tried(step, item, attempt))
        }
        Event::ItemStarted { step, item, attempt, input } => {
            format!("{} started{}", tried(step, item, attempt), payload(input.as_ref()))
        }
        Event::ItemCompleted { step, item, attempt, output, may_repeat } => {
            let again = if *may_repeat { " may repeat" } else { "" };
            format!("{} completed{}{again}", tried(step, item, attempt), payload(Some(output)))
        }
        Event::ItemAttemptFailed { step, item, attempt, failure } => {
            format!("{} attempt failed {}", tried(step, item, attempt), failure.code)
        }
        Event::ItemsInterrupted { attempts, how } => {
            let names = attempts.iter().map(|(step, item, attempt)| tried(step, item, attempt));
            let how = interruption(*how);
            format!("{how}: {}", names.collect::<Vec<_>>().join(" "))
        }
        Event::ItemOutputMapped { step, item, output } => {
            format!("{}[{}] mapped{}", plan.id(*step), item.0, payload(Some(output)))
        }
        Event::ItemRetryScheduled { step, item, attempt, timer: id, at } => {
            format!("{} retry{}", tried(step, item, attempt), timer(Some((*id, *at)), ""))
        }
        Event::ItemFailed { step, item, attempt, failure } => {
            format!("{} failed {}", tried(step, item, attempt), why(failure))
        }
        Event::OutputsStored { step, chunk, .. } => {
            format!("{} stores chunk {chunk}", plan.id(*step))
        }
        Event::ItemUndoStarted(started) => {
            let tried = tried(&started.step, &started.item, &started.attempt);
            format!("{tried} undo started{}", payload(started.input.as_ref()))
        }
        Event::ItemUndone(undone) => {
            let again = if undone.may_repeat { " may repeat" } else { "" };
            format!("{} undone{again}", tried(&undone.step, &undone.item, &undone.attempt))
        }
        _ => String::new(),
    }
}

/// What a limit or a breaker said to a step or an item.
pub(super) fn answered(plan: &Plan, answer: SlotAnswer, word: &str) -> String {
    let SlotAnswer { step, item, ticket } = answer;
    let item = item.map(|item| format!("[{}]", item.0)).unwrap_or_default();
    format!("{}{item} {word} #{}", plan.id(step), ticket.0)
}

pub(super) fn tried(
    plan: &Plan,
    step: StepIndex,
    item: Option<ItemIndex>,
    attempt: Attempt,
) -> String {
    let item = item.map(|item| format!("[{}]", item.0)).unwrap_or_default();
    format!("{}{item}#{}", plan.id(step), attempt.0)
}
