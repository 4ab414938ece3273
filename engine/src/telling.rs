//! What runs tell limits and breakers, and what those tell runs. The driver and the simulated engine do it alike.

use nexus_model::aggregate::{self, Effect, Kind};
use nexus_model::breaker::{BreakerCommand, BreakerEffect, CallOutcome};
use nexus_model::command::Command;
use nexus_model::decide::SlotChange;
use nexus_model::id::RunId;
use nexus_model::limit::{LimitCommand, LimitEffect};
use nexus_model::rejection::Rejection;

use crate::shard::Refusal;

/// Who is to be told of a change of a run's slots and calls, and what.
pub(crate) fn told_by_run(change: SlotChange) -> (Kind, String, aggregate::Command) {
    let limit = |name, command| (Kind::Limit, name, aggregate::Command::Limit(command));
    let breaker = |name, command| (Kind::Breaker, name, aggregate::Command::Breaker(command));
    match change {
        SlotChange::Requested(holder, wish) => {
            limit(wish.limit.clone(), LimitCommand::Request { holder, wish })
        }
        SlotChange::Released(holder, name) => limit(name, LimitCommand::Release { holder }),
        SlotChange::CallRequested(holder, wish) => {
            let (rule, patient) = (wish.rule, wish.patient);
            breaker(wish.target, BreakerCommand::Request { holder, rule, patient })
        }
        SlotChange::CallOver(holder, target, outcome) => {
            breaker(target, BreakerCommand::Settle { holder, outcome })
        }
    }
}

/// Which run is to be told of an effect, and what; `None`: the effect is something else.
pub(crate) fn told_to_run(effect: &Effect) -> Option<(RunId, Command)> {
    let holder = match effect {
        Effect::Limit(LimitEffect(holder))
        | Effect::Breaker(BreakerEffect::Allow(holder) | BreakerEffect::Refuse(holder)) => *holder,
        Effect::Schedule(_)
        | Effect::Pauses(_)
        | Effect::Versions(_)
        | Effect::Topic(_)
        | Effect::StartKey(_) => return None,
    };
    let (item, ticket) = (holder.item, holder.ticket);
    let command = match (effect, holder.step) {
        (Effect::Breaker(BreakerEffect::Allow(_)), Some(step)) => {
            Command::AllowCall { step, item, ticket }
        }
        (Effect::Breaker(BreakerEffect::Refuse(_)), Some(step)) => {
            Command::RefuseCall { step, item, ticket }
        }
        (_, step) => Command::GrantSlot { step, item, ticket },
    };
    Some((holder.run, command))
}

/// What has to be told back because a run refused what it was told; `None`: nothing, because it knows already.
///
/// A run that took what it was told says itself when it needs it no more.
pub(crate) fn told_back(effect: &Effect, refusal: &Refusal) -> Option<aggregate::Command> {
    match (effect, refusal) {
        (Effect::Limit(_), Refusal::Rejected(Rejection::SlotHeld))
        | (Effect::Breaker(BreakerEffect::Allow(_)), Refusal::Rejected(Rejection::CallAllowed))
        | (
            Effect::Schedule(_)
            | Effect::Pauses(_)
            | Effect::Versions(_)
            | Effect::Topic(_)
            | Effect::StartKey(_),
            _,
        ) => None,
        (Effect::Limit(LimitEffect(holder)), _) => {
            Some(aggregate::Command::Limit(LimitCommand::Release { holder: *holder }))
        }
        (
            Effect::Breaker(BreakerEffect::Allow(holder) | BreakerEffect::Refuse(holder)),
            refusal,
        ) => {
            let (holder, mut outcome) = (*holder, CallOutcome::Unknown);
            if let Refusal::Rejected(Rejection::CallNotWanted { outcome: known }) = refusal {
                outcome = *known;
            }
            Some(aggregate::Command::Breaker(BreakerCommand::Settle { holder, outcome }))
        }
    }
}
