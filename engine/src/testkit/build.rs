//! Definitions made in a line, for tests that are not about definitions.

use std::sync::Arc;

use nexus_model::definition::{Definition, Step, StepKind};
use nexus_model::plan::Plan;
use serde_json::{Value, json};

/// A step with nothing but an id, a kind and needs.
pub fn step(id: &str, kind: StepKind, needs: &[&str]) -> Step {
    Step { needs: needs.iter().map(ToString::to_string).collect(), ..Step::new(id, kind) }
}

/// A step that calls the handler `uses`.
pub fn action(id: &str, uses: &str, needs: &[&str]) -> Step {
    step(id, StepKind::Action { uses: uses.to_owned(), with: Value::Null }, needs)
}

/// A step that sleeps, such as for `2d`.
pub fn sleep(id: &str, duration: &str, needs: &[&str]) -> Step {
    step(id, StepKind::Sleep { duration: json!(duration) }, needs)
}

/// A step that computes values.
pub fn set(id: &str, values: Value, needs: &[&str]) -> Step {
    step(id, StepKind::Set { values }, needs)
}

/// The plan of a workflow `test` with these steps, which takes any input.
///
/// # Panics
/// If the steps make no workflow.
pub fn plan(steps: Vec<Step>) -> Arc<Plan> {
    compile(Definition { steps, ..Definition::default() })
}

/// The plan of a definition, which is called `test` and takes any input.
///
/// # Panics
/// If it is no good definition.
pub fn compile(definition: Definition) -> Arc<Plan> {
    let definition = Definition { name: "test".to_owned(), input_is_value: true, ..definition };
    Arc::new(Plan::compile(definition).expect("a good definition"))
}
