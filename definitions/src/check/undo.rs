//! `compensate`: what undoes a step.

use super::Checker;
use crate::keys::{KINDS, Kind, UNDO, undo_keys, undo_kinds};
use crate::suggest::any_of;
use crate::yaml::{Key, Node, Tree};

impl Checker<'_> {
    pub(super) fn compensate(&mut self, key: &Key, value: &Tree) {
        let Node::Map(entries) = &value.value else {
            let hint = "write `compensate: { uses: …, with: … }` or `compensate: { run: … }`";
            return self.wrong_type(key, value, "a map", hint);
        };
        let mut kinds = undo_kinds().filter_map(|kind| {
            Some((kind, entries.iter().find(|(key, _)| key.value == kind.key.name)?))
        });
        let first = kinds.next();
        let other = kinds.next().map(|(_, (key, _))| key);
        let Some((kind, _)) = first else { return self.undoes_nothing(key, entries) };
        if let Some(other) = other {
            let range = self.key_range(other);
            let message =
                format!("`compensate` has both `{}` and `{}`", kind.key.name, other.value);
            self.fault("NX1103", range, message, "an undo does one thing: choose one of them");
        }
        for (key, value) in entries {
            self.undo_key(kind, key, value, other.is_none());
        }
    }

    fn undo_key(&mut self, kind: &'static Kind, key: &Key, value: &Tree, alone: bool) {
        let name = key.value.as_str();
        if let Some(known) = undo_keys(kind).find(|known| known.name == name) {
            self.shape(known.shape, key, value);
        } else if undo_kinds().flat_map(undo_keys).any(|known| known.name == name) {
            if alone {
                let range = self.key_range(key);
                let message =
                    format!("`{name}` means nothing for an undo with `{}`", kind.key.name);
                self.fault("NX1109", range, message, "leave it out");
            }
        } else if KINDS.iter().any(|kind| kind.key.name == name) {
            let range = self.key_range(key);
            let message = format!("an undo cannot `{name}`");
            self.fault("NX1109", range, message, "an undo is an action: `uses` or `run`");
        } else {
            let known: Vec<&str> = undo_keys(kind).map(|known| known.name).collect();
            self.unknown(key, "`compensate`", &known, &[]);
        }
    }

    fn undoes_nothing(&mut self, key: &Key, entries: &[(Key, Tree)]) {
        let before = self.faults.len();
        let known: Vec<&str> = undo_kinds().flat_map(undo_keys).map(|known| known.name).collect();
        for (key, value) in entries {
            if let Some(known) = UNDO.iter().find(|known| known.name == key.value) {
                self.shape(known.shape, key, value);
            } else if !known.contains(&key.value.as_str())
                && !KINDS.iter().any(|kind| kind.key.name == key.value)
            {
                self.unknown(key, "`compensate`", &known, &[]);
            }
        }
        if !self.faults[before..].iter().any(|fault| fault.code == "NX1005") {
            let kinds: Vec<&str> = undo_kinds().map(|kind| kind.key.name).collect();
            let range = self.key_range(key);
            let message = "`compensate` does nothing".to_owned();
            self.fault(
                "NX1102",
                range,
                message,
                format!("an undo is an action: add {}", any_of(&kinds)),
            );
        }
    }
}
