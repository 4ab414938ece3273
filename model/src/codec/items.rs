//! Events of items as bytes: wire structs, from events and to events, by the rules of `wire`.

use serde::{Deserialize, Serialize, Serializer};

use super::decode::Wire;
use super::encode::put;
use super::wire::{FailureV1, PayloadV1, TimerV1};
use crate::event::{Event, Interruption, ItemUndoStarted, ItemUndone};
use crate::id::{Attempt, ItemIndex, StepIndex, TimerId};
use crate::payload::PayloadHash;
use crate::time::Timestamp;

/// `Hashes` is a list of 32 bytes.
#[derive(Serialize, Deserialize)]
pub(super) struct ItemsStartedV1<Hashes> {
    step: u32,
    count: u32,
    chunks: Hashes,
    deadline: Option<TimerV1>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemResumedV1 {
    step: u32,
    item: u32,
    attempt: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemStartedV1<'a> {
    step: u32,
    item: u32,
    attempt: u32,
    #[serde(borrow)]
    input: Option<PayloadV1<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemCompletedV1<'a> {
    step: u32,
    item: u32,
    attempt: u32,
    #[serde(borrow)]
    output: PayloadV1<'a>,
    may_repeat: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemAttemptFailedV1<'a> {
    step: u32,
    item: u32,
    attempt: u32,
    #[serde(borrow)]
    failure: FailureV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemAttemptV1 {
    step: u32,
    item: u32,
    attempt: u32,
}

/// `Attempts` is a list of [`ItemAttemptV1`].
#[derive(Serialize, Deserialize)]
pub(super) struct ItemsInterruptedV1<Attempts> {
    attempts: Attempts,
    how: u8,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemOutputMappedV1<'a> {
    step: u32,
    item: u32,
    #[serde(borrow)]
    output: PayloadV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemRetryScheduledV1 {
    step: u32,
    item: u32,
    attempt: u32,
    timer: u32,
    at: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemFailedV1<'a> {
    step: u32,
    item: u32,
    attempt: u32,
    #[serde(borrow)]
    failure: FailureV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemUndoneV1 {
    step: u32,
    item: u32,
    attempt: u32,
    may_repeat: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemUndoStartedV1<'a> {
    step: u32,
    item: u32,
    attempt: u32,
    #[serde(borrow)]
    input: Option<PayloadV1<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OutputsStoredV1 {
    step: u32,
    chunk: u32,
    outputs: [u8; 32],
}

/// Appends the body of an event of items; of another, nothing.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists every event")]
pub(super) fn put_event(out: &mut Vec<u8>, event: &Event) {
    match event {
        Event::ItemsStarted { step, count, chunks, deadline } => {
            let (chunks, deadline) = (Hashes(chunks), deadline.map(TimerV1::from));
            put(out, &ItemsStartedV1 { step: step.0, count: *count, chunks, deadline });
        }
        Event::ItemResumed { step, item, attempt } => {
            put(out, &ItemResumedV1 { step: step.0, item: item.0, attempt: attempt.0 });
        }
        Event::ItemStarted { step, item, attempt, input } => {
            let (step, item, attempt) = (step.0, item.0, attempt.0);
            let input = input.as_ref().map(PayloadV1::from);
            put(out, &ItemStartedV1 { step, item, attempt, input });
        }
        Event::ItemCompleted { step, item, attempt, output, may_repeat } => {
            let (step, item, attempt) = (step.0, item.0, attempt.0);
            let (output, may_repeat) = (output.into(), *may_repeat);
            put(out, &ItemCompletedV1 { step, item, attempt, output, may_repeat });
        }
        Event::ItemAttemptFailed { step, item, attempt, failure } => {
            let (step, item, attempt) = (step.0, item.0, attempt.0);
            put(out, &ItemAttemptFailedV1 { step, item, attempt, failure: failure.into() });
        }
        Event::ItemsInterrupted { attempts, how } => {
            put(out, &ItemsInterruptedV1 { attempts: Attempts(attempts), how: how.number() });
        }
        Event::ItemOutputMapped { step, item, output } => {
            put(out, &ItemOutputMappedV1 { step: step.0, item: item.0, output: output.into() });
        }
        Event::ItemRetryScheduled { step, item, attempt, timer, at } => {
            let (step, item, attempt) = (step.0, item.0, attempt.0);
            put(out, &ItemRetryScheduledV1 { step, item, attempt, timer: timer.0, at: at.0 });
        }
        Event::ItemFailed { step, item, attempt, failure } => {
            let (step, item, attempt) = (step.0, item.0, attempt.0);
            put(out, &ItemFailedV1 { step, item, attempt, failure: failure.into() });
        }
        Event::OutputsStored { step, chunk, outputs } => {
            put(out, &OutputsStoredV1 { step: step.0, chunk: *chunk, outputs: outputs.0 });
        }
        Event::ItemUndoStarted(started) => {
            let (step, item, attempt) = (started.step.0, started.item.0, started.attempt.0);
            let input = started.input.as_ref().map(PayloadV1::from);
            put(out, &ItemUndoStartedV1 { step, item, attempt, input });
        }
        Event::ItemUndone(undone) => {
            let (step, item, attempt) = (undone.step.0, undone.item.0, undone.attempt.0);
            put(out, &ItemUndoneV1 { step, item, attempt, may_repeat: undone.may_repeat });
        }
        _ => {}
    }
}

/// Written as a list of 32 bytes.
struct Hashes<'a>(&'a [PayloadHash]);

impl Serialize for Hashes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|hash| hash.0))
    }
}

/// Written as a list of [`ItemAttemptV1`].
struct Attempts<'a>(&'a [(StepIndex, ItemIndex, Attempt)]);

impl Serialize for Attempts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(step, item, attempt)| ItemAttemptV1 {
            step: step.0,
            item: item.0,
            attempt: attempt.0,
        }))
    }
}

impl Wire<'_> for ItemsStartedV1<Vec<[u8; 32]>> {
    fn event(self) -> Option<Event> {
        Some(Event::ItemsStarted {
            step: StepIndex(self.step),
            count: self.count,
            chunks: self.chunks.into_iter().map(PayloadHash).collect(),
            deadline: self.deadline.map(TimerV1::due),
        })
    }
}

impl Wire<'_> for ItemResumedV1 {
    fn event(self) -> Option<Event> {
        let (step, item) = (StepIndex(self.step), ItemIndex(self.item));
        Some(Event::ItemResumed { step, item, attempt: Attempt(self.attempt) })
    }
}

impl<'a> Wire<'a> for ItemStartedV1<'a> {
    fn event(self) -> Option<Event> {
        let input = match self.input {
            Some(input) => Some(input.payload()?),
            None => None,
        };
        Some(Event::ItemStarted {
            step: StepIndex(self.step),
            item: ItemIndex(self.item),
            attempt: Attempt(self.attempt),
            input,
        })
    }
}

impl<'a> Wire<'a> for ItemCompletedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::ItemCompleted {
            step: StepIndex(self.step),
            item: ItemIndex(self.item),
            attempt: Attempt(self.attempt),
            output: self.output.payload()?,
            may_repeat: self.may_repeat,
        })
    }
}

impl<'a> Wire<'a> for ItemAttemptFailedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::ItemAttemptFailed {
            step: StepIndex(self.step),
            item: ItemIndex(self.item),
            attempt: Attempt(self.attempt),
            failure: self.failure.failure(),
        })
    }
}

impl Wire<'_> for ItemsInterruptedV1<Vec<ItemAttemptV1>> {
    fn event(self) -> Option<Event> {
        let attempt = |wire: ItemAttemptV1| {
            (StepIndex(wire.step), ItemIndex(wire.item), Attempt(wire.attempt))
        };
        let attempts = self.attempts.into_iter().map(attempt).collect();
        let how = Interruption::from_number(self.how)?;
        Some(Event::ItemsInterrupted { attempts, how })
    }
}

impl<'a> Wire<'a> for ItemOutputMappedV1<'a> {
    fn event(self) -> Option<Event> {
        let (step, item) = (StepIndex(self.step), ItemIndex(self.item));
        Some(Event::ItemOutputMapped { step, item, output: self.output.payload()? })
    }
}

impl Wire<'_> for ItemRetryScheduledV1 {
    fn event(self) -> Option<Event> {
        Some(Event::ItemRetryScheduled {
            step: StepIndex(self.step),
            item: ItemIndex(self.item),
            attempt: Attempt(self.attempt),
            timer: TimerId(self.timer),
            at: Timestamp(self.at),
        })
    }
}

impl<'a> Wire<'a> for ItemFailedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::ItemFailed {
            step: StepIndex(self.step),
            item: ItemIndex(self.item),
            attempt: Attempt(self.attempt),
            failure: self.failure.failure(),
        })
    }
}

impl<'a> Wire<'a> for ItemUndoStartedV1<'a> {
    fn event(self) -> Option<Event> {
        let input = match self.input {
            Some(input) => Some(input.payload()?),
            None => None,
        };
        let (step, item) = (StepIndex(self.step), ItemIndex(self.item));
        let attempt = Attempt(self.attempt);
        Some(Event::ItemUndoStarted(Box::new(ItemUndoStarted { step, item, attempt, input })))
    }
}

impl Wire<'_> for ItemUndoneV1 {
    fn event(self) -> Option<Event> {
        let (step, item) = (StepIndex(self.step), ItemIndex(self.item));
        let (attempt, may_repeat) = (Attempt(self.attempt), self.may_repeat);
        Some(Event::ItemUndone(ItemUndone { step, item, attempt, may_repeat }))
    }
}

impl Wire<'_> for OutputsStoredV1 {
    fn event(self) -> Option<Event> {
        let (step, outputs) = (StepIndex(self.step), PayloadHash(self.outputs));
        Some(Event::OutputsStored { step, chunk: self.chunk, outputs })
    }
}
