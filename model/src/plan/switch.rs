//! Routers, compiled: which steps they choose between, and the edges to them.

use std::collections::BTreeSet;

use super::compile::Problems;
use super::names::{Names, Place};
use super::step::Shape;
use super::{PlanStep, Work};
use crate::definition::{Definition, Switch};
use crate::expression::Condition;
use crate::id::StepIndex;

/// Which steps run, by conditions.
#[derive(Debug)]
pub(crate) struct PlanSwitch {
    pub(crate) cases: Vec<PlanCase>,
    pub(crate) default: Vec<StepIndex>,
    /// All steps it chooses between, sorted.
    pub(crate) targets: Vec<StepIndex>,
}

/// A case of a router.
#[derive(Debug)]
pub(crate) struct PlanCase {
    pub(crate) when: Condition,
    pub(crate) then: Vec<StepIndex>,
}

impl PlanStep {
    /// Whether it may begin because `need` completed, if it begins at the first: its router alone does not do.
    pub(crate) fn begins_with(&self, need: StepIndex) -> bool {
        self.router != Some(need) || self.needs.len() == 1
    }
}

pub(super) fn compile(
    shape: &Shape<'_>,
    switch: &Switch,
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<Work> {
    let id = shape.step.id.as_str();
    if switch.cases.is_empty() {
        let message = "a router needs at least one case";
        problems.error("NX1161", &["steps", id, "switch", "cases"], message).hint =
            Some("write `- when: ${{ … }}` and below it `then: <step>`".to_owned());
    }
    let mut cases = Some(Vec::new());
    for (at, case) in switch.cases.iter().enumerate() {
        let at = at.to_string();
        let place = Place::switch_case(id, shape.index, &at);
        let compiled = Condition::compile(&case.when).map_err(|error| vec![error]);
        let when = problems.take(place.path(), compiled);
        if let Some(when) = &when {
            needs.extend(names.check(&when.references(), &place, problems));
        }
        let path = ["steps", id, "switch", "cases", &at, "then"];
        let then = find(shape, &case.then, &path, names, problems);
        cases = cases.zip(when).map(|(mut cases, when)| {
            cases.push(PlanCase { when, then });
            cases
        });
    }
    let default =
        find(shape, &switch.default, &["steps", id, "switch", "default"], names, problems);
    let cases = cases?;
    let targets = cases.iter().flat_map(|case| &case.then).chain(&default).copied();
    let targets = targets.collect::<BTreeSet<_>>().into_iter().collect();
    Some(Work::Switch(PlanSwitch { cases, default, targets }))
}

fn find(
    shape: &Shape<'_>,
    ids: &[String],
    path: &[&str],
    names: &Names<'_>,
    problems: &mut Problems,
) -> Vec<StepIndex> {
    let mut found = Vec::new();
    for id in ids {
        match names.find(id) {
            Some(step) if step == shape.index => {
                problems.error("NX1105", path, format!("step `{id}` chooses itself: {id} → {id}"));
            }
            Some(step) => found.push(step),
            None => {
                let hint = names.similar_id(id).map(|id| format!("did you mean `{id}`?"));
                problems.error("NX1104", path, format!("there is no step `{id}`")).hint = hint;
            }
        }
    }
    found
}

/// Makes every chosen step need its router. A step has one router at most: two could not agree.
pub(super) fn connect(definition: &Definition, steps: &mut [PlanStep], problems: &mut Problems) {
    let id = |step: StepIndex| definition.steps.get(step.at()).map_or("", |step| step.id.as_str());
    let mut edges = Vec::new();
    for (router, step) in (0..).map(StepIndex).zip(steps.iter()) {
        if let Work::Switch(switch) = &step.work {
            edges.extend(switch.targets.iter().map(|target| (*target, router)));
        }
    }
    for (target, router) in edges {
        let Some(step) = steps.get_mut(target.at()) else { continue };
        if let Some(other) = step.router {
            let (other, router) = (id(other), id(router));
            let message = format!("step `{}` is chosen by `{other}` and `{router}`", id(target));
            problems.error("NX1160", &["steps", router, "switch"], message).hint =
                Some("let one router choose it, or put a step between".to_owned());
            continue;
        }
        step.router = Some(router);
        if let Err(at) = step.needs.binary_search(&router) {
            step.needs.insert(at, router);
        }
    }
}
