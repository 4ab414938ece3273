//! Bytes that were written once and must always be read, and written, the same.
//!
//! `NEXUS_WRITE_FIXTURES=1 cargo nextest run -p nexus-model` writes the files anew. Once a release has written a version,
//! its files stay as they are.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;

use super::{
    GIVEN, NOW, approvers, awaited, hold_slots, inline, plan, run, samples, signals, undoing_run,
};
use crate::codec::{
    Header, decode, decode_run, definition_of, encode, encode_run, event_name, kinds,
    show_state_hash, state_hash,
};
use crate::event::{Awaited, Event, Given};
use crate::id::{StepIndex, TimerId};
use crate::run::{StepRun, StepState, Timer, TimerPurpose};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/wire"))
}

pub(super) fn fixture(name: &str, file: &str, current: &[u8]) -> Vec<u8> {
    let path = folder().join(name).join(file);
    if std::env::var_os("NEXUS_WRITE_FIXTURES").is_some() {
        std::fs::create_dir_all(folder().join(name)).expect("the folder can be made");
        std::fs::write(&path, current).expect("the fixture can be written");
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(value: &impl std::fmt::Debug) -> Vec<String> {
    format!("{value:#?}").lines().map(str::to_owned).collect()
}

fn document(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn describe(header: Header, event: &Event, given: Option<Given>) -> String {
    document(&json!({
        "kind": header.kind,
        "name": event_name(event),
        "version": header.version,
        "flags": header.flags,
        "slots": given.map(|given| given.slots),
        "event": lines(event),
    }))
}

#[test]
fn events_are_read_and_written_as_ever() {
    for (event, given) in samples() {
        let name = event_name(&event);
        let mut body = Vec::new();
        let header = encode(&event, given, &mut body);
        let file = |extension| format!("v{}.{extension}", header.version);
        let bytes = fixture(name, &file("bin"), &body);
        assert_eq!(body, bytes, "{name} is written differently");
        let (read, read_given) = decode(header, &bytes, GIVEN.now.0).expect("a fixture decodes");
        assert_eq!((&read, read_given), (&event, given), "{name} is read differently");
        let text = describe(header, &read, read_given);
        let expected = fixture(name, &file("json"), text.as_bytes());
        assert_eq!(text, String::from_utf8_lossy(&expected), "{name} is shown differently");
    }
}

#[test]
fn every_kind_has_a_fixture_and_every_fixture_a_kind() {
    let entries = std::fs::read_dir(folder()).expect("the folder is there");
    let found: BTreeSet<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let named = kinds().map(|(_, name)| name).chain(["snapshot", "snapshot_undo", "state_hash"]);
    assert_eq!(found, named.map(str::to_owned).collect());
}

#[test]
fn a_snapshot_is_read_and_written_as_ever() {
    let plan = plan();
    let run = run(&plan);
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot", "v1.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    assert_eq!(decode_run(&plan, &bytes), Ok(run.clone()));
    let text = document(&json!({ "definition": plan.hash().to_string(), "run": lines(&run) }));
    let expected = fixture("snapshot", "v1.json", text.as_bytes());
    assert_eq!(text, String::from_utf8_lossy(&expected));
}

#[test]
fn a_snapshot_with_signals_is_read_and_written_as_ever() {
    let plan = plan();
    let mut run = run(&plan);
    run.signals = signals();
    let waits = StepState::Awaiting { what: awaited(), timer: Some((TimerId(2), NOW)) };
    let numbers = StepRun { state: waits, ..run.step_run(StepIndex(4)).clone() };
    run.set_step(&plan, StepIndex(4), numbers);
    run.timers.insert(TimerId(2), Timer { due: NOW, purpose: TimerPurpose::Wait(StepIndex(4)) });
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot", "v1-signals.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    assert_eq!(decode_run(&plan, &bytes), Ok(run));
}

#[test]
fn a_snapshot_with_slots_is_read_and_written_as_ever() {
    let plan = plan();
    let mut run = run(&plan);
    hold_slots(&mut run);
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot", "v1-slots.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    assert_eq!(decode_run(&plan, &bytes), Ok(run));
}

#[test]
fn a_snapshot_with_progress_and_queued_steps_is_read_and_written_as_ever() {
    let plan = plan();
    let mut run = run(&plan);
    run.progress = [(StepIndex(3), inline(r#"{"done":3}"#))].into();
    run.queued = [(StepIndex(8), TimerId(9))].into();
    let purpose = TimerPurpose::Start(StepIndex(8));
    run.timers.insert(TimerId(9), Timer { due: NOW, purpose });
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot", "v1-progress.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    assert_eq!(decode_run(&plan, &bytes), Ok(run));
}

#[test]
fn a_snapshot_with_an_approval_is_read_and_written_as_ever() {
    let plan = plan();
    let mut run = run(&plan);
    let what = Awaited::Approval { by: approvers(), message: "Score 0.7".to_owned() };
    let waits = StepState::Awaiting { what, timer: Some((TimerId(2), NOW)) };
    let numbers = StepRun { state: waits, ..run.step_run(StepIndex(4)).clone() };
    run.set_step(&plan, StepIndex(4), numbers);
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot", "v1-approval.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    assert_eq!(decode_run(&plan, &bytes), Ok(run));
}

#[test]
fn a_snapshot_with_updates_is_read_and_written_as_ever() {
    let plan = plan();
    let mut run = run(&plan);
    run.updates = [("upd-7".to_owned(), 12), ("upd-8".to_owned(), 300)].into();
    let what = Awaited::Update { name: "quantity".to_owned() };
    let waits = StepState::Awaiting { what, timer: Some((TimerId(2), NOW)) };
    let numbers = StepRun { state: waits, ..run.step_run(StepIndex(4)).clone() };
    run.set_step(&plan, StepIndex(4), numbers);
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot", "v1-updates.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    assert_eq!(decode_run(&plan, &bytes), Ok(run));
}

#[test]
fn a_snapshot_of_a_run_that_undoes_is_read_and_written_as_ever() {
    let plan = plan();
    let run = undoing_run(&plan);
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot_undo", "v1.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    assert_eq!(decode_run(&plan, &bytes), Ok(run.clone()));
    let hash = show_state_hash(&state_hash(&plan, &run));
    let text = document(&json!({ "hash": hash, "run": lines(&run) }));
    let expected = fixture("snapshot_undo", "v1.json", text.as_bytes());
    assert_eq!(text, String::from_utf8_lossy(&expected));
}

#[test]
fn a_snapshot_with_holds_is_read_and_written_as_ever() {
    let plan = plan();
    let mut run = run(&plan);
    run.holds.by_store = vec!["the engine".to_owned(), "workflow order".to_owned()];
    run.holds.steps = [StepIndex(1), StepIndex(4)].into();
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot", "v1-holds.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    assert_eq!(decode_run(&plan, &bytes), Ok(run));
}

#[test]
fn a_snapshot_of_a_run_that_was_migrated_is_read_and_written_as_ever() {
    let plan = plan();
    let mut run = run(&plan);
    run.passed = [(StepIndex(0), 3), (StepIndex(70_000), 1)].into();
    let current = encode_run(&plan, &run);
    let bytes = fixture("snapshot", "v1-passed.bin", &current);
    assert_eq!(current, bytes, "a snapshot is written differently");
    assert_eq!(decode_run(&plan, &bytes), Ok(run));
    assert_eq!(definition_of(&bytes), Some(plan.hash()));
}

#[test]
fn a_state_hash_is_computed_as_ever() {
    let plan = plan();
    let shown = show_state_hash(&state_hash(&plan, &run(&plan)));
    let current = format!("{shown}\n");
    let expected = fixture("state_hash", "v1.txt", current.as_bytes());
    assert_eq!(current, String::from_utf8_lossy(&expected));
}
