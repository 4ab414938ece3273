//! The graph of a plan: order, cycles, successors, levels. petgraph while compiling, flat arrays after.

use std::borrow::Borrow;
use std::collections::{BTreeMap, VecDeque};

use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

use super::{DefinitionError, Plan, PlanStep};
use crate::definition::Definition;
use crate::id::StepIndex;

/// How many steps of a cycle are spelled out.
const SPELLED_MAX: usize = 12;

/// How many cycles are reported.
const CYCLES_MAX: usize = 10;

/// The size of a graph in levels: a step stands one level below the lowest of its needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// How many levels there are: the length of the longest chain.
    pub count: u32,
    /// How many steps the widest level has.
    pub widest: u32,
}

/// The steps so that needs come first, or the steps of each cycle.
pub(super) fn order(steps: &[PlanStep]) -> Result<Vec<StepIndex>, Vec<Vec<StepIndex>>> {
    let edges = steps.iter().map(|step| step.needs.len()).sum();
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(steps.len(), edges);
    for _ in steps {
        graph.add_node(());
    }
    for (at, step) in steps.iter().enumerate() {
        for need in &step.needs {
            graph.add_edge(NodeIndex::new(need.at()), NodeIndex::new(at), ());
        }
    }
    let index = |node: &NodeIndex| StepIndex(u32::try_from(node.index()).unwrap_or(u32::MAX));
    if let Ok(order) = toposort(&graph, None) {
        return Ok(order.iter().map(index).collect());
    }
    let mut cycles: Vec<Vec<StepIndex>> = kosaraju_scc(&graph)
        .iter()
        .filter(|component| component.len() > 1)
        .map(|component| shortest_cycle(steps, component.iter().map(index).collect()))
        .collect();
    cycles.sort_unstable();
    Err(cycles)
}

/// A shortest cycle through the first step of a strongly connected component, needs first.
fn shortest_cycle(steps: &[PlanStep], mut component: Vec<StepIndex>) -> Vec<StepIndex> {
    component.sort_unstable();
    let Some(start) = component.first().copied() else { return component };
    let mut after: BTreeMap<StepIndex, StepIndex> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(step) = open.pop_front() {
        for need in steps.get(step.at()).map_or(&[][..], |step| &step.needs) {
            if *need == start {
                let next = |step: &StepIndex| after.get(step).copied();
                return std::iter::once(start)
                    .chain(
                        std::iter::successors(Some(step), next).take_while(|step| *step != start),
                    )
                    .collect();
            }
            if component.binary_search(need).is_ok() && !after.contains_key(need) {
                after.insert(*need, step);
                open.push_back(*need);
            }
        }
    }
    component
}

/// Spells cycles out.
pub(super) fn explain(definition: &Definition, cycles: &[Vec<StepIndex>]) -> Vec<DefinitionError> {
    let id = |step: &StepIndex| definition.steps.get(step.at()).map_or("", |step| step.id.as_str());
    cycles
        .iter()
        .take(CYCLES_MAX)
        .map(|cycle| {
            let first = cycle.first().map_or("", id);
            let mut names: Vec<&str> = cycle.iter().take(SPELLED_MAX).map(id).collect();
            let more = format!("… ({} more)", cycle.len().saturating_sub(SPELLED_MAX));
            if cycle.len() > SPELLED_MAX {
                names.push(&more);
            }
            names.push(first);
            DefinitionError {
                code: "NX1105",
                path: vec!["steps".to_owned(), first.to_owned()],
                range: None,
                message: format!("these steps wait for each other: {}", names.join(" → ")),
                hint: Some("take one of the needs or references away".to_owned()),
                warning: false,
            }
        })
        .collect()
}

/// The successors of all steps: where those of a step end, and the steps.
pub(super) fn successors<S: Borrow<PlanStep>>(steps: &[S]) -> (Vec<u32>, Vec<StepIndex>) {
    let mut ends = vec![0u32; steps.len()];
    for need in steps.iter().flat_map(|step| &step.borrow().needs) {
        if let Some(count) = ends.get_mut(need.at()) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for end in &mut ends {
        let count = std::mem::replace(end, sum);
        sum += count;
    }
    // `ends` holds the beginnings now; each insertion moves one on, until it is the end.
    let mut successors = vec![StepIndex::default(); sum as usize];
    for (at, step) in (0u32..).zip(steps) {
        for need in &step.borrow().needs {
            if let Some(next) = ends.get_mut(need.at())
                && let Some(slot) = successors.get_mut(*next as usize)
            {
                *slot = StepIndex(at);
                *next += 1;
            }
        }
    }
    (ends, successors)
}

/// The steps that need `step`.
pub(super) fn after(
    (ends, successors): &(Vec<u32>, Vec<StepIndex>),
    step: StepIndex,
) -> &[StepIndex] {
    let end = |at: usize| ends.get(at).copied().unwrap_or(0) as usize;
    let from = if step.at() == 0 { 0 } else { end(step.at() - 1) };
    successors.get(from..end(step.at())).unwrap_or(&[])
}

pub(super) fn levels(plan: &Plan) -> Levels {
    let mut open: Vec<u32> = plan.steps().map(|step| plan.needs_count(step)).collect();
    let mut level: Vec<StepIndex> =
        plan.steps().filter(|step| plan.needs_count(*step) == 0).collect();
    let mut levels = Levels::default();
    while !level.is_empty() {
        levels.count += 1;
        levels.widest = levels.widest.max(u32::try_from(level.len()).unwrap_or(u32::MAX));
        let mut next = Vec::new();
        for successor in level.iter().flat_map(|step| plan.successors(*step)) {
            if let Some(left) = open.get_mut(successor.at()) {
                *left -= 1;
                if *left == 0 {
                    next.push(successor);
                }
            }
        }
        level = next;
    }
    levels
}
