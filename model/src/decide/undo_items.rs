//! Undoing the items of a step: one after the other, the last first.
//!
//! What an item returned stands beside the events once all of its chunk have settled; so the chunks are loaded one by one on
//! the way back, and the state knows no more than how far it has come.

use super::Draft;
use super::evaluate::Evaluated;
use crate::codec::chunks;
use crate::event::{Event, Failure, ItemUndoStarted};
use crate::id::{Attempt, ItemIndex, StepIndex};
use crate::payload::Payload;
use crate::plan::PlanUndo;
use crate::run::{ITEMS_PER_CHUNK, ItemOutcome};

/// The failure of the undo of an item says which.
pub(super) fn of_item(item: Option<ItemIndex>, failure: Failure) -> Failure {
    match item {
        Some(item) => {
            let message = format!("item {}: {}", item.0, failure.message);
            Failure { message, ..failure }
        }
        None => failure,
    }
}

impl Draft<'_> {
    /// Starts the next attempt to undo an item of `step`, or says that all are undone. Returns whether one was started.
    pub(super) fn start_undo_of_item(&mut self, step: StepIndex, undo: &PlanUndo) -> bool {
        let attempt = self.next_undo_attempt(step);
        let (item, output) = match self.last_completed(step) {
            None => return false,
            Some(Err(failure)) => {
                self.emit(Event::UndoFailed { step, failure });
                return false;
            }
            Some(Ok(None)) => {
                let attempt = self.run.step_run(step).attempt;
                self.emit(Event::UndoCompleted { step, attempt, may_repeat: false });
                return false;
            }
            Some(Ok(Some(last))) => last,
        };
        let input = match self.item_undo_input(step, item, attempt, &output, undo) {
            None => return false,
            Some(Err(failure)) => {
                self.emit(Event::UndoFailed { step, failure: of_item(Some(item), failure) });
                return false;
            }
            Some(Ok(input)) => input,
        };
        self.idle.insert(step);
        self.emit(Event::ItemUndoStarted(Box::new(ItemUndoStarted { step, item, attempt, input })));
        true
    }

    fn item_undo_input(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
        output: &Payload,
        undo: &PlanUndo,
    ) -> Evaluated<Option<Payload>> {
        if undo.input.is_literal() {
            return Some(Ok(None));
        }
        let rendered = self.render_item(&undo.input, step, item, attempt, Some(output))?;
        Some(rendered.map(|value| Some(self.store(&value))))
    }

    /// The last item of `step` that has completed and is not undone, and what it returned. Chunks of which none has completed
    /// are not loaded.
    fn last_completed(&mut self, step: StepIndex) -> Evaluated<Option<(ItemIndex, Payload)>> {
        let Some(items) = self.run.items(step) else { return Some(Ok(None)) };
        let undone = self.run.step_run(step).undo.as_ref().and_then(|undo| undo.items);
        let below = undone.map_or(items.next, |undone| undone.below.min(items.next));
        for chunk in (0..below.0.div_ceil(ITEMS_PER_CHUNK)).rev() {
            let first = chunk * ITEMS_PER_CHUNK;
            let found = match items.stored_chunk(chunk) {
                None => items
                    .settled_of(chunk)
                    .filter(|(item, _)| *item < below)
                    .filter_map(|(item, outcome)| Some((item, completed(outcome)?)))
                    .last(),
                Some(stored) if stored.completed == 0 => None,
                Some(stored) => {
                    let Some(bytes) = self.payloads.get(&stored.hash) else {
                        self.needs.insert(stored.hash);
                        return None;
                    };
                    let outcomes = chunks::decode_outputs(bytes);
                    let outcomes = outcomes.filter(|all| all.len() == items.len_of(chunk) as usize);
                    let Some(outcomes) = outcomes else {
                        return Some(Err(unreadable(first, items.len_of(chunk))));
                    };
                    (first..below.0)
                        .zip(outcomes.iter())
                        .filter_map(|(item, outcome)| Some((ItemIndex(item), completed(outcome)?)))
                        .next_back()
                }
            };
            if found.is_some() {
                return Some(Ok(found));
            }
        }
        Some(Ok(None))
    }
}

fn completed(outcome: &ItemOutcome) -> Option<Payload> {
    match outcome {
        ItemOutcome::Completed(output) => Some(output.clone()),
        ItemOutcome::Failed(_) => None,
    }
}

/// What items returned is there, but does not mean anything: nobody knows what there is to undo.
fn unreadable(first: u32, count: u32) -> Failure {
    let last = (first + count).saturating_sub(1);
    Failure {
        code: "NX2103".to_owned(),
        message: format!("what items {first} to {last} returned cannot be read"),
        fatal: true,
        details: None,
    }
}
