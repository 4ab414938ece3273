//! nexus-arc workflows: steps for agents, one after the other, with routers, ways back and approvals.
//!
//! A step goes on with `on_success`, or with the next one of the list. Nothing built in is an agent, so the steps simulate
//! it: what the file says about one is kept under `stands_for`, and the output is made of the types it declares.

use std::collections::BTreeMap;

use nexus_model::definition::{Approval, Step, StepKind};
use serde_json::json;

use self::agent::{agent, stand_in};
use self::names::Names;
use super::called::{called, how};
use super::error::ImportError;
use super::finding::{Findings, code};
use super::flow::{Block, Onward, Order, weave};
use super::foreign::{literal, translate};
use super::format::Format;
use super::sketch::Sketch;
use crate::yaml::{Node, Tree};

mod agent;
mod names;
mod types;

/// Begins of the `apiVersion` of such files.
pub(super) const API: &str = "nexus-arc/";
/// Rounds of a loop: the first, and twenty times back.
const ROUNDS_MAX: u32 = 21;
/// The tool that merges.
const MERGE: &str = "vcs:merge_pr";
/// Who may approve, because the files do not say.
const APPROVERS: &str = "group:approvers";
/// Keys of the top level that become something.
const TOP: [&str; 8] = [
    "apiVersion",
    "kind",
    "metadata",
    "steps",
    "workflow_type",
    "timeout_seconds",
    "allowed_tools",
    "require_approval_for",
];
/// A step of the file.
pub(super) struct Entry<'t> {
    /// What the file calls it.
    called: String,
    /// Its id here.
    id: String,
    tree: &'t Tree,
    routes: &'t [Tree],
}

impl<'t> Entry<'t> {
    fn get(&self, key: &str) -> Option<&'t Tree> {
        self.tree.value.get(key).filter(|value| !matches!(value.value, Node::Null))
    }

    fn is_true(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| matches!(value.value, Node::Bool(true)))
    }

    fn uses_tool(&self, tool: &str) -> bool {
        let tools = self.get("tools").map(|tools| tools.value.items()).unwrap_or_default();
        tools.iter().any(|known| known.value.text() == Some(tool))
    }
}

/// Reads a workflow.
pub(super) fn read(text: &str) -> Result<Sketch, ImportError> {
    let findings = Findings::of(text);
    let tree = crate::yaml::parse(text).map_err(|fault| findings.fault(&fault))?;
    let mut sketch = Sketch::of(findings);
    head(&tree, &mut sketch)?;
    let steps = steps_of(&tree, &mut sketch)?;
    let entries = entries(steps, &mut sketch)?;
    if entries.is_empty() {
        return Err(ImportError::Empty { format: Format::NexusArc });
    }
    let settings = Settings::of(&tree, &sketch)?;
    let flow = Flow::of(&entries, &mut sketch)?;
    let order = Order::of(&[0], &flow.onward);
    flow.report(&entries, &order, &mut sketch);
    let mut blocks = Vec::new();
    for at in 0..flow.members.len() {
        blocks.push(block(at, &entries, &flow, &order, &settings, &mut sketch)?);
    }
    let mut ids = std::mem::take(&mut sketch.ids);
    sketch.steps = weave(blocks, order, &mut ids);
    Ok(sketch)
}

/// The title, the labels, and what is not kept.
fn head(tree: &Tree, sketch: &mut Sketch) -> Result<(), ImportError> {
    if tree.value.entries().is_empty() {
        return Err(sketch.findings.damage(&tree.defined, "a workflow is a map"));
    }
    if let Some(kind) = tree.value.get("kind").filter(|kind| kind.value.text() != Some("Workflow"))
    {
        let message = "`kind` is not `Workflow`: only workflows are imported";
        return Err(sketch.findings.damage(&kind.defined, message));
    }
    for (key, value) in
        tree.value.get("metadata").map(|value| value.value.entries()).unwrap_or_default()
    {
        let text = types::label(&value.value);
        match key.value.as_str() {
            "name" => sketch.title = text,
            "description" => sketch.about = text,
            "version" => sketch.labels.extend(text.map(|text| ("version".to_owned(), text))),
            other => {
                let message = format!("`metadata.{other}` is not kept");
                sketch.findings.add(code::NOT_KEPT, &key.defined, &message);
            }
        }
    }
    let kind = tree.value.get("workflow_type").and_then(|value| types::label(&value.value));
    sketch.labels.extend(kind.map(|kind| ("workflow_type".to_owned(), kind)));
    for (key, value) in tree.value.entries() {
        let known = TOP.contains(&key.value.as_str()) || key.value.ends_with("_workflow");
        match key.value.as_str() {
            _ if known => {}
            "monitoring" => monitoring(value, sketch),
            other => {
                sketch.findings.add(
                    code::NOT_KEPT,
                    &key.defined,
                    &format!("`{other}` is not kept"),
                );
            }
        }
    }
    Ok(())
}

fn monitoring(value: &Tree, sketch: &mut Sketch) {
    for (key, _) in value.value.entries() {
        if key.value != "require_human_merge_approval" {
            let message = format!("`monitoring.{}` is not kept", key.value);
            sketch.findings.add(code::NOT_KEPT, &key.defined, &message);
        }
    }
}

/// The list of steps: at the top, or that of the first tier.
fn steps_of<'t>(tree: &'t Tree, sketch: &mut Sketch) -> Result<&'t [Tree], ImportError> {
    let mut tiers = tree.value.entries().iter().filter(|(key, _)| key.value.ends_with("_workflow"));
    let steps = match tree.value.get("steps") {
        Some(steps) => Some(steps),
        None => tiers.next().and_then(|(_, tier)| tier.value.get("steps")),
    };
    for (key, _) in tiers {
        let message =
            format!("the steps of `{}` are not imported: a file gives one workflow", key.value);
        sketch.findings.add(code::NOT_KEPT, &key.defined, &message);
    }
    match steps {
        Some(Tree { value: Node::List(steps), .. }) => Ok(steps),
        Some(other) => Err(sketch.findings.damage(&other.defined, "`steps` is not a list")),
        None => Err(sketch.findings.damage(&tree.defined, "there are no `steps`")),
    }
}

fn entries<'t>(steps: &'t [Tree], sketch: &mut Sketch) -> Result<Vec<Entry<'t>>, ImportError> {
    let mut entries = Vec::new();
    for (at, tree) in steps.iter().enumerate() {
        if tree.value.entries().is_empty() {
            let message = format!("step {} is not a map", at + 1);
            return Err(sketch.findings.damage(&tree.defined, message));
        }
        let text = |key: &str| tree.value.get(key).and_then(|value| types::label(&value.value));
        let called = text("id").or_else(|| text("name").map(|name| types::slug(&name)));
        let called = called.unwrap_or_else(|| format!("step_{}", at + 1));
        let routes =
            tree.value.get("routes").map(|routes| routes.value.items()).unwrap_or_default();
        if routes.is_empty() && text("agent_type").is_none() {
            let message = format!("step `{called}` has no `agent_type`");
            return Err(sketch.findings.damage(&tree.defined, message));
        }
        entries.push(Entry { called, id: String::new(), tree, routes });
    }
    let (ids, renamed) = sketch.ids.of(entries.iter().map(|entry| entry.called.as_str()));
    entries.iter_mut().zip(ids).for_each(|(entry, id)| entry.id = id);
    sketch.renamed = renamed;
    Ok(entries)
}

/// What the file says about all steps.
struct Settings {
    timeout_ms: Option<u64>,
    tools: Option<Vec<String>>,
    approvals: Vec<String>,
    /// Whether steps that merge wait for a person.
    merges: bool,
}

impl Settings {
    fn of(tree: &Tree, sketch: &Sketch) -> Result<Self, ImportError> {
        let texts = |key: &str| {
            let list = tree.value.get(key).filter(|list| matches!(list.value, Node::List(_)))?;
            Some(list.value.items().iter().filter_map(|item| types::label(&item.value)).collect())
        };
        let timeout = tree.value.get("timeout_seconds");
        let merges = tree.value.get("monitoring");
        let merges = merges.and_then(|value| value.value.get("require_human_merge_approval"));
        Ok(Self {
            timeout_ms: timeout.map(|value| types::milliseconds(value, sketch)).transpose()?,
            tools: texts("allowed_tools"),
            approvals: texts("require_approval_for").unwrap_or_default(),
            merges: merges.is_some_and(|value| matches!(value.value, Node::Bool(true))),
        })
    }

    fn asks_before(&self, entry: &Entry<'_>) -> bool {
        entry.is_true("require_human_approval")
            || self.approvals.contains(&entry.called)
            || (self.merges && entry.uses_tool(MERGE))
    }
}

/// The blocks and their ways: steps that run side by side are one block.
struct Flow<'t> {
    /// The steps of each block; none in those of other workflows.
    members: Vec<Vec<usize>>,
    onward: Vec<Onward<&'t Tree>>,
    /// Other workflows, by the numbers of their blocks.
    others: BTreeMap<usize, (String, &'t Tree)>,
}

impl<'t> Flow<'t> {
    fn of(entries: &[Entry<'t>], sketch: &mut Sketch) -> Result<Self, ImportError> {
        let find = |name: &str| {
            let exact = entries.iter().position(|entry| entry.called == name);
            exact.or_else(|| {
                entries.iter().position(|entry| types::slug(&entry.called) == types::slug(name))
            })
        };
        let (members, block_of) = blocks(entries, &find, sketch)?;
        let mut flow = Self { members, onward: Vec::new(), others: BTreeMap::new() };
        let own = flow.members.clone();
        for (at, members) in own.iter().enumerate() {
            let onward = match members.as_slice() {
                [one] if !entries[*one].routes.is_empty() => {
                    flow.routes(&entries[*one], &find, &block_of, sketch)?
                }
                several => {
                    let mut targets = Vec::new();
                    for member in several {
                        let next = next(*member, several, entries, &find, sketch)?;
                        targets
                            .extend(next.map(|next| block_of[next]).filter(|block| *block != at));
                        let itself = next.is_some_and(|next| next == *member);
                        targets.extend(itself.then_some(at));
                    }
                    targets.dedup();
                    Onward::All(targets)
                }
            };
            flow.onward.push(onward);
        }
        flow.onward.resize(flow.members.len(), Onward::All(Vec::new()));
        Ok(flow)
    }

    /// The ways of a router.
    fn routes(
        &mut self,
        entry: &Entry<'t>,
        find: &impl Fn(&str) -> Option<usize>,
        block_of: &[usize],
        sketch: &mut Sketch,
    ) -> Result<Onward<&'t Tree>, ImportError> {
        let mut cases = Vec::new();
        let mut last = Vec::new();
        for route in entry.routes {
            let get = |key: &str| route.value.get(key);
            let target = get("goto").or_else(|| get("then"));
            let default = get("default");
            let (target, when) = match (get("when"), target, default) {
                (Some(when), Some(target), _) => (target, Some(when)),
                (None, Some(target), Some(_)) | (None, None, Some(target)) => (target, None),
                _ => {
                    let message = format!(
                        "a route of step `{}` has neither `when` and `then` nor `default`",
                        entry.called
                    );
                    return Err(sketch.findings.damage(&route.defined, message));
                }
            };
            let Some(name) = types::label(&target.value) else {
                let message = format!("a route of step `{}` leads to no step", entry.called);
                return Err(sketch.findings.damage(&target.defined, message));
            };
            let block = match find(&name) {
                Some(step) => block_of[step],
                None => self.other(&name, target),
            };
            match when {
                Some(when) => cases.push((when, vec![block])),
                None => last = vec![block],
            }
        }
        Ok(if cases.is_empty() { Onward::All(last) } else { Onward::Choice(cases, last) })
    }

    /// The block that calls another workflow.
    fn other(&mut self, name: &str, at: &'t Tree) -> usize {
        if let Some((block, _)) = self.others.iter().find(|(_, (known, _))| known == name) {
            return *block;
        }
        self.members.push(Vec::new());
        let block = self.members.len() - 1;
        self.others.insert(block, (name.to_owned(), at));
        block
    }

    /// Names what the order of the flow makes impossible.
    fn report(&self, entries: &[Entry<'_>], order: &Order, sketch: &mut Sketch) {
        for at in &order.unreached {
            for member in &self.members[*at] {
                let entry = &entries[*member];
                let message = format!("nothing leads to step {}: it never runs", entry.called);
                sketch.findings.add(code::NEVER_REACHED, &entry.tree.defined, &message);
            }
        }
        for (from, to) in &order.strange {
            let called = |block: &usize| self.members[*block].first().map(|first| &entries[*first]);
            if let (Some(from), Some(to)) = (called(from), called(to)) {
                let message = format!(
                    "the way from {} back to {}, which can also be passed by, is no loop here: it ends in a failure",
                    from.called, to.called
                );
                sketch.findings.add(code::LOOP, &from.tree.defined, &message);
            }
        }
    }
}

/// Puts steps that run side by side together.
fn blocks(
    entries: &[Entry<'_>],
    find: &impl Fn(&str) -> Option<usize>,
    sketch: &Sketch,
) -> Result<(Vec<Vec<usize>>, Vec<usize>), ImportError> {
    let mut head: Vec<usize> = (0..entries.len()).collect();
    for (at, entry) in entries.iter().enumerate() {
        let Some(list) = entry.get("parallel") else { continue };
        let Node::List(items) = &list.value else {
            let message = format!("`parallel` of step `{}` is not a list", entry.called);
            return Err(sketch.findings.damage(&list.defined, message));
        };
        for item in items {
            let name = types::label(&item.value).unwrap_or_default();
            let other = find(&name).filter(|other| entries[*other].routes.is_empty());
            let Some(other) = other.filter(|_| entry.routes.is_empty()) else {
                let message = format!(
                    "`parallel` of step `{}` names {name}, which is no step beside it",
                    entry.called
                );
                return Err(sketch.findings.damage(&item.defined, message));
            };
            let (one, two) = (head[at], head[other]);
            head.iter_mut()
                .filter(|head| **head == one.max(two))
                .for_each(|head| *head = one.min(two));
        }
    }
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut block_of: Vec<usize> = Vec::new();
    for (at, head) in head.iter().enumerate() {
        if *head == at {
            block_of.push(members.len());
            members.push(vec![at]);
        } else {
            block_of.push(block_of[*head]);
            members[block_of[*head]].push(at);
        }
    }
    Ok((members, block_of))
}

/// The step after a step.
fn next(
    at: usize,
    beside: &[usize],
    entries: &[Entry<'_>],
    find: &impl Fn(&str) -> Option<usize>,
    sketch: &Sketch,
) -> Result<Option<usize>, ImportError> {
    let entry = &entries[at];
    if let Some(target) = entry.get("on_success") {
        let name = types::label(&target.value).unwrap_or_default();
        return match find(&name) {
            Some(next) => Ok(Some(next)),
            None => Err(ImportError::UnknownTask {
                task: super::graph::clean(&name),
                named_by: super::graph::clean(&entry.called),
                place: Some(sketch.findings.place(&target.defined)),
            }),
        };
    }
    let next = (at + 1..entries.len()).find(|next| !beside.contains(next));
    Ok(next.filter(|_| !entry.is_true("final_step")))
}

fn block(
    at: usize,
    entries: &[Entry<'_>],
    flow: &Flow<'_>,
    order: &Order,
    settings: &Settings,
    sketch: &mut Sketch,
) -> Result<Block, ImportError> {
    if let Some((name, place)) = flow.others.get(&at) {
        let id = sketch.ids.free(name);
        return Ok(Block::of(id.clone(), vec![other_workflow(id, name, place, sketch)]));
    }
    let before = order.before(at);
    let before: Vec<&Entry<'_>> =
        before.iter().flat_map(|block| &flow.members[*block]).map(|step| &entries[*step]).collect();
    let names = Names::of(before);
    let members: Vec<&Entry<'_>> = flow.members[at].iter().map(|step| &entries[*step]).collect();
    let Some(first) = members.first() else { return Ok(Block::of(String::new(), Vec::new())) };
    let title = |entry: &Entry<'_>| entry.get("name").and_then(|name| types::label(&name.value));
    let onward = onward(&flow.onward[at], first, &names, sketch);
    let is_router = !first.routes.is_empty();
    let mut lead = Vec::new();
    let mut steps = Vec::new();
    for entry in &members {
        let condition = condition(entry, &names, sketch);
        if settings.asks_before(entry) {
            let approval = approval(entry, title(entry), sketch);
            lead.push(Step { condition: condition.clone(), ..approval });
        }
        if !is_router {
            let step = agent(entry, &names, settings, sketch)?;
            steps.push(Step {
                name: title(entry).filter(|name| *name != entry.id),
                condition,
                ..step
            });
        }
    }
    if is_router {
        router_keys(first, sketch);
    }
    Ok(Block {
        id: first.id.clone(),
        name: title(first),
        lead,
        steps,
        onward,
        rounds_max: ROUNDS_MAX,
    })
}

/// The step that calls another workflow. Everything that was brought before is there for it in the file, and nothing is named.
fn other_workflow(id: String, name: &str, at: &Tree, sketch: &mut Sketch) -> Step {
    let Some(workflow) = called(name) else {
        let message = format!(
            "{name} is no step of this file, and which workflow it means is computed: step {id} simulates it"
        );
        sketch.findings.add(code::CALL, &at.defined, &message);
        return stand_in(id, &literal(json!({ "workflow": name })), &json!({}));
    };
    let message = format!(
        "{name} is no step of this file: step {id} calls that workflow as {workflow}: {}",
        how(name, &workflow)
    );
    sketch.findings.add(code::OTHER_WORKFLOW, &at.defined, &message);
    let message = format!(
        "the file does not name what {name} is handed: give step {id} its inputs under `with`"
    );
    sketch.findings.add(code::CALL, &at.defined, &message);
    let with = serde_json::Value::Null;
    Step::new(id, StepKind::Call { workflow, version: None, definition: None, with })
}

/// The ways with conditions of ours.
fn onward(
    onward: &Onward<&Tree>,
    entry: &Entry<'_>,
    names: &Names<'_, '_>,
    sketch: &mut Sketch,
) -> Onward<String> {
    match onward {
        Onward::All(targets) => Onward::All(targets.clone()),
        Onward::Choice(cases, last) => {
            let mut translated = Vec::new();
            for (number, (when, targets)) in cases.iter().enumerate() {
                let decision = format!("{}_{}", entry.called, number + 1);
                translated
                    .push((translated_condition(when, &decision, names, sketch), targets.clone()));
            }
            Onward::Choice(translated, last.clone())
        }
    }
}

fn condition(entry: &Entry<'_>, names: &Names<'_, '_>, sketch: &mut Sketch) -> Option<String> {
    let condition = entry.get("condition")?;
    Some(translated_condition(condition, &entry.called, names, sketch))
}

fn translated_condition(
    tree: &Tree,
    decision: &str,
    names: &Names<'_, '_>,
    sketch: &mut Sketch,
) -> String {
    let source = match &tree.value {
        Node::Bool(holds) => return holds.to_string(),
        value @ (Node::Null | Node::Number(_) | Node::Text(_) | Node::List(_) | Node::Map(_)) => {
            types::label(value).unwrap_or_default()
        }
    };
    let translated =
        translate(&source, &mut |root, path| names.resolve(root, path, &tree.defined, sketch));
    translated.unwrap_or_else(|reason| sketch.decision(decision, &tree.defined, &reason))
}

/// What a router says beside its ways.
fn router_keys(entry: &Entry<'_>, sketch: &mut Sketch) {
    for (key, _) in entry.tree.value.entries() {
        let kept = ["id", "name", "routes", "condition", "require_human_approval"];
        let nothing = key.value == "agent_type"; // No agent does the work of a router.
        if !kept.contains(&key.value.as_str()) && !nothing {
            let message = format!("`{}` of the router {} is not kept", key.value, entry.called);
            sketch.findings.add(code::NOT_KEPT, &key.defined, &message);
        }
    }
}

fn approval(entry: &Entry<'_>, title: Option<String>, sketch: &mut Sketch) -> Step {
    let title = title.unwrap_or_else(|| entry.called.clone());
    let message = format!("the file does not say who may approve {title}: {APPROVERS} may");
    sketch.findings.add(code::APPROVERS, &entry.tree.defined, &message);
    let message = super::foreign::escaped(&format!("Go on with {title}?"));
    let approval =
        Approval { by: json!([APPROVERS]), message: json!(message), ..Approval::default() };
    let id = sketch.ids.free(&format!("{}-approval", entry.id));
    Step::new(id, StepKind::Approve(Box::new(approval)))
}
