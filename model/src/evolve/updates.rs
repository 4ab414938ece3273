//! Updates: which were accepted, and where that stands.

use super::{Change, Fold};
use crate::event::{Awaited, UpdateAwaited};
use crate::run::{Run, UPDATE_IDS_MAX};

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
        let forgotten = self.run.oldest_update_beyond(UPDATE_IDS_MAX);
        if let Some((oldest, _)) = &forgotten {
            self.run.updates.remove(oldest);
        }
        self.note(Change::UpdateAccepted(id.to_owned(), forgotten));
    }
}

impl Run {
    /// The update that was accepted first of those that are remembered, if they are more than `most`.
    fn oldest_update_beyond(&self, most: usize) -> Option<(String, u32)> {
        if self.updates.len() <= most {
            return None;
        }
        let oldest = self.updates.iter().min_by_key(|(_, revision)| **revision);
        oldest.map(|(id, revision)| (id.clone(), *revision))
    }
}
