//! Compiling: from a definition to a plan, or to everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::names::{Names, Place};
use super::slots::{Limited, compile_slot};
use super::step::{Shape, compile_step};
use super::{DefinitionError, Plan, PlanStep, SlotRule, graph, nullable, race, switch, undo};
use crate::definition::Definition;
use crate::expression::{Template, is_secret_name};
use crate::id::StepIndex;
use crate::input;

/// What goes wrong is collected, so that an author sees all of it at once.
#[derive(Default)]
pub(super) struct Problems {
    pub(super) errors: Vec<DefinitionError>,
    pub(super) warnings: Vec<DefinitionError>,
}

impl Problems {
    pub(super) fn error(
        &mut self,
        code: &'static str,
        path: &[&str],
        message: impl Into<String>,
    ) -> &mut DefinitionError {
        push(&mut self.errors, code, path, message.into(), false)
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        path: &[&str],
        message: impl Into<String>,
    ) -> &mut DefinitionError {
        push(&mut self.warnings, code, path, message.into(), true)
    }

    /// Takes the value, or keeps the errors with `path` in front of theirs.
    pub(super) fn take<T>(
        &mut self,
        path: &[&str],
        result: Result<T, Vec<DefinitionError>>,
    ) -> Option<T> {
        result
            .map_err(|errors| {
                self.errors.extend(errors.into_iter().map(|mut error| {
                    error.path = owned(path).into_iter().chain(error.path).collect();
                    error
                }));
            })
            .ok()
    }
}

fn push<'l>(
    list: &'l mut Vec<DefinitionError>,
    code: &'static str,
    path: &[&str],
    message: String,
    warning: bool,
) -> &'l mut DefinitionError {
    list.push(DefinitionError {
        code,
        path: owned(path),
        range: None,
        message,
        hint: None,
        warning,
    });
    list.last_mut().expect("one was pushed")
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|key| (*key).to_owned()).collect()
}

pub(super) fn compile(definition: Definition) -> Result<Plan, Vec<DefinitionError>> {
    compiled(definition).map_err(without_what_follows)
}

/// Of two steps with one id, nobody can say which one another waits for: circles that seem to be there may be none.
fn without_what_follows(mut errors: Vec<DefinitionError>) -> Vec<DefinitionError> {
    if errors.iter().any(|error| error.code == "NX1108") {
        errors.retain(|error| error.code != "NX1105");
    }
    errors
}

fn compiled(definition: Definition) -> Result<Plan, Vec<DefinitionError>> {
    let mut problems = Problems::default();
    let by_id = ids(&definition, &mut problems);
    check_head(&definition, &mut problems);
    let names = Names::new(&definition, &by_id);
    let env = compile_env(&definition, &names, &mut problems);
    let run_id = compile_run_id(&definition, &names, &mut problems);
    let slot = compile_run_slot(&definition, &names, &mut problems);
    let start_rule = super::start_rule::compile(&definition, &names, &mut problems);
    let mut steps: Vec<PlanStep> = Vec::with_capacity(definition.steps.len());
    for (at, step) in definition.steps.iter().enumerate() {
        let shape = Shape { workflow: &definition.name, step, index: index(at), env: &env };
        steps.extend(compile_step(&shape, &names, &mut problems));
    }
    let event_triggers = super::events::compile(&definition, &names, &mut problems);
    let outputs = compile_outputs(&definition, &names, &mut problems);
    let queries = super::query::compile(&definition, &names, &mut problems);
    // Steps that did not compile are missing from `steps`; the graph makes sense only with all of them.
    if steps.len() != definition.steps.len() {
        return Err(problems.errors);
    }
    switch::connect(&definition, &mut steps, &mut problems);
    race::connect(&definition, &mut steps, &mut problems);
    let order = match graph::order(&steps) {
        Ok(order) => order,
        Err(cycles) => {
            problems.errors.extend(graph::explain(&definition, &cycles));
            return Err(problems.errors);
        }
    };
    let order = match order_of_rounds(&definition, &mut steps, order, &mut problems) {
        Ok(order) => order,
        Err(cycles) => {
            problems.errors.extend(cycles);
            return Err(problems.errors);
        }
    };
    undo::warn(&definition, &mut problems);
    nullable::warn(&definition, &steps, outputs.as_ref(), &order, &mut problems);
    if !problems.errors.is_empty() {
        problems.errors.append(&mut problems.warnings);
        return Err(problems.errors);
    }
    let steps: Vec<Arc<PlanStep>> = steps.into_iter().map(Arc::new).collect();
    let (successor_ends, successors) = graph::successors(&steps);
    let steps_with_undo = undo::with_undo(&steps);
    Ok(Plan {
        event_waits: super::events::waits(&definition),
        hash: definition.hash(),
        calls_by_name: super::call_fit::calls_by_name(&definition),
        definition,
        steps,
        successor_ends,
        successors,
        by_id,
        warnings: problems.warnings,
        run_id,
        slot,
        start_rule,
        event_triggers,
        env,
        outputs,
        queries,
        steps_with_undo,
        grown: super::Grown::default(),
    })
}

fn compile_outputs(
    definition: &Definition,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<Template> {
    let value = definition.outputs.as_ref()?;
    let template = problems.take(&["outputs"], Template::compile(value))?;
    names.check(&template.references(), &Place::outputs(), problems);
    Some(template)
}

fn compile_run_slot(
    definition: &Definition,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<SlotRule> {
    let limited = Limited::Runs(&definition.name);
    let concurrency = definition.concurrency.as_ref()?;
    compile_slot(concurrency, (limited, None), names, &mut BTreeSet::new(), problems)
}

fn compile_run_id(
    definition: &Definition,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<Template> {
    let template = definition.run_id.as_ref()?;
    let value = Value::String(template.clone());
    let template = problems.take(&["run", "id"], Template::compile(&value))?;
    names.check(&template.references(), &Place::run_id(), problems);
    Some(template)
}

fn index(at: usize) -> StepIndex {
    StepIndex(u32::try_from(at).unwrap_or(u32::MAX))
}

/// The steps sorted by id. Reports ids that stand twice.
fn ids(definition: &Definition, problems: &mut Problems) -> Vec<StepIndex> {
    let id = |step: &StepIndex| definition.steps.get(step.at()).map_or("", |step| step.id.as_str());
    let mut by_id: Vec<StepIndex> = (0..definition.steps.len()).map(index).collect();
    by_id.sort_by(|left, right| id(left).cmp(id(right)));
    for pair in by_id.windows(2) {
        if let [first, second] = pair
            && id(first) == id(second)
        {
            let message = format!("two steps have the id `{}`", id(second));
            problems.error("NX1108", &["steps", id(second)], message);
        }
    }
    by_id
}

fn check_head(definition: &Definition, problems: &mut Problems) {
    let name = &definition.name;
    if name.is_empty() || name.chars().count() > 128 || name.chars().any(char::is_control) {
        let message = "a workflow needs a name of 1 to 128 characters";
        problems.error("NX1106", &["name"], message);
    }
    if definition.timeout_ms == Some(0) {
        problems.error("NX1201", &["run", "timeout"], "the timeout is 0, so no run could end");
    }
    for (name, spec) in &definition.inputs {
        for error in input::check_spec(name, spec) {
            let message = error.message;
            problems.error(error.code, &["inputs", name], message).hint = error.hint;
        }
    }
    for (at, name) in definition.secrets.iter().enumerate() {
        if !is_secret_name(name) {
            let message = format!("`{}` cannot be the name of a secret", name.escape_debug());
            problems.error("NX1135", &["secrets", &at.to_string()], message).hint =
                Some("write a letter or `_`, then letters, digits and `_`".to_owned());
        }
    }
    if definition.code {
        return check_code(definition, problems);
    }
    if definition.steps.is_empty() {
        problems.error("NX1101", &["steps"], "the workflow has no steps").hint =
            Some("add one under `steps`".to_owned());
    }
}

/// A definition of code says nothing that would be said of steps.
fn check_code(definition: &Definition, problems: &mut Problems) {
    let plain = Definition {
        name: definition.name.clone(),
        description: definition.description.clone(),
        version: definition.version,
        labels: definition.labels.clone(),
        input_is_value: true,
        timeout_ms: definition.timeout_ms,
        on_failure: definition.on_failure,
        on_cancel: definition.on_cancel,
        code: true,
        ..Definition::default()
    };
    if *definition != plain {
        let message =
            "the steps of code are the calls of its function; it can have none of its own";
        problems.error("NX1101", &["steps"], message).hint = Some(
            "leave out steps, inputs, outputs, triggers and all that is about them".to_owned(),
        );
    }
}

fn compile_env(definition: &Definition, names: &Names<'_>, problems: &mut Problems) -> Template {
    let mut whole: BTreeMap<&str, &Value> = BTreeMap::new();
    for (key, value) in &definition.env {
        whole.insert(key, value);
    }
    let value: Value = whole.into_iter().map(|(key, value)| (key, value.clone())).collect();
    let compiled = problems.take(&["env"], Template::compile(&value));
    if let Some(template) = &compiled {
        names.check(&template.references(), &Place::env(), problems);
    }
    compiled.unwrap_or_default()
}

/// Loops wait for more steps than they name, which may put them into an order that cannot be.
fn order_of_rounds(
    definition: &Definition,
    steps: &mut [PlanStep],
    order: Vec<StepIndex>,
    problems: &mut Problems,
) -> Result<Vec<StepIndex>, Vec<DefinitionError>> {
    if !steps.iter().any(|step| matches!(step.work, super::Work::Repeat(_))) {
        return Ok(order);
    }
    super::repeat::connect(definition, steps, problems);
    graph::order(steps).map_err(|cycles| graph::explain(definition, &cycles))
}
