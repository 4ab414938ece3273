//! States round-trip, and their hash says what it should.

use std::sync::Arc;

use proptest::prelude::*;

use super::{NOW, failure, inline, plan, run, strategies, undoing_run};
use crate::codec::canonical::NULL_HASH;
use crate::codec::snapshot::seal;
use crate::codec::{DecodeError, decode_run, encode_run, show_state_hash, state_hash};
use crate::definition::Definition;
use crate::id::{Attempt, StepIndex, TimerId};
use crate::payload::{ContentType, Payload, PayloadHash};
use crate::plan::Plan;
use crate::run::{Run, RunStatus, StepRun, StepState, TimerPurpose};

fn hash_with(plan: &Plan, change: impl FnOnce(&mut Run)) -> String {
    let mut run = run(plan);
    change(&mut run);
    show_state_hash(&state_hash(plan, &run))
}

fn hash_with_output(plan: &Plan, output: Payload) -> String {
    hash_with(plan, |run| {
        let next = StepRun { state: StepState::Completed { output }, ..StepRun::default() };
        run.set_step(plan, StepIndex(0), next);
    })
}

#[test]
fn a_run_comes_back_before_its_first_event_and_in_every_state() {
    let plan = plan();
    let mut forgotten = run(&plan);
    forgotten.forgotten = true;
    for run in [Run::new(&plan), run(&plan), undoing_run(&plan), forgotten] {
        assert_eq!(decode_run(&plan, &encode_run(&plan, &run)), Ok(run));
    }
}

/// When this test fails, the canonical form, the snapshot and `strategies::run` have a field to learn.
#[test]
fn the_form_knows_every_field_of_a_run() {
    let shown = format!("{:#?}", Run::new(&plan()));
    let field = |line: &str| {
        let line = line.strip_prefix("    ")?;
        let (name, _) = line.split_once(": ")?;
        (!name.starts_with(' ')).then(|| name.to_owned())
    };
    let fields: Vec<String> = shown.lines().filter_map(field).collect();
    let written = ["started", "started_at", "ended_at", "status", "paused", "holds"];
    let timed = ["timers", "next_timer", "revision", "forgotten"];
    let kept = ["signals", "updates", "calls", "parent_paused", "code", "items", "loops"];
    let after = ["slots", "progress", "queued", "passed", "steps"];
    let derived =
        ["open_needs", "first_ok", "ready", "running", "awaiting", "calling", "open", "undo"];
    assert_eq!(fields, [&written[..], &timed, &kept, &after, &derived].concat());
}

#[test]
fn a_snapshot_of_another_plan_is_refused() {
    let plan = plan();
    let bytes = encode_run(&plan, &run(&plan));
    let definition = Definition { version: Some(2), ..plan.definition().clone() };
    let other = Plan::compile(definition).expect("the definition is in order");
    assert_eq!(decode_run(&other, &bytes), Err(DecodeError::Snapshot));
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let plan = plan();
    let bytes = encode_run(&plan, &run(&plan));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        assert_eq!(decode_run(&plan, &damaged), Err(DecodeError::Snapshot), "byte {at}");
        assert_eq!(decode_run(&plan, &bytes[..at]), Err(DecodeError::Snapshot), "cut at {at}");
    }
}

#[test]
fn a_snapshot_with_bytes_left_over_is_refused() {
    let plan = plan();
    let mut bytes = encode_run(&plan, &run(&plan));
    bytes.truncate(bytes.len() - 16);
    bytes.push(0);
    seal(&mut bytes);
    assert_eq!(decode_run(&plan, &bytes), Err(DecodeError::Snapshot));
}

#[test]
fn a_state_hash_shows_its_version() {
    let plan = plan();
    let shown = hash_with(&plan, |_| {});
    let digits = shown.strip_prefix("v1:").expect("the version comes first");
    assert_eq!(digits.len(), 64);
    assert_eq!(shown, hash_with(&plan, |_| {}));
}

#[test]
fn every_change_of_the_state_changes_the_hash() {
    let plan = plan();
    let step = |change: fn(&mut StepRun)| {
        hash_with(&plan, |run| {
            let mut next = run.step_run(StepIndex(0)).clone();
            change(&mut next);
            run.set_step(&plan, StepIndex(0), next);
        })
    };
    let mut hashes = vec![
        step(|_| {}),
        step(|step| step.attempt = Attempt(9)),
        step(|step| step.attempts_forgiven = 9),
        step(|step| step.settled_at = None),
        step(|step| step.state = StepState::Cancelled),
        hash_with(&plan, |run| run.started = None),
        hash_with(&plan, |run| run.started_at = NOW.plus_ms(9)),
        hash_with(&plan, |run| run.ended_at = None),
        hash_with(&plan, |run| run.status = RunStatus::Failed { failure: failure(), step: None }),
        hash_with(&plan, |run| run.paused = false),
        hash_with(&plan, |run| run.plan_undo(true)),
        step(|step| step.undo = Some(Box::default())),
        hash_with(&plan, |run| run.holds.by_store.push("workflow order".to_owned())),
        hash_with(&plan, |run| {
            run.holds.steps.insert(StepIndex(1));
        }),
        hash_with(&plan, |run| run.timers.clear()),
        hash_with(&plan, |run| {
            run.timers.values_mut().for_each(|timer| timer.due = timer.due.plus_ms(1));
        }),
        hash_with(&plan, |run| {
            run.timers.values_mut().for_each(|timer| timer.purpose = TimerPurpose::RunTimeout);
        }),
        hash_with(&plan, |run| run.next_timer.0 += 1),
        hash_with(&plan, |run| run.revision += 1),
        hash_with(&plan, |run| {
            run.queued.insert(StepIndex(1), TimerId(7));
        }),
        hash_with(&plan, |run| {
            run.passed.insert(StepIndex(1), 7);
        }),
        hash_with(&plan, |run| drop(run.progress.insert(StepIndex(1), inline("7")))),
    ];
    let count = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

#[test]
fn a_payload_hashes_the_same_wherever_its_bytes_are() {
    let plan = plan();
    let text = r#"{"ok":true}"#;
    let hash = PayloadHash(*blake3::hash(text.as_bytes()).as_bytes());
    let check = |output| hash_with_output(&plan, output);
    let as_stored = check(Payload::Stored(ContentType::Json, hash, 11));
    assert_eq!(check(inline(text)), as_stored);
    assert_ne!(check(Payload::Stored(ContentType::Bytes, hash, 11)), as_stored);
    assert_ne!(check(Payload::Stored(ContentType::Json, hash, 12)), as_stored);
    assert_eq!(check(Payload::Null), check(inline("null")));
}

#[test]
fn the_hash_of_null_is_the_hash_of_its_bytes() {
    assert_eq!(NULL_HASH, *blake3::hash(b"null").as_bytes());
}

proptest! {
    #[test]
    fn any_run_comes_back(
        (plan, run) in Just(Arc::new(plan())).prop_flat_map(|plan| {
            let run = strategies::run(&plan);
            (Just(plan), run)
        })
    ) {
        let bytes = encode_run(&plan, &run);
        let back = decode_run(&plan, &bytes);
        prop_assert_eq!(state_hash(&plan, &run), state_hash(&plan, back.as_ref().expect("it decodes")));
        prop_assert_eq!(back, Ok(run));
    }

    #[test]
    fn what_decodes_under_a_valid_checksum_is_what_would_be_written(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let plan = plan();
        let mut bytes = encode_run(&plan, &run(&plan));
        bytes.truncate(bytes.len() - 16);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        seal(&mut bytes);
        if let Ok(run) = decode_run(&plan, &bytes) {
            prop_assert_eq!(encode_run(&plan, &run), bytes);
        }
    }
}
