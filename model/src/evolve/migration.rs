//! A run gets another definition.

use super::{Change, Fold};
use crate::event::Migrated;

impl Fold<'_> {
    /// The plan of this fold is the new one already.
    pub(super) fn run_migrated(&mut self, migrated: &Migrated) {
        let next = self.run.moved(self.plan, &migrated.steps);
        let before = std::mem::replace(self.run, next);
        let gone: Vec<_> = before
            .timers
            .iter()
            .filter(|(id, _)| !self.run.timers.contains_key(id))
            .map(|(id, timer)| Change::TimerCleared(*id, *timer))
            .collect();
        self.note(Change::Migrated(Box::new(before)));
        for change in gone {
            self.note(change);
        }
    }
}
