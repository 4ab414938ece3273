//! Items of steps with `for_each`, beside the steps.
//!
//! Invariants:
//! * Items begin in the order of their numbers: all below `next` began, and of these all have settled but the open ones. One
//!   that asks a limit or a breaker has begun, so no more than those that are open ask.
//! * No more than `concurrency` items are open at a time.
//! * What an item came to is kept here until all of its chunk have settled, and then only as the hash of the chunk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::Failure;
use crate::id::{Attempt, ItemIndex, StepIndex, TimerId};
use crate::payload::{Payload, PayloadHash};
use crate::run::{Run, StepState};
use crate::time::Timestamp;

/// How many items there are in a chunk of the list and of the outputs.
pub const ITEMS_PER_CHUNK: u32 = 256;

/// The items of a step with `for_each`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemsRun {
    /// How many there are.
    pub count: u32,
    /// The list, in chunks of [`ITEMS_PER_CHUNK`].
    pub chunks: Arc<[PayloadHash]>,
    /// How many may be open at a time.
    pub concurrency: u32,
    /// The first that did not begin.
    pub next: ItemIndex,
    /// How many failed, where failures are collected.
    pub failed: u32,
    /// Set when the open items were told to stop; the failure the step then ends with, unless the run ends
    /// (`Failure::default()`).
    pub stopping: Option<Failure>,
    open: BTreeMap<ItemIndex, ItemRun>,
    settled: BTreeMap<ItemIndex, ItemOutcome>,
    stored: BTreeMap<u32, StoredOutputs>,
    running: u32,
    startable: BTreeSet<ItemIndex>,
    /// Open items that wait for a slot or for the breaker.
    blocked: BTreeSet<ItemIndex>,
}

/// An item that began and has not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRun {
    /// The last attempt number used.
    pub attempt: Attempt,
    /// Attempts up to this number do not count against `max_attempts`.
    pub attempts_forgiven: u32,
    /// Where it stands.
    pub state: ItemState,
}

/// Where an open item stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// For room to start, or for a slot; it was stopped before, or has failed and the run was retried.
    Waiting,
    /// A handler is at work, or should be.
    Running {
        /// Its rendered input; `None`: the plan's literal.
        input: Option<Payload>,
        /// How often this attempt was cut off by the end of a process (orderly ends do not count).
        interruptions: u32,
        /// Whether an execution of this attempt was cut off at all.
        may_repeat: bool,
        /// Whether it waits to be carried on after it was cut off; the end of a process does not count then.
        rests: bool,
        /// When the attempt was recorded as started.
        since: Timestamp,
    },
    /// For the next attempt.
    Retrying {
        /// The timer that starts it; `None`: the timer has fired and it waits for room.
        timer: Option<TimerId>,
        /// When.
        at: Timestamp,
        /// How the last attempt failed.
        failure: Failure,
    },
}

/// What an item came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemOutcome {
    /// It returned this.
    Completed(Payload),
    /// It failed for good.
    Failed(Failure),
}

/// What the items of a chunk came to, stored beside the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredOutputs {
    /// The chunk.
    pub hash: PayloadHash,
    /// Bytes of its outputs, together.
    pub bytes: u64,
    /// How many of its items have completed.
    pub completed: u32,
}

/// One change of the items of a step; making it gives the change that undoes it.
#[derive(Clone, Debug)]
pub(crate) enum ItemsChange {
    /// The item is open, or no longer.
    Open(ItemIndex, Option<ItemRun>),
    /// The item has settled, or its outcome is stored.
    Settled(ItemIndex, Option<ItemOutcome>),
    /// The outcomes of a chunk are stored.
    Stored(u32, Option<StoredOutputs>),
    /// How far they came.
    Counts { next: ItemIndex, failed: u32 },
    /// They were told to stop.
    Stopping(Option<Failure>),
}

impl ItemIndex {
    /// The chunk it is in.
    pub fn chunk(self) -> u32 {
        self.0 / ITEMS_PER_CHUNK
    }

    /// Its place in the chunk.
    pub fn place(self) -> usize {
        (self.0 % ITEMS_PER_CHUNK) as usize
    }
}

impl ItemOutcome {
    /// Whether it has completed.
    pub fn is_completed(&self) -> bool {
        matches!(self, Self::Completed(_))
    }

    /// About how many bytes of JSON it is.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Completed(output) => output.len(),
            Self::Failed(failure) => 64 + (failure.code.len() + failure.message.len()) as u64,
        }
    }
}

impl ItemsRun {
    /// Items of which none began.
    pub fn new(count: u32, chunks: Arc<[PayloadHash]>, concurrency: u32) -> Self {
        Self {
            count,
            chunks,
            concurrency,
            next: ItemIndex(0),
            failed: 0,
            stopping: None,
            open: BTreeMap::new(),
            settled: BTreeMap::new(),
            stored: BTreeMap::new(),
            running: 0,
            startable: BTreeSet::new(),
            blocked: BTreeSet::new(),
        }
    }

    /// Items that began and have not settled, in order.
    pub fn open(&self) -> impl Iterator<Item = (ItemIndex, &ItemRun)> {
        self.open.iter().map(|(item, run)| (*item, run))
    }

    /// The item, if it is open.
    pub fn item(&self, item: ItemIndex) -> Option<&ItemRun> {
        self.open.get(&item)
    }

    /// Items with an attempt under way, in order.
    pub fn running(&self) -> impl Iterator<Item = (ItemIndex, Attempt)> {
        self.open().filter_map(|(item, run)| {
            matches!(run.state, ItemState::Running { .. }).then_some((item, run.attempt))
        })
    }

    /// How many attempts are under way.
    pub fn running_count(&self) -> u32 {
        self.running
    }

    /// How many items have settled.
    pub fn settled_count(&self) -> u32 {
        self.next.0.saturating_sub(u32::try_from(self.open.len()).unwrap_or(u32::MAX))
    }

    /// Outcomes that are not stored in a chunk yet, in order.
    pub fn settled(&self) -> impl Iterator<Item = (ItemIndex, &ItemOutcome)> {
        self.settled.iter().map(|(item, outcome)| (*item, outcome))
    }

    /// Where the outcomes of a chunk are stored.
    pub fn stored_chunk(&self, chunk: u32) -> Option<StoredOutputs> {
        self.stored.get(&chunk).copied()
    }

    /// Whether an item has completed.
    pub fn has_completed(&self) -> bool {
        self.stored.values().any(|stored| stored.completed > 0)
            || self.settled.values().any(ItemOutcome::is_completed)
    }

    /// Outcomes of a chunk that is not stored yet, in order.
    pub fn settled_of(&self, chunk: u32) -> impl Iterator<Item = (ItemIndex, &ItemOutcome)> {
        let from = chunk.saturating_mul(ITEMS_PER_CHUNK);
        let to = from.saturating_add(ITEMS_PER_CHUNK);
        let range = self.settled.range(ItemIndex(from)..ItemIndex(to));
        range.map(|(item, outcome)| (*item, outcome))
    }

    /// Chunks of which all items have settled and whose outcomes are not stored yet, in order.
    pub fn full_chunks(&self) -> impl Iterator<Item = u32> {
        let mut from = ItemIndex(0);
        std::iter::from_fn(move || {
            loop {
                let chunk = self.settled.range(from..).next()?.0.chunk();
                from = ItemIndex((chunk + 1).saturating_mul(ITEMS_PER_CHUNK));
                if self.settled_of(chunk).count() == self.len_of(chunk) as usize {
                    return Some(chunk);
                }
            }
        })
    }

    /// Chunks whose outcomes are stored, in order.
    pub fn stored(&self) -> impl Iterator<Item = (u32, StoredOutputs)> {
        self.stored.iter().map(|(chunk, stored)| (*chunk, *stored))
    }

    /// How many items a chunk has.
    pub fn len_of(&self, chunk: u32) -> u32 {
        self.count.saturating_sub(chunk.saturating_mul(ITEMS_PER_CHUNK)).min(ITEMS_PER_CHUNK)
    }

    /// Whether all have settled.
    pub fn are_settled(&self) -> bool {
        self.next.0 >= self.count && self.open.is_empty()
    }

    /// The next item that could be started.
    pub fn next_to_start(&self) -> Option<ItemIndex> {
        if self.stopping.is_some() {
            return None;
        }
        let has_place = self.open.len() < self.concurrency as usize;
        let fresh = (self.next.0 < self.count && has_place).then_some(self.next);
        self.startable.first().copied().or(fresh)
    }

    /// Makes one change. Returns the one that undoes it.
    pub(crate) fn change(&mut self, change: ItemsChange) -> ItemsChange {
        match change {
            ItemsChange::Open(item, now) => ItemsChange::Open(item, self.put_open(item, now)),
            ItemsChange::Settled(item, now) => {
                ItemsChange::Settled(item, put(&mut self.settled, item, now))
            }
            ItemsChange::Stored(chunk, now) => {
                ItemsChange::Stored(chunk, put(&mut self.stored, chunk, now))
            }
            ItemsChange::Counts { next, failed } => ItemsChange::Counts {
                next: std::mem::replace(&mut self.next, next),
                failed: std::mem::replace(&mut self.failed, failed),
            },
            ItemsChange::Stopping(now) => {
                ItemsChange::Stopping(std::mem::replace(&mut self.stopping, now))
            }
        }
    }

    fn put_open(&mut self, item: ItemIndex, now: Option<ItemRun>) -> Option<ItemRun> {
        let (runs, starts) = now.as_ref().map_or((false, false), |run| (run.runs(), run.starts()));
        let before = put(&mut self.open, item, now);
        self.running -= u32::from(before.as_ref().is_some_and(ItemRun::runs));
        self.running += u32::from(runs);
        if starts && !self.blocked.contains(&item) {
            self.startable.insert(item);
        } else {
            self.startable.remove(&item);
        }
        before
    }

    /// The item waits for a slot or for the breaker, or no longer.
    fn block(&mut self, item: ItemIndex, blocks: bool) {
        let starts = self.open.get(&item).is_some_and(ItemRun::starts);
        let (into, out_of) = if blocks {
            (&mut self.blocked, &mut self.startable)
        } else {
            (&mut self.startable, &mut self.blocked)
        };
        out_of.remove(&item);
        if blocks || starts {
            into.insert(item);
        }
    }
}

impl ItemRun {
    fn runs(&self) -> bool {
        matches!(self.state, ItemState::Running { .. })
    }

    fn starts(&self) -> bool {
        matches!(self.state, ItemState::Waiting | ItemState::Retrying { timer: None, .. })
    }
}

/// The items of all steps that have some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AllItems {
    by_step: BTreeMap<StepIndex, ItemsRun>,
    running: u32,
    startable: BTreeSet<StepIndex>,
    iterating: BTreeSet<StepIndex>,
}

impl Run {
    /// The items of `step`: while it is iterating, and afterwards if it did not end well or can be undone.
    pub fn items(&self, step: StepIndex) -> Option<&ItemsRun> {
        self.items.by_step.get(&step)
    }

    /// The items of all steps that have some, in order.
    pub fn all_items(&self) -> impl Iterator<Item = (StepIndex, &ItemsRun)> {
        self.items.by_step.iter().map(|(step, items)| (*step, items))
    }

    /// Steps that go through their items, in order.
    pub fn iterating(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.items.iterating.iter().copied()
    }

    /// Steps of which an item could be started now, and that are not paused, in order.
    pub fn steps_with_ready_items(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.items.startable.iter().copied().filter(|step| !self.holds.steps.contains(step))
    }

    /// How many attempts of items are under way.
    pub fn running_items(&self) -> u32 {
        self.items.running
    }

    /// Gives `step` items, or takes them. Returns what it had.
    pub(crate) fn put_items(
        &mut self,
        step: StepIndex,
        items: Option<ItemsRun>,
    ) -> Option<ItemsRun> {
        let before = put(&mut self.items.by_step, step, items);
        self.follow_slots(step);
        self.items.running -= before.as_ref().map_or(0, |items| items.running);
        self.items.running += self.items(step).map_or(0, |items| items.running);
        self.follow_items(step);
        before
    }

    /// Makes one change of the items of `step`. Returns the one that undoes it.
    pub(crate) fn change_items(
        &mut self,
        step: StepIndex,
        change: ItemsChange,
    ) -> Option<ItemsChange> {
        let items = self.items.by_step.get_mut(&step)?;
        let before = items.running;
        let undo = items.change(change);
        self.items.running = self.items.running - before + items.running;
        self.follow_items(step);
        Some(undo)
    }

    /// Keeps the items of `step` in step with the slots that they wait for.
    fn follow_slots(&mut self, step: StepIndex) {
        let Some(items) = self.items.by_step.get_mut(&step) else { return };
        for item in std::mem::take(&mut items.blocked) {
            items.block(item, false);
        }
        for (slot, hold) in self.slots.of_items(step) {
            if let Some(item) = slot.item().filter(|_| !hold.granted) {
                items.block(item, true);
            }
        }
    }

    /// Keeps an item in step with the slots that it waits for.
    pub(super) fn follow_slot(&mut self, step: StepIndex, item: ItemIndex) {
        let blocks = self.slots.blocks_item(step, item);
        if let Some(items) = self.items.by_step.get_mut(&step) {
            items.block(item, blocks);
        }
        self.follow_items(step);
    }

    /// Keeps the indexes in step with the state of `step` and its items.
    pub(super) fn follow_items(&mut self, step: StepIndex) {
        let iterates = matches!(self.step(step), StepState::Iterating);
        let next = self.items(step).and_then(ItemsRun::next_to_start);
        super::set_member(&mut self.items.iterating, step, iterates);
        super::set_member(&mut self.items.startable, step, iterates && next.is_some());
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}
