//! What keeps the items of a step: several things may, some of them each.

use nexus_engine::model::id::StepIndex;
use nexus_engine::model::run::{ItemState, ItemsRun};
use nexus_engine::model::time::Timestamp;

use super::super::super::show::standing::Standing;
use super::super::super::show::time;
use super::{Cause, cause, held_back, resume, room, since, until};

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

/// The items that are at work, or would be if there were an engine.
fn running(
    standing: &Standing<'_>,
    name: &str,
    step: StepIndex,
    items: &ItemsRun,
) -> Option<Cause> {
    let count = items.running_count();
    if count == 0 {
        return None;
    }
    let id = standing.plan.id(step);
    if !standing.driven {
        let why = match count {
            1 => format!("1 item of {id} was interrupted by the end of the engine"),
            count => format!("{count} items of {id} were interrupted by the end of the engine"),
        };
        return Some(Cause { why, items: Some(count), ..room(standing, name) });
    }
    let began = items.open().filter_map(|(_, item)| match &item.state {
        ItemState::Running { since, .. } => Some(*since),
        ItemState::Waiting | ItemState::Retrying { .. } => None,
    });
    let found = cause("running", "its items return, fail or run out of time");
    Some(since(standing, began.min(), Cause { items: Some(count), ..found }))
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
