//! Events of items as they are sent.

use nexus_engine::LoadError;
use nexus_engine::model::event::Event;
use nexus_engine::model::id::{ItemIndex, StepIndex};
use serde_json::{Value, json};

use super::super::hex;
use super::attempts::numbered;
use super::{Showing, due_data, failure_data, failure_line, interruption, time};

/// How many items a line names.
const ITEMS_MAX: usize = 6;

/// The events of items: a pattern, so that they are listed once for their fields and for their line.
macro_rules! events_of_items {
    () => {
        Event::ItemsStarted { .. }
            | Event::ItemResumed { .. }
            | Event::ItemStarted { .. }
            | Event::ItemCompleted { .. }
            | Event::ItemAttemptFailed { .. }
            | Event::ItemsInterrupted { .. }
            | Event::ItemOutputMapped { .. }
            | Event::ItemRetryScheduled { .. }
            | Event::ItemFailed { .. }
            | Event::ItemUndoStarted(_)
            | Event::ItemUndone(_)
            | Event::OutputsStored { .. }
    };
}

pub(super) use events_of_items;

impl Showing<'_> {
    /// The fields of an event of items; of another, none.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists every event")]
    pub(super) fn data_of_items(&self, event: &Event) -> Result<Value, LoadError> {
        Ok(match event {
            Event::ItemsStarted { step, count, chunks, deadline } => {
                let chunks: Vec<String> = chunks.iter().map(|chunk| hex(&chunk.0)).collect();
                json!({
                    "step": self.id(*step), "count": count, "chunks": chunks,
                    "deadline": due_data(*deadline),
                })
            }
            Event::ItemResumed { step, item, attempt } => {
                json!({"step": self.id(*step), "item": item.0, "attempt": attempt.0})
            }
            Event::ItemStarted { step, item, attempt, input } => json!({
                "step": self.id(*step), "item": item.0, "attempt": attempt.0,
                "input": input.as_ref().map(|input| self.payload(input)).transpose()?,
            }),
            Event::ItemCompleted { step, item, attempt, output, may_repeat } => json!({
                "step": self.id(*step), "item": item.0, "attempt": attempt.0,
                "output": self.payload(output)?, "may_repeat": may_repeat,
            }),
            Event::ItemAttemptFailed { step, item, attempt, failure }
            | Event::ItemFailed { step, item, attempt, failure } => json!({
                "step": self.id(*step), "item": item.0, "attempt": attempt.0,
                "failure": failure_data(failure),
            }),
            Event::ItemsInterrupted { attempts, how } => {
                let attempts = attempts.iter().map(|(step, item, attempt)| {
                    json!({"step": self.id(*step), "item": item.0, "attempt": attempt.0})
                });
                json!({"attempts": attempts.collect::<Vec<_>>(), "how": how.name()})
            }
            Event::ItemOutputMapped { step, item, output } => json!({
                "step": self.id(*step), "item": item.0, "output": self.payload(output)?,
            }),
            Event::ItemRetryScheduled { step, item, attempt, timer, at } => json!({
                "step": self.id(*step), "item": item.0, "attempt": attempt.0,
                "timer": timer.0, "at": time(*at),
            }),
            Event::OutputsStored { step, chunk, outputs } => {
                json!({"step": self.id(*step), "chunk": chunk, "outputs": hex(&outputs.0)})
            }
            Event::ItemUndoStarted(started) => json!({
                "step": self.id(started.step), "item": started.item.0, "attempt": started.attempt.0,
                "input": started.input.as_ref().map(|input| self.payload(input)).transpose()?,
                "by": self.plan.undo_handler(started.step),
            }),
            Event::ItemUndone(undone) => json!({
                "step": self.id(undone.step), "item": undone.item.0, "attempt": undone.attempt.0,
                "may_repeat": undone.may_repeat, "by": self.plan.undo_handler(undone.step),
            }),
            _ => Value::Null,
        })
    }

    /// What there is to say about an event of items in a line.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists every event")]
    pub(super) fn detail_of_items(&self, event: &Event) -> Result<String, LoadError> {
        Ok(match event {
            Event::ItemsStarted { count, .. } => format!("{count} items"),
            Event::ItemStarted { item, attempt, .. } | Event::ItemResumed { item, attempt, .. } => {
                format!("item {}, try {}", item.0, attempt.0)
            }
            Event::ItemCompleted { item, output, .. }
            | Event::ItemOutputMapped { item, output, .. } => {
                format!("item {}: {}", item.0, self.brief(output)?)
            }
            Event::ItemAttemptFailed { item, failure, .. }
            | Event::ItemFailed { item, failure, .. } => {
                format!("item {}: {}", item.0, failure_line(failure))
            }
            Event::ItemsInterrupted { attempts, how } => {
                let named = attempts.iter().take(ITEMS_MAX);
                let named = named.map(|(step, item, _)| self.item(*step, *item));
                let more = match attempts.len().saturating_sub(ITEMS_MAX) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let how = interruption(*how);
                format!("{}{more}: {how}", named.collect::<Vec<_>>().join(", "))
            }
            Event::ItemRetryScheduled { item, attempt, at, .. } => {
                format!("item {}, try {} {}", item.0, attempt.0, self.until(*at))
            }
            Event::OutputsStored { chunk, .. } => format!("chunk {chunk}"),
            Event::ItemUndoStarted(started) => {
                format!("item {}, {}", started.item.0, numbered(started.attempt))
            }
            Event::ItemUndone(undone) => {
                let repeats = if undone.may_repeat { " (may have run twice)" } else { "" };
                let by = self.plan.undo_handler(undone.step).unwrap_or_default();
                format!("item {} undone by {by}{repeats}", undone.item.0)
            }
            _ => String::new(),
        })
    }

    fn item(&self, step: StepIndex, item: ItemIndex) -> String {
        format!("{}[{}]", self.id(step), item.0)
    }
}
