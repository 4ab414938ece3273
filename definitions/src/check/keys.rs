//! Keys: unknown, missing, not available yet, and the kinds of steps.

use std::ops::Range;

use super::Checker;
use crate::keys::{self, FOREIGN, GROUP, KINDS, Kind, LATER_STEP, RETRY, Table};
use crate::suggest::{any_of, nearest};
use crate::yaml::{Key, Node, Tree};

impl Checker<'_> {
    /// The version of the format comes first: without it nothing else is certain.
    pub(super) fn header(&mut self, entries: &[(Key, Tree)]) {
        let Some((key, value)) = entries.iter().find(|(key, _)| key.value == "nexus") else {
            return;
        };
        if value.value.text() != Some("v1") {
            let range = self.place(key, value);
            self.fault(
                "NX1007",
                range,
                "this version reads only `nexus: v1`".to_owned(),
                "write `nexus: v1`",
            );
        }
    }

    /// Checks the keys of a map and their values. `missing` is where to point for a key that is not there.
    pub(super) fn table(
        &mut self,
        table: &'static Table,
        entries: &[(Key, Tree)],
        missing: Range<usize>,
    ) {
        for (key, value) in entries {
            if let Some(known) = table.keys.iter().find(|known| known.name == key.value) {
                self.shape(known.shape, key, value);
            } else if table.later.contains(&key.value.as_str()) {
                self.not_yet(key);
            } else {
                let known: Vec<&str> = table.keys.iter().map(|known| known.name).collect();
                self.unknown(key, table.noun, &known, table.later);
            }
        }
        for required in table.required {
            if !entries.iter().any(|(key, _)| key.value == *required) {
                self.missing(table, required, missing.clone());
            }
        }
    }

    fn missing(&mut self, table: &Table, required: &str, range: Range<usize>) {
        match required {
            "nexus" => {
                self.fault(
                    "NX1007",
                    range,
                    "the file does not begin with `nexus: v1`".to_owned(),
                    "add the line `nexus: v1` at the top",
                );
            }
            "steps" => self.fault(
                "NX1101",
                range,
                "the workflow has no steps".to_owned(),
                "add `steps:` with at least one step",
            ),
            _ => {
                let message = format!("{} has no `{required}`", table.noun);
                self.fault("NX1006", range, message, format!("add `{required}: …`"));
            }
        }
    }

    fn not_yet(&mut self, key: &Key) {
        let range = self.key_range(key);
        let message = format!("`{}` is not available in this version", key.value);
        self.fault("NX1009", range, message, "leave it out; nothing is ignored silently");
    }

    pub(super) fn unknown(&mut self, key: &Key, noun: &str, known: &[&str], later: &[&str]) {
        let foreign = FOREIGN
            .iter()
            .find(|(word, meant)| *word == key.value && known.contains(meant))
            .map(|(_, meant)| *meant);
        let hint = match foreign.or_else(|| nearest(&key.value, known.iter().chain(later).copied()))
        {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        let range = self.key_range(key);
        self.fault("NX1005", range, format!("unknown key `{}` in {noun}", key.value), hint);
    }

    pub(super) fn fixed_map(&mut self, table: &'static Table, key: &Key, value: &Tree) {
        match &value.value {
            Node::Map(entries) => self.table(table, entries, self.key_range(key)),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                let known: Vec<&str> = table.keys.iter().map(|known| known.name).collect();
                self.wrong_type(
                    key,
                    value,
                    "a map",
                    format!("write {} as keys of a map", any_of(&known)),
                );
            }
        }
    }

    pub(super) fn retry(&mut self, key: &Key, value: &Tree) {
        match &value.value {
            Node::Number(_) => self.count(1, key, value),
            Node::Map(entries) => {
                self.table(&RETRY, entries, self.key_range(key));
                if let Some(factor) = value.value.get("factor")
                    && let Node::Number(number) = &factor.value
                    && number.as_f64().is_some_and(|factor| factor < 1.0)
                {
                    let range = self.range(factor);
                    self.fault(
                        "NX1207",
                        range,
                        format!("`factor` is {number}, it must be at least 1"),
                        "with 1 the delay stays the same",
                    );
                }
            }
            Node::Null | Node::Bool(_) | Node::Text(_) | Node::List(_) => {
                self.wrong_type(
                    key,
                    value,
                    "a number of attempts or a map",
                    "write `retry: 3` or `retry: { max_attempts: 3, initial: 1s }`",
                );
            }
        }
    }

    pub(super) fn inputs(&mut self, key: &Key, value: &Tree) {
        match &value.value {
            Node::Null => {}
            Node::Text(text) if text == "any" => {}
            Node::Map(entries) => self.declarations(entries),
            Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                self.wrong_type(
                    key,
                    value,
                    "a map of inputs by name",
                    "write `inputs:` and below it `name: string`",
                );
            }
        }
    }

    pub(super) fn steps(&mut self, key: &Key, value: &Tree) {
        match &value.value {
            Node::Map(steps) if !steps.is_empty() => {
                for (id, step) in steps {
                    self.step(id, step);
                }
            }
            Node::Map(_) | Node::Null => {
                let range = self.key_range(key);
                self.fault(
                    "NX1101",
                    range,
                    "the workflow has no steps".to_owned(),
                    "add at least one step below `steps:`",
                );
            }
            Node::List(_) => {
                self.wrong_type(key, value, "a map of steps by id", "write `greet:` instead of `- id: greet`; add `mode: sequence` if each step needs the one above");
            }
            Node::Bool(_) | Node::Number(_) | Node::Text(_) => {
                self.wrong_type(
                    key,
                    value,
                    "a map of steps by id",
                    "write the id of each step as a key below `steps:`",
                );
            }
        }
    }

    pub(super) fn step(&mut self, id: &Key, step: &Tree) {
        let Node::Map(entries) = &step.value else {
            self.wrong_type(id, step, "a map", format!("a step has one of: {}", kind_list()));
            return;
        };
        if entries.iter().any(|(key, _)| key.value == "group") {
            self.table(&GROUP, entries, self.key_range(id));
            return;
        }
        let mut kinds = KINDS.iter().filter_map(|kind| {
            Some((kind, entries.iter().find(|(key, _)| key.value == kind.key.name)?))
        });
        let Some((kind, _)) = kinds.next() else {
            self.step_without_kind(id, entries);
            return;
        };
        let others: Vec<&Key> = kinds.map(|(_, (key, _))| key).collect();
        for other in &others {
            let range = self.key_range(other);
            let message =
                format!("step `{}` has both `{}` and `{}`", id.value, kind.key.name, other.value);
            self.fault("NX1103", range, message, "a step does one thing: make two steps of it");
        }
        for (key, value) in entries {
            self.step_key(kind, key, value, others.is_empty());
        }
        self.called(entries);
        self.for_each(entries);
    }

    fn step_without_kind(&mut self, id: &Key, entries: &[(Key, Tree)]) {
        let before = self.faults.len();
        let known: Vec<&str> = keys::step_keys().map(|key| key.name).collect();
        for (key, value) in entries {
            if let Some(known) =
                keys::STEP.iter().chain(keys::ATTEMPTS).find(|known| known.name == key.value)
            {
                self.shape(known.shape, key, value);
            } else if LATER_STEP.contains(&key.value.as_str()) {
                self.not_yet(key);
            } else if !known.contains(&key.value.as_str()) {
                self.unknown(key, "a step", &known, &[]);
            }
        }
        let explained =
            self.faults[before..].iter().any(|fault| matches!(fault.code, "NX1005" | "NX1009"));
        if !explained {
            let range = self.key_range(id);
            self.fault(
                "NX1102",
                range,
                format!("step `{}` does nothing", id.value),
                format!("add one of: {}", kind_list()),
            );
        }
    }

    fn step_key(&mut self, kind: &'static Kind, key: &Key, value: &Tree, alone: bool) {
        let name = key.value.as_str();
        if let Some(known) = kind.keys().find(|known| known.name == name) {
            self.shape(known.shape, key, value);
        } else if LATER_STEP.contains(&name) {
            self.not_yet(key);
        } else if KINDS.iter().any(|kind| kind.key.name == name) {
            // Said already, with both names.
        } else if keys::step_keys().any(|known| known.name == name) {
            if alone {
                let range = self.key_range(key);
                let message = format!("`{name}` means nothing for a step with `{}`", kind.key.name);
                self.fault("NX1109", range, message, goes_with(name));
            }
        } else {
            let known: Vec<&str> = kind.keys().map(|known| known.name).collect();
            self.unknown(key, "a step", &known, LATER_STEP);
        }
    }
}

fn kind_list() -> String {
    KINDS.iter().map(|kind| kind.key.name).collect::<Vec<_>>().join(", ")
}

/// Which kinds of steps take `name`.
fn goes_with(name: &str) -> String {
    let kinds: Vec<String> = KINDS
        .iter()
        .filter(|kind| kind.keys().any(|known| known.name == name))
        .map(|kind| format!("`{}`", kind.key.name))
        .collect();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    format!("it goes with {}", any_of(&kinds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Shape;

    #[test]
    fn every_key_stands_once_per_kind() {
        for kind in &KINDS {
            let mut names: Vec<&str> = kind.keys().map(|key| key.name).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{}", kind.key.name);
        }
        assert!(matches!(keys::TOP.keys[0].shape, Shape::Header));
    }
}
