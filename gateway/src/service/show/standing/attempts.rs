//! Attempts as people count them: anew in each round of a loop, and those of an undo apart.

use nexus_engine::model::id::{Attempt, StepIndex};
use nexus_engine::model::run::{RunStatus, StepState};

use super::Standing;

impl Standing<'_> {
    /// Attempts that a step has made: in this round of the loop it is in, and without those of its undo.
    pub(crate) fn attempts(&self, step: StepIndex) -> u32 {
        let step_run = self.run.step_run(step);
        let Some(undo) = &step_run.undo else { return self.counted(step, step_run.attempt) };
        if undo.items.is_some() {
            // Its items were tried, each by itself.
            return 1;
        }
        self.counted(step, Attempt(undo.attempts_forgiven))
    }

    /// Attempts a step may make, those before a `retry` of the run included.
    pub(crate) fn attempts_max(&self, step: StepIndex) -> u32 {
        let max = self.plan.step_definition(step).map_or(1, |step| step.retry.max_attempts);
        let forgiven = self.run.step_run(step).attempts_forgiven;
        max.saturating_add(forgiven).saturating_sub(self.before(step))
    }

    /// What went on although a step failed. That a call failed is told to its function like any other outcome, which may fail with it,
    /// or come to an end before it is told.
    pub(super) fn what_went_on(&self, step: StepIndex) -> Option<&'static str> {
        const RUN: &str = "the run went on";
        let Some(code) = self.run.code.as_deref() else { return Some(RUN) };
        let is_told = code.settled.iter().all(|settled| settled != step);
        match &self.run.status {
            RunStatus::Failing { step: Some(at), .. }
            | RunStatus::Failed { step: Some(at), .. }
                if *at == step =>
            {
                None
            }
            RunStatus::Running if !is_told => Some("its function is told"),
            RunStatus::Running
            | RunStatus::Failing { .. }
            | RunStatus::Cancelling { .. }
            | RunStatus::Completed { .. }
            | RunStatus::Failed { .. }
            | RunStatus::Cancelled { .. } => is_told.then_some(RUN),
        }
    }

    /// Whether the attempt of a step that counts as running was cut off by the end of an engine, and no engine is at work.
    pub(crate) fn is_cut_off(&self, step: StepIndex) -> bool {
        let runs = matches!(self.run.step(step), StepState::Running { .. });
        runs && (!self.driven || self.run.holds_cut_off(step))
    }

    /// Whether the attempt of a step counts as running, and nothing is at work on it: it waits for an engine, its turn or its code.
    pub(crate) fn rests(&self, step: StepIndex) -> bool {
        let state = self.run.step(step);
        let rests = matches!(state, StepState::Running { rests: true, stopping: None, .. });
        rests || self.is_cut_off(step)
    }

    /// Whether the attempt of a step was recorded, and its handler not called.
    pub(super) fn is_uncalled(&self, step: StepIndex) -> bool {
        let state = self.run.step(step);
        matches!(state, StepState::Running { rests: true, may_repeat: false, .. })
    }

    /// The status of a step, as people see it.
    pub(crate) fn step_status(&self, step: StepIndex) -> &'static str {
        match self.rests(step) {
            true if self.is_uncalled(step) => "pending",
            true => "interrupted",
            false => self.run.step_run(step).word(),
        }
    }

    /// The number of an attempt, counted from the beginning of the round.
    pub(super) fn counted(&self, step: StepIndex, attempt: Attempt) -> u32 {
        attempt.0.saturating_sub(self.before(step))
    }

    /// Attempts that a step made in earlier rounds.
    fn before(&self, step: StepIndex) -> u32 {
        match self.later_round(step) {
            Some(_) => self.run.step_run(step).attempts_forgiven,
            None => 0,
        }
    }

    /// The round of the innermost loop that a step is in, if that loop or one around it has gone back.
    fn later_round(&self, step: StepIndex) -> Option<u32> {
        let loops = self.plan.loops(step);
        let has_gone_back = loops.iter().any(|around| self.run.round(*around) > 1);
        loops.last().filter(|_| has_gone_back).map(|innermost| self.run.round(*innermost))
    }

    /// A note with the round in front of it, if there was one before.
    pub(super) fn in_its_round(&self, step: StepIndex, note: Option<String>) -> Option<String> {
        let is_of_this_round = self.run.step_run(step).attempt.0 > self.before(step);
        match self.later_round(step).filter(|_| is_of_this_round) {
            None => note,
            Some(round) => Some(match note {
                None => format!("round {round}"),
                Some(note) => format!("round {round}, {note}"),
            }),
        }
    }
}
