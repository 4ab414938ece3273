//! What differs between two definitions, by meaning: steps, edges, inputs and settings, not lines of text.
//!
//! Edges are those of the plan: needs that are written, and those that follow from references.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Plan;
use crate::definition::Step;

/// A difference between two definitions.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// A step is there that was not.
    StepAdded(String),
    /// A step is gone.
    StepRemoved(String),
    /// A setting of a step is another one. Needs are edges.
    StepChanged(String, Change),
    /// A step comes after another one, which it did not.
    EdgeAdded(String, String),
    /// A step does not come after another one any more.
    EdgeRemoved(String, String),
    /// An input is there that was not.
    InputAdded(String),
    /// An input is gone.
    InputRemoved(String),
    /// A setting of an input is another one.
    InputChanged(String, Change),
    /// A setting of the workflow is another one.
    SettingChanged(Change),
    /// The same steps are in another order.
    OrderChanged,
}

/// A value that is another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it stands, such as `with.amount`.
    pub key: String,
    /// What it was; `None`: it was not there.
    pub from: Option<Value>,
    /// What it is; `None`: it is not there.
    pub to: Option<Value>,
}

/// Keys of a workflow that are compared by themselves.
const OF_ITSELF: [&str; 2] = ["steps", "inputs"];

/// What differs between two definitions: workflow, inputs, steps, edges, each in order. Empty: they say the same.
pub fn differences(old: &Plan, new: &Plan) -> Vec<Difference> {
    let mut found: Vec<Difference> = changes_of(&settings(old), &settings(new))
        .into_iter()
        .map(Difference::SettingChanged)
        .collect();
    inputs(old, new, &mut found);
    steps(old, new, &mut found);
    edges(old, new, &mut found);
    found
}

/// What differs between two forms of a step, needs left out.
pub(crate) fn changes_of_step(old: &Step, new: &Step) -> Vec<Change> {
    changes_of(&of_step(old), &of_step(new))
}

fn settings(plan: &Plan) -> Map<String, Value> {
    let mut map = to_map(&plan.definition().without_steps());
    map.retain(|key, _| !OF_ITSELF.contains(&key.as_str()));
    map
}

fn inputs(old: &Plan, new: &Plan, found: &mut Vec<Difference>) {
    let (old, new) = (&old.definition().inputs, &new.definition().inputs);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        match (old.get(name), new.get(name)) {
            (None, _) => found.push(Difference::InputAdded(name.clone())),
            (_, None) => found.push(Difference::InputRemoved(name.clone())),
            (Some(old), Some(new)) => {
                let changes = changes_of(&to_map(old), &to_map(new));
                let changed = |change| Difference::InputChanged(name.clone(), change);
                found.extend(changes.into_iter().map(changed));
            }
        }
    }
}

fn steps(old: &Plan, new: &Plan, found: &mut Vec<Difference>) {
    for step in &old.definition().steps {
        let Some(next) = new.find(&step.id) else {
            found.push(Difference::StepRemoved(step.id.clone()));
            continue;
        };
        let next = &new.definition().steps[next.at()];
        let changed = |change| Difference::StepChanged(step.id.clone(), change);
        found.extend(changes_of_step(step, next).into_iter().map(changed));
    }
    let added = new.definition().steps.iter().filter(|step| old.find(&step.id).is_none());
    found.extend(added.map(|step| Difference::StepAdded(step.id.clone())));
    let shared = |of: &Plan, other: &Plan| -> Vec<String> {
        let ids = of.definition().steps.iter().map(|step| step.id.clone());
        ids.filter(|id| other.find(id).is_some()).collect()
    };
    if shared(old, new) != shared(new, old) {
        found.push(Difference::OrderChanged);
    }
}

fn edges(old: &Plan, new: &Plan, found: &mut Vec<Difference>) {
    let of = |plan: &Plan| -> BTreeSet<(String, String)> {
        let edges = plan.steps().flat_map(|step| {
            let needs = plan.needs(step).iter();
            needs.map(move |need| (plan.id(*need).to_owned(), plan.id(step).to_owned()))
        });
        edges.collect()
    };
    let (old, new) = (of(old), of(new));
    let gone = old.difference(&new).cloned();
    found.extend(gone.map(|(from, to)| Difference::EdgeRemoved(from, to)));
    let added = new.difference(&old).cloned();
    found.extend(added.map(|(from, to)| Difference::EdgeAdded(from, to)));
}

/// A step as a map: what its kind takes stands beside its other settings, and the word for the kind under `kind`.
fn of_step(step: &Step) -> Map<String, Value> {
    let mut map = to_map(step);
    map.remove("id");
    map.remove("needs");
    if let Some(Value::Object(kind)) = map.remove("kind") {
        for (word, settings) in kind {
            if let Value::Object(mut settings) = settings {
                // The step has a name of its own.
                if let Some(name) = settings.remove("name") {
                    settings.insert(word.clone(), name);
                }
                map.extend(settings);
            }
            map.insert("kind".to_owned(), Value::String(word));
        }
    }
    map
}

fn to_map(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        Ok(_) | Err(_) => Map::new(),
    }
}

fn changes_of(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", old, new, &mut changes);
    changes
}

fn compare(
    path: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    changes: &mut Vec<Change>,
) {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (old.get(key), new.get(key)) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                compare(&path, old, new, changes);
            }
            (from, to) if from != to => {
                changes.push(Change { key: path, from: from.cloned(), to: to.cloned() });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
