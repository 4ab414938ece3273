//! Nodes of a canvas.

use nexus_model::definition::{Step, StepKind};
use serde_json::{Map, Value, json};

use super::names::Names;
use super::other_workflow::is_workflow;
use super::{Each, Items};
use crate::import::error::ImportError;
use crate::import::finding::code;
use crate::import::graph::clean;
use crate::import::sketch::Sketch;
use crate::yaml::{Key, Node as Value_, Tree};

/// Keys of a node that have a meaning here, or none beside the drawing.
const KEYS: [&str; 6] = ["id", "type", "name", "label", "data", "config"];

/// What a node is here.
pub(super) enum Kind {
    /// It chooses between two ways.
    Condition,
    /// It does nothing: a begin or an end.
    Mark,
    /// It sends a request to this address.
    Request(String),
    /// It starts runs at times.
    Schedule,
    /// It starts runs when it is called.
    Webhook,
    /// It repeats what comes after it.
    Loop,
    /// It is a workflow of its own.
    Workflow,
    /// Anything else.
    Other,
}

/// A node of the file.
pub(super) struct Node<'t> {
    /// What the file calls it.
    pub(super) called: String,
    /// Its id here.
    pub(super) id: String,
    pub(super) tree: &'t Tree,
    pub(super) kind: Kind,
}

impl<'t> Node<'t> {
    /// What the node says about itself.
    pub(super) fn all_data(&self) -> &'t [(Key, Tree)] {
        let data = self.tree.value.get("data").or_else(|| self.tree.value.get("config"));
        data.map(|data| data.value.entries()).unwrap_or_default()
    }

    pub(super) fn data(&self, key: &str) -> Option<&'t Tree> {
        let mut all = self.all_data().iter();
        let found = all.find(|(name, _)| name.value == key).map(|(_, value)| value);
        found.filter(|value| !matches!(value.value, Value_::Null))
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.data(key).and_then(|value| label(&value.value))
    }

    /// What people call it.
    pub(super) fn title(&self) -> Option<String> {
        let own = |key: &str| self.tree.value.get(key).and_then(|value| label(&value.value));
        let title = self.text("label").or_else(|| own("label")).or_else(|| own("name"));
        title.map(|title| clean(&title)).filter(|title| !title.is_empty() && *title != self.id)
    }

    /// What the file calls its type.
    pub(super) fn kind_name(&self) -> String {
        let kind = self.tree.value.get("type").and_then(|kind| label(&kind.value));
        kind.unwrap_or_else(|| "default".to_owned())
    }

    /// Whether an edge of this way is taken when the condition is false.
    pub(super) fn is_false_way(&self, handle: &str) -> bool {
        let own = self.text("falseOutput").is_some_and(|own| own.to_lowercase() == handle);
        own || matches!(handle, "false" | "no" | "else" | "source-false" | "output-false")
    }

    /// Over what it goes, if it is a loop over something known before.
    pub(super) fn items(&self) -> Option<Items<'t>> {
        let kind = self.text("loopType").unwrap_or_else(|| "forEach".to_owned());
        match kind.as_str() {
            "for" => {
                let count = self.data("iterations")?.value.to_value().as_u64()?;
                (count <= Each::COUNT_MAX).then_some(Items::Count(count))
            }
            "forEach" | "for_each" | "foreach" => {
                let tree = self.data("collection")?;
                Some(Items::Of(label(&tree.value)?, tree))
            }
            _ => None,
        }
    }
}

impl Each<'_> {
    /// Times that a loop with a count goes round at most.
    const COUNT_MAX: u64 = 1_000;
}

/// A scalar as text.
pub(super) fn label(node: &Value_) -> Option<String> {
    match node {
        Value_::Text(text) => Some(text.clone()),
        Value_::Number(number) => Some(number.to_string()),
        Value_::Bool(flag) => Some(flag.to_string()),
        Value_::Null | Value_::List(_) | Value_::Map(_) => None,
    }
}

/// Reads the nodes.
pub(super) fn read<'t>(tree: &'t Tree, sketch: &mut Sketch) -> Result<Vec<Node<'t>>, ImportError> {
    let list = match tree.value.get("nodes") {
        Some(Tree { value: Value_::List(list), .. }) => list,
        Some(other) => return Err(sketch.findings.damage(&other.defined, "`nodes` is not a list")),
        None => return Err(sketch.findings.damage(&tree.defined, "there are no `nodes`")),
    };
    let mut nodes = Vec::new();
    let mut places = 0;
    for tree in list {
        let called = tree.value.get("id").and_then(|id| label(&id.value));
        let Some(called) = called else {
            return Err(sketch.findings.damage(&tree.defined, "a node has no `id`"));
        };
        for (key, value) in tree.value.entries() {
            if key.value == "position" {
                places += 1;
            } else if !KEYS.contains(&key.value.as_str()) && !matches!(value.value, Value_::Null) {
                let message = format!("`{}` of the node {called} is not kept", key.value);
                sketch.findings.add(code::NOT_KEPT, &key.defined, &message);
            }
        }
        let mut node = Node { called, id: String::new(), tree, kind: Kind::Other };
        node.kind = kind(&node);
        nodes.push(node);
    }
    if let (Some(first), true) = (list.first(), places > 0) {
        let message = "places on the canvas are not kept: the drawing is computed".to_owned();
        sketch.findings.add(code::NOT_KEPT, &first.defined, &message);
    }
    let (ids, renamed) = sketch.ids.of(nodes.iter().map(|node| node.called.as_str()));
    nodes.iter_mut().zip(ids).for_each(|(node, id)| node.id = id);
    sketch.renamed = renamed;
    Ok(nodes)
}

fn kind(node: &Node<'_>) -> Kind {
    match node.kind_name().to_lowercase().as_str() {
        "conditional" | "condition" | "decision" | "if" => Kind::Condition,
        "start" | "end" | "input" | "output" | "trigger" | "note" => Kind::Mark,
        "api" | "http" | "http-request" | "httprequest" | "request" => {
            let url =
                node.text("url").filter(|url| url.starts_with("http") || url.starts_with("{{"));
            url.map_or(Kind::Other, Kind::Request)
        }
        "schedule" | "cron" => Kind::Schedule,
        "webhook" => Kind::Webhook,
        "loop" => Kind::Loop,
        kind if is_workflow(kind) => Kind::Workflow,
        _ => Kind::Other,
    }
}

/// A request.
pub(super) fn request(
    node: &Node<'_>,
    url: &str,
    names: &Names<'_, '_>,
    sketch: &mut Sketch,
) -> Step {
    let mut with = Map::new();
    let method = node.text("method").map(|method| method.to_uppercase());
    let at = node.data("url").unwrap_or(node.tree);
    with.insert("url".to_owned(), json!(names.template(url, &at.defined, sketch)));
    if let Some(method) = method.filter(|method| method != "GET") {
        with.insert("method".to_owned(), json!(super::super::foreign::escaped(&method)));
    }
    for (key, value) in node.all_data() {
        match key.value.as_str() {
            "url" | "method" | "label" | "description" => {}
            "headers" => {
                with.insert("headers".to_owned(), names.value(value, sketch));
            }
            "body" => {
                let body = names.value(value, sketch);
                let parsed =
                    body.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
                let parsed = parsed.filter(|parsed| parsed.is_object() || parsed.is_array());
                with.insert("body".to_owned(), parsed.unwrap_or(body));
            }
            "authentication" if value.value.text() == Some("none") => {}
            "authentication" | "authToken" => {
                let message = format!(
                    "`{}` of the request {} is not kept: give it the header it needs",
                    key.value, node.called
                );
                sketch.findings.add(code::NOT_KEPT, &key.defined, &message);
            }
            other => {
                let message = format!("`{other}` of the request {} is not kept", node.called);
                sketch.findings.add(code::NOT_KEPT, &key.defined, &message);
            }
        }
    }
    let kind = StepKind::Action { uses: "http.request".to_owned(), with: Value::Object(with) };
    let outputs = Some(json!("${{ this.output.body }}"));
    Step { name: node.title(), outputs, ..Step::new(node.id.clone(), kind) }
}
