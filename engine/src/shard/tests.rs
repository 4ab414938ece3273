//! Shards, driven by hand: inputs in, outputs out, and a log that answers when the test says so.

mod bench;
mod refused_starts;

use nexus_log::{Outcome, Revision};
use nexus_model::code::FunctionReturned;
use nexus_model::command::Command;
use nexus_model::definition::{
    Compensate, Definition, OnEnd, OnError, Repeat, Step, StepKind, WhenNeeds,
};
use nexus_model::event::{Event, Interruption};
use nexus_model::id::{Attempt, DefinitionHash, StepIndex, TimerId};
use nexus_model::pauses::{Pause, Scope};
use nexus_model::rejection::Rejection;

use super::*;
use crate::testkit::{compile, plan};
use bench::{Bench, action, complete, fail, pause, resume, sleep, started, turned_back};

const FULL: Outcome = Outcome::DiskNearlyFull { free_bytes: 7 };

#[test]
fn nothing_leaves_before_the_log_has_answered() {
    let mut bench = Bench::new(&plan(vec![action("a", &[]), action("b", &["a"])]));
    let run = bench.start(Some(1));
    assert_eq!(bench.seen(), "");
    bench.durable();
    assert_eq!(bench.seen(), "call 0/1; reply 1 ok");
    bench.ask(run, complete(0, 1), None);
    bench.ask(run, pause(), Some(2));
    assert_eq!(bench.seen(), "", "both are on their way");
    bench.durable_one();
    assert_eq!(bench.seen(), "call 1/1");
    bench.durable_one();
    assert_eq!(bench.seen(), "reply 2 ok");
}

#[test]
fn a_timer_that_is_set_behind_the_end_of_a_pause_waits_until_it_is_durable() {
    let after = crate::testkit::sleep("b", "1h", &["a"]);
    let mut bench = Bench::new(&plan(vec![action("a", &[]), after]));
    let run = bench.start(None);
    bench.ask(run, pause(), None);
    bench.durable();
    bench.seen();
    bench.ask(run, Command::ResumeRun { by: bench::by() }, None);
    bench.ask(run, complete(0, 1), None);
    bench.durable_one();
    assert_eq!(bench.seen(), "", "the sleep is on its way");
    bench.durable_one();
    assert_eq!(bench.seen(), "set 1");
}

/// The end of the first pause waits for a payload when the second begins.
#[test]
fn a_pause_that_follows_another_keeps_what_the_end_of_the_first_would_have_begun() {
    let mut bench = Bench::new(&plan(vec![action("a", &[])]));
    let paused = |scope| {
        let since = Timestamp::default();
        let pause = Pause { by: bench::by(), reason: String::new(), since };
        Input::Pauses(Arc::new(Pauses { active: BTreeMap::from([(scope, pause)]) }))
    };
    bench.tell(paused(Scope::Engine));
    let run = bench.start(None);
    bench.durable();
    bench.ask(run, Command::ReleaseRun, None);
    bench.tell(paused(Scope::Workflow(String::new())));
    bench.load(run);
    bench.durable();
    assert_eq!(bench.seen(), "load");
    bench.tell(Input::Pauses(Arc::default()));
    bench.load(run);
    bench.durable();
    assert_eq!(bench.seen(), "load; call 0/1");
}

/// It left memory with what the log refused, and has to be looked at all the same when the pause ends.
#[test]
fn a_run_that_a_pause_holds_goes_on_after_it_though_the_log_refused_what_was_asked_meanwhile() {
    let mut bench = Bench::new(&plan(vec![action("a", &[])]));
    let since = Timestamp::default();
    let pause = Pause { by: bench::by(), reason: String::new(), since };
    let pauses = Arc::new(Pauses { active: BTreeMap::from([(Scope::Engine, pause)]) });
    bench.tell(Input::Pauses(Arc::clone(&pauses)));
    let run = bench.start(None);
    bench.durable();
    assert_eq!(bench.seen(), "");
    bench.crash();
    bench.tell(Input::Pauses(pauses));
    let cancel = Command::CancelRun { by: bench::by(), reason: String::new(), undo: false };
    bench.ask(run, cancel, Some(1));
    bench.load(run);
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "load; reply 1 disk; left");
    bench.tell(Input::Pauses(Arc::default()));
    assert_eq!(bench.seen(), "load");
    bench.load(run);
    bench.durable();
    assert_eq!(bench.seen(), "call 0/1");
}

/// It is told nothing while the cancellation is on its way, and then the run has not ended.
#[test]
fn a_function_is_told_of_its_run_though_the_log_refused_to_cancel_it() {
    let mut bench = Bench::new(&compile(Definition { code: true, ..Definition::default() }));
    let run = bench.start(None);
    bench.ask(run, cancel_without_undo(), Some(1));
    bench.durable_one();
    assert_eq!(bench.seen(), "");
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "reply 1 disk; left; rest");
    bench.rested(run);
    assert_eq!(bench.seen(), "tell the function of 1");
}

/// Told again it would ask again, and a run that leaves memory at once would be read for nothing.
#[test]
fn a_function_that_asks_for_its_run_is_not_told_of_it() {
    let code = compile(Definition { code: true, ..Definition::default() });
    let (mut bench, run) = Bench::begun(&code);
    bench.limits(|_| {});
    let returned = FunctionReturned { turn: 7, ..FunctionReturned::default() };
    bench.ask(run, Command::ReturnFunction(Box::new(returned)), Some(1));
    assert_eq!(bench.seen(), "load");
    bench.load(run);
    assert_eq!(bench.seen(), "reply 1 rejected");
    bench.limits(|_| {});
    bench.ask(run, Command::OfferSlots, None);
    bench.load(run);
    assert_eq!(bench.seen(), "load; tell the function of 1");
}

/// `a`, and a step that runs last, and has run at once; what is cancelled is undone, if nobody says otherwise.
fn with_a_last(last: Step) -> Bench {
    let undo = StepKind::Action { uses: "work".into(), with: serde_json::Value::Null };
    let last = Step {
        when_needs: WhenNeeds::AllDone,
        compensate: Some(Box::new(Compensate { kind: undo, retry: None, timeout_ms: None })),
        ..last
    };
    let steps = vec![action("a", &[]), last];
    let on_cancel = OnEnd::Compensate;
    Bench::new(&compile(Definition { steps, on_cancel, ..Definition::default() }))
}

/// Its run, in which both steps are at work.
fn at_work_with_a_last() -> (Bench, RunId) {
    let mut bench = with_a_last(action("last", &[]));
    let run = bench.start(None);
    bench.durable();
    assert_eq!(bench.seen(), "call 0/1; call 1/1");
    (bench, run)
}

fn cancel_without_undo() -> Command {
    Command::CancelRun { by: bench::by(), reason: String::new(), undo: false }
}

#[test]
fn what_runs_last_goes_on_when_a_run_is_cancelled_without_undoing_it() {
    let (mut bench, run) = at_work_with_a_last();
    bench.ask(run, cancel_without_undo(), None);
    bench.durable();
    assert_eq!(bench.seen(), "stop 0/1");
}

#[test]
fn an_attempt_that_has_reported_meanwhile_is_not_told_to_stop() {
    let (mut bench, run) = at_work_with_a_last();
    bench.ask(run, cancel_without_undo(), None);
    bench.ask(run, complete(0, 1), None);
    bench.durable();
    assert_eq!(bench.seen(), "");
}

#[test]
fn what_runs_last_and_was_cut_off_goes_on_when_a_paused_run_is_cancelled_without_undoing_it() {
    let mut bench = with_a_last(action("last", &[]));
    let run = bench.start(None);
    bench.ask(run, pause(), None);
    bench.durable();
    assert_eq!(bench.seen(), "call 0/1; call 1/1");
    bench.next_process(run);
    bench.durable();
    assert_eq!(bench.seen(), "load");
    bench.ask(run, cancel_without_undo(), None);
    bench.durable();
    assert_eq!(bench.seen(), "stop 0/1; resume 1/1");
}

#[test]
fn a_called_run_goes_on_when_the_paused_run_that_calls_it_last_is_cancelled() {
    let call = StepKind::Call {
        workflow: "called".into(),
        version: None,
        definition: Some(DefinitionHash([7; 32])),
        with: serde_json::Value::Null,
    };
    let mut bench = with_a_last(Step { kind: call, ..action("last", &[]) });
    let run = bench.start(None);
    bench.durable();
    assert_eq!(bench.seen(), "call 0/1; see to /last: GoOn");
    bench.ask(run, pause(), None);
    bench.durable();
    assert_eq!(bench.seen(), "see to /last: Pause");
    bench.ask(run, cancel_without_undo(), None);
    bench.durable();
    assert_eq!(bench.seen(), "stop 0/1; see to /last: GoOn");
}

#[test]
fn a_step_that_ends_and_begins_again_in_one_transition_is_called_once() {
    let first = Step { deadline_ms: Some(2_000), on_error: OnError::Continue, ..action("a", &[]) };
    let until = "round.number >= 2".into();
    let again = Repeat { from: "a".into(), until, ..Repeat::default() };
    let rounds = Step { kind: StepKind::Repeat(Box::new(again)), ..action("r", &["a"]) };
    let mut bench = Bench::new(&plan(vec![first, rounds]));
    let run = bench.start(None);
    bench.durable();
    assert_eq!(bench.seen(), "set 1; call 0/1");
    bench.now = Timestamp(bench.now.0 + 3_000_000);
    bench.ask(run, Command::FireTimer { timer: TimerId(1) }, None);
    bench.durable();
    bench.seen();
    let attempts = vec![(StepIndex(0), Attempt(1))];
    bench.ask(run, Command::InterruptAttempts { attempts, how: Interruption::ProcessEnded }, None);
    bench.durable();
    assert_eq!(bench.seen(), "set 2; call 0/2");
}

#[test]
fn a_report_that_the_log_refuses_is_asked_again_and_no_handler_is_called_twice() {
    let mut bench =
        Bench::new(&plan(vec![action("a", &[]), action("b", &[]), action("c", &["a"])]));
    let run = bench.start(None);
    bench.durable();
    assert_eq!(bench.seen(), "call 0/1; call 1/1");
    assert_eq!(bench.slots, Slots(6));
    bench.reported();
    bench.ask(run, complete(0, 1), None);
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "left; rest");
    assert_eq!(bench.slots, Slots(7), "c was not started");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "call 2/1");
    bench.reported();
    bench.ask(run, complete(1, 1), None);
    bench.reported();
    bench.ask(run, complete(2, 1), None);
    bench.durable();
    assert_eq!(bench.seen(), "ended completed");
    assert_eq!(bench.slots, Slots(8));
    assert!(
        bench.events(run).iter().all(|event| !matches!(event, Event::AttemptsInterrupted { .. }))
    );
    assert!(bench.is_empty());
}

#[test]
fn requests_behind_a_refused_one_are_decided_again_in_order_and_answered_once() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.ask(run, fail(0, 1), None);
    bench.ask(run, pause(), Some(1));
    bench.ask(run, Command::RetryRun { by: bench::by() }, Some(2));
    bench.ask(run, Command::RetryRun { by: bench::by() }, Some(3));
    assert_eq!(bench.seen(), "", "also refusals wait for what they depend on");
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "left; rest");
    bench.ask(run, pause(), Some(4));
    bench.rested(run);
    bench.durable();
    let seen = bench.seen();
    assert_eq!(
        seen, "ended failed; reply 1 rejected; call 0/2; reply 2 ok; reply 3 rejected; reply 4 ok",
        "the failure first, then the rest"
    );
    assert_eq!(bench.open, 1, "it ended and went on");
}

#[test]
fn who_waits_is_told_that_the_disk_is_full_and_what_depends_on_it_is_decided_again() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.ask(run, pause(), Some(1));
    bench.ask(run, pause(), Some(2));
    bench.ask(run, Command::ResumeRun { by: bench::by() }, Some(3));
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "reply 1 disk; left; rest");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "reply 2 ok; reply 3 ok");
}

/// Who waits hears of the end that is durable, not of one that is decided behind it.
#[test]
fn of_two_ends_each_is_told_when_it_is_durable() {
    let mut bench = Bench::new(&plan(vec![action("a", &[]), action("b", &[])]));
    let run = bench.start(None);
    bench.durable();
    assert_eq!(bench.seen(), "call 0/1; call 1/1");
    bench.ask(run, complete(0, 1), None);
    bench.ask(run, fail(1, 1), None);
    bench.ask(run, Command::RetryRun { by: bench::by() }, None);
    bench.ask(run, complete(1, 2), None);
    bench.durable_one();
    assert_eq!(bench.seen(), "");
    bench.durable_one();
    assert_eq!(bench.seen(), "ended failed");
    bench.durable_one();
    assert_eq!(bench.seen(), "call 1/2");
    bench.durable();
    assert_eq!(bench.seen(), "ended completed");
}

#[test]
fn a_run_counts_as_open_before_its_start_is_answered() {
    let mut bench = Bench::new(&plan(vec![action("a", &[])]));
    bench.start(Some(1));
    bench.durable();
    let place_of = |what: fn(&Output) -> bool| bench.out.iter().position(what);
    let opened = place_of(|output| matches!(output, Output::Opened(1)));
    let answered = place_of(|output| matches!(output, Output::Reply(..)));
    assert!(opened.is_some() && opened < answered, "{opened:?}, {answered:?}");
}

#[test]
fn a_report_too_large_for_the_log_fails_its_step() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.ask(run, complete(0, 1), None);
    bench.refuse(Outcome::Unacceptable);
    assert_eq!(bench.seen(), "left; rest");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "ended failed");
    let failed = bench.events(run).into_iter().find_map(|event| {
        let Event::StepFailed { failure, .. } = event else { return None };
        Some(failure.code)
    });
    assert_eq!(failed.as_deref(), Some("NX3006"));
}

#[test]
fn a_start_that_is_refused_leaves_nothing_behind() {
    let mut bench = Bench::new(&plan(vec![action("a", &[])]));
    for outcome in [FULL, Outcome::Unacceptable, Outcome::Taken { row: 0, value: vec![0; 48] }] {
        bench.start(Some(1));
        bench.refuse(outcome);
        assert!(bench.seen().starts_with("reply 1 "));
        assert_eq!(bench.slots, Slots(8));
        assert!(bench.is_empty());
    }
}

#[test]
fn a_conflict_is_followed_by_a_look_at_the_log() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.ask(run, pause(), Some(1));
    bench.refuse(Outcome::Conflict { actual: Revision(9) });
    assert_eq!(bench.seen(), "left; rest");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "reply 1 ok");
}

#[test]
fn a_timer_that_the_log_refuses_to_fire_fires_later() {
    let mut bench = Bench::new(&plan(vec![sleep("z", "1s"), action("a", &["z"])]));
    let run = bench.start(None);
    bench.durable();
    assert_eq!(bench.seen(), "set 1");
    bench.now = bench.now.plus_ms(1_000);
    bench.ask(run, Command::FireTimer { timer: TimerId(1) }, None);
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "left; rest");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "set 1; cleared 1; call 1/1");
}

#[test]
fn a_stale_timer_and_a_stale_report_are_harmless() {
    let mut bench = Bench::new(&plan(vec![sleep("z", "1h"), action("a", &[])]));
    let run = bench.start(None);
    bench.durable();
    bench.ask(run, complete(1, 1), None);
    bench.durable();
    bench.seen();
    assert!(bench.is_empty(), "a sleeper is not in memory");
    bench.ask(run, Command::FireTimer { timer: TimerId(7) }, None);
    bench.ask(run, complete(1, 1), None);
    bench.load(run);
    assert_eq!(bench.seen(), "load; set 1; ignored 1/1");
    assert!(!bench.shard.has_batch());
    assert!(bench.is_empty());
}

#[test]
fn a_hungry_run_over_budget_leaves_and_comes_back() {
    let mut bench = Bench::new(&plan(vec![action("a", &[]), action("b", &[])]));
    bench.limits(|limits| limits.resident_bytes_max = 0);
    bench.slots = Slots(0);
    let run = bench.start(None);
    bench.durable();
    assert_eq!(bench.seen(), "hungry");
    assert!(bench.is_empty());
    bench.slots = Slots(1);
    bench.tell(Input::Offer { run });
    bench.load(run);
    bench.durable();
    assert_eq!(bench.seen(), "load; hungry; call 0/1");
    assert_eq!(bench.shard.resident_count(), 1, "a handler is at work");
}

#[test]
fn the_room_of_a_run_with_a_snapshot_is_given_back() {
    let mut steps: Vec<_> = (0..80).map(|at| action(&format!("s{at}"), &[])).collect();
    steps.push(sleep("z", "1h"));
    let mut bench = Bench::new(&plan(steps));
    bench.slots = Slots(1_000);
    let run = bench.start(None);
    bench.durable();
    for step in 0..80 {
        bench.ask(run, complete(step, 1), None);
    }
    bench.durable();
    assert!(bench.seen().ends_with("snapshot"));
    assert!(bench.is_empty());
    assert_eq!(bench.shard.resident_bytes, 0);
}

#[test]
fn a_snapshot_waits_until_everything_in_it_is_durable() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    for _ in 0..200 {
        bench.ask(run, pause(), None);
        bench.ask(run, Command::ResumeRun { by: bench::by() }, None);
    }
    assert_eq!(bench.seen(), "", "all of it is on its way");
    bench.durable();
    let seen = bench.seen();
    assert!(seen.ends_with("snapshot"), "{seen}");
    assert_eq!(seen.matches("snapshot").count(), 1, "{seen}");
}

#[test]
fn an_attempt_of_an_earlier_process_is_interrupted_once_however_often_its_run_is_driven() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.crash();
    for _ in 0..3 {
        bench.tell(Input::Drive { run });
    }
    bench.load(run);
    bench.tell(Input::Drive { run });
    bench.durable();
    assert_eq!(bench.seen(), "load; resume 0/1");
    assert_eq!(bench.slots, Slots(7));
    bench.tell(Input::Drive { run });
    bench.ask(run, resume(0, 1), None);
    assert_eq!((bench.seen().as_str(), bench.shard.calls_coming()), ("", 1));
    bench.durable();
    assert_eq!((bench.seen().as_str(), bench.shard.calls_coming()), ("call 0/1", 0));
    assert_eq!(bench.slots, Slots(7), "it has its slot already");
    let interrupted = bench.events(run).into_iter();
    assert_eq!(
        interrupted.filter(|event| matches!(event, Event::AttemptsInterrupted { .. })).count(),
        1
    );
}

/// Asked twice, it would count as two ends of the process, take two slots, and tell the handler to stop that was called first.
#[test]
fn an_attempt_that_was_cut_off_is_interrupted_once_also_when_the_log_refuses_that_first() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.next_process(run);
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "load; left; rest");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "resume 0/1");
    assert_eq!(bench.slots, Slots(7));
    let interrupted = bench.events(run).into_iter();
    let is_one = |event: &Event| matches!(event, Event::AttemptsInterrupted { .. });
    assert_eq!(interrupted.filter(is_one).count(), 1);
}

/// It was to be carried on when the run was paused; that it is not called was recorded only when the pause had ended.
#[test]
fn an_attempt_that_a_short_pause_turned_back_is_carried_on() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.next_process(run);
    bench.durable();
    assert_eq!(bench.seen(), "load; resume 0/1");
    bench.ask(run, pause(), None);
    bench.ask(run, resume(0, 1), None);
    bench.ask(run, Command::ResumeRun { by: bench::by() }, None);
    bench.durable();
    assert_eq!(bench.seen(), "stop 0/1");
    bench.ask(run, turned_back(0, 1), None);
    bench.durable();
    assert_eq!(bench.seen(), "resume 0/1");
}

/// As before, and that it is not called is on its way to the log when the pause ends.
#[test]
fn an_attempt_that_is_being_turned_back_when_the_pause_ends_is_carried_on() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.next_process(run);
    bench.durable();
    bench.ask(run, pause(), None);
    bench.ask(run, resume(0, 1), None);
    bench.durable();
    assert_eq!(bench.seen(), "load; resume 0/1; stop 0/1");
    bench.ask(run, turned_back(0, 1), None);
    bench.ask(run, Command::ResumeRun { by: bench::by() }, None);
    bench.durable();
    assert_eq!(bench.seen(), "resume 0/1");
}

/// Somebody asked for the run before the engine took it up; it goes on though the log refuses what was found.
#[test]
fn an_attempt_that_was_cut_off_is_interrupted_also_when_somebody_else_had_the_run_read() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.crash();
    bench.ask(run, Command::ResumeRun { by: bench::by() }, None);
    bench.load(run);
    bench.tell(Input::Drive { run });
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "load; left; rest");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "resume 0/1");
}

/// Whatever ended the process, it was not what rested; the next process takes it up without another word.
#[test]
fn an_attempt_that_rested_when_the_process_ended_is_carried_on_without_an_event() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    for _ in 0..3 {
        bench.next_process(run);
        bench.durable();
        assert_eq!(bench.seen(), "load; resume 0/1");
        assert_eq!(bench.slots, Slots(7));
    }
    assert_eq!(bench.events(run).len(), 3, "started, step started, interrupted once");
    bench.ask(run, resume(0, 1), None);
    bench.durable();
    assert_eq!(bench.seen(), "call 0/1");
    bench.next_process(run);
    bench.durable();
    assert_eq!(
        bench.seen(),
        "load; resume 0/1 alone",
        "twice it was at work when the process ended"
    );
}

#[test]
fn a_resumption_that_the_log_refuses_is_asked_again_and_one_that_does_not_fit_is_withdrawn() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.next_process(run);
    bench.durable();
    bench.seen();
    bench.ask(run, resume(0, 1), None);
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "left; rest");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "call 0/1");
    assert_eq!(bench.slots, Slots(7));
    bench.ask(run, resume(0, 1), None);
    assert_eq!(bench.seen(), "stop 0/1", "it does not rest");
}

#[test]
fn a_run_that_is_not_there_is_driven_without_a_trace() {
    let mut bench = Bench::new(&plan(vec![action("a", &[])]));
    let run = RunId([9; 16]);
    bench.tell(Input::Drive { run });
    bench.ask(run, pause(), Some(1));
    bench.load(run);
    assert_eq!(bench.seen(), "load; reply 1 not found");
    assert!(bench.is_empty());
}

#[test]
fn a_run_that_cannot_be_read_for_now_is_tried_again_with_what_nobody_waits_for() {
    let (mut bench, run) = Bench::begun(&plan(vec![sleep("z", "1h")]));
    bench.ask(run, Command::FireTimer { timer: TimerId(1) }, None);
    bench.ask(run, pause(), Some(1));
    bench.unreadable(run, true);
    assert_eq!(bench.seen(), "load; reply 1 unreadable; rest");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "set 1; cleared 1; ended completed");
    assert!(bench.is_empty());
}

#[test]
fn a_damaged_run_is_given_up_and_keeps_no_memory() {
    let (mut bench, run) = Bench::begun(&plan(vec![sleep("z", "1h")]));
    bench.tell(Input::Drive { run });
    bench.ask(run, pause(), Some(1));
    bench.unreadable(run, false);
    assert_eq!(bench.seen(), "load; reply 1 unreadable");
    assert!(bench.is_empty());
}

#[test]
fn an_engine_that_drives_nothing_keeps_no_run_in_memory() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[]), sleep("z", "1s")]));
    bench.crash();
    bench.limits(|limits| limits.drives = false);
    bench.slots = Slots(0);
    for (command, reply) in [
        (pause(), 1),
        (Command::CancelRun { by: bench::by(), reason: String::new(), undo: true }, 2),
    ] {
        bench.ask(run, command, Some(reply));
        bench.load(run);
        bench.durable();
        assert!(bench.is_empty());
    }
    assert_eq!(bench.seen(), "load; set 1; reply 1 ok; load; cleared 1; stop 0/1; reply 2 ok");
}

#[test]
fn rejections_say_why() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[])]));
    bench.ask(run, Command::RetryRun { by: bench::by() }, Some(1));
    let Some(Output::Reply(_, Err(Refusal::Rejected(why)))) = bench.out.pop() else {
        panic!("a refusal")
    };
    assert_eq!(why, Rejection::NotRetryable { status: "running" });
    assert_eq!(started(&bench, run), [(StepIndex(0), Attempt(1))]);
}

/// Nobody else can say again what a worker reported: it is kept although somebody waits for the answer.
#[test]
fn a_report_whose_answer_is_awaited_is_asked_again_as_well() {
    let (mut bench, run) = Bench::begun(&plan(vec![action("a", &[]), action("b", &["a"])]));
    bench.ask(run, complete(0, 1), Some(1));
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "left; rest", "the answer is not known yet");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "call 1/1; reply 1 ok");
    bench.ask(run, complete(1, 1), Some(2));
    bench.refuse(Outcome::Unacceptable);
    assert_eq!(bench.seen(), "reply 2 too large; left; rest");
    bench.rested(run);
    bench.durable();
    assert_eq!(bench.seen(), "ended failed", "an attempt that was reported about does not hang");
    let again = bench.start(None);
    bench.durable();
    bench.seen();
    bench.ask(again, complete(0, 2), Some(3));
    assert_eq!(bench.seen(), "ignored 0/2; reply 3 rejected");
}
