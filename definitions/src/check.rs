//! Checks the shape of a document against the key tables, before it is interpreted.

mod called;
mod cases;
mod each;
mod form;
mod groups;
mod keys;
mod triggers;
mod undo;
mod values;
mod waits;

pub(crate) use values::{condition_of, duration};

use std::ops::Range;

use crate::keys::{Shape, TOP};
use crate::source::{Fault, range_of};
use crate::yaml::{Key, Node, Tree};

/// Everything that is wrong with the shape of `tree`.
pub(crate) fn check(tree: &Tree, text: &str) -> Vec<Fault> {
    let mut checker = Checker { text, faults: Vec::new() };
    if let Node::Map(entries) = &tree.value {
        checker.header(entries);
        checker.table(&TOP, entries, 0..0);
    } else {
        let range = checker.range(tree);
        checker.faults.push(
            Fault::new(
                "NX1007",
                range,
                format!("a workflow is a map, this file holds {}", tree.value.noun()),
            )
            .hint("begin with `nexus: v1`, `name: …` and `steps:`"),
        );
    }
    checker.faults
}

/// Walks the document and gathers what is wrong.
struct Checker<'t> {
    text: &'t str,
    faults: Vec<Fault>,
}

impl Checker<'_> {
    fn range(&self, tree: &Tree) -> Range<usize> {
        range_of(&tree.defined, self.text)
    }

    fn key_range(&self, key: &Key) -> Range<usize> {
        range_of(&key.defined, self.text)
    }

    fn fault(
        &mut self,
        code: &'static str,
        range: Range<usize>,
        message: String,
        hint: impl Into<String>,
    ) {
        self.faults.push(Fault::new(code, range, message).hint(hint));
    }

    /// Where to point for a value: itself if it is a scalar, else its key.
    fn place(&self, key: &Key, value: &Tree) -> Range<usize> {
        match value.value {
            Node::Null | Node::List(_) | Node::Map(_) => self.key_range(key),
            Node::Bool(_) | Node::Number(_) | Node::Text(_) => self.range(value),
        }
    }

    /// Checks the value of `key`.
    fn shape(&mut self, shape: Shape, key: &Key, value: &Tree) {
        match shape {
            Shape::Header | Shape::Any | Shape::Template => {}
            Shape::Text => self.text(key, value),
            Shape::Version => self.version(key, value),
            Shape::Count(least) => self.count(least, key, value),
            Shape::Number => self.number(key, value),
            Shape::Boolean => self.boolean(key, value),
            Shape::AnyList => self.any_list(key, value),
            Shape::TemplateMap => self.template_map(key, value),
            Shape::Environment => self.environment(key, value),
            Shape::TextMap => self.text_map(key, value),
            Shape::Condition => self.condition(key, value),
            Shape::Duration { zero } => self.duration(zero, key, value),
            Shape::DurationTemplate => self.duration_template(key, value),
            Shape::TextOrList => self.text_or_list(key, value),
            Shape::Choice(words) => self.choice(words, key, value),
            Shape::Retry => self.retry(key, value),
            Shape::Compensate => self.compensate(key, value),
            Shape::Concurrency => self.concurrency(key, value),
            Shape::Map(table) => {
                self.fixed_map(table, key, value);
                if table.name == "wait_for" {
                    self.wait_for(key, value);
                }
            }
            Shape::Triggers => self.triggers(key, value),
            Shape::Inputs => self.inputs(key, value),
            Shape::Form => self.form(key, value),
            Shape::Cases => self.cases(key, value),
            Shape::Steps => self.steps(key, value),
            Shape::GroupSteps => self.group_steps(key, value),
        }
    }

    /// NX1204: the value is of another kind than the key takes.
    fn wrong_type(&mut self, key: &Key, value: &Tree, wanted: &str, hint: impl Into<String>) {
        let range = self.place(key, value);
        let message = format!("`{}` takes {wanted}, not {}", key.value, value.value.noun());
        self.fault("NX1204", range, message, hint);
    }
}
