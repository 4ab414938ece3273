//! Steps that stand in for agents.

use nexus_model::definition::{Backoff, Retry, Step, StepKind};
use serde_json::{Map, Value, json};

use super::names::Names;
use super::{Entry, Settings, types};
use crate::import::error::ImportError;
use crate::import::finding::code;
use crate::import::foreign::literal;
use crate::import::graph::ACTION;
use crate::import::sketch::Sketch;
use crate::yaml::{Node, Tree};

/// Times a step is tried again, if it does not say.
const RETRIES: u64 = 2;
/// Keys of a step that become something else than a note about its agent.
const STEP: [&str; 14] = [
    "id",
    "name",
    "on_success",
    "final_step",
    "routes",
    "condition",
    "timeout",
    "timeout_seconds",
    "retry",
    "retry_policy",
    "parallel",
    "require_human_approval",
    "inputs",
    "outputs",
];

/// The step that stands in for an agent.
pub(super) fn agent(
    entry: &Entry<'_>,
    names: &Names<'_, '_>,
    settings: &Settings,
    sketch: &mut Sketch,
) -> Result<Step, ImportError> {
    types::check(entry, sketch)?;
    let agent = entry.get("agent_type").and_then(|agent| types::label(&agent.value));
    let message = format!(
        "nothing built in is an agent: step {} simulates {}",
        entry.called,
        agent.unwrap_or_default()
    );
    sketch.findings.add(code::SIMULATED, &entry.tree.defined, &message);
    let mut about = Map::new();
    for (key, value) in entry.tree.value.entries() {
        let value = match key.value.as_str() {
            key if STEP.contains(&key) => continue,
            "tools" => tools(entry, value, settings, sketch),
            "prompt" | "prompt_template" => names.prompt(&value.value, entry),
            _ => literal(value.value.to_value()),
        };
        about.insert(key.value.clone(), value);
    }
    let inputs = types::declared(entry.get("inputs")).into_iter();
    let inputs: Map<String, Value> =
        inputs.map(|(name, kind)| (name.clone(), names.input(&name, &kind, sketch))).collect();
    if !inputs.is_empty() {
        about.insert("inputs".to_owned(), Value::Object(inputs));
    }
    let declared = types::declared(entry.get("outputs"));
    let output = declared.iter().map(|(name, kind)| (name.clone(), types::sample(kind))).collect();
    if let Some(outputs) = entry.get("outputs") {
        about.insert("outputs".to_owned(), literal(outputs.value.to_value()));
    }
    let timeout = entry.get("timeout").or_else(|| entry.get("timeout_seconds"));
    let timeout = timeout.map(|value| types::milliseconds(value, sketch)).transpose()?;
    Ok(Step {
        retry: retry(entry, sketch)?,
        timeout_ms: timeout.or(settings.timeout_ms),
        ..stand_in(entry.id.clone(), &Value::Object(about), &Value::Object(output))
    })
}

/// The tools of a step that the workflow allows.
fn tools(entry: &Entry<'_>, tools: &Tree, settings: &Settings, sketch: &mut Sketch) -> Value {
    let Some(allowed) = &settings.tools else { return literal(tools.value.to_value()) };
    let mut kept = Vec::new();
    for tool in tools.value.items() {
        let name = types::label(&tool.value).unwrap_or_default();
        if allowed.contains(&name) {
            kept.push(literal(json!(name)));
        } else {
            let message = format!(
                "the tool {name} of step {} is not in `allowed_tools`: it is left out",
                entry.called
            );
            sketch.findings.add(code::NOT_KEPT, &tool.defined, &message);
        }
    }
    Value::Array(kept)
}

pub(super) fn stand_in(id: String, about: &Value, output: &Value) -> Step {
    let with = json!({ "stands_for": about, "output": output });
    Step::new(id, StepKind::Action { uses: ACTION.to_owned(), with })
}

fn retry(entry: &Entry<'_>, sketch: &Sketch) -> Result<Retry, ImportError> {
    let policy = entry.get("retry_policy");
    let policy =
        policy.or_else(|| entry.get("retry").filter(|retry| matches!(retry.value, Node::Map(_))));
    let of_policy = |key: &str| policy.and_then(|policy| policy.value.get(key));
    let damage = |tree: &Tree, what: &str| {
        Err(sketch.findings.damage(&tree.defined, format!("{what} of step `{}`", entry.called)))
    };
    let retries = entry.get("retry").filter(|retry| !matches!(retry.value, Node::Map(_)));
    let retries = match retries.or_else(|| of_policy("max_retries")) {
        None => RETRIES,
        Some(tree) => match tree.value.to_value().as_u64() {
            Some(retries) => retries,
            None => return damage(tree, "a number of retries is a whole number from 0:"),
        },
    };
    let mut retry = Retry {
        max_attempts: u32::try_from(retries.saturating_add(1)).unwrap_or(u32::MAX),
        ..Retry::default()
    };
    if let Some(tree) = of_policy("backoff") {
        retry.backoff = match tree.value.text() {
            Some("exponential") => Backoff::Exponential,
            Some("linear") => Backoff::Linear,
            Some("constant") => Backoff::Constant,
            _ => return damage(tree, "`backoff` is `exponential`, `linear` or `constant`:"),
        };
    }
    if let Some(tree) = of_policy("initial_delay") {
        retry.initial_ms = match types::seconds(&tree.value) {
            Some(milliseconds) => milliseconds,
            None => return damage(tree, "`initial_delay` is a number of seconds from 0:"),
        };
    }
    Ok(retry)
}
