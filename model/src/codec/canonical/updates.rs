//! What steps wait for from outside, and updates that were accepted.

use std::collections::BTreeMap;

use super::{AWAITED_APPROVAL, AWAITED_EVENT, Writer};
use crate::event::Awaited;

/// Number of a step that waits for an update.
pub(in crate::codec) const AWAITED_UPDATE: u8 = 81;

/// Number of the section of updates that were accepted.
pub(in crate::codec) const SECTION_UPDATES: u8 = 82;

impl Writer {
    pub(super) fn awaited(&mut self, what: &Awaited) {
        match what {
            Awaited::Signal { name } => {
                self.byte(0);
                self.text(name);
            }
            Awaited::Event { name, reads } => {
                self.byte(AWAITED_EVENT);
                self.text(name);
                self.option(*reads, Self::number);
            }
            Awaited::Update { name } => {
                self.byte(AWAITED_UPDATE);
                self.text(name);
            }
            Awaited::Approval { by, message } => {
                self.byte(AWAITED_APPROVAL);
                self.count(by.len());
                for entry in by {
                    self.text(entry);
                }
                self.text(message);
            }
        }
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
