//! Updates: which were accepted, and where that stands.

use super::{Change, Fold};
use crate::event::{Awaited, UpdateAwaited};

impl Fold<'_> {
    pub(super) fn update_awaited(&mut self, awaited: &UpdateAwaited) {
        let UpdateAwaited { step, name, timer } = awaited;
        self.step_waits(*step, Awaited::Update { name: name.clone() }, *timer);
    }

    /// Remembers where the reply to the update with this id is found again. What becomes of the step is said by what follows.
    pub(super) fn update_accepted(&mut self, id: &str) {
        if id.is_empty() || self.run.updates.contains_key(id) {
            return;
        }
        let revision = self.run.revision.saturating_sub(1);
        self.run.updates.insert(id.to_owned(), revision);
        self.note(Change::UpdateAccepted(id.to_owned()));
    }
}
