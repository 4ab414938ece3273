//! What names in conditions and `{{ }}` mean: a node before, a variable, an item, or what comes in.

use nexus_model::definition::InputKind;
use serde_json::{Map, Value, json};
use serde_saphyr::Location;

use super::nodes::Node;
use super::{Edge, Items};
use crate::import::finding::code;
use crate::import::flow::Order;
use crate::import::foreign::{is_word, output, reach, template};
use crate::import::sketch::Sketch;
use crate::yaml::{Node as Value_, Tree};

/// Names for what the node before returned.
const INCOMING: [&str; 6] = ["result", "results", "response", "data", "input", "output"];

/// Names that an item cannot have.
const KNOWN: [&str; 12] = [
    "inputs",
    "steps",
    "run",
    "step",
    "env",
    "this",
    "signal",
    "event",
    "secrets",
    "round",
    "get",
    "item_index",
];

/// Whether an item can have this name.
pub(super) fn is_free(name: &str) -> bool {
    is_word(name)
        && !KNOWN.contains(&name)
        && ![
            "and", "or", "not", "if", "else", "in", "is", "true", "false", "none", "null", "True",
            "False", "None",
        ]
        .contains(&name)
}

/// What a node sees.
pub(super) struct Names<'n, 't> {
    /// The nodes that come before it.
    before: Vec<&'n Node<'t>>,
    /// Those right before it.
    incoming: Vec<&'n Node<'t>>,
    /// What an item is called, if it is repeated.
    item: Option<&'n str>,
    pub(super) edges: &'n [Edge],
}

impl<'n, 't> Names<'n, 't> {
    pub(super) fn of(
        at: usize,
        nodes: &'n [Node<'t>],
        order: &Order,
        edges: &'n [Edge],
        item: Option<&'n str>,
    ) -> Self {
        let before = order.before(at);
        let into = edges.iter().filter(|edge| edge.target == at && before.contains(&edge.source));
        let incoming = into.map(|edge| &nodes[edge.source]).collect();
        Self { before: before.iter().map(|at| &nodes[*at]).collect(), incoming, item, edges }
    }

    /// The expression for a name, and what lies at `path` in it.
    pub(super) fn resolve(
        &self,
        root: &str,
        path: &[String],
        at: &Location,
        sketch: &mut Sketch,
    ) -> String {
        let inside = |base: String| if path.is_empty() { base } else { reach(&base, path, "null") };
        if self.item == Some(root) {
            return inside(root.to_owned());
        }
        if let Some(node) = self.before.iter().find(|node| node.called == root) {
            return output(&node.id, path, "null");
        }
        if sketch.inputs.contains_key(root) {
            return inside(format!("inputs.{root}"));
        }
        if let ([only], true) = (self.incoming.as_slice(), INCOMING.contains(&root)) {
            return output(&only.id, path, "null");
        }
        let message = format!("`{root}` is no node before and no variable: it is an input");
        sketch.findings.add(code::UNKNOWN_NAME, at, &message);
        inside(sketch.input(root, InputKind::Any))
    }

    /// A text with `{{ }}` in it.
    pub(super) fn template(&self, text: &str, at: &Location, sketch: &mut Sketch) -> String {
        template(text, ("{{", "}}"), &mut |root, path| {
            // Nodes have numbers for names, which are no names in our expressions.
            is_word(root).then(|| self.resolve(root, path, at, sketch))
        })
    }

    /// A value with such texts.
    pub(super) fn value(&self, tree: &Tree, sketch: &mut Sketch) -> Value {
        match &tree.value {
            Value_::Text(text) => json!(self.template(text, &tree.defined, sketch)),
            Value_::List(items) => items.iter().map(|item| self.value(item, sketch)).collect(),
            Value_::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert(key.value.clone(), self.value(value, sketch));
                }
                Value::Object(map)
            }
            Value_::Null | Value_::Bool(_) | Value_::Number(_) => tree.value.to_value(),
        }
    }

    /// What a loop goes over.
    pub(super) fn list(&self, items: &Items<'_>, sketch: &mut Sketch) -> Value {
        match items {
            Items::Count(count) => (0..*count).map(|number| json!(number)).collect(),
            Items::Of(name, tree) => {
                let mut path = name.split('.').map(str::to_owned);
                let root = path.next().unwrap_or_default();
                let path: Vec<String> = path.collect();
                let sound = is_word(&root) && path.iter().all(|part| is_word(part));
                let list = if sound {
                    self.resolve(&root, &path, &tree.defined, sketch)
                } else {
                    sketch.decision(name, &tree.defined, "it is no name of a list")
                };
                json!(format!("${{{{ {list} }}}}"))
            }
        }
    }
}
