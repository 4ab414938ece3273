//! From a path in a definition to a place in the file it was read from.

use std::ops::Range;

use nexus_model::plan::DefinitionError;

use crate::check::condition_of;
use crate::problem::{Problem, Severity};
use crate::source::{Fault, Source, offset_in_scalar, range_of};
use crate::yaml::{Node, Tree};

/// Where every value of a definition stands.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) source: Source,
    pub(crate) tree: Tree,
}

impl Places {
    /// The error with its line and column.
    pub(crate) fn problem(&self, error: &DefinitionError) -> Problem {
        self.source.problem(Fault {
            code: error.code,
            range: self.range(&error.path, error.range.clone()),
            message: error.message.clone(),
            hint: error.hint.clone(),
            severity: if error.warning { Severity::Warning } else { Severity::Error },
        })
    }

    /// The byte range of what stands at `path`, or of the nearest thing above it.
    fn range(&self, path: &[String], inside: Option<Range<usize>>) -> Range<usize> {
        let text = self.source.text();
        let mut tree = &self.tree;
        let mut key_range = 0..0;
        let mut complete = true;
        for part in path {
            let Some((range, next)) = child(tree, part, text) else {
                complete = false;
                break;
            };
            key_range = range;
            tree = next;
        }
        let range = range_of(&tree.defined, text);
        match &tree.value {
            Node::Text(value) => match inside.filter(|_| complete) {
                Some(inside) => {
                    let condition =
                        matches!(path, [steps, _, key] if steps == "steps" && key == "if");
                    part_of(text, &range, value, inside, condition)
                }
                None => range,
            },
            Node::Bool(_) | Node::Number(_) => range,
            Node::Null | Node::List(_) | Node::Map(_) => key_range,
        }
    }
}

/// The value under `part`, and where to point if it is not a scalar.
fn child<'t>(tree: &'t Tree, part: &str, text: &str) -> Option<(Range<usize>, &'t Tree)> {
    if let Some((key, value)) = tree.value.entries().iter().find(|(key, _)| key.value == part) {
        return Some((range_of(&key.defined, text), value));
    }
    let item = tree.value.items().get(part.parse::<usize>().ok()?)?;
    Some((range_of(&item.defined, text), item))
}

/// The bytes in the file of the part `inside` of a text. The range of a condition counts from its expression.
fn part_of(
    text: &str,
    range: &Range<usize>,
    value: &str,
    inside: Range<usize>,
    condition: bool,
) -> Range<usize> {
    let raw = text.get(range.clone()).unwrap_or_default();
    let lead = if condition { condition_of(value).map_or(0, |(lead, _)| lead) } else { 0 };
    let clamp = |at: usize| (at + lead).min(value.len());
    let (from, to) = (clamp(inside.start), clamp(inside.end));
    let start = offset_in_scalar(raw, value, from);
    let last = value
        .get(from..to)
        .and_then(|part| part.char_indices().next_back())
        .map_or(from, |(at, _)| from + at);
    let end = offset_in_scalar(raw, value, last).max(start);
    let width = raw.get(end..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    range.start + start..range.start + end + width
}
