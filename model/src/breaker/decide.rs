//! Decides what a command means for a breaker: it is checked, becomes one outside event, and then what follows is derived.

use super::evolve::evolve;
use super::{
    Breaker, BreakerCommand, BreakerEvent, BreakerRejection, BreakerReset, BreakerWoken, CallOver,
    CallRequested, Circuit,
};
use crate::time::Timestamp;

/// How many are let through in one transition; the others follow at once in the next.
const EVENTS_MAX: usize = 1_000;

/// Decides what `command` means for `breaker`. Same inputs, same events.
///
/// When something happens, `breaker` has already been advanced by exactly those events; otherwise it is unchanged.
///
/// # Errors
/// A [`BreakerRejection`] if the command does not fit the state.
pub(super) fn decide(
    breaker: &mut Breaker,
    command: BreakerCommand,
    now: Timestamp,
) -> Result<Vec<BreakerEvent>, BreakerRejection> {
    let event = match command {
        BreakerCommand::Request { holder, .. } if !breaker.is_new(holder) => {
            return Err(BreakerRejection::Asked);
        }
        BreakerCommand::Request { holder, rule, patient } => {
            BreakerEvent::CallRequested(CallRequested { holder, rule, patient })
        }
        BreakerCommand::Settle { holder, .. } if breaker.is_new(holder) => {
            return Err(BreakerRejection::Unknown);
        }
        BreakerCommand::Settle { holder, outcome } => {
            BreakerEvent::CallOver(CallOver { holder, outcome })
        }
        BreakerCommand::Reset { .. } if breaker.circuit == (Circuit::Closed { failures: 0 }) => {
            return Err(BreakerRejection::NothingToReset { target: breaker.target.clone() });
        }
        BreakerCommand::Reset { by } => BreakerEvent::BreakerReset(BreakerReset { by }),
        BreakerCommand::Wake if breaker.next(now).is_none() => {
            return Err(BreakerRejection::NothingToDo);
        }
        BreakerCommand::Wake => BreakerEvent::BreakerWoken(BreakerWoken {}),
    };
    evolve(breaker, &event, now);
    let mut events = vec![event];
    while events.len() < EVENTS_MAX
        && let Some(event) = breaker.next(now)
    {
        evolve(breaker, &event, now);
        events.push(event);
    }
    Ok(events)
}
