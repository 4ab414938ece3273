//! How a play ended: what two plays must have in common to be the same to everybody outside.

use std::collections::{BTreeMap, HashMap};

use nexus_model::event::Failure;
use nexus_model::id::StepIndex;
use nexus_model::payload::Payload;
use nexus_model::plan::Plan;
use nexus_model::run::{Run, RunStatus, StepState};
use serde_json::Value;

use super::call::Call;
use crate::loader::Loader;

/// The end of all runs, and the calls that were made for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// The runs by name.
    pub runs: BTreeMap<String, RunEnding>,
    /// How often each call was made. One that a crash cut off, and that was made again, counts once.
    pub calls: BTreeMap<CallMade, usize>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnding {
    /// Its workflow.
    pub workflow: String,
    /// The word for its status.
    pub status: &'static str,
    /// Its output.
    pub output: Value,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// Its steps by id.
    pub steps: BTreeMap<String, StepEnding>,
}

/// The end of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEnding {
    /// The word for its state.
    pub status: &'static str,
    /// The last attempt, 0 if there was none.
    pub attempts: u32,
    /// Its output.
    pub output: Value,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// A call as others see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallMade {
    /// The idempotency key.
    pub key: String,
    /// The name of the run.
    pub run: String,
    /// The step.
    pub step: String,
    /// The handler.
    pub uses: String,
    /// The attempt.
    pub attempt: u32,
    /// The input.
    pub input: String,
}

impl Ending {
    /// What is different in `other`, a line for each.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let names =
            self.runs.keys().chain(other.runs.keys().filter(|name| !self.runs.contains_key(*name)));
        for name in names {
            match (self.runs.get(name), other.runs.get(name)) {
                (Some(run), Some(with)) => run.differences(name, with, &mut lines),
                (Some(_), None) => lines.push(format!("run {name} is not there")),
                (None, _) => lines.push(format!("run {name} should not be there")),
            }
        }
        let calls = self
            .calls
            .keys()
            .chain(other.calls.keys().filter(|call| !self.calls.contains_key(*call)));
        for call in calls {
            let count = |of: &Self| of.calls.get(call).copied().unwrap_or(0);
            let (is, was) = (count(other), count(self));
            if is != was {
                let CallMade { run, step, attempt, input, .. } = call;
                lines.push(format!(
                    "{step} of {run}, attempt {attempt}, was called {is} instead of {was} times with {input}"
                ));
            }
        }
        lines
    }

    /// What is different in how runs and steps ended, whatever attempts and calls it took.
    pub fn differences_of_ends(&self, other: &Self) -> Vec<String> {
        let ends = |of: &Self| {
            let mut ends = Self { runs: of.runs.clone(), calls: BTreeMap::new() };
            let steps = ends.runs.values_mut().flat_map(|run| run.steps.values_mut());
            steps.for_each(|step| step.attempts = 0);
            ends
        };
        ends(self).differences(&ends(other))
    }
}

impl RunEnding {
    fn differences(&self, name: &str, with: &Self, lines: &mut Vec<String>) {
        let mut differs = |what: &str, was: &dyn std::fmt::Debug, is: &dyn std::fmt::Debug| {
            let (was, is) = (format!("{was:?}"), format!("{is:?}"));
            if was != is {
                lines.push(format!("{what} of {name} is {is} instead of {was}"));
            }
        };
        differs("the status", &self.status, &with.status);
        differs("the output", &text(&self.output), &text(&with.output));
        differs("the failure", &said(self.failure.as_ref()), &said(with.failure.as_ref()));
        for (id, step) in &self.steps {
            let Some(with) = with.steps.get(id) else { continue };
            differs(&format!("the status of {id}"), &step.status, &with.status);
            differs(&format!("the number of attempts of {id}"), &step.attempts, &with.attempts);
            differs(&format!("the output of {id}"), &text(&step.output), &text(&with.output));
        }
    }
}

fn text(value: &Value) -> String {
    value.to_string()
}

fn said(failure: Option<&Failure>) -> String {
    failure.map(|failure| format!("{} {}", failure.code, failure.message)).unwrap_or_default()
}

/// The end of a run, as it is recorded.
pub(super) fn of_run(loader: &Loader, plan: &Plan, run: &Run) -> RunEnding {
    let (output, failure) = match &run.status {
        RunStatus::Completed { output } => (read(loader, output), None),
        RunStatus::Failed { failure, .. } | RunStatus::Failing { failure, .. } => {
            (Value::Null, Some(failure.clone()))
        }
        RunStatus::Running | RunStatus::Cancelling { .. } | RunStatus::Cancelled { .. } => {
            (Value::Null, None)
        }
    };
    let steps = plan.steps().map(|step| (plan.id(step).to_owned(), of_step(loader, run, step)));
    RunEnding {
        workflow: plan.definition().name.clone(),
        status: run.status.word(),
        output,
        failure,
        steps: steps.collect(),
    }
}

fn of_step(loader: &Loader, run: &Run, step: StepIndex) -> StepEnding {
    let made = run.step_run(step);
    let (output, failure) = match &made.state {
        StepState::Completed { output } => (read(loader, output), None),
        StepState::Failed { failure, .. } => (Value::Null, Some(failure.clone())),
        StepState::Waiting
        | StepState::Running { .. }
        | StepState::Sleeping { .. }
        | StepState::Awaiting { .. }
        | StepState::Calling { .. }
        | StepState::Iterating
        | StepState::Retrying { .. }
        | StepState::Skipped { .. }
        | StepState::NotReached
        | StepState::Cancelled => (Value::Null, None),
    };
    StepEnding { status: made.word(), attempts: made.attempt.0, output, failure }
}

/// A payload as JSON; text if it is none.
pub(super) fn read(loader: &Loader, payload: &Payload) -> Value {
    let Ok(bytes) = loader.bytes(payload) else { return Value::Null };
    serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into())
}

/// The calls of a play, without those that were made again because a crash cut them off.
pub(super) fn last_calls(calls: &[Call]) -> impl Iterator<Item = &Call> {
    let last: HashMap<_, _> =
        calls.iter().enumerate().map(|(at, call)| ((&call.key, call.attempt), at)).collect();
    let counts = move |(at, call): &(usize, &Call)| {
        call.recorded || last.get(&(&call.key, call.attempt)) == Some(at)
    };
    calls.iter().enumerate().filter(counts).map(|(_, call)| call)
}

/// How often each call was made.
pub(super) fn of_calls(calls: &[Call]) -> BTreeMap<CallMade, usize> {
    let mut made = BTreeMap::new();
    for call in last_calls(calls) {
        let call = CallMade {
            key: call.key.clone(),
            run: call.run_name.clone(),
            step: call.step.clone(),
            uses: call.uses.clone(),
            attempt: call.attempt,
            input: call.input().to_string(),
        };
        *made.entry(call).or_insert(0) += 1;
    }
    made
}
