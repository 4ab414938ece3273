//! `wait_for`: a signal or an event.

use super::Checker;
use crate::yaml::{Key, Node, Tree};

impl Checker<'_> {
    pub(super) fn wait_for(&mut self, key: &Key, value: &Tree) {
        let Node::Map(_) = &value.value else { return };
        match (value.value.get("signal"), value.value.get("event")) {
            (Some(_), None) | (None, Some(_)) => {}
            (Some(_), Some(event)) => {
                let range = self.range(event);
                let message = "`wait_for` has both `signal` and `event`".to_owned();
                self.fault("NX1187", range, message, "a step waits for one thing: make two of it");
            }
            (None, None) => {
                let range = self.key_range(key);
                let message = "`wait_for` does not say for what".to_owned();
                let hint = "add `signal:` and a name, or `event:` and a name";
                self.fault("NX1187", range, message, hint);
            }
        }
    }
}
