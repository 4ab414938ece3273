//! Where the items of a step stand, and why.

use nexus_engine::model::id::{Attempt, ItemIndex, StepIndex};
use nexus_engine::model::run::{ItemState, ItemsRun};
use nexus_engine::model::time::Timestamp;

use super::super::{failure_line, time};
use super::Standing;
use crate::api::{ItemsView, WaitingOn};

/// How many items are named in a line.
const NAMES_MAX: usize = 3;

/// Items with an attempt under way.
#[derive(Default)]
pub(crate) struct RunningItems {
    /// A handler is at work.
    pub(crate) at_work: Vec<ItemIndex>,
    /// It was cut off, and waits to be carried on.
    pub(crate) cut_off: Vec<ItemIndex>,
    /// Its handler was not called yet.
    pub(crate) uncalled: Vec<ItemIndex>,
}

impl Standing<'_> {
    /// Whether a handler is at work for an item of `step`.
    pub(super) fn has_items_at_work(&self, step: StepIndex) -> bool {
        let items = self.run.items(step);
        items.is_some_and(|items| !self.running_items(items).at_work.is_empty())
    }

    /// The items with an attempt under way, by what becomes of it.
    pub(crate) fn running_items(&self, items: &ItemsRun) -> RunningItems {
        let mut running = RunningItems::default();
        for (item, run) in items.open() {
            let ItemState::Running { may_repeat, rests, .. } = &run.state else { continue };
            match (*rests, *may_repeat) {
                (true, false) => running.uncalled.push(item),
                (false, _) if self.driven => running.at_work.push(item),
                (_, _) => running.cut_off.push(item),
            }
        }
        running
    }

    /// The item whose next attempt is due first, if that is what the run waits for.
    pub(super) fn waiting_of_items(&self) -> Option<WaitingOn> {
        let steps = self.run.iterating();
        let next = steps.filter_map(|step| Some((step, next_retry(self.run.items(step)?)?)));
        let (step, (_, attempt, at)) = next.min_by_key(|(_, (_, _, at))| *at)?;
        Some(WaitingOn {
            on: "retry".into(),
            step: Some(self.id(step)),
            attempt: Some(attempt.0),
            of: Some(self.attempts_max(step)),
            at: Some(time(at)),
            code: None,
        })
    }

    /// Why a step that goes through its items stands where it stands, in one line.
    pub(super) fn items_why(&self, step: StepIndex) -> String {
        let id = self.plan.id(step);
        let Some(items) = self.run.items(step) else {
            return format!("{id} goes through its items");
        };
        let done = format!("{} of {} items of {id} are done", items.settled_count(), items.count);
        let running: Vec<ItemIndex> = items.running().map(|(item, _)| item).collect();
        let RunningItems { at_work, cut_off, uncalled } = self.running_items(items);
        if let (Some(failure), false) = (&items.stopping, running.is_empty()) {
            let why = match failure.code.as_str() {
                "" => String::new(),
                _ => format!(": {}", failure_line(failure)),
            };
            return format!("{done}; {} told to stop{why}", named(&running));
        }
        let mut parts: Vec<String> = Vec::new();
        if !running.is_empty() {
            let states = [
                (at_work, "at work"),
                (cut_off, "to run again"),
                (uncalled, "waiting to be called"),
            ];
            let states = states.iter().filter(|(items, _)| !items.is_empty());
            parts.extend(states.map(|(items, word)| format!("{} {word}", named(items))));
        } else if self.run.paused {
            return format!("{done}; the run is paused");
        } else if items.next_to_start().is_some() {
            parts.push(format!("the next waits for {}", self.room()));
        }
        let waits = self.waits_of_items(step);
        match waits.as_slice() {
            [only] if parts.is_empty() => parts.push(self.waits_why(only)),
            waits => parts.extend(waits.iter().map(|waits| self.items_wait_why(waits))),
        }
        parts.extend(next_retry(items).map(|(item, _, at)| {
            let next = self.in_time(at);
            match items.item(item).map(|run| &run.state) {
                Some(ItemState::Retrying { failure, .. }) if parts.is_empty() => {
                    let failure = failure_line(failure);
                    format!("item {} failed: {failure}; next try {next}", item.0)
                }
                Some(_) | None => format!("item {} failed and is tried again {next}", item.0),
            }
        }));
        if parts.is_empty() { done } else { format!("{done}; {}", parts.join(", ")) }
    }

    /// What there is to say about them beside their status.
    pub(super) fn items_note(&self, step: StepIndex) -> String {
        let Some(items) = self.run.items(step) else { return String::new() };
        let (done, count) = (items.settled_count(), items.count);
        let failed = match items.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        let RunningItems { at_work, cut_off, uncalled } = self.running_items(items);
        let said = |(items, word): &(Vec<ItemIndex>, &str)| match items.len() {
            0 => String::new(),
            count => format!(", {count} {word}"),
        };
        let waiting = [(cut_off, "to run again"), (uncalled, "waiting to be called")];
        let waiting: String = waiting.iter().map(said).collect();
        if at_work.is_empty() && !waiting.is_empty() {
            return format!("{done} of {count} items{failed}{waiting}");
        }
        format!("{done} of {count} items{failed}, {} at work{waiting}", at_work.len())
    }

    /// The items of a step in numbers.
    pub(crate) fn items_view(&self, step: StepIndex) -> Option<ItemsView> {
        let items = self.run.items(step)?;
        let numbers = |wanted: fn(&ItemState) -> bool| {
            ranges(items.open().filter(|(_, run)| wanted(&run.state)).map(|(item, _)| item))
        };
        Some(ItemsView {
            count: items.count,
            done: items.settled_count(),
            failed: items.failed,
            begun: items.next.0,
            running: numbers(|state| {
                matches!(state, ItemState::Running { .. }) && !is_uncalled(state)
            }),
            retrying: numbers(|state| matches!(state, ItemState::Retrying { .. })),
            waiting: numbers(|state| matches!(state, ItemState::Waiting) || is_uncalled(state)),
        })
    }
}

/// Whether the attempt of an item was recorded, and its handler not called.
fn is_uncalled(state: &ItemState) -> bool {
    matches!(state, ItemState::Running { rests: true, may_repeat: false, .. })
}

/// The retry that is due first: item, attempt and time.
fn next_retry(items: &ItemsRun) -> Option<(ItemIndex, Attempt, Timestamp)> {
    let retries = items.open().filter_map(|(item, run)| match &run.state {
        ItemState::Retrying { timer: Some(_), at, .. } => {
            Some((item, Attempt(run.attempt.0.saturating_add(1)), *at))
        }
        ItemState::Retrying { timer: None, .. }
        | ItemState::Running { .. }
        | ItemState::Waiting => None,
    });
    retries.min_by_key(|(_, _, at)| *at)
}

/// `item 3 is`, `items 3, 4, 5 and 7 more are`.
fn named(items: &[ItemIndex]) -> String {
    let some: Vec<String> = items.iter().take(NAMES_MAX).map(|item| item.0.to_string()).collect();
    let some = some.join(", ");
    match items.len() {
        1 => format!("item {some} is"),
        count if count <= NAMES_MAX => format!("items {some} are"),
        count => format!("items {some} and {} more are", count - NAMES_MAX),
    }
}

/// Numbers in order as ranges, such as `3-5` and `9`.
fn ranges(items: impl Iterator<Item = ItemIndex>) -> Vec<String> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for ItemIndex(item) in items {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == item => *to = item,
            Some(_) | None => ranges.push((item, item)),
        }
    }
    let shown = |(from, to): (u32, u32)| {
        if from == to { from.to_string() } else { format!("{from}-{to}") }
    };
    ranges.into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_a_range() {
        assert_eq!(ranges([3, 4, 5, 9].map(ItemIndex).into_iter()), ["3-5", "9"]);
        assert_eq!(ranges(std::iter::empty()), Vec::<String>::new());
    }

    #[test]
    fn a_few_items_are_named() {
        let items: Vec<ItemIndex> = (3..9).map(ItemIndex).collect();
        assert_eq!(named(&items[..1]), "item 3 is");
        assert_eq!(named(&items[..2]), "items 3, 4 are");
        assert_eq!(named(&items), "items 3, 4, 5 and 3 more are");
    }
}
