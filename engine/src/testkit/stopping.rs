//! Handlers that are told to stop.

use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex};

use super::reports;
use super::world::{Working, World};
use crate::driver::stopped;
use crate::shard::{Asked, Input};

impl World {
    /// A handler that is told to stop does so at once. One that is not at work here is settled.
    pub(super) fn stop(
        &mut self,
        run: RunId,
        step: StepIndex,
        item: Option<ItemIndex>,
        attempt: Attempt,
    ) {
        let now = self.now;
        let is_it = |at_work: &&mut Working| {
            let this = (at_work.run, at_work.step, at_work.item, at_work.attempt);
            this == (run, step, item, attempt)
        };
        if let Some(working) = self.working.iter_mut().find(is_it) {
            if working.ends > now {
                (working.ends, working.result) = (now, Err(stopped()));
            }
            return;
        }
        if self.resuming.remove(&(run, step, item, attempt)) {
            self.slots.0 += 1;
        }
        let command = reports::left(step, item, attempt);
        let asked = Asked::silent(command);
        self.tell(Input::Ask { run, asked }, None);
    }
}
