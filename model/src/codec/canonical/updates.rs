//! Updates that were accepted, and steps that wait for one.

use std::collections::BTreeMap;

use super::Writer;

/// Number of a step that waits for an update.
pub(in crate::codec) const AWAITED_UPDATE: u8 = 81;

/// Number of the section of updates that were accepted.
pub(in crate::codec) const SECTION_UPDATES: u8 = 82;

impl Writer {
    pub(super) fn awaited_update(&mut self, name: &str) {
        self.byte(AWAITED_UPDATE);
        self.text(name);
    }

    /// Nothing if none was accepted.
    pub(super) fn updates(&mut self, updates: &BTreeMap<String, u32>) {
        if updates.is_empty() {
            return;
        }
        self.byte(SECTION_UPDATES);
        self.count(updates.len());
        for (id, revision) in updates {
            self.text(id);
            self.number(*revision);
        }
    }
}
