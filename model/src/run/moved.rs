//! A run under another plan: every step that is in both keeps its state, at its new place.

use std::collections::{BTreeMap, BTreeSet};

use super::{Run, RunStatus, StepRun, StepState, Timer, TimerPurpose};
use crate::id::{Attempt, StepIndex};
use crate::plan::Plan;

/// Where the steps of the old plan are in the new one.
struct Places<'a>(&'a [Option<StepIndex>]);

impl Places<'_> {
    fn of(&self, step: StepIndex) -> Option<StepIndex> {
        self.0.get(step.at()).copied().flatten()
    }

    fn keys<V: Clone>(&self, map: &BTreeMap<StepIndex, V>) -> BTreeMap<StepIndex, V> {
        map.iter().filter_map(|(step, value)| Some((self.of(*step)?, value.clone()))).collect()
    }

    fn purpose(&self, purpose: TimerPurpose) -> Option<TimerPurpose> {
        Some(match purpose {
            TimerPurpose::RunTimeout => TimerPurpose::RunTimeout,
            TimerPurpose::Sleep(step) => TimerPurpose::Sleep(self.of(step)?),
            TimerPurpose::Wait(step) => TimerPurpose::Wait(self.of(step)?),
            TimerPurpose::Retry(step) => TimerPurpose::Retry(self.of(step)?),
            TimerPurpose::Deadline(step) => TimerPurpose::Deadline(self.of(step)?),
            TimerPurpose::ItemRetry(step, item) => TimerPurpose::ItemRetry(self.of(step)?, item),
            TimerPurpose::Start(step) => TimerPurpose::Start(self.of(step)?),
            TimerPurpose::Undo(step) => TimerPurpose::Undo(self.of(step)?),
        })
    }

    fn status(&self, status: &RunStatus) -> RunStatus {
        let place = |step: &Option<StepIndex>| step.and_then(|step| self.of(step));
        match status {
            RunStatus::Failing { failure, step } => {
                RunStatus::Failing { failure: failure.clone(), step: place(step) }
            }
            RunStatus::Failed { failure, step } => {
                RunStatus::Failed { failure: failure.clone(), step: place(step) }
            }
            RunStatus::Running
            | RunStatus::Cancelling { .. }
            | RunStatus::Completed { .. }
            | RunStatus::Cancelled { .. } => status.clone(),
        }
    }
}

impl Run {
    /// This run under `plan`; `places` says where each of its steps is there. Total: what has no place is gone.
    pub(crate) fn moved(&self, plan: &Plan, places: &[Option<StepIndex>]) -> Self {
        let count = plan.step_count();
        let mut taken = BTreeSet::new();
        let places: Vec<Option<StepIndex>> = places
            .iter()
            .map(|place| place.filter(|place| place.0 < count && taken.insert(*place)))
            .collect();
        let places = Places(&places);
        let mut run = Self::new(plan);
        run.started.clone_from(&self.started);
        run.started_at = self.started_at;
        run.ended_at = self.ended_at;
        run.plan_undo(self.plans_undo());
        run.status = places.status(&self.status);
        run.paused = self.paused;
        run.timers = self.moved_timers(&places);
        run.next_timer = self.next_timer;
        run.revision = self.revision;
        run.signals = self.signals.moved(|step| places.of(step));
        run.updates.clone_from(&self.updates);
        run.calls = places.keys(&self.calls);
        run.parent_paused = self.parent_paused;
        run.code.clone_from(&self.code);
        run.forgotten = self.forgotten;
        run.loops = places.keys(&self.loops);
        run.progress = places.keys(&self.progress);
        run.queued = places.keys(&self.queued);
        run.holds.by_store.clone_from(&self.holds.by_store);
        run.holds.steps = self.holds.steps.iter().filter_map(|step| places.of(*step)).collect();
        run.passed = self.passed_places(&places);
        let from: BTreeMap<StepIndex, StepIndex> =
            self.steps().filter_map(|(step, _)| Some((places.of(step)?, step))).collect();
        for place in plan.steps() {
            let mut next = self.moved_step(from.get(&place).copied(), &places);
            if let Some(passed) = run.passed.get(&place).filter(|_| plan.handler(place).is_some()) {
                pass_over(*passed, &mut next);
            }
            if next != *run.step_run(place) {
                run.set_step(plan, place, next);
            }
        }
        for (step, items) in self.all_items() {
            if let Some(place) = places.of(step) {
                run.put_items(place, Some(items.clone()));
            }
        }
        run.slots.asked = self.slots.asked;
        for (slot, hold) in self.slots.iter() {
            let place = slot.step().map_or(Some(slot), |step| Some(slot.moved(places.of(step)?)));
            if let Some(place) = place {
                run.set_hold(place, Some(hold.clone()));
            }
        }
        run
    }

    fn moved_timers(&self, places: &Places<'_>) -> BTreeMap<crate::id::TimerId, Timer> {
        let timers = self.timers.iter().filter_map(|(id, timer)| {
            Some((*id, Timer { purpose: places.purpose(timer.purpose)?, ..*timer }))
        });
        timers.collect()
    }

    fn moved_step(&self, from: Option<StepIndex>, places: &Places<'_>) -> StepRun {
        let mut step = from.map(|from| self.step_run(from).clone()).unwrap_or_default();
        if let StepState::Skipped { router, .. } = &mut step.state {
            *router = router.and_then(|router| places.of(router));
        }
        step
    }

    /// The highest attempt that was made under each number by a step that has not kept it.
    fn passed_places(&self, places: &Places<'_>) -> BTreeMap<StepIndex, u32> {
        let mut passed = self.passed.clone();
        for (place, step) in self.steps() {
            if step.attempt.0 > 0 && places.of(place) != Some(place) {
                let most = passed.entry(place).or_default();
                *most = step.attempt.0.max(*most);
            }
        }
        passed
    }
}

/// What may begin has attempts with higher numbers than all that were made under its number by others: so a late report about one
/// of those is refused.
fn pass_over(passed: u32, step: &mut StepRun) {
    let more = passed.saturating_sub(step.attempt.0);
    match &mut step.state {
        StepState::Retrying { attempt, .. } => *attempt = Attempt(attempt.0.saturating_add(more)),
        StepState::Waiting
        | StepState::Failed { .. }
        | StepState::NotReached
        | StepState::Cancelled => {}
        StepState::Running { .. }
        | StepState::Sleeping { .. }
        | StepState::Awaiting { .. }
        | StepState::Calling { .. }
        | StepState::Iterating
        | StepState::Completed { .. }
        | StepState::Skipped { .. } => return,
    }
    step.attempt = Attempt(step.attempt.0.saturating_add(more));
    step.attempts_forgiven = step.attempts_forgiven.saturating_add(more);
}
