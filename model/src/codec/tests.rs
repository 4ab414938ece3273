//! Samples that the tests of the codec share.

mod damage;
mod events;
mod fixtures;
mod items;
mod runs;
mod strategies;

use std::sync::Arc;

use crate::code::{CallMade, CallsMade, FunctionReturned, LeftSignal};
use crate::definition::{Definition, Step, StepKind};
use crate::event::{
    Actor, Awaited, ChildEnd, Event, Failure, Given, Interruption, Migrated, Parent, RunStarted,
    SlotAnswer, UpdateAccepted, UpdateAwaited,
};
use crate::id::{Attempt, DefinitionHash, ItemIndex, RunId, StateHash, StepIndex, TimerId};
use crate::limit::{Rate, Size, Ticket, Wish};
use crate::payload::{ContentType, Payload, PayloadHash};
use crate::plan::Plan;
use crate::run::{
    Hold, ItemsUndo, KeptSignal, Run, RunStatus, Signals, Slot, StepRun, StepState, StepUndo,
    Timer, TimerPurpose, UndoState,
};
use crate::time::Timestamp;
use crate::topic::Offered;

const NOW: Timestamp = Timestamp(1_790_000_000_123_456);
const GIVEN: Given = Given { now: NOW, slots: 300 };

fn inline(json: &str) -> Payload {
    Payload::Inline(ContentType::Json, Arc::from(json.as_bytes()))
}

fn stored() -> Payload {
    Payload::Stored(ContentType::Bytes, PayloadHash([7; 32]), 1_000_000)
}

fn failure() -> Failure {
    Failure {
        code: "NX3001".to_owned(),
        message: "the card was declined".to_owned(),
        fatal: true,
        details: Some("exit status 1\nno funds".to_owned()),
    }
}

fn actor() -> Actor {
    Actor { name: "grace".to_owned(), via: "cli".to_owned() }
}

fn awaited() -> Awaited {
    Awaited::Signal { name: "payment".to_owned() }
}

fn approvers() -> Vec<String> {
    ["group:ops", "user:dana"].map(str::to_owned).to_vec()
}

fn signals() -> Signals {
    let kept = KeptSignal {
        name: "payment".to_owned(),
        payload: inline(r#"{"order_id":118}"#),
        by: actor(),
        at: NOW,
        offered: None,
    };
    let event = KeptSignal {
        name: "event:paid".to_owned(),
        offered: Some(Offered { record: 7, step: StepIndex(300) }),
        ..kept.clone()
    };
    let ids = ["pay-7", "pay-8"].map(str::to_owned).into();
    Signals { received: 3, kept: [(2, kept), (3, event)].into(), ids }
}

fn run_started() -> RunStarted {
    RunStarted {
        run: RunId([1, 2, 3, 4, 5, 6, 0x71, 8, 0x89, 10, 11, 12, 13, 14, 15, 16]),
        name: "wf-001".to_owned(),
        workflow: "order".to_owned(),
        definition: DefinitionHash([9; 32]),
        input: inline(r#"{"amount":12}"#),
        labels: vec![
            ("env".to_owned(), "test".to_owned()),
            ("team".to_owned(), "größe".to_owned()),
        ],
        folder: "/srv/workflows".to_owned(),
        by: actor(),
        seed: u64::MAX,
        timeout: Some((TimerId(1), NOW.plus_ms(60_000))),
        parent: None,
        limits: Vec::new(),
    }
}

fn called_run_started() -> RunStarted {
    let parent = Parent { run: RunId([3; 16]), name: "wf-000".to_owned(), step: StepIndex(300) };
    RunStarted { name: "wf-000/fraud".to_owned(), parent: Some(parent), ..run_started() }
}

fn wish() -> Wish {
    Wish {
        limit: "order:grace".to_owned(),
        size: Size { slots: Some(100), rate: Some(Rate { count: 300, per_ms: 60_000 }) },
        fairness_key: "größe".to_owned(),
        priority: -5,
    }
}

/// A step that holds a slot, one that waits for one, and a run that waits, too.
fn hold_slots(run: &mut Run) {
    let hold = |ticket, granted| Hold {
        ticket: Ticket(ticket),
        attempt: Attempt(2),
        wish: wish(),
        granted,
        since: NOW,
    };
    run.slots.asked = Ticket(300);
    if let Some(started) = &mut run.started {
        started.limits = vec![wish()];
    }
    run.set_hold(Slot::Run(0), Some(hold(1, false)));
    run.set_hold(Slot::Step(StepIndex(3)), Some(hold(2, true)));
    run.set_hold(Slot::Step(StepIndex(8)), Some(hold(300, false)));
    run.set_hold(Slot::Call(StepIndex(3)), Some(hold(3, true)));
}

fn call_requested(step: StepIndex, item: Option<ItemIndex>, attempt: Attempt) -> Event {
    let (ticket, target) = (Ticket(300), "pay".to_owned());
    Event::StepCallRequested { step, item, attempt, ticket, target }
}

/// What functions say.
fn function_samples() -> Vec<Event> {
    let step = StepIndex(2);
    vec![
        Event::CallsMade(Box::new(CallsMade {
            round: 1,
            turn: 300,
            calls: vec![CallMade {
                step,
                round: 1,
                name: "charge".to_owned(),
                count: 1,
                does: r#"{"id":"","kind":{"action":{"uses":"charge"}}}"#.to_owned(),
                input: inline(r#"{"order_id":117}"#),
                output: Some(inline("4")),
                needs: vec![StepIndex(0)],
            }],
            patches: vec!["ask first".to_owned()],
        })),
        Event::FunctionReturned(Box::new(FunctionReturned {
            round: 1,
            turn: 301,
            output: inline("7"),
            again: true,
            failure: Some(failure()),
            step: None,
            patches: vec!["ask last".to_owned()],
            left: vec![LeftSignal {
                number: 3,
                name: "paid".to_owned(),
                payload: inline(r#"{"cents":4200}"#),
            }],
        })),
        Event::FunctionReturned(Box::new(FunctionReturned {
            turn: 302,
            failure: Some(failure()),
            step: Some(StepIndex(300)),
            ..FunctionReturned::default()
        })),
    ]
}

/// One event of every kind that can come from outside.
fn outside_samples() -> Vec<Event> {
    let (step, attempt) = (StepIndex(2), Attempt(1));
    vec![
        Event::RunStarted(Box::new(run_started())),
        Event::RunStarted(Box::new(called_run_started())),
        Event::RunStarted(Box::new(RunStarted { limits: vec![wish()], ..run_started() })),
        Event::StepCompleted { step, attempt, output: inline(r#"{"ok":true}"#), may_repeat: true },
        Event::AttemptFailed { step, attempt, failure: failure() },
        Event::AttemptsInterrupted {
            attempts: vec![(step, attempt), (StepIndex(70_000), Attempt(251))],
            how: Interruption::ShutDown,
        },
        Event::TimerFired { timer: TimerId(3) },
        Event::RunPaused { by: actor(), reason: "maintenance".to_owned() },
        Event::RunResumed { by: actor() },
        Event::StepPaused { step, by: actor(), reason: "look at it".to_owned() },
        Event::StepResumed { step, by: actor() },
        Event::RunHeld { pauses: vec!["workflow order".to_owned(), "label team=shop".to_owned()] },
        Event::RunReleased,
        Event::CancelRequested { by: actor(), reason: String::new() },
        Event::RunRetried { by: actor(), timeout: Some((TimerId(4), NOW)) },
        Event::RunMigrated(Box::new(Migrated {
            definition: DefinitionHash([5; 32]),
            steps: vec![Some(StepIndex(0)), None, Some(StepIndex(1))],
            by: actor(),
            reason: "order@2".to_owned(),
            retries: true,
        })),
        Event::SlotsOffered,
        Event::EventsRead { step },
        Event::SignalReceived {
            name: "payment".to_owned(),
            id: "pay-7".to_owned(),
            payload: inline(r#"{"order_id":117}"#),
            by: actor(),
        },
        Event::ChildEnded {
            step,
            child: "wf-001/fraud".to_owned(),
            revision: 300,
            ended: ChildEnd::Failed { failure: failure(), goes_on: true },
        },
        Event::ParentPaused,
        Event::ParentResumed,
        Event::StepSlotGranted(SlotAnswer { step, item: None, ticket: Ticket(300) }),
        Event::RunSlotGranted { ticket: Ticket(1) },
        Event::StepCallAllowed(SlotAnswer { step, item: None, ticket: Ticket(300) }),
        Event::StepCallRefused(SlotAnswer { step, item: None, ticket: Ticket(300) }),
        Event::AttemptResumed { step, attempt },
        Event::HeartbeatRecorded { step, attempt, progress: inline(r#"{"done":3}"#) },
        Event::ApprovalGranted {
            step,
            by: actor(),
            role: "group:ops".to_owned(),
            note: "known customer".to_owned(),
            form: inline(r#"{"discount":0.1}"#),
        },
        Event::ApprovalRejected {
            step,
            by: actor(),
            role: "ops".to_owned(),
            note: String::new(),
            form: Payload::Null,
        },
    ]
    .into_iter()
    .chain(undo_samples())
    .chain(items::outside_samples())
    .chain(function_samples())
    .collect()
}

fn undo_samples() -> Vec<Event> {
    let step = StepIndex(2);
    vec![
        Event::UpdateAccepted(Box::new(UpdateAccepted {
            step,
            name: "quantity".to_owned(),
            id: "upd-7".to_owned(),
            data: inline(r#"{"qty":3}"#),
            reply: inline(r#"{"total":36}"#),
            by: actor(),
        })),
        Event::UndoCompleted { step, attempt: Attempt(3), may_repeat: true },
        Event::UndoAttemptFailed { step, attempt: Attempt(3), failure: failure() },
        Event::UndoWaived { by: actor(), reason: "by hand".to_owned() },
        Event::RunForgotten { by: actor(), state: StateHash([9; 32]) },
        Event::UndoRetried { by: actor() },
    ]
}

/// One event of every kind that is derived.
#[expect(clippy::too_many_lines, reason = "one of every kind")]
fn derived_samples() -> Vec<Event> {
    let (step, attempt, timer) = (StepIndex(2), Attempt(1), TimerId(3));
    let steps = vec![StepIndex(0), StepIndex(300), StepIndex(u32::MAX)];
    let state = StateHash([5; 32]);
    vec![
        Event::StepCalled {
            step,
            attempt,
            number: 2,
            input: Some(stored()),
            timer: Some((timer, NOW)),
            deadline: Some((TimerId(4), NOW.plus_ms(1))),
        },
        Event::StepStarted {
            step,
            attempt,
            input: Some(stored()),
            deadline: Some((timer, NOW.plus_ms(1000))),
        },
        Event::StepQueued { step, timer, until: NOW.plus_ms(9_000) },
        Event::StepSlept { step, timer, until: Timestamp(-1) },
        Event::StepSkipped { step, reason: "inputs.amount > 100 (inputs.amount = 12)".to_owned() },
        Event::StepsNotReached { steps: steps.clone() },
        Event::RetryScheduled { step, attempt: Attempt(2), timer, at: NOW },
        Event::StepFailed { step, failure: failure(), continued: true },
        Event::OutputMapped { step, output: Payload::Null },
        Event::PathChosen {
            step,
            case: Some(1),
            reason: "inputs.amount > 100 is true (120)".to_owned(),
            skipped: steps.clone(),
        },
        Event::StepsBypassed { router: step, steps: steps.clone() },
        Event::RaceDecided { step, winner: Some(StepIndex(1)) },
        Event::RoundBegun {
            step,
            round: 3,
            reason: "steps.review.output.ok is false (false)".to_owned(),
            carry: inline(r#"{"note":"again"}"#),
        },
        Event::StopRequested { steps: steps.clone() },
        Event::StepsCancelled { steps: steps.clone() },
        Event::RunCompleted { output: inline("[1,2]"), state },
        Event::RunFailed { failure: failure(), step: Some(step), state },
        Event::RunCancelled { state },
        Event::UpdateAwaited(Box::new(UpdateAwaited {
            step,
            name: "quantity".to_owned(),
            timer: Some((TimerId(5), NOW)),
        })),
        Event::StepWaits {
            step,
            signal: "payment".to_owned(),
            timer: Some((timer, NOW.plus_ms(3_600_000))),
        },
        Event::ApprovalRequested {
            step,
            by: approvers(),
            message: "Score 0.7".to_owned(),
            timer: Some((timer, NOW.plus_ms(3_600_000))),
        },
        Event::SignalTaken { step, signal: 2 },
        Event::StepSlotRequested { step, item: None, attempt, ticket: Ticket(300), wish: wish() },
        call_requested(step, None, attempt),
        Event::RunQueued { rank: 1, ticket: Ticket(1), wish: wish() },
        Event::UndoRequested { steps },
        Event::UndoStarted { step, attempt: Attempt(3), input: Some(stored()) },
        Event::UndoRetryScheduled { step, attempt: Attempt(4), timer, at: NOW },
        Event::UndoFailed { step, failure: failure() },
    ]
    .into_iter()
    .chain(items::derived_samples())
    .collect()
}

/// One event of every kind, with what was given if it comes from outside.
fn samples() -> impl Iterator<Item = (Event, Option<Given>)> {
    let outside = outside_samples().into_iter().map(|event| (event, Some(GIVEN)));
    outside.chain(derived_samples().into_iter().map(|event| (event, None)))
}

/// A plan of nine steps: `s0` to `s8`, each of which needs the two before it.
fn plan() -> Plan {
    let id = |at: usize| format!("s{at}");
    let step = |at: usize| Step {
        needs: (at.saturating_sub(2)..at).map(id).collect(),
        ..Step::new(
            id(at),
            StepKind::Action { uses: "noop".to_owned(), with: serde_json::Value::Null },
        )
    };
    let steps = (0..9).map(step).collect();
    let definition = Definition { name: "order".to_owned(), steps, ..Definition::default() };
    Plan::compile(definition).expect("the definition is in order")
}

/// One state of every kind, as many as [`plan`] has steps.
fn states() -> Vec<StepState> {
    let (attempt, until) = (Attempt(2), NOW.plus_ms(500));
    vec![
        StepState::Completed { output: inline(r#"{"ok":true}"#) },
        StepState::Skipped { reason: "false".to_owned(), router: None },
        StepState::Failed { failure: failure(), continued: true },
        StepState::Running {
            attempt,
            input: Some(stored()),
            interruptions: 1,
            rests: false,
            may_repeat: true,
            since: NOW,
            stopping: Some(Failure::default()),
        },
        StepState::Sleeping { timer: TimerId(2), until },
        StepState::Retrying { attempt, timer: Some(TimerId(3)), at: until, failure: failure() },
        StepState::NotReached,
        StepState::Cancelled,
        StepState::Waiting,
    ]
}

/// A run with every field set and a step in every state.
fn run(plan: &Plan) -> Run {
    let mut run = Run::new(plan);
    run.started = Some(Box::new(run_started()));
    run.started_at = NOW;
    run.ended_at = Some(NOW.plus_ms(1));
    run.status = RunStatus::Failing { failure: failure(), step: Some(StepIndex(2)) };
    run.paused = true;
    let purposes = [
        TimerPurpose::RunTimeout,
        TimerPurpose::Sleep(StepIndex(4)),
        TimerPurpose::Retry(StepIndex(5)),
        TimerPurpose::Deadline(StepIndex(3)),
    ];
    let timer = |purpose| Timer { due: NOW, purpose };
    run.timers = (1..).map(TimerId).zip(purposes.map(timer)).collect();
    run.next_timer = TimerId(5);
    run.revision = 400;
    for (step, state) in plan.steps().zip(states()) {
        let numbers = StepRun {
            state,
            attempt: Attempt(step.0),
            attempts_forgiven: 200 * step.0,
            deadline: (step.0 == 3).then_some(TimerId(4)),
            started_at: (step.0 < 4).then_some(NOW),
            settled_at: (step.0 < 3).then_some(NOW.plus_ms(1)),
            undo: None,
        };
        run.set_step(plan, step, numbers);
    }
    run
}

/// A run that undoes: a step with an undo in every state.
fn undoing_run(plan: &Plan) -> Run {
    let mut run = run(plan);
    let (attempt, at) = (Attempt(4), NOW.plus_ms(700));
    let undos = [
        UndoState::Pending,
        UndoState::Running {
            attempt,
            input: Some(stored()),
            interruptions: 2,
            may_repeat: true,
            rests: true,
            since: NOW,
            stopping: true,
        },
        UndoState::Retrying { attempt, timer: Some(TimerId(5)), at, failure: failure() },
        UndoState::Failed { failure: failure() },
        UndoState::Undone,
        UndoState::GivenUp,
    ];
    for (step, state) in plan.steps().zip(undos) {
        let undo = StepUndo {
            state,
            attempts_forgiven: 3 + step.0,
            started_at: (step.0 > 0).then_some(NOW),
            settled_at: (step.0 > 3).then_some(at),
            items: (step.0 % 2 == 1).then_some(ItemsUndo { below: ItemIndex(300), undone: 2 }),
        };
        let state = StepState::Completed { output: inline("1") };
        let undo = Some(Box::new(undo));
        run.set_step(plan, step, StepRun { state, attempt, undo, ..StepRun::default() });
    }
    run.timers.insert(TimerId(5), Timer { due: at, purpose: TimerPurpose::Undo(StepIndex(2)) });
    run.plan_undo(true);
    run
}
