//! Folds events into the state of a limit.

use super::{Limit, LimitEvent};
use crate::time::Timestamp;

/// Folds one recorded event into the state. A recorded event always applies. `at` is the time of its transition.
pub fn evolve(limit: &mut Limit, event: &LimitEvent, at: Timestamp) {
    limit.revision = limit.revision.saturating_add(1);
    match event {
        LimitEvent::SlotRequested { holder, wish } => {
            limit.name.clone_from(&wish.limit);
            limit.declared = wish.size;
            limit.queue.push(*holder, wish.priority, &wish.fairness_key, at);
        }
        LimitEvent::SlotReleased { holder } => {
            limit.holders.remove(holder);
        }
        LimitEvent::RequestWithdrawn { holder } => limit.queue.remove(*holder),
        LimitEvent::LimitSet { limit: name, size, .. } => {
            limit.name.clone_from(name);
            limit.set = *size;
        }
        LimitEvent::LimitWoken => {}
        LimitEvent::SlotGranted { holder } => {
            limit.queue.take(*holder);
            limit.holders.insert(*holder, at);
            limit.granted = limit.granted.saturating_add(1);
            remember(limit, at);
        }
    }
}

/// Keeps the times that the rate looks back on.
fn remember(limit: &mut Limit, at: Timestamp) {
    let Some(rate) = limit.size().rate else {
        limit.recent.clear();
        return;
    };
    limit.recent.push_back(at);
    while limit.recent.len() > rate.count as usize {
        limit.recent.pop_front();
    }
}
