//! Declared values: the inputs of a workflow, the fields of a form.

use super::Checker;
use crate::keys::{INPUT, INPUT_TYPES};
use crate::yaml::{Key, Node, Tree};

impl Checker<'_> {
    pub(super) fn form(&mut self, key: &Key, value: &Tree) {
        match &value.value {
            Node::Map(entries) => self.declarations(entries),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                let hint = format!("write `{}:` and below it `note: string`", key.value);
                self.wrong_type(key, value, "a map of fields by name", hint);
            }
        }
    }

    /// Values by name: a type, or a map with more.
    pub(super) fn declarations(&mut self, entries: &[(Key, Tree)]) {
        for (name, input) in entries {
            match &input.value {
                Node::Map(entries) => self.table(&INPUT, entries, self.key_range(name)),
                Node::Text(_) => self.choice(INPUT_TYPES, name, input),
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::List(_) => {
                    let hint = format!(
                        "write `{0}: string` or `{0}: {{ type: string, default: … }}`",
                        name.value
                    );
                    self.wrong_type(name, input, "a type or a map", hint);
                }
            }
        }
    }
}
