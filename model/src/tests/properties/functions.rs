//! Functions by chance: what they say in their turns, and what must hold of their calls.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Ask, Play, play_out};
use crate::code::{CallMade, CallsMade, CodeRun, FunctionReturned, LeftSignal};
use crate::command::Command;
use crate::definition::{
    Approval, Compensate, Definition, OnApprovalTimeout, OnEnd, OnSignalTimeout, Retry, Step,
    StepKind,
};
use crate::event::{Event, Failure};
use crate::id::{DefinitionHash, StepIndex};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::{Run, RunStatus, StepState};

/// The first number of what is asked of a function.
pub(super) const ASKED: u8 = 67;

/// What was seen of a function.
#[derive(Default)]
pub(super) struct Seen {
    /// The ids of all its calls.
    ids: BTreeSet<String>,
    /// Signals that waits without end took in this round.
    taken: Vec<(StepIndex, LeftSignal)>,
}

fn definition() -> impl Strategy<Value = Definition> {
    any::<[bool; 3]>().prop_map(|[timeout, fails, cancels]| {
        let on_end = |undoes| if undoes { OnEnd::Compensate } else { OnEnd::Keep };
        Definition {
            name: "random".to_owned(),
            input_is_value: true,
            code: true,
            timeout_ms: timeout.then_some(60_000),
            on_failure: on_end(fails),
            on_cancel: on_end(cancels),
            ..Definition::default()
        }
    })
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let what = prop_oneof![2 => 0u8..ASKED, 1 => Just(ASKED)];
    let ask = (what, 0usize..10_000, 0u32..5);
    prop::collection::vec(ask.prop_map(|(what, which, slots)| Ask { what, which, slots }), 0..80)
}

/// Calls, the end of a round, or the end: of a turn that has come, or not.
pub(super) fn says(play: &Play, ask: &Ask) -> Command {
    let Some(code) = play.bench.run.code.as_deref() else { return calls(play, 0, 0, ask.which) };
    let turns = u32::try_from(code.settled.len()).expect("few outcomes") + 2;
    let turn = code.turn + u32::try_from(ask.which).expect("a small number") % turns;
    match ask.slots {
        0 => again(play, code, turn, ask.which),
        1 if ask.which.is_multiple_of(9) => end(code, turn, ask.which.is_multiple_of(2)),
        _ => calls(play, code.round, turn, ask.which),
    }
}

/// What a function says that goes on well: calls in two rounds, and then its end.
pub(super) fn goes_on(play: &Play) -> Option<Command> {
    let run = &play.bench.run;
    let code = run.code.as_deref()?;
    if run.status != RunStatus::Running || !code.has_turns() {
        return None;
    }
    let turn = code.last_turn();
    Some(match code.round {
        0..2 if turn == 0 => calls(play, code.round, turn, 5_000),
        0..2 => again(play, code, turn, 0),
        _ => end(code, turn, true),
    })
}

fn end(code: &CodeRun, turn: u32, is_well: bool) -> Command {
    let failure = Failure { code: "E".to_owned(), ..Failure::default() };
    let failure = (!is_well).then_some(failure);
    let round = code.round;
    Command::ReturnFunction(Box::new(FunctionReturned {
        round,
        turn,
        failure,
        ..Default::default()
    }))
}

/// The end of a round, which leaves all signals that it has not heard of, or more, or too few.
fn again(play: &Play, code: &CodeRun, turn: u32, which: usize) -> Command {
    let unheard = unheard(&play.bench.plan, code, turn);
    let kept = &play.bench.run.signals.kept;
    let taken = play.functions.taken.iter();
    let taken = taken.filter(|(step, left)| {
        let is_left = which.is_multiple_of(3) || unheard.contains(step);
        is_left && !kept.contains_key(&left.number)
    });
    let left = taken.skip(usize::from(which.is_multiple_of(5) && which > 0));
    let left = left.map(|(_, left)| left.clone()).collect();
    let round = code.round;
    Command::ReturnFunction(Box::new(FunctionReturned {
        round,
        turn,
        again: true,
        left,
        ..Default::default()
    }))
}

/// The steps that took a signal and whose outcomes the function has not got in this turn.
fn unheard(plan: &Plan, code: &CodeRun, turn: u32) -> Vec<StepIndex> {
    let got = turn.saturating_sub(code.turn) as usize;
    let unheard = code.settled.iter().skip(got);
    unheard.filter(|step| plan.endless_wait(*step).is_some()).collect()
}

fn calls(play: &Play, round: u32, turn: u32, which: usize) -> Command {
    let mut made = CallsMade { round, turn, ..CallsMade::default() };
    for at in 0..=which % 3 {
        let call = call(play, &made, which / 3 + 5 * at);
        made.calls.push(call);
    }
    Command::MakeCalls(Box::new(made))
}

fn call(play: &Play, made: &CallsMade, which: usize) -> CallMade {
    let name = if which.is_multiple_of(2) { "a" } else { "b" };
    let is_same = |call: &&CallMade| call.round == made.round && call.name == name;
    let before = play.events.iter().filter_map(|event| {
        let Event::CallsMade(made) = event else { return None };
        Some(made.calls.iter().filter(is_same).count())
    });
    let in_turn = made.calls.iter().filter(|call| call.name == name).count();
    let does = step(which / 2);
    let output = matches!(does.kind, StepKind::Set { .. }).then_some(Payload::Null);
    CallMade {
        step: StepIndex(999),
        round: made.round,
        name: name.to_owned(),
        count: u32::try_from(before.sum::<usize>() + in_turn).expect("few calls"),
        does: serde_json::to_string(&does).expect("a step is JSON"),
        output,
        ..CallMade::default()
    }
}

fn step(which: usize) -> Step {
    let (kind, fatal, timeout_ms) =
        (which % 10, which.is_multiple_of(4), which.is_multiple_of(3).then_some(2_000));
    let kind = match kind {
        0 => StepKind::Sleep { duration: json!(which % 7 * 100) },
        1 => StepKind::Set { values: Value::Null },
        2 | 3 => StepKind::WaitFor {
            signal: "s".to_owned(),
            matches: None,
            timeout_ms: timeout_ms.filter(|_| kind == 2),
            on_timeout: if fatal { OnSignalTimeout::Fail } else { OnSignalTimeout::Continue },
        },
        4 => StepKind::Approve(Box::new(Approval {
            by: json!("dana"),
            timeout_ms,
            on_timeout: if fatal { OnApprovalTimeout::Fail } else { OnApprovalTimeout::Reject },
            ..Approval::default()
        })),
        5 => StepKind::Call {
            workflow: "other".to_owned(),
            version: None,
            definition: Some(DefinitionHash([4; 32])),
            with: Value::Null,
        },
        _ => StepKind::Action { uses: "work".to_owned(), with: Value::Null },
    };
    let mut step = Step::new("", kind);
    if let StepKind::Action { .. } = &step.kind {
        step.retry.max_attempts = 1 + u32::from(fatal);
        step.deadline_ms = timeout_ms;
        if which.is_multiple_of(2) {
            let kind = StepKind::Action { uses: "undo".to_owned(), with: Value::Null };
            let retry = fatal.then(|| Retry { max_attempts: 2, ..Retry::default() });
            step.compensate = Some(Box::new(Compensate { kind, retry, timeout_ms: None }));
        }
    }
    step
}

/// The signal that a call of a function waits for.
fn awaited_by(plan: &Plan, step: StepIndex) -> Option<String> {
    plan.is_code().then(|| plan.endless_wait(step))?.map(str::to_owned)
}

impl Play {
    /// What must hold when a function says something; `plan` is the one of before the transition.
    pub(super) fn check_function(&mut self, plan: &Plan, run: &Run, event: &Event) {
        if let Some(code) = run.code.as_deref() {
            let is_said = matches!(event, Event::CallsMade(_) | Event::FunctionReturned(_));
            assert!(!is_said || code.output.is_none(), "nothing is said after the end");
            assert!(!is_said || run.status == RunStatus::Running, "nor when the run ends");
            let kept: BTreeSet<u32> = run.signals.kept.keys().copied().collect();
            assert!(kept.is_disjoint(&self.taken), "a signal is taken, or there");
            let there = kept.len() + self.taken.len();
            assert_eq!(there, run.signals.received as usize, "no signal is lost");
        }
        if let Event::SignalTaken { step, signal } = event
            && let Some(name) = awaited_by(&self.bench.plan, *step)
        {
            let payload = run.signals.kept[signal].payload.clone();
            self.functions.taken.push((*step, LeftSignal { number: *signal, name, payload }));
        }
        if let Event::CallsMade(made) = event {
            for call in &made.calls {
                self.number_is_given(plan, run, call);
            }
        }
        if let Event::FunctionReturned(returned) = event
            && returned.again
        {
            let code = run.code.as_deref().expect("a run of code");
            for step in unheard(plan, code, returned.turn) {
                let taken = self.functions.taken.iter().rfind(|(by, _)| *by == step);
                let (_, taken) = taken.expect("it took a signal");
                assert!(returned.left.contains(taken), "signal {} is lost", taken.number);
            }
            for left in &returned.left {
                assert!(self.taken.remove(&left.number), "it was taken");
            }
            self.functions.taken.clear();
        }
    }

    fn number_is_given(&mut self, plan: &Plan, run: &Run, call: &CallMade) {
        assert!(self.functions.ids.insert(call.id()), "ids are never used again");
        if call.step.0 < plan.step_count() {
            let state = run.step(call.step);
            assert!(state.is_settled(), "{} is at work", plan.id(call.step));
            let is_done = matches!(state, StepState::Completed { .. });
            let may_be_undone = is_done && plan.undo(call.step).is_some();
            assert!(!may_be_undone, "{} may have to be undone", plan.id(call.step));
        } else {
            assert!(run.code.as_ref().is_some_and(|code| !code.free.contains(call.step)));
        }
        let is_other = |step: StepIndex| step != call.step;
        self.started.retain(|(step, _)| is_other(*step));
        self.called.retain(|(step, _)| is_other(*step));
        self.ended.retain(|(step, _)| is_other(*step));
        self.undone.retain(|(step, _)| is_other(*step));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_rules_hold_for_random_functions(
        definition in definition(), asks in asks(), slots in 0u32..4
    ) {
        play_out(&definition, &asks, slots);
    }

    #[test]
    fn a_function_for_which_all_goes_well_completes(definition in definition(), slots in 0u32..4) {
        let play = play_out(&Definition { timeout_ms: None, ..definition }, &[], slots);
        prop_assert_eq!(play.status.word(), "completed");
        prop_assert_eq!(play.code.map(|code| code.round), Some(2));
    }
}
