//! The workflows of the workloads that are no made graphs.

use std::sync::Arc;

use nexus_definitions::shapes::{Shape, shape};
use nexus_engine::model::definition::{Definition, OnSignalTimeout, Repeat, Retry, Step, StepKind};
use nexus_engine::model::plan::Plan;
use serde_json::{Value, json};

use super::Failure;

/// The signal that runs wait for.
pub(super) const SIGNAL: &str = "go";
/// The action whose first attempt fails.
pub(super) const FLAKY: &str = "flaky";

/// Compiles.
pub(super) fn compile(definition: Definition) -> Result<Arc<Plan>, Failure> {
    let plan = Plan::compile(definition).map_err(|errors| format!("{errors:?}"))?;
    Ok(Arc::new(plan))
}

/// A made graph.
pub(super) fn made(kind: Shape, steps: u32) -> Result<Arc<Plan>, Failure> {
    compile(shape(kind, steps, 1))
}

/// A workflow of these steps.
fn workflow(name: &str, steps: Vec<Step>) -> Result<Arc<Plan>, Failure> {
    compile(Definition { name: name.to_owned(), steps, ..Definition::default() })
}

fn step(id: String, needs: &[String], kind: StepKind) -> Step {
    Step { needs: needs.to_vec(), ..Step::new(id, kind) }
}

fn action(with: Value) -> StepKind {
    StepKind::Action { uses: "simulate".to_owned(), with }
}

/// `steps` actions in a row, with a step that only computes after each.
pub(super) fn chain_with_sets(steps: u32) -> Result<Arc<Plan>, Failure> {
    let of = |at: u32| {
        let before: Vec<String> =
            at.checked_sub(1).map(|at| format!("set{at}")).into_iter().collect();
        let values = json!({ "round": at });
        [
            step(format!("s{at}"), &before, action(Value::Null)),
            step(format!("set{at}"), &[format!("s{at}")], StepKind::Set { values }),
        ]
    };
    workflow("chain-with-sets", (0..steps).flat_map(of).collect())
}

/// One step that is repeated.
pub(super) fn rounds(rounds: u32) -> Result<Arc<Plan>, Failure> {
    let until = format!("round.number >= {rounds}");
    let carry = json!({ "seen": "${{ round.number }}" });
    let repeat = Repeat { from: "work".into(), until, limit: rounds, delay_ms: 0, carry };
    let work = step("work".into(), &[], action(Value::Null));
    let again = step("again".into(), &["work".to_owned()], StepKind::Repeat(Box::new(repeat)));
    workflow("rounds", vec![work, again])
}

/// Steps in a row that each wait for a signal.
pub(super) fn told(signals: u32) -> Result<Arc<Plan>, Failure> {
    let of = |at: u32| {
        let before: Vec<String> =
            at.checked_sub(1).map(|at| format!("s{at}")).into_iter().collect();
        let kind = StepKind::WaitFor {
            signal: SIGNAL.to_owned(),
            matches: None,
            timeout_ms: None,
            on_timeout: OnSignalTimeout::default(),
        };
        step(format!("s{at}"), &before, kind)
    };
    workflow("told", (0..signals).map(of).collect())
}

/// A step that sleeps.
pub(super) fn sleeper(duration: &str) -> Result<Arc<Plan>, Failure> {
    let kind = StepKind::Sleep { duration: json!(duration) };
    workflow("sleeper", vec![step("nap".into(), &[], kind)])
}

/// A step whose first attempt fails, and one after it.
pub(super) fn flaky() -> Result<Arc<Plan>, Failure> {
    let mut flaky =
        step("flaky".into(), &[], StepKind::Action { uses: FLAKY.to_owned(), with: Value::Null });
    flaky.retry = Retry { max_attempts: 3, initial_ms: 1, max_ms: 1, ..Retry::default() };
    workflow("flaky", vec![flaky, step("then".into(), &["flaky".to_owned()], action(Value::Null))])
}
