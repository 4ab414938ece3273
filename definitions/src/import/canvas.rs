//! Canvas graphs: nodes and edges as JSON, such as editors on React Flow save them.
//!
//! A node becomes a step under its id. Requests, conditions, loops over lists and schedules become what we have for them; for
//! every other type a step stands in, with what the node says under `stands_for`.

use std::collections::{BTreeMap, BTreeSet};

use nexus_model::definition::{ForEach, ROUNDS_DEFAULT};
use nexus_model::definition::{InputKind, InputSpec, OnItemError, Step, StepKind};
use serde_json::{Map, Value, json};

use self::names::Names;
use self::nodes::{Kind, Node as CanvasNode};
use super::error::ImportError;
use super::finding::{Findings, code};
use super::flow::{Block, Onward, Order, weave};
use super::foreign::{is_word, translate};
use super::format::Format;
use super::graph::{ACTION, Graph, clean};
use super::sketch::Sketch;
use crate::yaml::{Node, Tree};

mod names;
mod nodes;
mod other_workflow;
mod starts;

/// Reads a canvas.
pub(super) fn read(text: &str) -> Result<Sketch, ImportError> {
    let findings = Findings::of(text);
    // Tabs between the values of JSON are no indentation, but YAML takes them for it; inside texts JSON has none.
    let plain = text.replace('\t', " ");
    let tree = crate::yaml::parse(&plain).map_err(|fault| findings.fault(&fault))?;
    let mut sketch = Sketch::of(findings);
    head(&tree, &mut sketch);
    let nodes = nodes::read(&tree, &mut sketch)?;
    if nodes.is_empty() {
        return Err(ImportError::Empty { format: Format::Canvas });
    }
    let edges = edges(&tree, &nodes, &mut sketch)?;
    let onward: Vec<Onward<bool>> =
        nodes.iter().enumerate().map(|(at, node)| onward(at, node, &edges)).collect();
    let entries = entries(&onward, &edges);
    let order = Order::of(&entries, &onward);
    loops_are_chosen(&nodes, &edges, &onward, &order, text)?;
    for (from, to) in &order.strange {
        let (from, to) = (&nodes[*from], &nodes[*to]);
        let message = format!(
            "the way from {} back to {}, which can also be passed by, is no loop here: it ends in a failure",
            from.called, to.called
        );
        sketch.findings.add(code::LOOP, &from.tree.defined, &message);
    }
    let loops = loops(&nodes, &onward, &order, &edges, &mut sketch);
    let mut blocks = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let names =
            Names::of(at, &nodes, &order, &edges, loops.get(&at).map(|each| each.name.as_str()));
        let is_entry = entries.contains(&at);
        let onward = conditions(node, &onward[at], &names, &mut sketch);
        let steps = match &node.kind {
            Kind::Condition => Vec::new(),
            Kind::Mark => vec![mark(node)],
            Kind::Request(url) => vec![nodes::request(node, url, &names, &mut sketch)],
            Kind::Schedule => vec![starts::schedule(node, is_entry, &names, &mut sketch)],
            Kind::Webhook => vec![starts::webhook(node, is_entry, &names, &mut sketch)],
            Kind::Loop => vec![each(at, node, &loops, &names, &mut sketch)],
            Kind::Workflow => vec![
                other_workflow::call(node, &names, &mut sketch)
                    .unwrap_or_else(|| simulated(node, &names, &mut sketch)),
            ],
            Kind::Other => vec![stand_in(node, &names, &mut sketch)],
        };
        let mut steps = steps;
        if let (Some(each), [step]) = (loops.get(&at), steps.as_mut_slice()) {
            let items = names.list(&each.items, &mut sketch);
            let (name, on_item_error) = (each.name.clone(), OnItemError::Fail);
            step.for_each = Some(ForEach { items, name, concurrency: 1, on_item_error });
        }
        let (id, name) = (node.id.clone(), node.title());
        blocks.push(Block {
            id,
            name,
            lead: Vec::new(),
            steps,
            onward,
            rounds_max: ROUNDS_DEFAULT,
        });
    }
    let mut ids = std::mem::take(&mut sketch.ids);
    sketch.steps = weave(blocks, order, &mut ids);
    Ok(sketch)
}

/// The title, the variables, and what is not kept.
fn head(tree: &Tree, sketch: &mut Sketch) {
    for (key, value) in tree.value.entries() {
        let text = nodes::label(&value.value);
        match key.value.as_str() {
            "nodes" | "edges" | "id" => {}
            "name" | "title" if sketch.title.is_none() => sketch.title = text,
            "description" => sketch.about = text,
            "category" => sketch.labels.extend(text.map(|text| ("category".to_owned(), text))),
            "variables" => variables(value, sketch),
            other => {
                sketch.findings.add(
                    code::NOT_KEPT,
                    &key.defined,
                    &format!("`{other}` is not kept"),
                );
            }
        }
    }
}

/// Variables become inputs that have their values.
fn variables(tree: &Tree, sketch: &mut Sketch) {
    for (name, value) in tree.value.entries() {
        if !is_word(&name.value) {
            let message = format!(
                "the variable {} has no name that expressions can use: it is not kept",
                name.value
            );
            sketch.findings.add(code::NOT_KEPT, &name.defined, &message);
            continue;
        }
        let kind = match &value.value {
            Node::Null => InputKind::Any,
            Node::Bool(_) => InputKind::Boolean,
            Node::Number(_) => InputKind::Number,
            Node::Text(_) => InputKind::String,
            Node::List(_) => InputKind::List,
            Node::Map(_) => InputKind::Map,
        };
        let default = Some(value.value.to_value());
        let spec = InputSpec { kind, default, ..InputSpec::default() };
        sketch.inputs.insert(name.value.clone(), spec);
    }
}

/// An edge, by the numbers of its nodes.
struct Edge {
    source: usize,
    target: usize,
    /// Which way out of the source it is, in small letters.
    handle: Option<String>,
}

fn edges(
    tree: &Tree,
    nodes: &[CanvasNode<'_>],
    sketch: &mut Sketch,
) -> Result<Vec<Edge>, ImportError> {
    let index: BTreeMap<&str, usize> =
        nodes.iter().enumerate().rev().map(|(at, node)| (node.called.as_str(), at)).collect();
    let mut edges = Vec::new();
    for edge in tree.value.get("edges").map(|edges| edges.value.items()).unwrap_or_default() {
        let end = |key: &str, other: &str| {
            let Some(tree) = edge.value.get(key) else {
                return Err(sketch
                    .findings
                    .damage(&edge.defined, format!("an edge has no `{key}`")));
            };
            let name = nodes::label(&tree.value).unwrap_or_default();
            index.get(name.as_str()).copied().ok_or_else(|| ImportError::UnknownTask {
                task: clean(&name),
                named_by: edge
                    .value
                    .get(other)
                    .and_then(|tree| nodes::label(&tree.value))
                    .map_or_else(|| "an edge".to_owned(), |name| clean(&name)),
                place: Some(sketch.findings.place(&tree.defined)),
            })
        };
        let (source, target) = (end("source", "target")?, end("target", "source")?);
        let text = |key: &str| edge.value.get(key).and_then(|tree| nodes::label(&tree.value));
        let handle =
            text("sourceHandle").or_else(|| text("label")).map(|handle| handle.to_lowercase());
        for (key, value) in edge.value.entries() {
            let empty = matches!(&value.value, Node::Null);
            let known = ["id", "source", "target", "sourceHandle", "type", "label"]
                .contains(&key.value.as_str());
            if !known && !empty {
                let message = format!(
                    "`{}` of the edge from {} is not kept",
                    key.value, nodes[source].called
                );
                sketch.findings.add(code::NOT_KEPT, &key.defined, &message);
            }
        }
        edges.push(Edge { source, target, handle });
    }
    Ok(edges)
}

/// Where a node goes on; a condition by its two ways.
fn onward(at: usize, node: &CanvasNode<'_>, edges: &[Edge]) -> Onward<bool> {
    let out = edges.iter().filter(|edge| edge.source == at);
    if !matches!(node.kind, Kind::Condition) {
        return Onward::All(distinct(out.map(|edge| edge.target)));
    }
    let is_false =
        |edge: &&Edge| edge.handle.as_deref().is_some_and(|handle| node.is_false_way(handle));
    let no = distinct(out.clone().filter(is_false).map(|edge| edge.target));
    let yes = distinct(out.filter(|edge| !is_false(edge)).map(|edge| edge.target));
    match (yes.is_empty(), no.is_empty()) {
        (true, true) => Onward::All(Vec::new()),
        (true, false) => Onward::Choice(vec![(false, no)], Vec::new()),
        (false, _) => Onward::Choice(vec![(true, yes)], no),
    }
}

/// Where the flow begins: at nodes that nothing leads to, and where all lead round, at the first of the file.
fn entries(onward: &[Onward<bool>], edges: &[Edge]) -> Vec<usize> {
    let targets: BTreeSet<usize> = edges.iter().map(|edge| edge.target).collect();
    let mut entries: Vec<usize> = (0..onward.len()).filter(|at| !targets.contains(at)).collect();
    while let Some(first) = Order::of(&entries, onward).unreached.first() {
        entries.push(*first);
    }
    entries
}

fn distinct(targets: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    targets.filter(|target| seen.insert(*target)).collect()
}

/// Checks that every way back is the choice of a condition that goes nowhere else then.
fn loops_are_chosen(
    nodes: &[CanvasNode<'_>],
    edges: &[Edge],
    onward: &[Onward<bool>],
    order: &Order,
    text: &str,
) -> Result<(), ImportError> {
    let chosen = |(from, to): &(usize, usize)| match &onward[*from] {
        Onward::All(_) => false,
        Onward::Choice(cases, last) => cases
            .iter()
            .map(|(_, targets)| targets)
            .chain([last])
            .all(|targets| targets.as_slice() == [*to] || !targets.contains(to)),
    };
    let bad = order.back.iter().chain(&order.strange).any(|way| !chosen(way));
    if !bad {
        return Ok(());
    }
    // There is a cycle, and it is named like any other.
    let mut graph = Graph::default();
    for node in nodes {
        graph.task(node.id.clone());
    }
    for edge in edges {
        graph.edge(nodes[edge.source].id.clone(), nodes[edge.target].id.clone(), None);
    }
    let links = graph.links(text)?;
    super::facts::Facts::of(&graph, &links).map(|_| ())
}

/// What a loop node repeats.
struct Each<'t> {
    items: Items<'t>,
    name: String,
}

/// Over what a loop goes.
enum Items<'t> {
    /// So many times.
    Count(u64),
    /// What a name means.
    Of(String, &'t Tree),
}

/// Loops over lists, by the node that they repeat: the only one that comes after.
fn loops<'t>(
    nodes: &[CanvasNode<'t>],
    onward: &[Onward<bool>],
    order: &Order,
    edges: &[Edge],
    sketch: &mut Sketch,
) -> BTreeMap<usize, Each<'t>> {
    let mut loops = BTreeMap::new();
    for (at, node) in nodes.iter().enumerate() {
        if !matches!(node.kind, Kind::Loop) {
            continue;
        }
        let only = match &onward[at] {
            Onward::All(targets) => targets.first().filter(|_| targets.len() == 1).copied(),
            Onward::Choice(..) => None,
        };
        let repeats = only.filter(|next| {
            let alone = edges.iter().filter(|edge| edge.target == *next).count() == 1;
            let kind = matches!(nodes[*next].kind, Kind::Request(_) | Kind::Other);
            alone && kind && !order.back.contains(&(at, *next))
        });
        let (Some(items), Some(next)) = (node.items(), repeats) else {
            let message = format!(
                "the loop {} is not imported: a loop here goes over a list and repeats the one step behind it",
                node.called
            );
            sketch.findings.add(code::LOOP, &node.tree.defined, &message);
            continue;
        };
        let message = format!(
            "the loop {} repeats {}, and what comes after that once: it sees the list of all results",
            node.called, nodes[next].called
        );
        sketch.findings.add(code::LOOP, &node.tree.defined, &message);
        let name = node.text("currentItem").filter(|name| names::is_free(name));
        loops.insert(next, Each { items, name: name.unwrap_or_else(|| ForEach::NAME.to_owned()) });
    }
    loops
}

/// The ways with conditions of ours.
fn conditions(
    node: &CanvasNode<'_>,
    onward: &Onward<bool>,
    names: &Names<'_, '_>,
    sketch: &mut Sketch,
) -> Onward<String> {
    match onward {
        Onward::All(targets) => Onward::All(targets.clone()),
        Onward::Choice(cases, last) => {
            let condition = node.data("condition");
            let at = condition.map_or(&node.tree.defined, |tree| &tree.defined);
            let source = condition.and_then(|tree| nodes::label(&tree.value)).unwrap_or_default();
            let made = translate(&source, &mut |root, path| names.resolve(root, path, at, sketch));
            let made = made.unwrap_or_else(|reason| sketch.decision(&node.called, at, &reason));
            let cases = cases.iter().map(|(holds, targets)| {
                (if *holds { made.clone() } else { format!("not ({made})") }, targets.clone())
            });
            Onward::Choice(cases.collect(), last.clone())
        }
    }
}

/// The step of a loop node: a mark before what it repeats.
fn each(
    at: usize,
    node: &CanvasNode<'_>,
    loops: &BTreeMap<usize, Each<'_>>,
    names: &Names<'_, '_>,
    sketch: &mut Sketch,
) -> Step {
    let is_mark = loops
        .keys()
        .any(|next| names.edges.iter().any(|edge| edge.source == at && edge.target == *next));
    if is_mark { mark(node) } else { stand_in(node, names, sketch) }
}

/// A node that does nothing.
fn mark(node: &CanvasNode<'_>) -> Step {
    let kind = StepKind::Set { values: json!({}) };
    Step { name: node.title(), ..Step::new(node.id.clone(), kind) }
}

/// The step that stands in for a node.
fn stand_in(node: &CanvasNode<'_>, names: &Names<'_, '_>, sketch: &mut Sketch) -> Step {
    let message = format!(
        "nothing built in does what {} does: step {} simulates it",
        node.kind_name(),
        node.called
    );
    sketch.findings.add(code::SIMULATED, &node.tree.defined, &message);
    simulated(node, names, sketch)
}

fn simulated(node: &CanvasNode<'_>, names: &Names<'_, '_>, sketch: &mut Sketch) -> Step {
    let mut about = Map::new();
    about.insert("type".to_owned(), json!(super::foreign::escaped(&node.kind_name())));
    for (key, value) in node.all_data() {
        if key.value != "label" {
            about.insert(key.value.clone(), names.value(value, sketch));
        }
    }
    let with = json!({ "stands_for": Value::Object(about) });
    let kind = StepKind::Action { uses: ACTION.to_owned(), with };
    Step { name: node.title(), ..Step::new(node.id.clone(), kind) }
}
