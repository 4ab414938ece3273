//! The cases of a router.

use super::Checker;
use crate::keys::CASE;
use crate::yaml::{Key, Node, Tree};

impl Checker<'_> {
    pub(super) fn cases(&mut self, key: &Key, value: &Tree) {
        let hint = "write `- when: ${{ … }}` and below it `then: <step>`";
        let Node::List(items) = &value.value else {
            self.wrong_type(key, value, "a list of cases", hint);
            return;
        };
        for item in items {
            match &item.value {
                Node::Map(entries) => self.table(&CASE, entries, self.key_range(key)),
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                    self.wrong_type(key, item, "a list of maps", hint);
                }
            }
        }
    }
}
