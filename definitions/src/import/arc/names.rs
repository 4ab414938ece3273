//! What a name means: the outputs of all steps before lie side by side, the later over the earlier.

use nexus_model::definition::InputKind;
use serde_json::{Value, json};
use serde_saphyr::Location;

use super::{Entry, types};
use crate::import::finding::code;
use crate::import::foreign::{is_word, output, reach, template};
use crate::import::sketch::Sketch;
use crate::yaml::Node;

/// Steps asked for a value that none of them declares.
const ASKED_MAX: usize = 4;

/// The steps that come before a step.
pub(super) struct Names<'n, 't> {
    before: Vec<&'n Entry<'t>>,
}

impl<'n, 't> Names<'n, 't> {
    pub(super) fn of(before: Vec<&'n Entry<'t>>) -> Self {
        Self { before: before.into_iter().filter(|entry| entry.routes.is_empty()).collect() }
    }

    /// The expression for a name in a condition, and what lies at `path` in it.
    pub(super) fn resolve(
        &self,
        root: &str,
        path: &[String],
        at: &Location,
        sketch: &mut Sketch,
    ) -> String {
        self.brought(root, path).unwrap_or_else(|| {
            let message = format!("no step before says that it brings `{root}`: it is an input");
            sketch.findings.add(code::UNKNOWN_NAME, at, &message);
            let input = sketch.input(root, InputKind::Any);
            if path.is_empty() { input } else { reach(&input, path, "null") }
        })
    }

    /// What a step is handed under a name: what a step before brought, else an input of the run.
    pub(super) fn input(&self, name: &str, kind: &str, sketch: &mut Sketch) -> Value {
        if !is_word(name) {
            return Value::Null;
        }
        let expression =
            self.declared(name, &[]).unwrap_or_else(|| sketch.input(name, types::kind(kind)));
        json!(format!("${{{{ {expression} }}}}"))
    }

    /// A prompt, with what is known of its `{names}`: what steps before brought, and what `entry` is handed.
    pub(super) fn prompt(&self, node: &Node, entry: &Entry<'_>) -> Value {
        let text = types::label(node).unwrap_or_default();
        let inputs = types::declared(entry.get("inputs"));
        let handed = |root: &str| is_word(root) && inputs.iter().any(|(name, _)| name == root);
        json!(template(&text, ("{", "}"), &mut |root, path| {
            let input = (path.is_empty() && handed(root)).then(|| format!("inputs.{root}"));
            self.declared(root, path).or(input)
        }))
    }

    fn brought(&self, root: &str, path: &[String]) -> Option<String> {
        let step = self.before.iter().find(|entry| entry.called == root && !path.is_empty());
        let of_step = step.map(|entry| output(&entry.id, path, "null"));
        of_step.or_else(|| self.declared(root, path)).or_else(|| {
            let silent = |entry: &&&Entry<'_>| entry.get("outputs").is_none();
            let silent: Vec<_> = self.before.iter().filter(silent).collect();
            chain(silent.iter().rev().take(ASKED_MAX).rev().map(|entry| **entry), root, path)
        })
    }

    /// The value of the last step before that declares it.
    fn declared(&self, root: &str, path: &[String]) -> Option<String> {
        let declares = |entry: &&&Entry<'_>| {
            types::declared(entry.get("outputs")).iter().any(|(name, _)| name == root)
        };
        let declaring: Vec<_> = self.before.iter().filter(declares).collect();
        chain(declaring.iter().rev().take(ASKED_MAX).rev().map(|entry| **entry), root, path)
    }
}

/// What the last of the steps brought, else the one before it.
fn chain<'n, 't: 'n>(
    steps: impl Iterator<Item = &'n Entry<'t>>,
    root: &str,
    path: &[String],
) -> Option<String> {
    let path: Vec<String> = [root.to_owned()].into_iter().chain(path.iter().cloned()).collect();
    steps.fold(None, |otherwise, entry| {
        Some(output(&entry.id, &path, otherwise.as_deref().unwrap_or("null")))
    })
}
