//! Nodes that start runs: they become triggers of the workflow, as far as there are such.

use nexus_model::definition::{Step, StepKind, Trigger};
use nexus_model::schedule::{CatchUp, Overlap, Timing};
use serde_json::{Map, Value};

use super::names::Names;
use super::nodes::Node;
use super::simulated;
use crate::calendar;
use crate::import::finding::code;
use crate::import::sketch::Sketch;
use crate::yaml::Node as Value_;

/// A schedule at the beginning is a trigger; anywhere else nothing of ours does what it says.
pub(super) fn schedule(
    node: &Node<'_>,
    begins: bool,
    names: &Names<'_, '_>,
    sketch: &mut Sketch,
) -> Step {
    let why_not = match trigger(node) {
        _ if !begins => "it does not begin the workflow".to_owned(),
        Ok(_) if node.data("enabled").is_some_and(|on| matches!(on.value, Value_::Bool(false))) => {
            "it is not enabled".to_owned()
        }
        Ok(trigger) => {
            sketch.triggers.push(trigger);
            return values(node, names, sketch);
        }
        Err(reason) => reason,
    };
    let message = format!("the schedule {} starts no runs here: {why_not}", node.called);
    sketch.findings.add(code::TRIGGER, &node.tree.defined, &message);
    if begins { values(node, names, sketch) } else { simulated(node, names, sketch) }
}

/// Runs that a call starts are not there yet; who starts one hands it its input.
pub(super) fn webhook(
    node: &Node<'_>,
    begins: bool,
    names: &Names<'_, '_>,
    sketch: &mut Sketch,
) -> Step {
    let message =
        format!("the webhook {} starts no runs here: start them with their inputs", node.called);
    sketch.findings.add(code::TRIGGER, &node.tree.defined, &message);
    if begins { values(node, names, sketch) } else { simulated(node, names, sketch) }
}

fn trigger(node: &Node<'_>) -> Result<Trigger, String> {
    let expression = node.text("cronExpression").or_else(|| node.text("cron"));
    let expression = expression.ok_or("it says no times")?;
    let zone = node.text("timezone").unwrap_or_else(|| "UTC".to_owned());
    calendar::check(&expression, &zone).map_err(|error| error.to_string())?;
    let timing = Timing::Cron { expression, zone };
    let (catch_up, overlap) = (CatchUp::default(), Overlap::default());
    Ok(Trigger { name: None, timing, catch_up, overlap, input: None })
}

/// What the node says, for those that ask.
fn values(node: &Node<'_>, names: &Names<'_, '_>, sketch: &mut Sketch) -> Step {
    let mut values = Map::new();
    for (key, value) in node.all_data() {
        if key.value != "label" {
            values.insert(key.value.clone(), names.value(value, sketch));
        }
    }
    let kind = StepKind::Set { values: Value::Object(values) };
    Step { name: node.title(), ..Step::new(node.id.clone(), kind) }
}
