//! Events and states of items: samples, any of them, and their fixture.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::fixtures::fixture;
use super::strategies::{attempt, due, failure, number, payload, step, time, timer};
use super::{NOW, call_requested, failure as some_failure, inline, plan, run, stored, wish};
use crate::codec::{DecodeError, decode_run, encode_run, state_hash};
use crate::definition::{Definition, ForEach, OnItemError};
use crate::event::{Event, Interruption, ItemUndoStarted, ItemUndone, SlotAnswer};
use crate::id::{Attempt, ItemIndex, StepIndex, TimerId};
use crate::limit::Ticket;
use crate::payload::PayloadHash;
use crate::plan::Plan;
use crate::run::{
    Hold, ItemOutcome, ItemRun, ItemState, ItemsChange, ItemsRun, Run, Slot, StepRun, StepState,
    StoredOutputs,
};

const STEP: StepIndex = StepIndex(8);

/// One event of every kind that can come from outside.
pub(super) fn outside_samples() -> Vec<Event> {
    let (step, item, attempt) = (StepIndex(2), ItemIndex(70_000), Attempt(1));
    vec![
        Event::ItemCompleted { step, item, attempt, output: inline("7"), may_repeat: true },
        Event::ItemAttemptFailed { step, item, attempt, failure: some_failure() },
        Event::ItemResumed { step, item, attempt },
        Event::ItemUndone(ItemUndone { step, item, attempt, may_repeat: true }),
        Event::StepSlotGranted(answer(step, item)),
        Event::StepCallAllowed(answer(step, item)),
        Event::StepCallRefused(answer(step, item)),
        Event::ItemsInterrupted {
            attempts: vec![(step, item, attempt), (step, ItemIndex(3), Attempt(251))],
            how: Interruption::ProcessEnded,
        },
    ]
}

/// One event of every kind that is derived.
pub(super) fn derived_samples() -> Vec<Event> {
    let (step, item, attempt) = (StepIndex(2), ItemIndex(300), Attempt(2));
    let (timer, outputs) = (TimerId(3), PayloadHash([4; 32]));
    vec![
        Event::ItemsStarted {
            step,
            count: 300,
            chunks: vec![PayloadHash([1; 32]), PayloadHash([255; 32])],
            deadline: Some((timer, NOW)),
        },
        Event::ItemStarted { step, item, attempt, input: Some(stored()) },
        Event::ItemRetryScheduled { step, item, attempt, timer, at: NOW },
        Event::ItemFailed { step, item, attempt, failure: some_failure() },
        Event::OutputsStored { step, chunk: 1, outputs },
        Event::ItemUndoStarted(Box::new(ItemUndoStarted {
            step,
            item,
            attempt,
            input: Some(stored()),
        })),
        Event::ItemOutputMapped { step, item, output: inline("{}") },
        Event::StepSlotRequested {
            step,
            item: Some(item),
            attempt,
            ticket: Ticket(7),
            wish: wish(),
        },
        call_requested(step, Some(item), attempt),
    ]
}

fn answer(step: StepIndex, item: ItemIndex) -> SlotAnswer {
    SlotAnswer { step, item: Some(item), ticket: Ticket(300) }
}

pub(super) fn event() -> BoxedStrategy<Event> {
    let hash = || any::<[u8; 32]>().prop_map(PayloadHash);
    let attempts = vec((step(), item(), attempt()), 0..5);
    prop_oneof![
        (step(), number(), vec(hash(), 0..4), due()).prop_map(|(step, count, chunks, deadline)| {
            Event::ItemsStarted { step, count, chunks, deadline }
        }),
        (step(), item(), attempt()).prop_map(|(step, item, attempt)| Event::ItemResumed {
            step,
            item,
            attempt
        }),
        (step(), item(), attempt(), option::of(payload())).prop_map(
            |(step, item, attempt, input)| Event::ItemStarted { step, item, attempt, input }
        ),
        (step(), item(), attempt(), payload(), any::<bool>()).prop_map(
            |(step, item, attempt, output, may_repeat)| {
                Event::ItemCompleted { step, item, attempt, output, may_repeat }
            }
        ),
        (step(), item(), attempt(), failure()).prop_map(|(step, item, attempt, failure)| {
            Event::ItemAttemptFailed { step, item, attempt, failure }
        }),
        (attempts, prop::sample::select(&Interruption::ALL))
            .prop_map(|(attempts, how)| Event::ItemsInterrupted { attempts, how }),
        (step(), item(), payload()).prop_map(|(step, item, output)| Event::ItemOutputMapped {
            step,
            item,
            output
        }),
        (step(), item(), attempt(), timer(), time()).prop_map(
            |(step, item, attempt, timer, at)| {
                Event::ItemRetryScheduled { step, item, attempt, timer, at }
            }
        ),
        (step(), item(), attempt(), failure()).prop_map(|(step, item, attempt, failure)| {
            Event::ItemFailed { step, item, attempt, failure }
        }),
        (step(), item(), attempt(), option::of(payload())).prop_map(
            |(step, item, attempt, input)| {
                Event::ItemUndoStarted(Box::new(ItemUndoStarted { step, item, attempt, input }))
            }
        ),
        (step(), item(), attempt(), any::<bool>()).prop_map(|(step, item, attempt, may_repeat)| {
            Event::ItemUndone(ItemUndone { step, item, attempt, may_repeat })
        }),
        (step(), number(), hash()).prop_map(|(step, chunk, outputs)| Event::OutputsStored {
            step,
            chunk,
            outputs
        }),
    ]
    .boxed()
}

fn item() -> impl Strategy<Value = ItemIndex> {
    number().prop_map(ItemIndex)
}

/// Any items, and many that no step could have.
fn items() -> impl Strategy<Value = ItemsRun> {
    let chunks = vec(any::<[u8; 32]>().prop_map(PayloadHash), 0..4);
    let open = btree_map(item(), item_run(), 0..5);
    let settled = btree_map(item(), outcome(), 0..5);
    let stored =
        (any::<[u8; 32]>(), any::<u64>(), number()).prop_map(|(hash, bytes, completed)| {
            StoredOutputs { hash: PayloadHash(hash), bytes, completed }
        });
    let stored = btree_map(number(), stored, 0..3);
    let numbers = (number(), item(), number(), option::of(failure()));
    (numbers, chunks, open, settled, stored).prop_map(items_of)
}

type Parts = (
    (u32, ItemIndex, u32, Option<crate::event::Failure>),
    Vec<PayloadHash>,
    BTreeMap<ItemIndex, ItemRun>,
    BTreeMap<ItemIndex, ItemOutcome>,
    BTreeMap<u32, StoredOutputs>,
);

fn items_of((numbers, chunks, open, settled, stored): Parts) -> ItemsRun {
    let (count, next, failed, stopping) = numbers;
    let mut items = ItemsRun::new(count, chunks.into(), 4);
    items.change(ItemsChange::Counts { next, failed });
    items.change(ItemsChange::Stopping(stopping));
    for (item, run) in open {
        items.change(ItemsChange::Open(item, Some(run)));
    }
    for (item, outcome) in settled {
        items.change(ItemsChange::Settled(item, Some(outcome)));
    }
    for (chunk, outputs) in stored {
        items.change(ItemsChange::Stored(chunk, Some(outputs)));
    }
    items
}

fn item_run() -> impl Strategy<Value = ItemRun> {
    let flags = any::<(bool, bool)>();
    let state = prop_oneof![
        Just(ItemState::Waiting),
        (option::of(payload()), any::<u32>(), flags, time()).prop_map(
            |(input, interruptions, (may_repeat, rests), since)| ItemState::Running {
                input,
                interruptions,
                may_repeat,
                rests,
                since
            }
        ),
        (option::of(timer()), time(), failure())
            .prop_map(|(timer, at, failure)| ItemState::Retrying { timer, at, failure }),
    ];
    (attempt(), any::<u32>(), state).prop_map(|(attempt, attempts_forgiven, state)| ItemRun {
        attempt,
        attempts_forgiven,
        state,
    })
}

fn outcome() -> impl Strategy<Value = ItemOutcome> {
    prop_oneof![payload().prop_map(ItemOutcome::Completed), failure().prop_map(ItemOutcome::Failed)]
}

/// The plan of the other tests, whose last step has items.
fn plan_with_items() -> Plan {
    let mut definition: Definition = plan().definition().clone();
    definition.steps[STEP.at()].for_each = Some(ForEach {
        items: serde_json::json!([]),
        name: "line".to_owned(),
        concurrency: 4,
        on_item_error: OnItemError::Collect,
    });
    Plan::compile(definition).expect("the definition is in order")
}

fn with_items(plan: &Plan, items: ItemsRun) -> Run {
    let mut run = run(plan);
    run.put_items(STEP, Some(items));
    let numbers = StepRun { state: StepState::Iterating, ..run.step_run(STEP).clone() };
    run.set_step(plan, STEP, numbers);
    run
}

fn sample() -> ItemsRun {
    let running = ItemState::Running {
        input: Some(stored()),
        interruptions: 1,
        may_repeat: true,
        rests: false,
        since: NOW,
    };
    let retrying =
        ItemState::Retrying { timer: Some(TimerId(2)), at: NOW, failure: some_failure() };
    let open = [(258, running), (259, retrying), (260, ItemState::Waiting)].map(|(item, state)| {
        (ItemIndex(item), ItemRun { attempt: Attempt(2), attempts_forgiven: 1, state })
    });
    let settled = [
        (ItemIndex(256), ItemOutcome::Completed(inline("7"))),
        (ItemIndex(257), ItemOutcome::Failed(some_failure())),
    ];
    let stored = [(0, StoredOutputs { hash: PayloadHash([6; 32]), bytes: 1_000, completed: 255 })];
    let chunks = vec![PayloadHash([1; 32]), PayloadHash([2; 32])];
    items_of(((300, ItemIndex(261), 1, None), chunks, open.into(), settled.into(), stored.into()))
}

#[test]
fn a_snapshot_with_items_is_read_and_written_as_ever() {
    let plan = plan_with_items();
    let run = with_items(&plan, sample());
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot", "v1-items.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    assert_eq!(decode_run(&plan, &bytes), Ok(run));
}

#[test]
fn a_snapshot_with_slots_of_items_is_read_and_written_as_ever() {
    let plan = plan_with_items();
    let mut run = with_items(&plan, sample());
    run.slots.asked = Ticket(9);
    let hold = |ticket, granted| Hold {
        ticket: Ticket(ticket),
        attempt: Attempt(3),
        wish: wish(),
        granted,
        since: NOW,
    };
    run.set_hold(Slot::Item(STEP, ItemIndex(260)), Some(hold(8, true)));
    run.set_hold(Slot::ItemCall(STEP, ItemIndex(260)), Some(hold(9, false)));
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot", "v1-items-slots.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    let back = decode_run(&plan, &bytes).expect("it is read");
    assert_eq!(back, run);
    let next = |run: &Run| run.items(STEP).and_then(ItemsRun::next_to_start);
    assert_eq!(next(&back), Some(ItemIndex(261)), "the one that waits is passed over");
    run.set_hold(Slot::ItemCall(STEP, ItemIndex(260)), Some(hold(9, true)));
    assert_eq!(next(&run), Some(ItemIndex(260)), "it can start now");
}

#[test]
fn every_change_of_the_items_changes_the_hash_and_is_undone() {
    let plan = plan_with_items();
    let before = with_items(&plan, sample());
    let hash = state_hash(&plan, &before);
    let open = ItemRun { attempt: Attempt(9), attempts_forgiven: 0, state: ItemState::Waiting };
    for change in [
        ItemsChange::Counts { next: ItemIndex(262), failed: 1 },
        ItemsChange::Counts { next: ItemIndex(261), failed: 2 },
        ItemsChange::Stopping(Some(some_failure())),
        ItemsChange::Open(ItemIndex(258), None),
        ItemsChange::Open(ItemIndex(258), Some(open)),
        ItemsChange::Settled(ItemIndex(256), None),
        ItemsChange::Settled(ItemIndex(255), Some(ItemOutcome::Failed(some_failure()))),
        ItemsChange::Stored(0, None),
    ] {
        let mut run = before.clone();
        let shown = format!("{change:?}");
        let undo = run.change_items(STEP, change).expect("it has items");
        assert_ne!(state_hash(&plan, &run), hash, "{shown}");
        run.change_items(STEP, undo);
        assert_eq!(run, before, "{shown}");
    }
}

#[test]
fn items_of_a_step_without_a_list_are_refused() {
    let with = plan_with_items();
    let bytes = encode_run(&with, &with_items(&with, sample()));
    assert_eq!(decode_run(&plan(), &bytes), Err(DecodeError::Snapshot));
}

proptest! {
    #[test]
    fn any_items_come_back((plan, items) in (Just(Arc::new(plan_with_items())), items())) {
        let run = with_items(&plan, items);
        let back = decode_run(&plan, &encode_run(&plan, &run));
        prop_assert_eq!(back, Ok(run));
    }
}
