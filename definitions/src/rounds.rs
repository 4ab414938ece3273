//! Errors of one reading that belong together: what is wrong with the shape of a file makes some of what comes after it
//! meaningless, and leaves the rest as it is. An author sees all that holds at once.

use std::collections::BTreeSet;

use nexus_model::plan::DefinitionError;

use crate::source::{Fault, range_of};
use crate::yaml::Tree;

/// A part of a file: a key at the top, and below `steps` and `inputs` one entry.
type Part = (String, Option<String>);

/// Codes of names that are looked up elsewhere in the file.
const NAMES: [&str; 4] = ["NX2101", "NX2102", "NX2103", "NX2104"];

/// The parts of a file whose shape is wrong.
pub(crate) struct Broken {
    is_any: bool,
    parts: BTreeSet<Part>,
    /// Keys at the top in which something is wrong.
    tops: BTreeSet<String>,
}

impl Broken {
    /// Finds the parts in which `faults` stand.
    pub(crate) fn of(faults: &[Fault], tree: &Tree, text: &str) -> Self {
        let all = if faults.is_empty() { Vec::new() } else { parts_of(tree, text) };
        let part_at = |at: usize| {
            let behind = all.partition_point(|(start, _)| *start <= at);
            behind.checked_sub(1).and_then(|last| all.get(last)).map(|(_, part)| part.clone())
        };
        let parts: BTreeSet<Part> =
            faults.iter().filter_map(|fault| part_at(fault.range.start)).collect();
        let tops = parts.iter().map(|(top, _)| top.clone()).collect();
        Self { is_any: !faults.is_empty(), parts, tops }
    }

    /// Whether an error found after the shape was checked still holds.
    pub(crate) fn leaves(&self, error: &DefinitionError) -> bool {
        let broken = |top: &str| self.tops.contains(top);
        let top = error.path.first().map_or("", String::as_str);
        let entry = error.path.get(1).cloned();
        // A key that is missing was told as such, and what `defaults` says is part of every step.
        let is_whole = top == "name" || entry.is_none() && top == "steps" || broken("defaults");
        let here = self.parts.contains(&(top.to_owned(), entry))
            || self.parts.contains(&(top.to_owned(), None));
        let is_lost = NAMES.contains(&error.code) && (broken("inputs") || broken("env"));
        !self.is_any || !(error.warning || is_whole || here || is_lost)
    }
}

/// Where each part begins, in order.
fn parts_of(tree: &Tree, text: &str) -> Vec<(usize, Part)> {
    let mut parts = Vec::new();
    for (top, value) in tree.value.entries() {
        parts.push((range_of(&top.defined, text).start, (top.value.clone(), None)));
        if matches!(top.value.as_str(), "steps" | "inputs") {
            let entries = value.value.entries().iter();
            parts.extend(entries.map(|(entry, _)| {
                let part = (top.value.clone(), Some(entry.value.clone()));
                (range_of(&entry.defined, text).start, part)
            }));
        }
    }
    parts.sort();
    parts
}
