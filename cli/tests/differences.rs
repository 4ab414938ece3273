//! A history that was changed: `replay` says where it parts from what follows, and ends with exit code 7.

use std::fs;
use std::path::Path;
use std::process::Command;

use nexus_engine::events_of;
use nexus_engine::log::{
    Change, EventLog, FjallLog, Frame, Options, Outcome, Partition, Position, Records, Row,
    Submission, Table, Transition,
};
use nexus_engine::model::codec::encode;
use nexus_engine::model::event::Event;
use nexus_engine::model::id::StateHash;
use nexus_engine::model::payload::{ContentType, Payload};
use nexus_engine::tables::{DEFINITIONS, META, NAMES, TABLES};

const WORKFLOW: &str = "nexus: v1
name: sum
inputs:
  a: { type: integer, default: 2 }
steps:
  add: { set: { sum: \"${{ inputs.a + 3 }}\" } }
outputs: ${{ steps.add.output.sum }}
";

fn nexus(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-engine"));
    let output = command.args(args).current_dir(folder).env_remove("NEXUS_STORE").output();
    let output = output.expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// Runs the workflow in `folder` and copies its store to `copy`, with each event as `change` leaves it.
fn run_and_copy(folder: &Path, change: impl Fn(&mut Event)) {
    fs::write(folder.join("sum.workflow.yaml"), WORKFLOW).expect("a file");
    let (code, out, err) = nexus(folder, &["run", "sum.workflow.yaml", "--id", "sum"]);
    assert_eq!((code, out.as_str()), (0, "5\n"), "{err}");
    let from = FjallLog::open(&folder.join(".nexus"), Options::new(TABLES)).expect("a store");
    let to = FjallLog::open(&folder.join("copy"), Options::new(TABLES)).expect("a new store");
    let frames = from.read(Partition(0), Position(0), usize::MAX).expect("readable frames");
    let mut rows =
        [NAMES, DEFINITIONS, META].into_iter().flat_map(|table| rows(&from, table)).collect();
    for frame in frames {
        append(&to, &frame, changed(&frame, &change), std::mem::take(&mut rows));
    }
}

fn rows(log: &FjallLog, table: Table) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |key: &[u8], value: &[u8]| {
        rows.push(Row { table, key: key.to_vec(), change: Change::Put(value.to_vec()) });
    };
    log.each_row(table, &mut add).expect("readable rows");
    rows
}

fn changed(frame: &Frame, change: &impl Fn(&mut Event)) -> Records {
    let mut records = Records::new();
    let events = events_of(frame).expect("events of this version");
    for (recorded, old) in events.into_iter().zip(&frame.records) {
        let mut event = recorded.event;
        change(&mut event);
        let mut body = Vec::new();
        let header = encode(&event, recorded.given, &mut body);
        records.push_with(header.kind, header.version, old.flags, |bytes| bytes.extend(&body));
    }
    records
}

fn append(log: &FjallLog, frame: &Frame, records: Records, rows: Vec<Row>) {
    let (stream, expected, time_us) = (frame.stream, frame.revision, frame.time_us);
    let transition = Transition { stream, expected, time_us, records, rows, payloads: Vec::new() };
    let permit = log.permits().try_acquire(transition.bytes()).expect("nobody else asks");
    let submission = Submission { partition: Partition(0), transitions: vec![transition], permit };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let outcome = runtime.block_on(log.append(submission)).expect("an answer");
    assert!(matches!(outcome.as_slice(), [Outcome::Appended(_)]), "{outcome:?}");
}

#[test]
fn a_copy_that_changes_nothing_is_as_recorded() {
    let here = tempfile::tempdir().expect("a folder for the test");
    run_and_copy(here.path(), |_| {});
    let (code, out, err) = nexus(here.path(), &["replay", "sum", "--store", "copy"]);
    assert!(code == 0 && out.contains(" = recorded ✔ · 0 handlers called"), "{out}{err}");
}

#[test]
fn an_event_that_does_not_follow_is_shown_beside_the_one_that_does() {
    let here = tempfile::tempdir().expect("a folder for the test");
    run_and_copy(here.path(), |event| {
        if let Event::RunCompleted { output, .. } = event {
            *output = Payload::Inline(ContentType::Json, (*b"6").into());
        }
    });
    let (code, _, err) = nexus(here.path(), &["replay", "sum", "--store", "copy"]);
    assert_eq!(code, 7, "{err}");
    assert!(err.contains("error[NX5001]: sum takes another path than recorded"), "{err}");
    let marked = err.lines().find(|line| line.ends_with("◀ first difference")).expect("a mark");
    assert!(marked.matches("run.completed").count() == 2 && marked.contains('6'), "{err}");
    let (code, out, err) =
        nexus(here.path(), &["replay", "--all", "--store", "copy", "-o", "json"]);
    let all: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        (code, all["differ"].as_u64(), all["same"].as_u64()),
        (7, Some(1), Some(0)),
        "{err}"
    );
    assert!(err.contains("\"NX5001\""), "{err}");
}

#[test]
fn another_state_than_the_recorded_one_is_a_difference() {
    let here = tempfile::tempdir().expect("a folder for the test");
    run_and_copy(here.path(), |event| {
        if let Event::RunCompleted { state, .. } = event {
            *state = StateHash([7; 32]);
        }
    });
    let (code, out, err) = nexus(here.path(), &["replay", "sum", "--store", "copy"]);
    assert!(code == 7 && out.contains(" ≠ recorded v1:0707…07 ✘"), "{out}{err}");
    assert!(err.contains("error[NX5002]: sum comes to the state v1:"), "{err}");
    assert!(!err.contains("derived now"), "{err}");
}
