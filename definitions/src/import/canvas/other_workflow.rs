//! Nodes that are workflows of their own: steps that call them.

use nexus_model::definition::{Step, StepKind};
use serde_json::{Map, Value};

use super::names::Names;
use super::nodes::{Node, label};
use crate::import::called::{called, how};
use crate::import::finding::code;
use crate::import::sketch::Sketch;
use crate::yaml::{Key, Node as Value_, Tree};

/// Types of such nodes, in small letters and without `-`, `_` and spaces.
const TYPES: [&str; 11] = [
    "workflow",
    "subworkflow",
    "subflow",
    "nestedworkflow",
    "workflownode",
    "callworkflow",
    "runworkflow",
    "startworkflow",
    "executeworkflow",
    "executesubworkflow",
    "childworkflow",
];
/// Keys that say which workflow it is.
const WHICH: [&str; 9] = [
    "workflow",
    "workflowName",
    "workflow_name",
    "workflowId",
    "workflow_id",
    "subWorkflow",
    "sub_workflow",
    "file",
    "path",
];
/// Keys that say what it is handed.
const HANDED: [&str; 8] = [
    "inputs",
    "input",
    "inputMapping",
    "input_mapping",
    "parameters",
    "params",
    "arguments",
    "workflowInputs",
];
/// Keys that say whether it is waited for.
const WAITS: [&str; 3] = ["waitForCompletion", "wait_for_completion", "wait"];

/// Whether a node of this type is a workflow of its own.
pub(super) fn is_workflow(kind: &str) -> bool {
    let plain: String = kind.to_lowercase().replace(['-', '_', ' '], "");
    TYPES.contains(&plain.as_str())
}

/// The step that calls it; `None` if the node does not say which it is.
pub(super) fn call(node: &Node<'_>, names: &Names<'_, '_>, sketch: &mut Sketch) -> Option<Step> {
    let has_steps = holds_nodes(node);
    let Some((name, workflow)) = which(node).filter(|_| !has_steps) else {
        let why = if has_steps {
            "has its steps inside, and a file gives one workflow"
        } else {
            "does not say which workflow it calls"
        };
        let message = format!("the node {} {why}: step {} simulates it", node.called, node.id);
        sketch.findings.add(code::CALL, &node.tree.defined, &message);
        return None;
    };
    let message = format!(
        "step {} calls another workflow, {name}, as {workflow}: {}",
        node.id,
        how(&name, &workflow)
    );
    sketch.findings.add(code::OTHER_WORKFLOW, &node.tree.defined, &message);
    let with = handed(node, names, sketch);
    for (key, value) in node.all_data() {
        other_key(node, key, value, sketch);
    }
    let kind = StepKind::Call { workflow, version: None, definition: None, with };
    Some(Step { name: node.title(), ..Step::new(node.id.clone(), kind) })
}

/// Whether the workflow stands in the node itself.
fn holds_nodes(node: &Node<'_>) -> bool {
    let inside = |value: &Tree| value.value.get("nodes").is_some();
    node.data("nodes").is_some() || node.all_data().iter().any(|(_, value)| inside(value))
}

/// The name in the file, and here.
fn which(node: &Node<'_>) -> Option<(String, String)> {
    let trees = WHICH.iter().filter_map(|key| node.data(key));
    let mut names = trees.filter_map(|tree| {
        let mut inside = ["name", "value", "id"].iter().filter_map(|key| tree.value.get(key));
        let text = label(&tree.value).or_else(|| inside.find_map(|tree| label(&tree.value)));
        text.and_then(|text| Some((text.clone(), called(&text)?)))
    });
    names.next()
}

/// What it is handed.
fn handed(node: &Node<'_>, names: &Names<'_, '_>, sketch: &mut Sketch) -> Value {
    let Some(tree) = HANDED.iter().find_map(|key| node.data(key)) else {
        let message = format!(
            "the node {} does not say what the workflow is handed: give step {} its inputs under `with`",
            node.called, node.id
        );
        sketch.findings.add(code::CALL, &node.tree.defined, &message);
        return Value::Null;
    };
    let with = match &tree.value {
        Value_::List(items) => pairs(items, names, sketch),
        Value_::Null | Value_::Bool(_) | Value_::Number(_) | Value_::Text(_) | Value_::Map(_) => {
            let value = names.value(tree, sketch);
            let whole = |text: &str| text.starts_with("${{") && text.ends_with("}}");
            Some(value).filter(|value| value.is_object() || value.as_str().is_some_and(whole))
        }
    };
    with.unwrap_or_else(|| {
        let message = format!(
            "what the node {} hands over is no map: give step {} its inputs under `with`",
            node.called, node.id
        );
        sketch.findings.add(code::CALL, &tree.defined, &message);
        Value::Null
    })
}

/// A list of names and values, as a map.
fn pairs(items: &[Tree], names: &Names<'_, '_>, sketch: &mut Sketch) -> Option<Value> {
    let mut map = Map::new();
    for item in items {
        let name = item.value.get("name").or_else(|| item.value.get("key"));
        let name = name.and_then(|name| label(&name.value))?;
        map.insert(name, names.value(item.value.get("value")?, sketch));
    }
    Some(Value::Object(map))
}

/// What else it says.
fn other_key(node: &Node<'_>, key: &Key, value: &Tree, sketch: &mut Sketch) {
    let name = key.value.as_str();
    if [&WHICH[..], &HANDED[..], &["label", "description"]].concat().contains(&name) {
        return;
    }
    if !WAITS.contains(&name) {
        let message = format!("`{name}` of the call {} is not kept", node.called);
        sketch.findings.add(code::NOT_KEPT, &key.defined, &message);
    } else if matches!(value.value, Value_::Bool(false)) {
        let (called, id) = (&node.called, &node.id);
        let message = format!("the node {called} does not wait for the workflow: step {id} does");
        sketch.findings.add(code::CALL, &key.defined, &message);
    }
}
