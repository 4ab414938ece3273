//! Limits: how many may hold a slot of one key at one time, how many get one in a time, and who comes next.
//!
//! A limit is a stream of its own, as a run is: [`decide`] turns state and command into events, [`evolve`] folds them, and
//! [`pending`] names who must know that they hold a slot. Who holds one is watched until it is given back, so a crash neither
//! loses a slot nor gives one out twice.
//!
//! Invariants:
//! * Never more slots are held than the limit says; a limit that is lowered takes none away.
//! * Never more slots are granted in a stretch of the rate's length than the rate says.
//! * Higher priorities come first; among the same priority, fairness keys take turns; within a fairness key, who came first
//!   comes first.

mod codec;
mod command;
mod decide;
mod event;
mod evolve;
mod pending;
mod queue;
mod snapshot;

pub use codec::{decode, encode, event_name, header, is_kind, kinds};
pub use command::{LimitCommand, LimitRejection};
pub use decide::decide;
pub use event::LimitEvent;
pub use evolve::evolve;
pub use pending::{Watch, pending};
pub use queue::{Queue, Waiting};
pub use snapshot::{decode_limit, encode_limit};

use std::collections::{BTreeMap, VecDeque};

use crate::id::{RunId, StepIndex};
use crate::time::Timestamp;

/// The state of a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Its name; empty before the first event.
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
    /// How many events were folded: the revision of the next one.
    pub revision: u32,
}

/// What a limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Slots held at one time; `None`: as many as are asked for.
    pub slots: Option<u32>,
    /// Slots granted in a time.
    pub rate: Option<Rate>,
    /// How many may wait; one more is refused. `None`: as many as come.
    pub queue: Option<u32>,
}

impl Default for Size {
    fn default() -> Self {
        Self { slots: Some(1), rate: None, queue: None }
    }
}

/// At most so many in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many, at most [`RATE_COUNT_MAX`].
    pub count: u32,
    /// In how many milliseconds.
    pub per_ms: u64,
}

/// The most that a rate can count.
pub const RATE_COUNT_MAX: u32 = 10_000;

/// Who holds a slot or waits for one: an attempt of a step, or a run as a whole.
///
/// The same request asks under the same ticket after a crash, so it never gets two slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// The run.
    pub run: RunId,
    /// The number of the request in its run, from 1.
    pub ticket: Ticket,
    /// The step; `None`: the run as a whole.
    pub step: Option<StepIndex>,
}

/// The number of a request for a slot in its run, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u32);

/// What somebody who asks for a slot says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    pub fn wakes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let waits_for_time = !self.queue.is_empty() && self.free() != Some(0);
        waits_for_time.then(|| self.rate_allows_at(now).unwrap_or(now))
    }
}

/// Whether `at` is less than `ms` away from `now`. A time that lies far ahead is that of a clock that was set back since: it
/// does not count.
fn in_stretch(at: Timestamp, now: Timestamp, ms: u64) -> bool {
    let away = at.0.abs_diff(now.0) / 1000;
    away < ms
}

#[cfg(test)]
mod tests;
