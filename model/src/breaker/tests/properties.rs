//! Properties of random breakers.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::stories::{Bench, holder};
use crate::aggregate::Aggregate;
use crate::breaker::{
    BreakerCommand, BreakerEffect, BreakerEvent, CallAllowed, CallOutcome, Circuit, Rule,
};
use crate::event::Actor;
use crate::limit::Holder;

fn command(what: u8, who: u8, rule: Rule) -> BreakerCommand {
    let holder = holder(who);
    let outcome = match what {
        0..4 => return BreakerCommand::Request { holder, rule, patient: what > 0 },
        4..7 => CallOutcome::Failed,
        7 | 8 => CallOutcome::Succeeded,
        9 => CallOutcome::Unknown,
        10..12 => return BreakerCommand::Wake,
        _ => return BreakerCommand::Reset { by: Actor::default() },
    };
    BreakerCommand::Settle { holder, outcome }
}

proptest! {
    #[test]
    fn the_rules_hold_whatever_is_asked(
        asks in prop::collection::vec((0u8..13, 0u8..12, 0u64..400), 1..150),
        (failures, successes, open_ms) in (1u32..4, 1u32..4, 1u64..1_000),
    ) {
        let rule = Rule { failures, successes, open_ms };
        let mut bench = Bench::default();
        let mut patient: BTreeMap<Holder, bool> = BTreeMap::new();
        for (what, who, ms) in asks {
            bench.now = bench.now.plus_ms(ms);
            let command = command(what, who, rule);
            if let BreakerCommand::Request { holder, patient: waits, .. } = command {
                patient.entry(holder).or_insert(waits);
            }
            let was_open = matches!(bench.breaker.circuit, Circuit::Open { until } if until > bench.now);
            let reset = matches!(command, BreakerCommand::Reset { .. });
            for event in bench.ask(command).unwrap_or_default() {
                if let BreakerEvent::CallAllowed(CallAllowed { .. }) = event {
                    prop_assert!(!was_open || reset, "nobody calls while it is open");
                }
            }
            let breaker = &bench.breaker;
            for waiting in breaker.waiting.values() {
                prop_assert!(waiting.patient, "who does not wait is answered at once");
            }
            let can_try = !breaker.calls.values().any(|call| call.tries);
            let stuck = match breaker.circuit {
                Circuit::Closed { failures } => failures >= rule.failures || !breaker.waiting.is_empty(),
                Circuit::Open { .. } => breaker.timers().is_empty(),
                Circuit::HalfOpen { .. } => can_try && !breaker.waiting.is_empty(),
            };
            prop_assert!(!stuck, "{breaker:?}");
            let told = breaker.pending();
            prop_assert_eq!(told.len(), breaker.calls.len() + breaker.refused.len());
            for effect in told {
                let known = match effect {
                    BreakerEffect::Allow(holder) => breaker.calls.contains_key(&holder),
                    BreakerEffect::Refuse(holder) => breaker.refused.contains(&holder),
                };
                prop_assert!(known);
            }
        }
    }
}
