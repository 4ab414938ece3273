//! Updates: which were accepted, and where that stands.

use super::{Change, Fold};

impl Fold<'_> {
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
