//! Races: the first step that completes, and the end of the others.

use serde_json::{Value, json};

use super::Draft;
use crate::event::Event;
use crate::id::StepIndex;
use crate::plan::PlanRace;
use crate::run::StepState;

impl Draft<'_> {
    /// Takes the first step that has completed, and ends what only leads to the others.
    pub(super) fn race(&mut self, step: StepIndex, race: &PlanRace) {
        let winner = race.of.iter().copied().find(|step| self.has_completed(*step));
        let won = match winner.map(|winner| self.run.step(winner)) {
            Some(StepState::Completed { output }) => output.clone(),
            _ => crate::payload::Payload::Null,
        };
        let Some(won) = self.json_of(&won) else { return };
        self.emit(Event::RaceDecided { step, winner });
        let lanes = race.of.iter().zip(&race.lanes);
        let losers = lanes.filter(|(end, _)| Some(**end) != winner).flat_map(|(_, lane)| lane);
        self.end_early(losers.copied().collect());
        let winner = winner.map_or(Value::Null, |winner| Value::from(self.plan.id(winner)));
        let output = self.store(&json!({"winner": winner, "output": won}));
        self.complete(step, self.next_attempt(step), output, false);
    }

    fn has_completed(&self, step: StepIndex) -> bool {
        matches!(self.run.step(step), StepState::Completed { .. })
    }

    /// Stops what runs of `steps`, and cancels what has not settled otherwise.
    pub(super) fn end_early(&mut self, steps: Vec<StepIndex>) {
        let (mut stopped, mut cancelled) = (Vec::new(), Vec::new());
        for step in steps {
            match self.run.step(step) {
                StepState::Running { .. } | StepState::Calling { .. }
                    if self.idle.contains(&step) =>
                {
                    cancelled.push(step);
                }
                StepState::Iterating if !self.items_at_work(step) => cancelled.push(step),
                StepState::Iterating
                    if self.run.items(step).is_some_and(|items| items.stopping.is_some()) => {}
                StepState::Running { stopping: None, .. }
                | StepState::Calling { stopping: None, .. }
                | StepState::Iterating => {
                    stopped.push(step);
                }
                StepState::Waiting
                | StepState::Sleeping { .. }
                | StepState::Awaiting { .. }
                | StepState::Retrying { .. } => cancelled.push(step),
                StepState::Running { stopping: Some(_), .. }
                | StepState::Calling { stopping: Some(_), .. }
                | StepState::Completed { .. }
                | StepState::Failed { .. }
                | StepState::Skipped { .. }
                | StepState::NotReached
                | StepState::Cancelled => {}
            }
        }
        if !stopped.is_empty() {
            self.emit(Event::StopRequested { steps: stopped });
        }
        if !cancelled.is_empty() {
            self.emit(Event::StepsCancelled { steps: cancelled });
        }
    }
}
