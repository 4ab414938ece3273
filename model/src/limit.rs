//! Limits: how many may hold a slot of one key at one time, how many get one in a time, and who comes next.
//!
//! A limit is an aggregate with a stream of its own. `pending` names who must know that they hold a slot: they are told,
//! and asked again by each process, until the slot is given back. So a crash neither loses a slot nor gives one out twice.
//!
//! Invariants:
//! * Never more slots are held than the limit says; a limit that is lowered takes none away.
//! * Never more slots are granted in a stretch of the rate's length than the rate says.
//! * Higher priorities come first; among the same priority, fairness keys take turns; within a fairness key, who came first
//!   comes first.

mod command;
mod decide;
mod event;
mod evolve;
mod holder;
mod queue;

pub use command::{LimitCommand, LimitRejection};
pub use event::{
    LimitEvent, LimitSet, LimitWoken, RequestWithdrawn, SlotGranted, SlotReleased, SlotRequested,
};
pub use queue::{Queue, Waiting};

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, ClockKind, Wire};
use crate::event::Actor;
use crate::id::{ItemIndex, RunId, StepIndex, TimerId};
use crate::time::Timestamp;

/// The state of a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// What the definition of the last request says.
    pub declared: Size,
    /// What somebody set, which counts instead.
    pub set: Option<Size>,
    /// Who holds a slot, and since when.
    pub holders: BTreeMap<Holder, Timestamp>,
    /// Who waits for one.
    pub queue: Queue,
    /// When the last slots were granted, oldest first; as many as the rate looks back on.
    pub recent: VecDeque<Timestamp>,
    /// How many slots were ever granted.
    pub granted: u64,
    /// When somebody who waits can get a slot although nobody gives one back.
    pub wakes_at: Option<Timestamp>,
}

/// What a limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Slots held at one time; `None`: as many as are asked for.
    pub slots: Option<u32>,
    /// Slots granted in a time.
    pub rate: Option<Rate>,
}

impl Default for Size {
    fn default() -> Self {
        Self { slots: Some(1), rate: None }
    }
}

/// At most so many in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many, at most [`RATE_COUNT_MAX`].
    pub count: u32,
    /// In how many milliseconds.
    pub per_ms: u64,
}

/// The most that a rate can count.
pub const RATE_COUNT_MAX: u32 = 10_000;

/// Who holds a slot or waits for one: an attempt of a step or of an item, or a run as a whole.
///
/// The same request asks under the same ticket after a crash, so it never gets two slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "holder::HolderV1", into = "holder::HolderV1")]
pub struct Holder {
    /// The run.
    pub run: RunId,
    /// The number of the request in its run, from 1.
    pub ticket: Ticket,
    /// The step; `None`: the run as a whole.
    pub step: Option<StepIndex>,
    /// The item of the step, if it has `for_each`.
    pub item: Option<ItemIndex>,
}

/// The number of a request for a slot in its run, from 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Ticket(pub u32);

/// What somebody who asks for a slot says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The limit's name.
    pub limit: String,
    /// What it allows, by the definition of who asks.
    pub size: Size,
    /// Who shares fairly: those with the same key stand in one line, and the lines take turns.
    pub fairness_key: String,
    /// Higher comes first.
    pub priority: i32,
}

impl Limit {
    /// What counts: what was set, or else what was declared.
    pub fn size(&self) -> Size {
        self.set.unwrap_or(self.declared)
    }

    /// How many more may hold a slot; `None`: as many as ask.
    pub fn free(&self) -> Option<u32> {
        let held = u32::try_from(self.holders.len()).unwrap_or(u32::MAX);
        self.size().slots.map(|slots| slots.saturating_sub(held))
    }

    /// Whether nobody holds a slot and nobody waits: it needs no engine until somebody asks.
    pub fn is_idle(&self) -> bool {
        self.holders.is_empty() && self.queue.is_empty()
    }

    /// When the rate allows the next grant; `None`: at once.
    pub fn rate_allows_at(&self, now: Timestamp) -> Option<Timestamp> {
        let rate = self.size().rate?;
        let at = self.recent.len().checked_sub(rate.count.max(1) as usize)?;
        let oldest = self.recent.get(at)?;
        in_stretch(*oldest, now, rate.per_ms).then(|| oldest.plus_ms(rate.per_ms))
    }

    /// When somebody who waits can get a slot although nobody gives one back; `None`: not by waiting alone.
    fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let waits_for_time = !self.queue.is_empty() && self.free() != Some(0);
        waits_for_time.then(|| self.rate_allows_at(now).unwrap_or(now))
    }
}

/// Somebody who holds a slot has to know it, and gives it back when it is not needed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LimitEffect(pub Holder);

/// The timer that the rate sets.
const WAKE: TimerId = TimerId(1);

impl Aggregate for Limit {
    type Command = LimitCommand;
    type Event = LimitEvent;
    type Effect = LimitEffect;
    type Rejection = LimitRejection;

    const CLOCK: ClockKind = ClockKind::Engine;

    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    fn decide(
        &mut self,
        command: LimitCommand,
        now: Timestamp,
    ) -> Result<Vec<LimitEvent>, LimitRejection> {
        decide::decide(self, command, now)
    }

    fn evolve(&mut self, event: &LimitEvent, at: Timestamp) {
        evolve::evolve(self, event, at);
    }

    fn put(&self, out: &mut Vec<u8>) {
        Wire::put(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        Wire::take(bytes)
    }

    fn pending(&self) -> Vec<LimitEffect> {
        self.holders.keys().map(|holder| LimitEffect(*holder)).collect()
    }

    fn timers(&self) -> Vec<(TimerId, Timestamp)> {
        self.wakes_at.map(|at| (WAKE, at)).into_iter().collect()
    }

    fn fire(_timer: TimerId) -> LimitCommand {
        LimitCommand::Wake
    }

    fn command_of(event: &LimitEvent) -> Option<LimitCommand> {
        Some(match event.clone() {
            LimitEvent::SlotRequested(SlotRequested { holder, wish }) => {
                LimitCommand::Request { holder, wish }
            }
            LimitEvent::SlotReleased(SlotReleased { holder })
            | LimitEvent::RequestWithdrawn(RequestWithdrawn { holder }) => {
                LimitCommand::Release { holder }
            }
            LimitEvent::LimitSet(LimitSet { size, by }) => LimitCommand::Set { size, by },
            LimitEvent::LimitWoken(LimitWoken {}) => LimitCommand::Wake,
            LimitEvent::SlotGranted(_) => return None,
        })
    }

    fn audit(event: &LimitEvent) -> Option<(&Actor, String)> {
        match event {
            LimitEvent::LimitSet(LimitSet { size, by }) => Some((by, size_in_words(*size))),
            LimitEvent::SlotRequested(_)
            | LimitEvent::SlotReleased(_)
            | LimitEvent::RequestWithdrawn(_)
            | LimitEvent::LimitWoken(_)
            | LimitEvent::SlotGranted(_) => None,
        }
    }
}

fn size_in_words(size: Option<Size>) -> String {
    let Some(Size { slots, rate }) = size else { return "as declared".to_owned() };
    let parts = [
        slots.map(|slots| format!("{slots} at one time")),
        rate.map(|Rate { count, per_ms }| format!("{count} in {per_ms} ms")),
    ];
    let said: Vec<String> = parts.into_iter().flatten().collect();
    if said.is_empty() { "no limit".to_owned() } else { said.join(", ") }
}

/// Whether `at` is less than `ms` away from `now`. A time that lies far ahead is that of a clock that was set back since: it
/// does not count.
fn in_stretch(at: Timestamp, now: Timestamp, ms: u64) -> bool {
    let away = at.0.abs_diff(now.0) / 1000;
    away < ms
}

#[cfg(test)]
mod tests;
