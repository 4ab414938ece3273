//! What a run and its steps ask limits and breakers for, in words.

use std::collections::BTreeMap;

use nexus_engine::model::id::StepIndex;
use nexus_engine::model::run::{Hold, Slot};

use super::super::duration;
use super::Standing;

/// Who waits for a limit or a breaker: the run, a step, or all items of a step that wait for the same.
#[derive(Clone, Copy)]
pub(crate) struct Waits<'a> {
    /// The one that asked first.
    pub(crate) slot: Slot,
    /// What that asked for.
    pub(crate) hold: &'a Hold,
    /// How many there are.
    pub(crate) count: u32,
}

impl Waits<'_> {
    /// How many items of a step they are, if they are some.
    pub(crate) fn items(&self) -> Option<u32> {
        self.slot.item().map(|_| self.count)
    }
}

impl Standing<'_> {
    /// The slots it waits for; if the run as a whole waits for one, only that.
    fn waiting_slots(&self) -> impl Iterator<Item = (Slot, &Hold)> {
        let held_back = self.run.is_held_back();
        let waiting = self.run.slots.iter().filter(|(_, hold)| !hold.granted);
        waiting.filter(move |(slot, _)| !held_back || slot.step().is_none())
    }

    /// All who wait for limits and breakers, the run first; the items of a step together.
    pub(crate) fn waits(&self) -> Vec<Waits<'_>> {
        together(self.waiting_slots())
    }

    /// What the items of `step` wait for, limits first.
    pub(crate) fn waits_of_items(&self, step: StepIndex) -> Vec<Waits<'_>> {
        together(self.run.slots.of_items(step).filter(|(_, hold)| !hold.granted))
    }

    /// The target whose circuit breaker keeps a step or one of its items back.
    pub(crate) fn awaited_target(&self, step: StepIndex) -> Option<&str> {
        let of_step = self.run.slots.get(Slot::Call(step)).map(|hold| (Slot::Call(step), hold));
        let mut calls = of_step.into_iter().chain(self.run.slots.of_items(step));
        let (_, hold) = calls.find(|(slot, hold)| slot.is_call() && !hold.granted)?;
        Some(&hold.wish.limit)
    }

    /// Who it is that waits: `a`, `a[3]`, `3 items of a`, or the run.
    pub(crate) fn who(&self, waits: &Waits<'_>) -> String {
        let id = waits.slot.step().map_or("the run", |step| self.plan.id(step));
        match waits.slot.item() {
            Some(_) if waits.count > 1 => format!("{} items of {id}", waits.count),
            Some(item) => format!("{id}[{}]", item.0),
            None => id.to_owned(),
        }
    }

    /// What they wait for and how long, in one line.
    pub(crate) fn waits_why(&self, waits: &Waits<'_>) -> String {
        let Waits { slot, hold, count } = *waits;
        let who = slot.step().map_or_else(|| "it".to_owned(), |_| self.who(waits));
        let wait = if count > 1 { "wait" } else { "waits" };
        format!("{who} {wait} for {} for {}", what(slot, hold), duration(self.waited_ms(hold)))
    }

    /// The same of some items among others, without the name of their step.
    pub(super) fn items_wait_why(&self, waits: &Waits<'_>) -> String {
        let (what, time) = (what(waits.slot, waits.hold), duration(self.waited_ms(waits.hold)));
        match waits.count {
            1 => format!("1 waits for {what} for {time}"),
            count => format!("{count} wait for {what} for {time}"),
        }
    }

    fn waited_ms(&self, hold: &Hold) -> u64 {
        self.now.ms_since(hold.since)
    }
}

fn what(slot: Slot, hold: &Hold) -> String {
    let what = if slot.is_call() { "the circuit breaker of" } else { "a slot of limit" };
    format!("{what} {}", hold.wish.limit)
}

/// Items of a step that wait for the same are told together.
fn together<'a>(waiting: impl Iterator<Item = (Slot, &'a Hold)>) -> Vec<Waits<'a>> {
    let mut all: Vec<Waits<'a>> = Vec::new();
    let mut places = BTreeMap::new();
    for (slot, hold) in waiting {
        let new = Waits { slot, hold, count: 1 };
        let key = (slot.step(), slot.is_call(), hold.wish.limit.as_str());
        if let Some(place) = slot.item().and_then(|_| places.get(&key)) {
            let before: &mut Waits<'a> = &mut all[*place];
            let first = if hold.since < before.hold.since { new } else { *before };
            *before = Waits { count: before.count + 1, ..first };
        } else {
            places.extend(slot.item().map(|_| (key, all.len())));
            all.push(new);
        }
    }
    all
}
