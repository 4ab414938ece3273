//! What keeps the items of a step: several things may, some of them each.

use nexus_engine::model::id::{ItemIndex, StepIndex};
use nexus_engine::model::run::{ItemState, ItemsRun};
use nexus_engine::model::time::Timestamp;

use super::super::super::show::standing::{RunningItems, Standing};
use super::super::super::show::time;
use super::{Cause, cause, held_back, resume, room, since, turn, until};

/// Everything that keeps some items of `step`.
pub(super) fn causes(standing: &Standing<'_>, name: &str, step: StepIndex) -> Vec<Cause> {
    let mut causes = Vec::new();
    let is_held = standing.run.holds(step);
    if is_held {
        causes.push(cause("paused", resume(standing, name, step)));
    }
    let Some(items) = standing.run.items(step) else { return or_room(causes, standing, name) };
    causes.extend(running(standing, name, step, items));
    causes.extend(standing.waits_of_items(step).iter().map(|waits| held_back(standing, waits)));
    if !is_held {
        causes.extend(retrying(standing, step, items));
        causes.extend(items.next_to_start().map(|_| room(standing, name)));
    }
    or_room(causes, standing, name)
}

fn or_room(causes: Vec<Cause>, standing: &Standing<'_>, name: &str) -> Vec<Cause> {
    if causes.is_empty() { vec![room(standing, name)] } else { causes }
}

/// The items that are at work, those that would be if there were an engine, and those that wait to be called.
fn running(
    standing: &Standing<'_>,
    name: &str,
    step: StepIndex,
    items: &ItemsRun,
) -> impl Iterator<Item = Cause> {
    let RunningItems { at_work, cut_off, uncalled } = standing.running_items(items);
    let began = items.open().filter_map(|(_, item)| match &item.state {
        ItemState::Running { since, .. } => Some(*since),
        ItemState::Waiting | ItemState::Retrying { .. } => None,
    });
    let found = cause("running", "its items return, fail or run out of time");
    let at_work = (!at_work.is_empty())
        .then(|| since(standing, began.min(), Cause { items: number(&at_work), ..found }));
    let id = standing.plan.id(step);
    let waits = |items: &[ItemIndex], one: &str, more: &str| {
        let why = match items.len() {
            1 => format!("1 item of {id} {one}"),
            count => format!("{count} items of {id} {more}"),
        };
        let waits = || Cause { why, items: number(items), ..turn(standing, name) };
        (!items.is_empty()).then(waits)
    };
    let by = "interrupted by the end of the engine";
    let cut_off = waits(&cut_off, &format!("was {by}"), &format!("were {by}"));
    let uncalled = waits(&uncalled, "waits to be called", "wait to be called");
    [at_work, cut_off, uncalled].into_iter().flatten()
}

fn number(items: &[ItemIndex]) -> Option<u32> {
    u32::try_from(items.len()).ok()
}

/// The items that are tried again.
fn retrying(standing: &Standing<'_>, step: StepIndex, items: &ItemsRun) -> Option<Cause> {
    let due: Vec<Timestamp> = items
        .open()
        .filter_map(|(_, item)| match &item.state {
            ItemState::Retrying { timer: Some(_), at, .. } => Some(*at),
            ItemState::Retrying { timer: None, .. }
            | ItemState::Running { .. }
            | ItemState::Waiting => None,
        })
        .collect();
    let (first, count) = (*due.iter().min()?, u32::try_from(due.len()).unwrap_or(u32::MAX));
    let why = match count {
        1 => standing.step_why(step),
        count => format!("{count} items of {} failed and are tried again", standing.plan.id(step)),
    };
    let found = cause("retrying", format!("the timer of an item, at {}", time(first)));
    Some(until(Some(first), Cause { why, items: Some(count), ..found }))
}
