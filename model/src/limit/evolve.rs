//! Folds events into the state of a limit.

use super::{
    Limit, LimitEvent, LimitSet, RequestWithdrawn, SlotGranted, SlotReleased, SlotRequested,
};
use crate::time::Timestamp;

/// Folds one recorded event into the state. A recorded event always applies. `at` is the time of its transition.
pub(super) fn evolve(limit: &mut Limit, event: &LimitEvent, at: Timestamp) {
    match event {
        LimitEvent::SlotRequested(SlotRequested { holder, wish }) => {
            limit.declared = wish.size;
            limit.queue.push(*holder, wish.priority, &wish.fairness_key, at);
        }
        LimitEvent::SlotReleased(SlotReleased { holder }) => {
            limit.holders.remove(holder);
        }
        LimitEvent::RequestWithdrawn(RequestWithdrawn { holder }) => limit.queue.remove(*holder),
        LimitEvent::LimitSet(LimitSet { size, .. }) => limit.set = *size,
        LimitEvent::LimitWoken(_) => {}
        LimitEvent::SlotGranted(SlotGranted { holder }) => {
            limit.queue.take(*holder);
            limit.holders.insert(*holder, at);
            limit.granted = limit.granted.saturating_add(1);
            remember(limit, at);
        }
    }
    limit.wakes_at = limit.next_wake(at);
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
