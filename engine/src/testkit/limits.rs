//! Limits and breakers in the simulated engine: what its driver does for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use nexus_log::{EventLog, Partition, Position};
use nexus_model::aggregate::{AggregateId, Effect, Kind};
use nexus_model::decide::SlotChange;

use super::world::World;
use crate::shard::{Answer, Asked, AskedAggregate, Input, Refusal, ReplyId};
use crate::telling::{told_back, told_by_run, told_to_run};

impl World {
    /// Somebody asks a limit for a slot, or no longer needs one.
    pub(super) fn tell_limit(&mut self, change: SlotChange) {
        let (kind, name, command) = told_by_run(change);
        let id = kind.id(&name);
        let asked =
            AskedAggregate { name: Some(Arc::from(name)), ..AskedAggregate::silent(command) };
        self.tell(Input::AskAggregate { id, asked }, None);
    }

    /// Tells a run that it has a slot.
    pub(super) fn tell_of_slot(&mut self, id: AggregateId, effect: &Effect) {
        let Some((run, command)) = told_to_run(effect) else { return };
        self.requests += 1;
        let reply = ReplyId(self.requests);
        self.told.insert(reply, (id, effect.clone()));
        let asked = Asked { reply: Some(reply), ..Asked::silent(command) };
        self.tell(Input::Ask { run, asked }, None);
    }

    /// Takes the answer of somebody who was told of a slot: one who does not want it gives it back.
    pub(super) fn told_of_slot(
        &mut self,
        reply: ReplyId,
        answer: &Result<Answer, Refusal>,
    ) -> bool {
        let Some((id, effect)) = self.told.remove(&reply) else { return false };
        if answer.as_ref().is_err_and(Refusal::is_passing) {
            self.tell_of_slot(id, &effect);
            return true;
        }
        let back = answer.as_ref().err().and_then(|refusal| told_back(&effect, refusal));
        if let Some(command) = back {
            let asked = AskedAggregate::silent(command);
            self.tell(Input::AskAggregate { id, asked }, None);
        }
        true
    }
}

/// The limits and breakers that the log knows.
pub(super) fn limits(log: &dyn EventLog) -> BTreeSet<AggregateId> {
    let frames = log.read(Partition(0), Position(0), usize::MAX).unwrap_or_default();
    let aggregates = frames.iter().filter_map(|frame| AggregateId::of(frame.stream.0));
    aggregates.filter(|id| matches!(id.kind(), Kind::Limit | Kind::Breaker)).collect()
}
