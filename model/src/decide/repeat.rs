//! Loops: another round, the end, or the limit.

use serde_json::json;

use super::Draft;
use crate::event::{Event, Failure};
use crate::id::{Attempt, StepIndex};
use crate::plan::PlanRepeat;
use crate::run::StepState;

impl Draft<'_> {
    /// Ends the loop if `until` holds, and else goes back, at once or after a while.
    pub(super) fn repeat(&mut self, step: StepIndex, repeat: &PlanRepeat) {
        let verdict = match self.ask(&repeat.until, step) {
            None => return,
            Some(Err(failure)) => return self.fail(step, failure),
            Some(Ok(verdict)) => verdict,
        };
        let round = self.run.round(step);
        if verdict.holds {
            let output = self.store(&json!({"rounds": round}));
            return self.complete(step, self.own_attempt(step), output, false);
        }
        let forgiven = self.run.loops.get(&step).map_or(0, |found| found.forgiven);
        if round.saturating_sub(forgiven) >= repeat.limit {
            return self.fail(step, too_often(round, &verdict.saw));
        }
        let has_waited = matches!(self.run.step(step), StepState::Sleeping { .. });
        if !has_waited && (repeat.delay_ms > 0 || self.is_long()) {
            let until = self.now().plus_ms(repeat.delay_ms);
            return self.emit(Event::StepSlept { step, timer: self.run.next_timer, until });
        }
        self.next_round(step, repeat, round, verdict.saw);
    }

    fn next_round(&mut self, step: StepIndex, repeat: &PlanRepeat, round: u32, reason: String) {
        let carry = match self.render(&repeat.carry, step) {
            None => return,
            Some(Err(failure)) => return self.fail(step, failure),
            Some(Ok(carry)) => self.store(&carry),
        };
        let round = round.saturating_add(1);
        self.emit(Event::RoundBegun { step, round, reason, carry });
        let plan = self.plan;
        let open = plan.body(step).iter().copied().filter(|step| self.run.needs_met(*step));
        let open: Vec<StepIndex> = open.collect();
        self.frontier.extend(open);
    }

    /// The attempt of a loop: one that has waited between two rounds has it already.
    fn own_attempt(&self, step: StepIndex) -> Attempt {
        match self.run.step(step) {
            StepState::Sleeping { .. } => self.run.step_run(step).attempt,
            StepState::Waiting
            | StepState::Running { .. }
            | StepState::Iterating
            | StepState::Awaiting { .. }
            | StepState::Calling { .. }
            | StepState::Retrying { .. }
            | StepState::Completed { .. }
            | StepState::Failed { .. }
            | StepState::Skipped { .. }
            | StepState::NotReached
            | StepState::Cancelled => self.next_attempt(step),
        }
    }
}

fn too_often(rounds: u32, saw: &str) -> Failure {
    let times = if rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") };
    Failure {
        code: "NX3036".to_owned(),
        message: format!("not done after {times}: {saw}"),
        fatal: true,
        details: None,
    }
}
