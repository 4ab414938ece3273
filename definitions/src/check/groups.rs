//! Groups: that they hold steps, and no groups.

use super::Checker;
use crate::yaml::{Key, Node, Tree};

impl Checker<'_> {
    /// The steps of a group.
    pub(super) fn group_steps(&mut self, key: &Key, value: &Tree) {
        let steps = value.value.entries();
        match &value.value {
            Node::Map(_) if !steps.is_empty() => {}
            Node::Map(_) | Node::Null => {
                let range = self.key_range(key);
                let message = "a group without steps".to_owned();
                self.fault("NX1148", range, message, "add at least one step below `group:`");
            }
            Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                self.wrong_type(
                    key,
                    value,
                    "a map of steps by id",
                    "write the id of each step as a key below `group:`",
                );
            }
        }
        for (id, step) in steps {
            if step.value.get("group").is_some() {
                let range = self.key_range(id);
                let message = format!("`{}` is a group in a group", id.value);
                self.fault(
                    "NX1148",
                    range,
                    message,
                    "put it beside the other group, and let one need the other",
                );
            } else {
                self.step(id, step);
            }
        }
    }
}
