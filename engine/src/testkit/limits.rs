//! Limits in the simulated engine: what its driver does for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use nexus_log::{EventLog, Partition, Position};
use nexus_model::aggregate::{self, AggregateId, Effect, Kind};
use nexus_model::command::Command;
use nexus_model::decide::SlotChange;
use nexus_model::limit::{LimitCommand, LimitEffect};
use nexus_model::rejection::Rejection;

use super::world::World;
use crate::shard::{Answer, Asked, AskedAggregate, Input, Refusal, ReplyId};

impl World {
    /// Somebody asks a limit for a slot, or no longer needs one.
    pub(super) fn tell_limit(&mut self, change: SlotChange) {
        let (name, command) = match change {
            SlotChange::Requested(holder, wish) => {
                (wish.limit.clone(), LimitCommand::Request { holder, wish })
            }
            SlotChange::Released(holder, limit) => (limit, LimitCommand::Release { holder }),
        };
        let id = Kind::Limit.id(&name);
        let command = aggregate::Command::Limit(command);
        let asked =
            AskedAggregate { name: Some(Arc::from(name)), ..AskedAggregate::silent(command) };
        self.tell(Input::AskAggregate { id, asked }, None);
    }

    /// Tells a run that it has a slot.
    pub(super) fn tell_of_slot(&mut self, id: AggregateId, effect: &Effect) {
        let Effect::Limit(LimitEffect(holder)) = *effect else { return };
        self.requests += 1;
        let reply = ReplyId(self.requests);
        self.told.insert(reply, (id, holder));
        let command = Command::GrantSlot { step: holder.step, ticket: holder.ticket };
        let asked = Asked { reply: Some(reply), ..Asked::silent(command) };
        self.tell(Input::Ask { run: holder.run, asked }, None);
    }

    /// Takes the answer of somebody who was told of a slot: one who does not want it gives it back.
    pub(super) fn told_of_slot(
        &mut self,
        reply: ReplyId,
        answer: &Result<Answer, Refusal>,
    ) -> bool {
        let Some((id, holder)) = self.told.remove(&reply) else { return false };
        let wants = match answer {
            Ok(_) | Err(Refusal::Rejected(Rejection::SlotHeld)) => true,
            Err(_) => false,
        };
        if !wants {
            let command = aggregate::Command::Limit(LimitCommand::Release { holder });
            let asked = AskedAggregate::silent(command);
            self.tell(Input::AskAggregate { id, asked }, None);
        }
        true
    }
}

/// The limits that the log knows.
pub(super) fn limits(log: &dyn EventLog) -> BTreeSet<AggregateId> {
    let frames = log.read(Partition(0), Position(0), usize::MAX).unwrap_or_default();
    let aggregates = frames.iter().filter_map(|frame| AggregateId::of(frame.stream.0));
    aggregates.filter(|id| id.kind() == Kind::Limit).collect()
}
