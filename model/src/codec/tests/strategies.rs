//! Any event, any run.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::code::{CallMade, CallsMade, FunctionReturned, LeftSignal};
use crate::codec::kinds;
use crate::event::{
    Actor, Awaited, ChildEnd, Event, Failure, Given, Interruption, Migrated, Parent, RunStarted,
    SlotAnswer, UpdateAccepted, UpdateAwaited,
};
use crate::id::{Attempt, DefinitionHash, ItemIndex, RunId, StateHash, StepIndex, TimerId};
use crate::limit::{Rate, Size, Ticket, Wish};
use crate::payload::{ContentType, Payload, PayloadHash};
use crate::plan::Plan;
use crate::run::Holds;
use crate::run::{
    Hold, ItemsUndo, KeptSignal, LastCall, Loop, Run, RunStatus, Signals, Slot, StepRun, StepState,
    StepUndo, Timer, TimerPurpose, UndoState,
};
use crate::time::Timestamp;
use crate::topic::Offered;

pub(super) fn kind() -> impl Strategy<Value = u16> {
    prop::sample::select(kinds().map(|(kind, _)| kind).collect::<Vec<_>>())
}

pub(super) fn given() -> impl Strategy<Value = Option<Given>> {
    let given = (time(), any::<u32>()).prop_map(|(now, slots)| Given { now, slots });
    option::of(given)
}

pub(super) fn event() -> BoxedStrategy<Event> {
    prop_oneof![outside_event(), derived_event(), super::items::event()].boxed()
}

#[expect(clippy::too_many_lines, reason = "one strategy for each kind of event")]
fn outside_event() -> BoxedStrategy<Event> {
    let attempts = vec((step(), attempt()), 0..5);
    prop_oneof![
        run_started().prop_map(|started| Event::RunStarted(Box::new(started))),
        (step(), attempt(), payload(), any::<bool>()).prop_map(
            |(step, attempt, output, may_repeat)| Event::StepCompleted {
                step,
                attempt,
                output,
                may_repeat
            }
        ),
        (step(), attempt(), failure()).prop_map(|(step, attempt, failure)| Event::AttemptFailed {
            step,
            attempt,
            failure
        }),
        (attempts, prop::sample::select(&Interruption::ALL))
            .prop_map(|(attempts, how)| Event::AttemptsInterrupted { attempts, how }),
        (step(), attempt()).prop_map(|(step, attempt)| Event::AttemptResumed { step, attempt }),
        (step(), attempt(), payload()).prop_map(|(step, attempt, progress)| {
            Event::HeartbeatRecorded { step, attempt, progress }
        }),
        timer().prop_map(|timer| Event::TimerFired { timer }),
        (actor(), text()).prop_map(|(by, reason)| Event::RunPaused { by, reason }),
        actor().prop_map(|by| Event::RunResumed { by }),
        (step(), actor(), text()).prop_map(|(step, by, reason)| Event::StepPaused {
            step,
            by,
            reason
        }),
        (step(), actor()).prop_map(|(step, by)| Event::StepResumed { step, by }),
        vec(text(), 0..3).prop_map(|pauses| Event::RunHeld { pauses }),
        Just(Event::RunReleased),
        (actor(), text()).prop_map(|(by, reason)| Event::CancelRequested { by, reason }),
        (actor(), due()).prop_map(|(by, timeout)| Event::RunRetried { by, timeout }),
        (vec(option::of(step()), 0..4), actor(), text(), any::<[u8; 32]>(), any::<bool>())
            .prop_map(|(steps, by, reason, definition, retries)| {
                let definition = DefinitionHash(definition);
                Event::RunMigrated(Box::new(Migrated { definition, steps, by, reason, retries }))
            }),
        (any::<[u32; 2]>(), vec(call_made(), 0..3), vec(text(), 0..2)).prop_map(
            |([round, turn], calls, patches)| {
                Event::CallsMade(Box::new(CallsMade { round, turn, calls, patches }))
            }
        ),
        (any::<[u32; 2]>(), payload(), any::<bool>(), failed_at(), patched()).prop_map(
            |([round, turn], output, again, (failure, step), (patches, left))| {
                let returned =
                    FunctionReturned { round, turn, output, again, failure, step, patches, left };
                Event::FunctionReturned(Box::new(returned))
            }
        ),
        Just(Event::SlotsOffered),
        Just(Event::ParentPaused),
        Just(Event::ParentResumed),
        (step(), text(), number(), child_end()).prop_map(|(step, child, revision, ended)| {
            Event::ChildEnded { step, child, revision, ended }
        }),
        step().prop_map(|step| Event::EventsRead { step }),
        (text(), text(), payload(), actor()).prop_map(|(name, id, payload, by)| {
            Event::SignalReceived { name, id, payload, by }
        }),
        updates(),
        slot_answer().prop_map(Event::StepSlotGranted),
        ticket().prop_map(|ticket| Event::RunSlotGranted { ticket }),
        slot_answer().prop_map(Event::StepCallAllowed),
        slot_answer().prop_map(Event::StepCallRefused),
        (step(), actor(), text(), text(), payload()).prop_map(|(step, by, role, note, form)| {
            Event::ApprovalGranted { step, by, role, note, form }
        }),
        (step(), actor(), text(), text(), payload()).prop_map(|(step, by, role, note, form)| {
            Event::ApprovalRejected { step, by, role, note, form }
        }),
        (step(), attempt(), any::<bool>()).prop_map(|(step, attempt, may_repeat)| {
            Event::UndoCompleted { step, attempt, may_repeat }
        }),
        (step(), attempt(), failure()).prop_map(|(step, attempt, failure)| {
            Event::UndoAttemptFailed { step, attempt, failure }
        }),
        (actor(), text()).prop_map(|(by, reason)| Event::UndoWaived { by, reason }),
        (actor(), state_hash()).prop_map(|(by, state)| Event::RunForgotten { by, state }),
        actor().prop_map(|by| Event::UndoRetried { by }),
    ]
    .boxed()
}

fn slept() -> BoxedStrategy<Event> {
    let slept = (step(), timer(), time());
    slept.prop_map(|(step, timer, until)| Event::StepSlept { step, timer, until }).boxed()
}

fn updates() -> BoxedStrategy<Event> {
    prop_oneof![
        (step(), text(), due()).prop_map(|(step, name, timer)| {
            Event::UpdateAwaited(Box::new(UpdateAwaited { step, name, timer }))
        }),
        (step(), text(), text(), payload(), payload(), actor()).prop_map(
            |(step, name, id, data, reply, by)| {
                let accepted = UpdateAccepted { step, name, id, data, reply, by };
                Event::UpdateAccepted(Box::new(accepted))
            }
        ),
    ]
    .boxed()
}

fn undo_event() -> BoxedStrategy<Event> {
    prop_oneof![
        vec(step(), 0..5).prop_map(|steps| Event::UndoRequested { steps }),
        (step(), attempt(), option::of(payload()))
            .prop_map(|(step, attempt, input)| { Event::UndoStarted { step, attempt, input } }),
        (step(), attempt(), timer(), time()).prop_map(|(step, attempt, timer, at)| {
            Event::UndoRetryScheduled { step, attempt, timer, at }
        }),
        (step(), failure()).prop_map(|(step, failure)| Event::UndoFailed { step, failure }),
    ]
    .boxed()
}

fn derived_event() -> BoxedStrategy<Event> {
    let steps = || vec(step(), 0..5);
    prop_oneof![
        (step(), attempt(), option::of(payload()), due()).prop_map(
            |(step, attempt, input, deadline)| Event::StepStarted {
                step,
                attempt,
                input,
                deadline
            }
        ),
        (step(), text()).prop_map(|(step, reason)| Event::StepSkipped { step, reason }),
        (step(), option::of(number()), text(), steps()).prop_map(
            |(step, case, reason, skipped)| { Event::PathChosen { step, case, reason, skipped } }
        ),
        (step(), steps()).prop_map(|(router, steps)| Event::StepsBypassed { router, steps }),
        (step(), number(), text(), payload()).prop_map(|(step, round, reason, carry)| {
            Event::RoundBegun { step, round, reason, carry }
        }),
        (step(), option::of(step())).prop_map(|(step, winner)| Event::RaceDecided { step, winner }),
        steps().prop_map(|steps| Event::StepsNotReached { steps }),
        (step(), attempt(), timer(), time()).prop_map(|(step, attempt, timer, at)| {
            Event::RetryScheduled { step, attempt, timer, at }
        }),
        (step(), failure(), any::<bool>()).prop_map(|(step, failure, continued)| {
            Event::StepFailed { step, failure, continued }
        }),
        (step(), payload()).prop_map(|(step, output)| Event::OutputMapped { step, output }),
        steps().prop_map(|steps| Event::StopRequested { steps }),
        steps().prop_map(|steps| Event::StepsCancelled { steps }),
        (payload(), state_hash()).prop_map(|(output, state)| Event::RunCompleted { output, state }),
        (failure(), option::of(step()), state_hash())
            .prop_map(|(failure, step, state)| Event::RunFailed { failure, step, state }),
        state_hash().prop_map(|state| Event::RunCancelled { state }),
        (step(), text(), due()).prop_map(|(step, signal, timer)| Event::StepWaits {
            step,
            signal,
            timer
        }),
        (step(), vec(text(), 0..4), text(), due()).prop_map(|(step, by, message, timer)| {
            Event::ApprovalRequested { step, by, message, timer }
        }),
        (step(), number()).prop_map(|(step, signal)| Event::SignalTaken { step, signal }),
        (step(), attempt(), number(), option::of(payload()), due(), due()).prop_map(
            |(step, attempt, number, input, timer, deadline)| Event::StepCalled {
                step,
                attempt,
                number,
                input,
                timer,
                deadline
            }
        ),
        (slot_answer(), attempt(), wish()).prop_map(|(asked, attempt, wish)| {
            let SlotAnswer { step, item, ticket } = asked;
            Event::StepSlotRequested { step, item, attempt, ticket, wish }
        }),
        (slot_answer(), attempt(), text()).prop_map(|(asked, attempt, target)| {
            let SlotAnswer { step, item, ticket } = asked;
            Event::StepCallRequested { step, item, attempt, ticket, target }
        }),
        (any::<u8>(), ticket(), wish()).prop_map(|(rank, ticket, wish)| Event::RunQueued {
            rank,
            ticket,
            wish
        }),
        undo_event(),
        slept(),
    ]
    .boxed()
}

/// Any state that a run of `plan` could hold, and many that it could not.
pub(super) fn run(plan: &Arc<Plan>) -> BoxedStrategy<Run> {
    let count = plan.step_count();
    let timers = prop::collection::btree_map(timer(), set_timer(count), 0..5);
    let facts = (option::of(run_started()), time(), option::of(time()), status(count));
    let more = (any::<bool>(), timers, timer(), any::<u32>(), any::<bool>());
    let changes = vec((step_of(count), step_run()), 0..20);
    let round = (number(), number(), payload()).prop_map(|(round, forgiven, carry)| Loop {
        round,
        forgiven,
        carry,
    });
    let loops = prop::collection::btree_map(step_of(count), round, 0..3);
    let passed = prop::collection::btree_map(step(), 1u32..9, 0..3);
    let updates = prop::collection::btree_map(text(), any::<u32>(), 0..3);
    let called = (calls(count), any::<bool>(), passed, updates);
    let changes = (changes, signals(), ticket(), slot_holds(count), holds(count), loops, called);
    let plan = Arc::clone(plan);
    (facts, more, changes)
        .prop_map(move |(facts, more, changes)| {
            let mut run = Run::new(&plan);
            run.started = facts.0.map(Box::new);
            (run.started_at, run.ended_at, run.status) = (facts.1, facts.2, facts.3);
            (run.paused, run.timers, run.next_timer, run.revision) =
                (more.0, more.1, more.2, more.3);
            run.plan_undo(more.4);
            (run.signals, run.holds, run.loops) = (changes.1, changes.4, changes.5);
            (run.calls, run.parent_paused, run.passed, run.updates) = changes.6;
            for (step, next) in changes.0 {
                run.set_step(&plan, step, next);
            }
            if !changes.3.is_empty() {
                run.slots.asked = changes.2;
            }
            for (slot, hold) in changes.3 {
                run.set_hold(slot, Some(hold));
            }
            run
        })
        .boxed()
}

fn child_end() -> impl Strategy<Value = ChildEnd> {
    prop_oneof![
        payload().prop_map(|output| ChildEnd::Completed { output }),
        (failure(), any::<bool>())
            .prop_map(|(failure, goes_on)| ChildEnd::Failed { failure, goes_on }),
        (text(), any::<bool>())
            .prop_map(|(reason, goes_on)| ChildEnd::Cancelled { reason, goes_on }),
    ]
}

fn parent() -> impl Strategy<Value = Parent> {
    (any::<[u8; 16]>(), text(), step()).prop_map(|(run, name, step)| Parent {
        run: RunId(run),
        name,
        step,
    })
}

fn calls(count: u32) -> impl Strategy<Value = BTreeMap<StepIndex, LastCall>> {
    let hashes = (any::<[u8; 32]>(), any::<[u8; 32]>());
    let call = (number(), hashes, number(), any::<bool>()).prop_map(
        |(number, (definition, input), seen, goes_on)| LastCall {
            number,
            definition: DefinitionHash(definition),
            input: PayloadHash(input),
            seen,
            goes_on,
        },
    );
    prop::collection::btree_map(step_of(count), call, 0..3)
}

fn awaited() -> impl Strategy<Value = Awaited> {
    prop_oneof![
        text().prop_map(|name| Awaited::Signal { name }),
        (text(), any::<Option<u32>>()).prop_map(|(name, reads)| Awaited::Event { name, reads }),
        text().prop_map(|name| Awaited::Update { name }),
        (vec(text(), 0..4), text()).prop_map(|(by, message)| Awaited::Approval { by, message }),
    ]
}

fn slot_holds(count: u32) -> impl Strategy<Value = Vec<(Slot, Hold)>> {
    let slot = prop_oneof![
        any::<u8>().prop_map(Slot::Run),
        step_of(count).prop_map(Slot::Step),
        step_of(count).prop_map(Slot::Call),
        (step_of(count), item()).prop_map(|(step, item)| Slot::Item(step, item)),
        (step_of(count), item()).prop_map(|(step, item)| Slot::ItemCall(step, item)),
    ];
    let hold = (ticket(), attempt(), wish(), any::<bool>(), time()).prop_map(
        |(ticket, attempt, wish, granted, since)| Hold { ticket, attempt, wish, granted, since },
    );
    vec((slot, hold), 0..4)
}

fn slot_answer() -> impl Strategy<Value = SlotAnswer> {
    let parts = (step(), option::of(item()), ticket());
    parts.prop_map(|(step, item, ticket)| SlotAnswer { step, item, ticket })
}

fn item() -> impl Strategy<Value = ItemIndex> {
    number().prop_map(ItemIndex)
}

fn ticket() -> impl Strategy<Value = Ticket> {
    number().prop_map(|number| Ticket(number.max(1)))
}

fn wish() -> impl Strategy<Value = Wish> {
    let rate = option::of((number(), any::<u64>()));
    let size = (option::of(number()), rate).prop_map(|(slots, rate)| Size {
        slots,
        rate: rate.map(|(count, per_ms)| Rate { count, per_ms }),
    });
    (text(), size, text(), any::<i32>()).prop_map(|(limit, size, fairness_key, priority)| Wish {
        limit,
        size,
        fairness_key,
        priority,
    })
}

fn signals() -> impl Strategy<Value = Signals> {
    let offered = option::of((number(), number()))
        .prop_map(|some| some.map(|(record, step)| Offered { record, step: StepIndex(step) }));
    let kept = (text(), payload(), actor(), time(), offered)
        .prop_map(|(name, payload, by, at, offered)| KeptSignal { name, payload, by, at, offered });
    let kept = prop::collection::btree_map(number(), kept, 0..3);
    let ids = prop::collection::btree_set(text(), 0..3);
    let some =
        (1..u32::MAX, kept, ids).prop_map(|(received, kept, ids)| Signals { received, kept, ids });
    prop_oneof![Just(Signals::default()), some]
}

fn holds(count: u32) -> impl Strategy<Value = Holds> {
    let steps = prop::collection::btree_set(step_of(count), 0..3);
    (vec(text(), 0..3), steps).prop_map(|(by_store, steps)| Holds { by_store, steps })
}

fn status(count: u32) -> BoxedStrategy<RunStatus> {
    prop_oneof![
        Just(RunStatus::Running),
        (failure(), option::of(step_of(count)))
            .prop_map(|(failure, step)| RunStatus::Failing { failure, step }),
        text().prop_map(|reason| RunStatus::Cancelling { reason }),
        payload().prop_map(|output| RunStatus::Completed { output }),
        (failure(), option::of(step_of(count)))
            .prop_map(|(failure, step)| RunStatus::Failed { failure, step }),
        text().prop_map(|reason| RunStatus::Cancelled { reason }),
    ]
    .boxed()
}

fn set_timer(count: u32) -> impl Strategy<Value = Timer> {
    let purpose = prop_oneof![
        Just(TimerPurpose::RunTimeout),
        step_of(count).prop_map(TimerPurpose::Sleep),
        step_of(count).prop_map(TimerPurpose::Retry),
        step_of(count).prop_map(TimerPurpose::Deadline),
        step_of(count).prop_map(TimerPurpose::Wait),
        step_of(count).prop_map(TimerPurpose::Undo),
    ];
    (time(), purpose).prop_map(|(due, purpose)| Timer { due, purpose })
}

fn step_run() -> impl Strategy<Value = StepRun> {
    let times = (option::of(time()), option::of(time()));
    (state(), attempt(), any::<u32>(), option::of(timer()), times, option::of(step_undo()))
        .prop_map(
            |(state, attempt, attempts_forgiven, deadline, (started_at, settled_at), undo)| {
                StepRun {
                    undo: undo.map(Box::new),
                    state,
                    attempt,
                    attempts_forgiven,
                    deadline,
                    started_at,
                    settled_at,
                }
            },
        )
}

fn step_undo() -> impl Strategy<Value = StepUndo> {
    let running = (attempt(), option::of(payload()), any::<u32>(), any::<bool>(), time());
    let state = prop_oneof![
        Just(UndoState::Pending),
        (running, any::<bool>(), any::<bool>()).prop_map(|(running, rests, stopping)| {
            let (attempt, input, interruptions, may_repeat, since) = running;
            UndoState::Running { attempt, input, interruptions, may_repeat, rests, since, stopping }
        }),
        (attempt(), option::of(timer()), time(), failure()).prop_map(
            |(attempt, timer, at, failure)| UndoState::Retrying { attempt, timer, at, failure }
        ),
        failure().prop_map(|failure| UndoState::Failed { failure }),
        Just(UndoState::Undone),
        Just(UndoState::GivenUp),
    ];
    let items = any::<(u32, u32)>()
        .prop_map(|(below, undone)| ItemsUndo { below: ItemIndex(below), undone });
    (state, any::<u32>(), option::of(time()), option::of(time()), option::of(items)).prop_map(
        |(state, attempts_forgiven, started_at, settled_at, items)| StepUndo {
            state,
            attempts_forgiven,
            started_at,
            settled_at,
            items,
        },
    )
}

fn state() -> BoxedStrategy<StepState> {
    let running = (attempt(), option::of(payload()), any::<u32>(), any::<(bool, bool)>(), time());
    prop_oneof![
        Just(StepState::Waiting),
        (running, option::of(failure())).prop_map(|(running, stopping)| {
            let (attempt, input, interruptions, (may_repeat, rests), since) = running;
            StepState::Running { attempt, input, interruptions, may_repeat, rests, since, stopping }
        }),
        (timer(), time()).prop_map(|(timer, until)| StepState::Sleeping { timer, until }),
        (attempt(), option::of(timer()), time(), failure()).prop_map(
            |(attempt, timer, at, failure)| StepState::Retrying { attempt, timer, at, failure }
        ),
        payload().prop_map(|output| StepState::Completed { output }),
        (failure(), any::<bool>())
            .prop_map(|(failure, continued)| StepState::Failed { failure, continued }),
        text().prop_map(|reason| StepState::Skipped { reason, router: None }),
        Just(StepState::Skipped { reason: String::new(), router: Some(StepIndex(0)) }),
        Just(StepState::NotReached),
        Just(StepState::Cancelled),
        (awaited(), due()).prop_map(|(what, timer)| StepState::Awaiting { what, timer }),
        (number(), option::of(payload()), due(), option::of(failure())).prop_map(
            |(number, input, timer, stopping)| StepState::Calling {
                number,
                input,
                timer,
                stopping
            }
        ),
    ]
    .boxed()
}

fn run_started() -> impl Strategy<Value = RunStarted> {
    let ids = (any::<[u8; 16]>(), any::<[u8; 32]>(), any::<u64>());
    let texts = (text(), text(), text());
    let labels = vec((text(), text()), 0..4);
    let labels = (labels, vec(wish(), 0..3));
    let more = (due(), option::of(parent()));
    (ids, texts, labels, payload(), actor(), more).prop_map(
        |((run, definition, seed), (name, workflow, folder), labels, input, by, more)| {
            let (timeout, parent) = more;
            let (labels, limits) = labels;
            RunStarted {
                run: RunId(run),
                name,
                workflow,
                definition: DefinitionHash(definition),
                input,
                labels,
                folder,
                by,
                seed,
                timeout,
                parent,
                limits,
            }
        },
    )
}

pub(super) fn payload() -> impl Strategy<Value = Payload> {
    let content_type =
        || prop::sample::select(vec![ContentType::Json, ContentType::Bytes, ContentType::Chunks]);
    let bytes = vec(any::<u8>(), 0..300);
    prop_oneof![
        Just(Payload::Null),
        (content_type(), bytes).prop_map(|(kind, bytes)| Payload::Inline(kind, bytes.into())),
        (content_type(), any::<[u8; 32]>(), any::<u64>())
            .prop_map(|(kind, hash, len)| Payload::Stored(kind, PayloadHash(hash), len)),
    ]
}

pub(super) fn failure() -> impl Strategy<Value = Failure> {
    (text(), text(), any::<bool>(), option::of(text()))
        .prop_map(|(code, message, fatal, details)| Failure { code, message, fatal, details })
}

fn actor() -> impl Strategy<Value = Actor> {
    (text(), text()).prop_map(|(name, via)| Actor { name, via })
}

pub(super) fn due() -> impl Strategy<Value = Option<(TimerId, Timestamp)>> {
    option::of((timer(), time()))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "\\PC{0,12}", ".{240,260}"]
}

pub(super) fn step() -> impl Strategy<Value = StepIndex> {
    number().prop_map(StepIndex)
}

fn step_of(count: u32) -> impl Strategy<Value = StepIndex> {
    (0..count).prop_map(StepIndex)
}

pub(super) fn attempt() -> impl Strategy<Value = Attempt> {
    number().prop_map(Attempt)
}

pub(super) fn timer() -> impl Strategy<Value = TimerId> {
    number().prop_map(TimerId)
}

pub(super) fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0..300_u32, 60_000..70_000_u32, any::<u32>()]
}

pub(super) fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

fn state_hash() -> impl Strategy<Value = StateHash> {
    any::<[u8; 32]>().prop_map(StateHash)
}

fn failed_at() -> impl Strategy<Value = (Option<Failure>, Option<StepIndex>)> {
    (option::of(failure()), option::of(step()))
}

fn patched() -> impl Strategy<Value = (Vec<String>, Vec<LeftSignal>)> {
    let left = (any::<u32>(), text(), payload());
    let left = left.prop_map(|(number, name, payload)| LeftSignal { number, name, payload });
    (vec(text(), 0..2), vec(left, 0..3))
}

fn call_made() -> impl Strategy<Value = CallMade> {
    let about = (step(), any::<u32>(), text(), any::<u32>(), text());
    (about, payload(), option::of(payload()), vec(step(), 0..3)).prop_map(
        |((step, round, name, count, does), input, output, needs)| CallMade {
            step,
            round,
            name,
            count,
            does,
            input,
            output,
            needs,
        },
    )
}
