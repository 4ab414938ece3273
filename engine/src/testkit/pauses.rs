//! Pauses of the store in the simulated engine: what its handle does for them.

use std::sync::Arc;

use nexus_model::aggregate::{Kind, State};
use nexus_model::pauses::{Pauses, STORE};

use super::world::{Wanted, World};
use crate::shard::{Input, ReplyId};

impl World {
    /// The pauses that are recorded.
    pub(super) fn recorded_pauses(&self) -> Option<Pauses> {
        let entity = self.loader.aggregate(Kind::Pauses.id(STORE)).ok().flatten()?;
        let State::Pauses(pauses) = entity.state else { return None };
        Some(pauses)
    }

    /// Has the shard keep to the pauses that are recorded.
    pub(super) fn keep_to_pauses(&mut self) {
        let Some(pauses) = self.recorded_pauses().filter(|pauses| *pauses != *self.pauses) else {
            return;
        };
        self.pauses = Arc::new(pauses);
        self.tell(Input::Pauses(Arc::clone(&self.pauses)), None);
    }

    /// A change of the pauses is recorded: the shard hears of it next.
    pub(super) fn pauses_changed(&mut self, reply: ReplyId) {
        if self.pausing.remove(&reply) {
            self.wanted.push_back(Wanted::Pauses);
        }
    }

    /// Has the shard keep to the pauses, and runs that wait for others look at them.
    pub(super) fn follow_pauses(&mut self) {
        self.keep_to_pauses();
        self.recover_calls();
    }
}
