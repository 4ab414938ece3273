//! Folds events into the state of a breaker.

use super::{
    Breaker, BreakerEvent, BreakerOpened, Call, CallAllowed, CallOutcome, CallOver, CallRefused,
    CallRequested, Circuit, Waiting,
};
use crate::limit::Holder;
use crate::time::Timestamp;

/// Time after which those are let through who were too many for one transition.
const REST_MS: u64 = 1;

/// Folds one recorded event into the state. A recorded event always applies. `at` is the time of its transition.
pub(super) fn evolve(breaker: &mut Breaker, event: &BreakerEvent, at: Timestamp) {
    match event {
        BreakerEvent::CallRequested(CallRequested { holder, rule, patient }) => {
            let waiting = Waiting { holder: *holder, since: at, patient: *patient };
            breaker.rule = *rule;
            let number = breaker.next;
            breaker.waiting.insert(number, waiting);
            breaker.places.insert(*holder, number);
            if !patient {
                breaker.hurried.insert(number);
            }
            breaker.next = number.saturating_add(1);
        }
        BreakerEvent::CallOver(CallOver { holder, outcome }) => {
            forget_waiting(breaker, *holder);
            breaker.refused.remove(holder);
            if let Some(call) = breaker.calls.remove(holder) {
                count(breaker, call, *outcome);
            }
        }
        BreakerEvent::BreakerReset(_) | BreakerEvent::BreakerClosed(_) => {
            stand_at(breaker, Circuit::default(), at);
        }
        BreakerEvent::BreakerWoken(_) => {}
        BreakerEvent::CallAllowed(CallAllowed { holder }) => {
            forget_waiting(breaker, *holder);
            let tries = matches!(breaker.circuit, Circuit::HalfOpen { .. });
            breaker.calls.insert(*holder, Call { since: at, tries });
        }
        BreakerEvent::BreakerOpened(BreakerOpened { until }) => {
            breaker.opened = breaker.opened.saturating_add(1);
            stand_at(breaker, Circuit::Open { until: *until }, at);
        }
        BreakerEvent::BreakerHalfOpened(_) => {
            stand_at(breaker, Circuit::HalfOpen { successes: 0, failed: false }, at);
        }
        BreakerEvent::CallRefused(CallRefused { holder }) => {
            forget_waiting(breaker, *holder);
            breaker.refused.insert(*holder);
        }
    }
    breaker.wakes_at = match breaker.circuit {
        Circuit::Open { until } => Some(until),
        Circuit::Closed { .. } | Circuit::HalfOpen { .. } => {
            breaker.next(at).map(|_| at.plus_ms(REST_MS))
        }
    };
}

/// What it stands at from now on. Calls that are under way do not try for what it becomes.
fn stand_at(breaker: &mut Breaker, circuit: Circuit, at: Timestamp) {
    breaker.circuit = circuit;
    breaker.since = at;
    for call in breaker.calls.values_mut() {
        call.tries = false;
    }
}

fn forget_waiting(breaker: &mut Breaker, holder: Holder) {
    let Some(number) = breaker.places.remove(&holder) else { return };
    breaker.waiting.remove(&number);
    breaker.hurried.remove(&number);
}

/// Counts what came of a call that was allowed.
fn count(breaker: &mut Breaker, call: Call, outcome: CallOutcome) {
    let (successes, failures) = match outcome {
        CallOutcome::Unknown => return,
        CallOutcome::Succeeded => (1, 0),
        CallOutcome::Failed => (0, 1),
    };
    match &mut breaker.circuit {
        Circuit::Closed { failures: in_row } => {
            *in_row = if failures > 0 { in_row.saturating_add(failures) } else { 0 };
        }
        Circuit::HalfOpen { successes: in_row, failed } if call.tries => {
            *in_row = in_row.saturating_add(successes);
            *failed |= failures > 0;
        }
        Circuit::HalfOpen { .. } | Circuit::Open { .. } => {}
    }
}
