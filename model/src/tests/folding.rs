//! Folding: what `evolve` and the indexes of a run do by themselves.

use super::bench::Bench;
use crate::code::{FunctionReturned, LeftSignal};
use crate::command::Command;
use crate::definition::Definition;
use crate::event::{Actor, Event, Failure, Interruption, Migrated, RunStarted};
use crate::evolve::{evolve, fits};
use crate::id::{Attempt, DefinitionHash, StateHash, StepIndex, TimerId};
use crate::payload::Payload;
use crate::run::RunStatus;
use crate::time::Timestamp;

const STEP: StepIndex = StepIndex(0);

/// One event of each kind, about the step with this number.
fn each_event(step: StepIndex) -> Vec<Event> {
    let (attempt, timer, at) = (Attempt(1), TimerId(1), Timestamp(5));
    let (by, reason, failure) = (Actor::default(), String::new(), Failure::default());
    let (output, state) = (Payload::Null, StateHash::default());
    vec![
        Event::RunStarted(Box::default()),
        Event::StepCompleted { step, attempt, output: output.clone(), may_repeat: false },
        Event::AttemptFailed { step, attempt, failure: failure.clone() },
        Event::AttemptsInterrupted {
            attempts: vec![(step, attempt)],
            how: Interruption::ProcessEnded,
        },
        Event::AttemptResumed { step, attempt },
        Event::HeartbeatRecorded { step, attempt, progress: output.clone() },
        Event::TimerFired { timer },
        Event::RunPaused { by: by.clone(), reason: reason.clone() },
        Event::RunResumed { by: by.clone() },
        Event::CancelRequested { by: by.clone(), reason: reason.clone() },
        Event::RunRetried { by, timeout: Some((timer, at)) },
        Event::RunMigrated(Box::new(Migrated {
            steps: vec![Some(step), Some(step), None, Some(StepIndex(999))],
            ..Migrated::default()
        })),
        Event::SlotsOffered,
        Event::StepStarted { step, attempt, input: None, deadline: Some((timer, at)) },
        Event::StepQueued { step, timer, until: at },
        Event::StepSlept { step, timer, until: at },
        Event::StepSkipped { step, reason },
        Event::StepsNotReached { steps: vec![step] },
        Event::RetryScheduled { step, attempt, timer, at },
        Event::StepFailed { step, failure: failure.clone(), continued: false },
        Event::OutputMapped { step, output: output.clone() },
        Event::StopRequested { steps: vec![step] },
        Event::StepsCancelled { steps: vec![step] },
        Event::RunCompleted { output, state },
        Event::RunFailed { failure, step: Some(step), state },
        Event::RunCancelled { state },
    ]
}

#[test]
fn any_event_applies_after_any_other() {
    let bench = Bench::of("a deadline 5s retry 3; b needs a");
    for first in each_event(STEP) {
        for second in each_event(STEP) {
            for third in each_event(STEP) {
                let mut run = bench.run.clone();
                for event in [&first, &second, &third] {
                    evolve(&bench.plan, &mut run, event, Timestamp(3));
                }
                assert_eq!(run.revision, 3);
            }
        }
    }
}

#[test]
fn an_event_of_another_plan_does_not_fit() {
    let bench = Bench::of("a");
    let hash = bench.plan.hash();
    let started = |definition| {
        Event::RunStarted(Box::new(RunStarted { definition, ..RunStarted::default() }))
    };
    assert!(fits(&bench.plan, &started(hash)));
    assert!(!fits(&bench.plan, &started(DefinitionHash::default())));
    let is_other = |event: &&Event| !matches!(event, Event::RunMigrated(_));
    for event in each_event(StepIndex(0)).iter().skip(1).filter(is_other) {
        assert!(fits(&bench.plan, event), "{event:?}");
    }
    let strange = each_event(StepIndex(1));
    let names_a_step = strange.iter().filter(is_other);
    let names_a_step = names_a_step.filter(|event| !fits(&bench.plan, event)).count();
    assert_eq!(names_a_step, 17, "all that name a step, and the start");
}

fn bench_after(workflow: &str, lines: &[&str]) -> Bench {
    let mut bench = Bench::of(workflow);
    for line in lines {
        bench.play(line).unwrap_or_else(|rejection| panic!("{line}: {rejection}"));
    }
    bench
}

#[test]
fn a_step_keeps_its_items_only_to_try_them_again_and_to_undo_them() {
    let (done, failed) = (["start", "complete e[0]"], ["start", "fail e[0] E fatal"]);
    for (workflow, lines, is_kept) in [
        ("e for_each [1]; b", done, false),
        ("e for_each [1] undo; b", done, true),
        ("e for_each [1]; b", failed, true),
        ("e for_each [1] continue; b", failed, false),
        ("e for_each [1] continue undo; b", failed, true),
    ] {
        let bench = bench_after(workflow, &lines);
        assert!(bench.run.step(STEP).is_settled(), "{workflow}");
        assert_eq!(bench.run.items(STEP).is_some(), is_kept, "{workflow} after {lines:?}");
    }
}

#[test]
fn a_step_that_has_settled_has_no_deadline() {
    let mut bench = bench_after("a deadline 5s; b", &["start"]);
    assert_eq!(bench.run.step_run(STEP).deadline, Some(TimerId(1)));
    bench.play("complete a").unwrap();
    assert_eq!(bench.run.step_run(STEP).deadline, None);
}

#[test]
fn a_slot_tells_since_when_it_is_waited_for_and_since_when_it_is_held() {
    let mut bench = bench_after("a limit 1", &["start @1s"]);
    let since = |bench: &Bench| {
        let holds = bench.run.slots.iter().map(|(_, hold)| (hold.granted, hold.since.0));
        holds.collect::<Vec<_>>()
    };
    assert_eq!(since(&bench), [(false, 1_000_000)]);
    bench.play("grant a#1 @5s slots=0").unwrap();
    assert_eq!(since(&bench), [(true, 5_000_000)]);
}

#[test]
fn an_undo_tells_when_it_began_and_when_it_was_over() {
    let mut bench = bench_after(
        "run undoes; a undo; b needs a",
        &["start @1s", "complete a @2s", "fail b E @3s", "fail a @4s", "fire t1 @5s"],
    );
    let times = |bench: &Bench| {
        let undo = bench.run.step_run(STEP).undo.clone().expect("it is undone");
        (undo.started_at.map(|at| at.0), undo.settled_at.map(|at| at.0))
    };
    assert_eq!(times(&bench), (Some(3_000_000), None));
    bench.play("complete a @9s").unwrap();
    assert_eq!(times(&bench), (Some(3_000_000), Some(9_000_000)));
}

#[test]
fn a_run_has_something_ready_if_a_step_or_an_item_could_start() {
    for (workflow, lines, has_ready) in [
        ("a", &["start"][..], false),
        ("a", &["start slots=0"], true),
        ("a; b", &["start slots=1"], true),
        ("e for_each [1]", &["start"], false),
        ("e for_each [1,2] concurrency 2", &["start slots=1"], true),
    ] {
        let bench = bench_after(workflow, lines);
        assert_eq!(bench.run.has_ready(), has_ready, "{workflow} after {lines:?}");
    }
}

#[test]
fn only_a_signal_that_was_taken_is_left_to_the_next_round() {
    let bench = bench_after("run code", &["start", "signal go 7", "calls 0 a", "complete a"]);
    let (name, payload) = ("other".to_owned(), Payload::Null);
    for number in [0, 1, 2] {
        let left = vec![LeftSignal { number, name: name.clone(), payload: payload.clone() }];
        let returned = FunctionReturned { turn: 1, again: true, left, ..Default::default() };
        let mut run = bench.run.clone();
        evolve(&bench.plan, &mut run, &Event::FunctionReturned(Box::new(returned)), Timestamp(3));
        assert_eq!(run.signals.kept, bench.run.signals.kept, "signal {number}");
    }
}

#[test]
fn evolving_and_deciding_agree_on_time() {
    let mut bench = Bench::of("a retry 2");
    for line in ["start @5s", "fail a @7s", "fire t1 @8s", "complete a @9s"] {
        bench.play(line).unwrap();
    }
    let step = bench.run.step_run(STEP);
    let seconds = |seconds: i64| Timestamp(seconds * 1_000_000);
    assert_eq!(bench.run.started_at, seconds(5));
    assert_eq!((step.started_at, step.settled_at), (Some(seconds(5)), Some(seconds(9))));
    assert_eq!(bench.run.ended_at, Some(seconds(9)));
}

#[test]
fn time_that_goes_back_is_taken_as_it_is() {
    let mut bench = Bench::of("a sleep 1000; b needs a");
    bench.play("start @100s").unwrap();
    bench.play("fire t1 @50s").unwrap();
    bench.play("complete b @10s").unwrap();
    assert_eq!(bench.run.ended_at, Some(Timestamp(10_000_000)));
    assert!(bench.run.ended_at < Some(bench.run.started_at));
}

#[test]
fn a_long_chain_is_quick() {
    let steps = (0..20_000).map(|at| match at {
        0 => "s0".to_owned(),
        _ => format!("s{at} needs s{}", at - 1),
    });
    let definition = super::notation::definition(&steps.collect::<Vec<_>>());
    complete_all(&definition, 20_000);
}

#[test]
fn a_wide_fan_is_quick() {
    let mut steps = vec!["first".to_owned()];
    steps.extend((0..20_000).map(|at| format!("s{at} needs first")));
    let definition = super::notation::definition(&steps);
    complete_all(&definition, 20_001);
}

/// Completes one step after the other without the checks of the bench, which look at the whole run each time.
fn complete_all(definition: &Definition, count: usize) {
    use std::collections::BTreeMap;

    use crate::decide::{Context, decide};
    use crate::event::Given;

    let Bench { plan, mut run, .. } = Bench::new(definition.clone());
    let given = Given { now: Timestamp(1), slots: 1 };
    let payloads = BTreeMap::new();
    let context = Context { given, payloads: &payloads, interruptions_max: 2, vault: None };
    let start = Command::StartRun(Box::default());
    decide(&plan, &mut run, start, context).unwrap();
    for _ in 0..count {
        let step = run.running().next().expect("one step runs");
        let command = Command::CompleteStep { step, attempt: Attempt(1), output: Payload::Null };
        decide(&plan, &mut run, command, context).unwrap();
    }
    assert_eq!(run.status, RunStatus::Completed { output: Payload::Null });
}
