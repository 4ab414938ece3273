//! Races, compiled: who runs, and what leads to each alone.

use std::collections::BTreeSet;

use super::compile::Problems;
use super::names::Names;
use super::step::Shape;
use super::{Plan, PlanStep, Work, graph};
use crate::definition::{Definition, WhenNeeds};
use crate::id::StepIndex;

/// The first of several steps.
#[derive(Debug)]
pub(crate) struct PlanRace {
    /// The steps, in the order of the file.
    pub(crate) of: Vec<StepIndex>,
    /// For each, the steps that lead to it alone, and itself.
    pub(crate) lanes: Vec<Vec<StepIndex>>,
}

impl Plan {
    /// The races in which `step`, or what it leads to, may lose.
    pub(crate) fn races_of(&self, step: StepIndex) -> &[StepIndex] {
        &self.step(step).races
    }
}

pub(super) fn compile(
    shape: &Shape<'_>,
    of: &[String],
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Work {
    let id = shape.step.id.as_str();
    if of.len() < 2 {
        let message = "a race needs at least two steps";
        problems.error("NX1164", &["steps", id, "race"], message).hint =
            Some("write `race: [a, b]`".to_owned());
    }
    if !matches!(shape.step.when_needs, WhenNeeds::AllOk | WhenNeeds::AnyOk) {
        let message = "a race begins when the first of its steps has completed";
        problems.error("NX1164", &["steps", id, "when_needs"], message).hint =
            Some("leave it out".to_owned());
    }
    if !shape.step.needs.is_empty() {
        let message = "a race needs the steps it names, and no others";
        problems.error("NX1164", &["steps", id, "needs"], message).hint =
            Some("put the needs to the steps that race".to_owned());
    }
    let mut found = Vec::new();
    for (at, name) in of.iter().enumerate() {
        let at = at.to_string();
        let path = ["steps", id, "race", &at];
        match names.find(name) {
            Some(step) if step == shape.index => {
                problems.error("NX1105", &path, format!("step `{id}` races itself: {id} → {id}"));
            }
            Some(step) if found.contains(&step) => {
                problems.error("NX1164", &path, format!("`{name}` stands twice in the race"));
            }
            Some(step) => found.push(step),
            None => {
                let hint = names.similar_id(name).map(|id| format!("did you mean `{id}`?"));
                problems.error("NX1104", &path, format!("there is no step `{name}`")).hint = hint;
            }
        }
    }
    needs.extend(&found);
    Work::Race(PlanRace { of: found, lanes: Vec::new() })
}

/// Finds what leads to each of those who race alone. Other needs of a race, by reference, are refused.
pub(super) fn connect(definition: &Definition, steps: &mut [PlanStep], problems: &mut Problems) {
    let id = |step: StepIndex| definition.steps.get(step.at()).map_or("", |step| step.id.as_str());
    let graph = graph::successors(steps);
    let mut lanes = Vec::new();
    for (index, step) in (0..).map(StepIndex).zip(steps.iter()) {
        let Work::Race(race) = &step.work else { continue };
        for other in step.needs.iter().filter(|need| !race.of.contains(need)) {
            let message =
                format!("race `{}` refers to `{}`, which is not in it", id(index), id(*other));
            problems.error("NX1164", &["steps", id(index)], message).hint =
                Some("let a step after the race refer to it".to_owned());
        }
        for end in &race.of {
            lanes.push((index, lane(steps, &graph, index, *end)));
        }
    }
    for (race, lane) in lanes {
        for step in &lane {
            if let Some(step) = steps.get_mut(step.at()) {
                step.races.push(race);
            }
        }
        if let Some(Work::Race(found)) = steps.get_mut(race.at()).map(|step| &mut step.work) {
            found.lanes.push(lane);
        }
    }
}

/// `end`, and the steps before it that lead nowhere but to the race over it.
fn lane(
    steps: &[PlanStep],
    graph: &(Vec<u32>, Vec<StepIndex>),
    race: StepIndex,
    end: StepIndex,
) -> Vec<StepIndex> {
    let mut lane = BTreeSet::from([race]);
    let mut to_look_at = vec![end];
    while let Some(step) = to_look_at.pop() {
        let mut successors = graph::after(graph, step).iter();
        if successors.all(|next| lane.contains(next)) && lane.insert(step) {
            to_look_at.extend(steps.get(step.at()).map_or(&[][..], |step| &step.needs));
        }
    }
    lane.remove(&race);
    lane.insert(end);
    lane.into_iter().collect()
}
