//! NX2104: reading a field of an output that may be `null`.
//!
//! The output of a step is `null` when its condition skipped it, when it failed and the run goes on, and when it was not
//! reached. The last can be seen only where a step runs whatever happened to its needs, and in the outputs of the run.

use std::collections::BTreeSet;

use super::compile::Problems;
use super::{PlanStep, Work};
use crate::definition::{Definition, OnError, StepKind, WhenNeeds};
use crate::expression::{Found, Reference, Template};
use crate::id::StepIndex;

/// Adds a warning for each reference that may read a field of `null`.
pub(super) fn warn(
    definition: &Definition,
    steps: &[PlanStep],
    outputs: Option<&Template>,
    order: &[StepIndex],
    problems: &mut Problems,
) {
    let id = |step: StepIndex| definition.steps.get(step.at()).map_or("", |step| step.id.as_str());
    let ids: std::collections::BTreeMap<&str, StepIndex> =
        order.iter().map(|step| (id(*step), *step)).collect();
    let unreached = maybe_unreached(steps, order);
    let bypassed = maybe_bypassed(steps, order);
    for (step, source) in steps.iter().zip(&definition.steps) {
        let looked_at: BTreeSet<StepIndex> = step
            .condition
            .iter()
            .flat_map(super::super::expression::Condition::references)
            .filter_map(|found| ids.get(found.reference.step()?).copied())
            .collect();
        let anything = step.when_needs != WhenNeeds::AllOk;
        let may_be_null = |need: StepIndex| {
            !looked_at.contains(&need)
                && (anything
                    || (bypassed.contains(&need) && step.needs.len() > 1)
                    || output_may_be_null(steps, need))
        };
        for (field, template) in templates(step, &source.kind) {
            let found = template.references();
            report(&["steps", &source.id, field], &found, &ids, &may_be_null, problems);
        }
    }
    let may_be_null = |need: StepIndex| {
        unreached.contains(&need) || bypassed.contains(&need) || output_may_be_null(steps, need)
    };
    if let Some(outputs) = outputs {
        report(&["outputs"], &outputs.references(), &ids, &may_be_null, problems);
    }
}

fn templates<'s>(
    step: &'s PlanStep,
    kind: &StepKind,
) -> impl Iterator<Item = (&'static str, &'s Template)> {
    let work = match (&step.work, kind) {
        (Work::Handler { input, .. }, StepKind::Script { .. }) => Some(("", input)),
        (Work::Handler { input, .. }, _) => Some(("with", input)),
        (Work::Set { values }, _) => Some(("set", values)),
        (Work::Sleep { duration }, _) => Some(("sleep", duration)),
        (Work::Call(called), _) => Some(("with", &called.input)),
        (Work::SleepUntil { time }, _) => Some(("sleep_until", time)),
        (Work::Approve(wait), _) => Some(("approve", &wait.asks)),
        (
            Work::Update(_) | Work::WaitFor(_) | Work::Switch(_) | Work::Race(_) | Work::Repeat(_),
            _,
        ) => None,
    };
    let outputs = step.outputs.as_ref().map(|template| ("outputs", template));
    work.into_iter().chain(outputs)
}

fn output_may_be_null(steps: &[PlanStep], step: StepIndex) -> bool {
    steps
        .get(step.at())
        .is_some_and(|step| step.condition.is_some() || step.on_error == OnError::Continue)
}

/// Steps that a run that ends well may not have reached: those for failures, and what needs them.
fn maybe_unreached(steps: &[PlanStep], order: &[StepIndex]) -> BTreeSet<StepIndex> {
    let mut unreached = BTreeSet::new();
    for index in order {
        let Some(step) = steps.get(index.at()) else { continue };
        let waits_in_vain = step.needs.iter().any(|need| unreached.contains(need));
        match step.when_needs {
            WhenNeeds::AnyFailed => unreached.insert(*index),
            WhenNeeds::AllOk if waits_in_vain => unreached.insert(*index),
            WhenNeeds::AnyOk if step.needs.iter().all(|need| unreached.contains(need)) => {
                unreached.insert(*index)
            }
            WhenNeeds::AllOk | WhenNeeds::AnyOk | WhenNeeds::AllDone => false,
        };
    }
    unreached
}

/// Steps that a router may go around: those it chooses between, and what comes after one of them alone. A step that joins
/// several ways is taken to run after one of them.
fn maybe_bypassed(steps: &[PlanStep], order: &[StepIndex]) -> BTreeSet<StepIndex> {
    let mut bypassed = BTreeSet::new();
    for index in order {
        let Some(step) = steps.get(index.at()) else { continue };
        let only_such = matches!(step.needs.as_slice(), [need] if bypassed.contains(need));
        if step.router.is_some() || only_such {
            bypassed.insert(*index);
        }
    }
    bypassed
}

fn report(
    place: &[&str],
    found: &[Found<'_>],
    ids: &std::collections::BTreeMap<&str, StepIndex>,
    may_be_null: &dyn Fn(StepIndex) -> bool,
    problems: &mut Problems,
) {
    for one in found {
        let Some(id) = reads_a_field(one.reference) else { continue };
        let guarded = one.reference.guarded
            || found.iter().any(|other| other.path == one.path && asks_about(other.reference, id));
        if guarded || !ids.get(id).is_some_and(|step| may_be_null(*step)) {
            continue;
        }
        let message = format!("the output of step `{id}` may be null here");
        let path: Vec<&str> = place
            .iter()
            .copied()
            .filter(|key| !key.is_empty())
            .chain(one.path.iter().map(String::as_str))
            .collect();
        let warning = problems.warning("NX2104", &path, message);
        warning.range = Some(one.range.clone());
        let field = one.reference.path.get(2..).map(|path| path.join(".")).unwrap_or_default();
        warning.hint = Some(format!(
            "put `| default(…)` behind it, or write `get(steps.{id}.output, \"{field}\", …)`"
        ));
    }
}

/// The id of the step of whose output a field is read.
fn reads_a_field(reference: &Reference) -> Option<&str> {
    let deep = reference.path.len() > 2 || reference.deeper;
    (reference.step_field() == Some("output") && deep).then(|| reference.step()).flatten()
}

/// Whether the expression looks at how the step ended, or at its output as a whole.
fn asks_about(reference: &Reference, id: &str) -> bool {
    reference.step() == Some(id) && reads_a_field(reference).is_none()
}
