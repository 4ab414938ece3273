//! Loops, compiled: what a round consists of.
//!
//! Invariants:
//! * A round is the step the loop goes back to and all that comes after it, without the loop and what comes after that.
//! * A loop waits until every step of the round has settled, so nothing is under way when it goes back.

use std::collections::BTreeSet;

use super::compile::Problems;
use super::names::{Names, Place};
use super::step::Shape;
use super::{Plan, PlanStep, Work, graph};
use crate::definition::{Definition, Repeat, WhenNeeds};
use crate::expression::{Condition, Template};
use crate::id::StepIndex;

/// A bounded loop back.
#[derive(Debug)]
pub(crate) struct PlanRepeat {
    pub(crate) from: StepIndex,
    pub(crate) until: Condition,
    pub(crate) carry: Template,
    pub(crate) limit: u32,
    pub(crate) delay_ms: u64,
    /// The needs that let it run; the others it only waits for.
    pub(crate) asked: Vec<StepIndex>,
    /// The steps of a round, sorted.
    pub(crate) body: Vec<StepIndex>,
}

impl Plan {
    /// The steps that the loop `step` opens again, sorted; none if it is no loop.
    pub fn body(&self, step: StepIndex) -> &[StepIndex] {
        let Work::Repeat(repeat) = &self.step(step).work else { return &[] };
        &repeat.body
    }

    /// The loops that `step` is in, the outermost first; a loop is in itself.
    pub fn loops(&self, step: StepIndex) -> &[StepIndex] {
        &self.step(step).loops
    }

    /// The needs whose ends say whether `step` runs.
    pub(crate) fn asked(&self, step: StepIndex) -> &[StepIndex] {
        let Work::Repeat(repeat) = &self.step(step).work else { return self.needs(step) };
        &repeat.asked
    }
}

pub(super) fn compile(
    shape: &Shape<'_>,
    repeat: &Repeat,
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<Work> {
    let id = shape.step.id.as_str();
    if repeat.limit == 0 {
        let message = "`limit` is 0, but the first round has gone already";
        problems.error("NX1207", &["steps", id, "repeat", "limit"], message).hint =
            Some("1 means that the loop never goes back".to_owned());
    }
    if shape.step.when_needs != WhenNeeds::AllOk {
        let message = "a loop runs when all its needs are ok";
        problems.error("NX1163", &["steps", id, "when_needs"], message).hint =
            Some("put a step with this `when_needs` before it".to_owned());
    }
    let place = Place::repeat(id, shape.index, "until");
    let until = Condition::compile(&repeat.until).map_err(|error| vec![error]);
    let until = problems.take(place.path(), until);
    if let Some(until) = &until {
        needs.extend(names.check(&until.references(), &place, problems));
    }
    let place = Place::repeat(id, shape.index, "carry");
    let carry = problems.take(place.path(), Template::compile(&repeat.carry))?;
    needs.extend(names.check(&carry.references(), &place, problems));
    let path = ["steps", id, "repeat", "from"];
    let Some(from) = names.find(&repeat.from) else {
        let hint = names.similar_id(&repeat.from).map(|id| format!("did you mean `{id}`?"));
        let message = format!("there is no step `{}`", repeat.from);
        problems.error("NX1104", &path, message).hint = hint;
        return None;
    };
    let (limit, delay_ms) = (repeat.limit, repeat.delay_ms);
    let (asked, body) = (Vec::new(), Vec::new());
    Some(Work::Repeat(PlanRepeat { from, until: until?, carry, limit, delay_ms, asked, body }))
}

/// Finds what each loop repeats, and makes it wait for all of that.
pub(super) fn connect(definition: &Definition, steps: &mut [PlanStep], problems: &mut Problems) {
    let id = |step: StepIndex| definition.steps.get(step.at()).map_or("", |step| step.id.as_str());
    let graph = graph::successors(steps);
    let mut loops: Vec<(StepIndex, Vec<StepIndex>)> = Vec::new();
    for (index, step) in (0..).map(StepIndex).zip(steps.iter_mut()) {
        let Work::Repeat(repeat) = &mut step.work else { continue };
        let mut body = after(&graph, repeat.from);
        if !body.contains(&index) || repeat.from == index {
            let (own, from) = (id(index), id(repeat.from));
            let message = format!("step `{own}` does not come after `{from}`");
            problems.error("NX1162", &["steps", own, "repeat", "from"], message).hint =
                Some(format!("write `needs: {from}`, or go back to a step before it"));
            continue;
        }
        let later = after(&graph, index);
        body.retain(|step| !later.contains(step));
        repeat.asked.clone_from(&step.needs);
        repeat.body = body.iter().copied().collect();
        step.needs = body
            .iter()
            .copied()
            .chain(step.needs.iter().copied())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        loops.push((index, repeat.body.clone()));
    }
    loops.sort_by_key(|(_, body)| std::cmp::Reverse(body.len()));
    // A loop comes last in its own list, also where two cross: `round` in its `until` is its own.
    let insides = loops.iter().flat_map(|(index, body)| body.iter().map(|inner| (*inner, *index)));
    let itself = loops.iter().map(|(index, _)| (*index, *index));
    for (inner, index) in insides.chain(itself) {
        if let Some(step) = steps.get_mut(inner.at()) {
            step.loops.push(index);
        }
    }
}

/// The step and all that comes after it.
fn after(graph: &(Vec<u32>, Vec<StepIndex>), step: StepIndex) -> BTreeSet<StepIndex> {
    let mut found = BTreeSet::from([step]);
    let mut to_follow = vec![step];
    while let Some(step) = to_follow.pop() {
        let next = graph::after(graph, step);
        to_follow.extend(next.iter().copied().filter(|next| found.insert(*next)));
    }
    found
}
