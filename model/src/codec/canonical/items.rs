//! Items of a step.

use super::Writer;
use crate::run::{ItemOutcome, ItemRun, ItemState, ItemsRun, ItemsUndo};

/// The choice that says that how far items are undone comes before the state of an undo.
pub(in crate::codec) const UNDO_OF_ITEMS: u8 = 85;

impl Writer {
    pub(super) fn undo_of_items(&mut self, items: Option<ItemsUndo>) {
        if let Some(ItemsUndo { below, undone }) = items {
            self.byte(UNDO_OF_ITEMS);
            self.number(below.0);
            self.number(undone);
        }
    }

    pub(super) fn items(&mut self, items: &ItemsRun) {
        self.number(items.count);
        self.count(items.chunks.len());
        for chunk in items.chunks.iter() {
            self.out.extend_from_slice(&chunk.0);
        }
        self.number(items.next.0);
        self.number(items.failed);
        self.option(items.stopping.as_ref(), Self::failure);
        self.count(items.open().count());
        for (item, run) in items.open() {
            self.number(item.0);
            self.item(run);
        }
        self.count(items.settled().count());
        for (item, outcome) in items.settled() {
            self.number(item.0);
            self.outcome(outcome);
        }
        self.count(items.stored().count());
        for (chunk, stored) in items.stored() {
            self.number(chunk);
            self.out.extend_from_slice(&stored.hash.0);
            self.number(stored.bytes);
            self.number(stored.completed);
        }
    }

    fn item(&mut self, item: &ItemRun) {
        let ItemRun { attempt, attempts_forgiven, state } = item;
        self.number(attempt.0);
        self.number(*attempts_forgiven);
        match state {
            ItemState::Waiting => self.byte(0),
            ItemState::Running { input, interruptions, may_repeat, rests, since } => {
                self.byte(1);
                self.option(input.as_ref(), Self::payload);
                self.number(*interruptions);
                self.byte(u8::from(*may_repeat) | u8::from(*rests) << 1);
                self.time(*since);
            }
            ItemState::Retrying { timer, at, failure } => {
                self.byte(2);
                self.option(*timer, |writer, timer| writer.number(timer.0));
                self.time(*at);
                self.failure(failure);
            }
        }
    }

    pub(in crate::codec) fn outcome(&mut self, outcome: &ItemOutcome) {
        match outcome {
            ItemOutcome::Completed(output) => {
                self.byte(0);
                self.payload(output);
            }
            ItemOutcome::Failed(failure) => {
                self.byte(1);
                self.failure(failure);
            }
        }
    }
}
