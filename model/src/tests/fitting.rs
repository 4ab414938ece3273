//! Which events can be of a run of a plan: asked of every place where an event names a step.

use super::bench::Bench;
use crate::code::{CallMade, CallsMade, FunctionReturned};
use crate::event::{
    Actor, ChildEnd, Event, Failure, Interruption, ItemUndoStarted, ItemUndone, Migrated,
    SlotAnswer, UpdateAccepted, UpdateAwaited,
};
use crate::evolve::fits;
use crate::id::{Attempt, DefinitionHash, ItemIndex, StateHash, StepIndex, TimerId};
use crate::limit::{Ticket, Wish};
use crate::payload::{Payload, PayloadHash};
use crate::time::Timestamp;

/// A step without items and undo; the plan has such a one, and there is one of each other kind.
const PLAIN: StepIndex = StepIndex(0);
const BOTH: StepIndex = StepIndex(3);
const ATTEMPT: Attempt = Attempt(1);
const ITEM: ItemIndex = ItemIndex(0);
const TICKET: Ticket = Ticket(1);
const TIMER: TimerId = TimerId(1);
const AT: Timestamp = Timestamp(5);

fn bench() -> Bench {
    Bench::of("plain; items for_each [1]; undone undo; both for_each [1] undo")
}

/// Checks of which steps each event can be; `stranger` is one that the plan does not have.
#[track_caller]
fn check(expected: &str, events: &[fn(StepIndex) -> Event]) {
    let plan = bench().plan;
    let names = ["plain", "items", "undone", "both", "stranger"];
    for (at, event) in events.iter().enumerate() {
        let fitting = (0..).zip(names).filter(|(step, _)| fits(&plan, &event(StepIndex(*step))));
        let fitting: Vec<&str> = fitting.map(|(_, name)| name).collect();
        assert_eq!(expected, fitting.join(" "), "event {at}: {:?}", event(StepIndex(4)));
    }
}

fn failure() -> Failure {
    Failure::default()
}

fn state() -> StateHash {
    StateHash::default()
}

fn answer(step: StepIndex) -> SlotAnswer {
    SlotAnswer { step, item: None, ticket: TICKET }
}

fn answer_to_item(step: StepIndex) -> SlotAnswer {
    SlotAnswer { step, item: Some(ITEM), ticket: TICKET }
}

fn slot_requested(step: StepIndex, item: Option<ItemIndex>) -> Event {
    let wish = Wish::default();
    Event::StepSlotRequested { step, item, attempt: ATTEMPT, ticket: TICKET, wish }
}

fn call_requested(step: StepIndex, item: Option<ItemIndex>) -> Event {
    let target = String::new();
    Event::StepCallRequested { step, item, attempt: ATTEMPT, ticket: TICKET, target }
}

#[test]
fn an_attempt_is_of_any_step_of_the_plan() {
    check(
        "plain items undone both",
        &[
            |step| Event::StepCompleted {
                step,
                attempt: ATTEMPT,
                output: Payload::Null,
                may_repeat: false,
            },
            |step| Event::AttemptFailed { step, attempt: ATTEMPT, failure: failure() },
            |step| Event::AttemptResumed { step, attempt: ATTEMPT },
            |step| Event::AttemptsInterrupted {
                attempts: vec![(PLAIN, ATTEMPT), (step, ATTEMPT)],
                how: Interruption::ProcessEnded,
            },
            |step| Event::HeartbeatRecorded { step, attempt: ATTEMPT, progress: Payload::Null },
            |step| Event::StepStarted { step, attempt: ATTEMPT, input: None, deadline: None },
            |step| Event::RetryScheduled { step, attempt: ATTEMPT, timer: TIMER, at: AT },
            |step| Event::StepFailed { step, failure: failure(), continued: false },
            |step| Event::OutputMapped { step, output: Payload::Null },
            |step| Event::StepPaused { step, by: Actor::default(), reason: String::new() },
            |step| Event::StepResumed { step, by: Actor::default() },
        ],
    );
}

#[test]
fn a_wait_is_of_any_step_of_the_plan() {
    check(
        "plain items undone both",
        &[
            |step| Event::StepSlept { step, timer: TIMER, until: AT },
            |step| Event::StepQueued { step, timer: TIMER, until: AT },
            |step| Event::StepWaits { step, signal: "paid".to_owned(), timer: None },
            |step| Event::EventsRead { step },
            |step| Event::SignalTaken { step, signal: 1 },
            |step| {
                Event::UpdateAwaited(Box::new(UpdateAwaited {
                    step,
                    name: "qty".to_owned(),
                    timer: None,
                }))
            },
            |step| {
                Event::UpdateAccepted(Box::new(UpdateAccepted {
                    step,
                    name: "qty".to_owned(),
                    id: String::new(),
                    data: Payload::Null,
                    reply: Payload::Null,
                    by: Actor::default(),
                }))
            },
            |step| Event::ApprovalRequested {
                step,
                by: Vec::new(),
                message: String::new(),
                timer: None,
            },
            |step| Event::ApprovalGranted {
                step,
                by: Actor::default(),
                role: String::new(),
                note: String::new(),
                form: Payload::Null,
            },
            |step| Event::ApprovalRejected {
                step,
                by: Actor::default(),
                role: String::new(),
                note: String::new(),
                form: Payload::Null,
            },
            |step| Event::StepCalled {
                step,
                attempt: ATTEMPT,
                number: 1,
                input: None,
                timer: None,
                deadline: None,
            },
            |step| Event::ChildEnded {
                step,
                child: String::new(),
                revision: 1,
                ended: ChildEnd::Cancelled { reason: String::new(), goes_on: false },
            },
        ],
    );
}

#[test]
fn every_step_that_an_event_names_must_be_there() {
    check(
        "plain items undone both",
        &[
            |step| Event::StepSkipped { step, reason: String::new() },
            |step| Event::PathChosen { step, case: None, reason: String::new(), skipped: vec![] },
            |step| Event::PathChosen {
                step: PLAIN,
                case: None,
                reason: String::new(),
                skipped: vec![BOTH, step],
            },
            |step| Event::StepsBypassed { router: step, steps: vec![PLAIN] },
            |step| Event::StepsBypassed { router: PLAIN, steps: vec![BOTH, step] },
            |step| Event::RaceDecided { step, winner: None },
            |step| Event::RaceDecided { step, winner: Some(PLAIN) },
            |step| Event::RaceDecided { step: PLAIN, winner: Some(step) },
            |step| Event::RoundBegun {
                step,
                round: 2,
                reason: String::new(),
                carry: Payload::Null,
            },
            |step| Event::StepsNotReached { steps: vec![PLAIN, step] },
            |step| Event::StopRequested { steps: vec![PLAIN, step] },
            |step| Event::StepsCancelled { steps: vec![PLAIN, step] },
            |step| Event::RunFailed { failure: failure(), step: Some(step), state: state() },
            |step| slot_requested(step, None),
            |step| call_requested(step, None),
            |step| Event::StepSlotGranted(answer(step)),
            |step| Event::StepCallAllowed(answer(step)),
            |step| Event::StepCallRefused(answer(step)),
        ],
    );
}

#[test]
fn what_an_item_does_is_of_a_step_that_has_items() {
    check(
        "items both",
        &[
            |step| Event::ItemStarted { step, item: ITEM, attempt: ATTEMPT, input: None },
            |step| Event::ItemResumed { step, item: ITEM, attempt: ATTEMPT },
            |step| Event::ItemCompleted {
                step,
                item: ITEM,
                attempt: ATTEMPT,
                output: Payload::Null,
                may_repeat: false,
            },
            |step| Event::ItemAttemptFailed {
                step,
                item: ITEM,
                attempt: ATTEMPT,
                failure: failure(),
            },
            |step| Event::ItemOutputMapped { step, item: ITEM, output: Payload::Null },
            |step| Event::ItemRetryScheduled {
                step,
                item: ITEM,
                attempt: ATTEMPT,
                timer: TIMER,
                at: AT,
            },
            |step| Event::ItemFailed { step, item: ITEM, attempt: ATTEMPT, failure: failure() },
            |step| Event::OutputsStored { step, chunk: 0, outputs: PayloadHash([0; 32]) },
            |step| Event::ItemsInterrupted {
                attempts: vec![(BOTH, ITEM, ATTEMPT), (step, ITEM, ATTEMPT)],
                how: Interruption::ProcessEnded,
            },
            |step| Event::ItemsStarted {
                step,
                count: 1,
                chunks: vec![PayloadHash([0; 32])],
                deadline: None,
            },
            |step| slot_requested(step, Some(ITEM)),
            |step| call_requested(step, Some(ITEM)),
            |step| Event::StepSlotGranted(answer_to_item(step)),
            |step| Event::StepCallAllowed(answer_to_item(step)),
            |step| Event::StepCallRefused(answer_to_item(step)),
        ],
    );
}

#[test]
fn what_an_undo_does_is_of_a_step_that_can_be_undone() {
    check(
        "undone both",
        &[
            |step| Event::UndoCompleted { step, attempt: ATTEMPT, may_repeat: false },
            |step| Event::UndoAttemptFailed { step, attempt: ATTEMPT, failure: failure() },
            |step| Event::UndoStarted { step, attempt: ATTEMPT, input: None },
            |step| Event::UndoRetryScheduled { step, attempt: ATTEMPT, timer: TIMER, at: AT },
            |step| Event::UndoFailed { step, failure: failure() },
            |step| Event::UndoRequested { steps: vec![BOTH, step] },
        ],
    );
    check(
        "both",
        &[
            |step| {
                let input = None;
                let started = ItemUndoStarted { step, item: ITEM, attempt: ATTEMPT, input };
                Event::ItemUndoStarted(Box::new(started))
            },
            |step| {
                let may_repeat = false;
                Event::ItemUndone(ItemUndone { step, item: ITEM, attempt: ATTEMPT, may_repeat })
            },
        ],
    );
}

#[test]
fn a_list_of_items_has_some_and_as_many_chunks_as_they_fill() {
    let plan = bench().plan;
    let fits = |count, chunks| {
        let chunks = vec![PayloadHash([0; 32]); chunks];
        fits(&plan, &Event::ItemsStarted { step: BOTH, count, chunks, deadline: None })
    };
    let full = crate::run::ITEMS_PER_CHUNK;
    for (count, chunks) in [(1, 1), (full, 1), (full + 1, 2), (2 * full, 2)] {
        assert!(fits(count, chunks), "{count} in {chunks}");
    }
    for (count, chunks) in [(0, 0), (0, 1), (1, 0), (1, 2), (full, 2), (full + 1, 1)] {
        assert!(!fits(count, chunks), "{count} in {chunks}");
    }
}

#[test]
fn a_migration_is_to_the_plan_itself_and_to_its_steps() {
    let plan = bench().plan;
    let fits = |definition, steps: &[Option<StepIndex>]| {
        let migrated = Migrated { definition, steps: steps.to_vec(), ..Migrated::default() };
        fits(&plan, &Event::RunMigrated(Box::new(migrated)))
    };
    assert!(fits(plan.hash(), &[Some(PLAIN), None, Some(BOTH)]));
    assert!(!fits(plan.hash(), &[Some(PLAIN), None, Some(StepIndex(4))]));
    assert!(!fits(DefinitionHash::default(), &[Some(PLAIN)]));
}

#[test]
fn only_a_function_calls_and_returns_and_its_calls_are_those_of_the_plan() {
    let mut bench = Bench::of("run code");
    bench.play("start").unwrap();
    bench.play("calls 0 a | b").unwrap();
    let known: Vec<CallMade> = bench.plan.calls_made().map(|call| (**call).clone()).collect();
    let other = CallMade { name: "c".to_owned(), ..known[1].clone() };
    let unknown = CallMade { step: StepIndex(2), ..known[1].clone() };
    let made = |calls: &[CallMade]| {
        Event::CallsMade(Box::new(CallsMade { calls: calls.to_vec(), ..CallsMade::default() }))
    };
    let returned = Event::FunctionReturned(Box::<FunctionReturned>::default());
    assert!(fits(&bench.plan, &made(&known)));
    assert!(fits(&bench.plan, &made(&[])));
    assert!(fits(&bench.plan, &returned));
    assert!(!fits(&bench.plan, &made(&[known[0].clone(), other])));
    assert!(!fits(&bench.plan, &made(&[known[0].clone(), unknown])));
    let steps = self::bench();
    assert!(!fits(&steps.plan, &made(&[])));
    assert!(!fits(&steps.plan, &returned));
}
