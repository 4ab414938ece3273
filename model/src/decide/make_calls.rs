//! `MakeCalls` and `ReturnFunction`: what a function says at the end of a turn.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Draft;
use crate::code::{CALLS_PER_TURN_MAX, CallMade, CallsMade, FunctionReturned, LeftSignal, StepSet};
use crate::command::Command;
use crate::event::Event;
use crate::id::StepIndex;
use crate::plan::Plan;
use crate::rejection::Rejection;
use crate::run::{Run, RunStatus, StepState};

/// The calls of a command with their steps, and the plan that has them; `None` if it makes none.
pub(super) fn grow(
    plan: &Plan,
    run: &Run,
    command: &Command,
) -> Result<Option<(CallsMade, Arc<Plan>)>, Rejection> {
    let Command::MakeCalls(made) = command else { return Ok(None) };
    check_turn(plan, run, (made.round, made.turn))?;
    if made.calls.len() > CALLS_PER_TURN_MAX {
        let reason = format!("a turn makes at most {CALLS_PER_TURN_MAX} calls");
        let name = made.calls.first().map(|call| call.name.clone()).unwrap_or_default();
        return Err(Rejection::BadCall { name, reason });
    }
    let made = numbered(plan, run, made);
    let plan =
        plan.with_calls(&made).map_err(|(name, reason)| Rejection::BadCall { name, reason })?;
    Ok(Some((made, Arc::new(plan))))
}

/// Gives each call the lowest number that is free once the function has got the outcomes up to its turn.
fn numbered(plan: &Plan, run: &Run, made: &CallsMade) -> CallsMade {
    let mut code = run.code.as_deref().cloned().unwrap_or_default();
    code.speaks(made.turn, |step| run.is_kept(plan, step));
    let mut free = code.free;
    let mut next = plan.step_count();
    let after = undone_before(plan, run, &free);
    let mut made = made.clone();
    for call in &mut made.calls {
        call.round = made.round;
        call.step = free.pop_first().unwrap_or_else(|| {
            next = next.saturating_add(1);
            StepIndex(next - 1)
        });
        call.needs = if is_undoable(call) { after.clone() } else { Vec::new() };
    }
    made
}

fn is_undoable(call: &CallMade) -> bool {
    call.step_definition().is_some_and(|step| step.compensate.is_some())
}

/// The steps after which a step that can be undone comes: those that have completed and that no other such step comes after.
fn undone_before(plan: &Plan, run: &Run, free: &StepSet) -> Vec<StepIndex> {
    plan.last_undone(|step| !free.contains(step) && run.is_kept(plan, step))
}

/// Whether the function may say something of this turn.
fn check_turn(plan: &Plan, run: &Run, (round, turn): (u32, u32)) -> Result<(), Rejection> {
    let Some(code) = &run.code else {
        return Err(Rejection::NoFunction { workflow: plan.definition().name.clone() });
    };
    if run.status != RunStatus::Running {
        return Err(Rejection::Ended { status: run.status.word() });
    }
    if code.output.is_some() || code.round != round || !code.expects(turn) {
        return Err(Rejection::OtherTurn { turn, expected: code.next_turn() });
    }
    Ok(())
}

/// Whether each signal that the function has not heard of is left to its next round.
fn check_left(plan: &Plan, run: &Run, returned: &FunctionReturned) -> Result<(), Rejection> {
    let Some(code) = run.code.as_deref().filter(|_| returned.again) else { return Ok(()) };
    let kept = |left: &LeftSignal| {
        left.number == 0
            || left.number > run.signals.received
            || run.signals.kept.contains_key(&left.number)
    };
    let numbers: BTreeSet<u32> = returned.left.iter().map(|left| left.number).collect();
    if numbers.len() < returned.left.len() || returned.left.iter().any(kept) {
        let reason = "it was never taken".to_owned();
        return Err(Rejection::BadCall { name: "a signal that is left".to_owned(), reason });
    }
    let mut left: Vec<&str> = returned.left.iter().map(|left| left.name.as_str()).collect();
    let got = returned.turn.saturating_sub(code.turn) as usize;
    for step in code.settled.iter().skip(got) {
        if let Some(signal) = plan.endless_wait(step) {
            let Some(at) = left.iter().position(|left| *left == signal) else {
                let (turn, expected) = (returned.turn, code.last_turn());
                return Err(Rejection::OtherTurn { turn, expected });
            };
            left.swap_remove(at);
        }
    }
    Ok(())
}

impl Draft<'_> {
    /// The plan of this draft has the calls already.
    pub(super) fn make_calls(&mut self, made: Option<CallsMade>) -> Result<(), Rejection> {
        let Some(made) = made else {
            return Err(Rejection::NoFunction { workflow: self.plan.definition().name.clone() });
        };
        let known: Vec<(StepIndex, crate::payload::Payload)> =
            made.calls.iter().filter_map(|call| Some((call.step, call.output.clone()?))).collect();
        self.frontier.extend(made.calls.iter().map(|call| call.step));
        self.emit(Event::CallsMade(Box::new(made)));
        for (step, output) in known {
            self.complete(step, self.next_attempt(step), output, false);
        }
        Ok(())
    }

    /// What is still open of a function that has returned is ended: nobody waits for it.
    pub(super) fn return_function(&mut self, returned: FunctionReturned) -> Result<(), Rejection> {
        check_turn(self.plan, self.run, (returned.round, returned.turn))?;
        check_left(self.plan, self.run, &returned)?;
        let is_well = returned.failure.is_none();
        self.emit(Event::FunctionReturned(Box::new(returned)));
        if is_well {
            let open = self.run.steps().filter(|(_, step)| !step.state.is_settled());
            let open = open.map(|(step, _)| step).collect();
            self.end_early(open);
        }
        Ok(())
    }
}

impl Run {
    /// Whether the number of a settled step stays taken, because the step may have to be undone, or is that of no step.
    pub(crate) fn is_kept(&self, plan: &Plan, step: StepIndex) -> bool {
        step.at() >= self.steps().len()
            || plan.undo(step).is_some() && matches!(self.step(step), StepState::Completed { .. })
    }
}
