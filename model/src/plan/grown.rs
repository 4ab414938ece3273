//! The calls of a function as steps of a plan.
//!
//! Invariants:
//! * A copy shares its steps with the plan it was made of, so that a plan that grows costs as much as is new.

use std::sync::Arc;

use super::PlanStep;
use crate::code::{CallMade, StepSet, Trie};
use crate::definition::Step;
use crate::id::StepIndex;

/// The calls of a function as steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Grown {
    steps: Trie<Arc<CallStep>>,
    /// The steps whose ids have this hash.
    by_id: Trie<Vec<StepIndex>>,
    /// The steps that need a step, in order.
    successors: Trie<Vec<StepIndex>>,
    with_undo: StepSet,
    /// The steps that can be undone and that no step needs.
    last: StepSet,
}

/// A call as a step.
#[derive(Debug)]
pub(super) struct CallStep {
    pub(super) made: Arc<CallMade>,
    pub(super) does: Step,
    pub(super) compiled: PlanStep,
}

impl Grown {
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, step: StepIndex) -> Option<&CallStep> {
        self.steps.get(step.0).map(|call| &**call)
    }

    /// All of them, in order.
    pub(super) fn calls(&self) -> impl Iterator<Item = &CallStep> {
        self.steps.iter().map(|(_, call)| &**call)
    }

    pub(super) fn find(&self, id: &str) -> Option<StepIndex> {
        self.with_id(id).next()
    }

    /// Whether more than one step has this id.
    pub(super) fn is_twice(&self, id: &str) -> bool {
        self.with_id(id).nth(1).is_some()
    }

    fn with_id(&self, id: &str) -> impl Iterator<Item = StepIndex> {
        let steps = self.by_id.get(hash(id)).into_iter().flatten().copied();
        steps.filter(move |step| self.get(*step).is_some_and(|call| call.does.id == id))
    }

    pub(super) fn successors(&self, step: StepIndex) -> &[StepIndex] {
        self.successors.get(step.0).map_or(&[], Vec::as_slice)
    }

    pub(super) fn steps_with_undo(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.with_undo.iter()
    }

    /// Puts a step at its number, in place of the one that is there.
    pub(super) fn put(&mut self, call: CallStep) {
        let step = call.made.step;
        self.remove(step);
        change(&mut self.by_id, hash(&call.does.id), |steps| steps.push(step));
        for need in &call.compiled.needs {
            change(&mut self.successors, need.0, |steps| {
                let at = steps.partition_point(|other| *other < step);
                steps.insert(at, step);
            });
            self.last.remove(*need);
        }
        if call.compiled.undo.is_some() {
            self.with_undo.insert(step);
            if self.successors(step).is_empty() {
                self.last.insert(step);
            }
        }
        self.steps.insert(step.0, Arc::new(call));
    }

    /// Forgets a step, but for those that need it.
    fn remove(&mut self, step: StepIndex) {
        let Some(call) = self.steps.get(step.0).cloned() else { return };
        let is_other = |other: &StepIndex| *other != step;
        change(&mut self.by_id, hash(&call.does.id), |steps| steps.retain(is_other));
        for need in &call.compiled.needs {
            change(&mut self.successors, need.0, |steps| steps.retain(is_other));
            if self.successors(*need).is_empty() && self.with_undo.contains(*need) {
                self.last.insert(*need);
            }
        }
        self.with_undo.remove(step);
        self.last.remove(step);
    }

    /// The steps that can be undone and come before no other such step that is `kept`, in order.
    pub(super) fn last_undone(&self, kept: impl Fn(StepIndex) -> bool) -> Vec<StepIndex> {
        let (mut found, mut seen) = (StepSet::default(), StepSet::default());
        let mut open: Vec<StepIndex> = self.last.iter().collect();
        while let Some(step) = open.pop() {
            if !seen.insert(step) || self.successors(step).iter().any(|next| kept(*next)) {
                continue;
            }
            if kept(step) {
                found.insert(step);
            } else if let Some(call) = self.get(step) {
                open.extend(&call.compiled.needs);
            }
        }
        found.iter().collect()
    }
}

/// Changes the steps that stand under a number.
fn change(of: &mut Trie<Vec<StepIndex>>, key: u32, change: impl FnOnce(&mut Vec<StepIndex>)) {
    let mut steps = of.remove(key).unwrap_or_default();
    change(&mut steps);
    if !steps.is_empty() {
        of.insert(key, steps);
    }
}

/// Where a step with this id stands; others may stand there too.
fn hash(id: &str) -> u32 {
    // FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/
    id.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
