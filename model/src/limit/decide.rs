//! Decides what a command means for a limit: it is checked, becomes one outside event, and then slots are granted as long as
//! there are any.

use super::evolve::evolve;
use super::{
    Holder, Limit, LimitCommand, LimitEvent, LimitRejection, LimitSet, LimitWoken,
    RequestWithdrawn, SlotGranted, SlotReleased, SlotRequested,
};
use crate::time::Timestamp;

/// Decides what `command` means for `limit`. Same inputs, same events.
///
/// When something happens, `limit` has already been advanced by exactly those events; otherwise it is unchanged.
///
/// # Errors
/// A [`LimitRejection`] if the command does not fit the state.
pub(super) fn decide(
    limit: &mut Limit,
    command: LimitCommand,
    now: Timestamp,
) -> Result<Vec<LimitEvent>, LimitRejection> {
    let event = match command {
        LimitCommand::Request { holder, wish } => {
            check_is_new(limit, holder)?;
            LimitEvent::SlotRequested(SlotRequested { holder, wish })
        }
        LimitCommand::Release { holder } if limit.holders.contains_key(&holder) => {
            LimitEvent::SlotReleased(SlotReleased { holder })
        }
        LimitCommand::Release { holder } if limit.queue.contains(holder) => {
            LimitEvent::RequestWithdrawn(RequestWithdrawn { holder })
        }
        LimitCommand::Release { .. } => return Err(LimitRejection::Unknown),
        LimitCommand::Set { size, .. } if limit.set == size => {
            return Err(LimitRejection::SetAlready { limit: limit.name.clone() });
        }
        LimitCommand::Set { size, by } => LimitEvent::LimitSet(LimitSet { size, by }),
        LimitCommand::Wake if next(limit, now).is_some() => LimitEvent::LimitWoken(LimitWoken {}),
        LimitCommand::Wake => return Err(LimitRejection::NothingToGrant),
    };
    evolve(limit, &event, now);
    let mut events = vec![event];
    while let Some(holder) = next(limit, now) {
        let event = LimitEvent::SlotGranted(SlotGranted { holder });
        evolve(limit, &event, now);
        events.push(event);
    }
    Ok(events)
}

fn check_is_new(limit: &Limit, holder: Holder) -> Result<(), LimitRejection> {
    if limit.holders.contains_key(&holder) {
        return Err(LimitRejection::Holds);
    }
    if limit.queue.contains(holder) {
        return Err(LimitRejection::Waits);
    }
    Ok(())
}

/// Who gets a slot now.
fn next(limit: &Limit, now: Timestamp) -> Option<Holder> {
    let is_free = limit.free() != Some(0) && limit.rate_allows_at(now).is_none();
    if is_free { limit.queue.first() } else { None }
}
