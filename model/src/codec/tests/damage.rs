//! Bytes that the codec does not write are refused, also under a valid checksum.

use std::sync::Arc;

use super::{NOW, plan, run};
use crate::code::CallMade;
use crate::codec::canonical::{self, Payloads, Writer};
use crate::codec::code::put_calls_of;
use crate::codec::snapshot::{Reader, seal};
use crate::codec::{DecodeError, decode_run, encode_run, plan_of_snapshot};
use crate::definition::Definition;
use crate::id::{ItemIndex, StepIndex, TimerId};
use crate::plan::Plan;
use crate::run::{Run, Timer, TimerPurpose};

const TIME: [u8; 8] = NOW.0.to_le_bytes();

/// Reads a snapshot; what is read must be what is written.
fn read(plan: &Plan, mut state: Vec<u8>) -> Result<Run, DecodeError> {
    put_calls_of(&mut state, plan);
    seal(&mut state);
    let read = decode_run(plan, &state)?;
    assert_eq!(encode_run(plan, &read), state);
    Ok(read)
}

fn with_section(plan: &Plan, run: &Run, section: &[u8]) -> Result<Run, DecodeError> {
    let mut state = canonical::write(plan, run, Payloads::Whole);
    state.extend_from_slice(section);
    read(plan, state)
}

/// A section as it is written, and what is no such section.
#[track_caller]
fn check(whole: &[u8], damaged: &[&[u8]]) {
    let plan = plan();
    let run = run(&plan);
    assert!(with_section(&plan, &run, whole).is_ok(), "{whole:?}");
    for section in damaged {
        let refused = Err(DecodeError::Snapshot);
        assert_eq!(with_section(&plan, &run, section), refused, "{section:?}");
    }
}

#[test]
fn steps_are_in_order_each_once_and_of_the_plan() {
    for (number, rest) in [
        (canonical::SECTION_QUEUED, &[7][..]),
        (canonical::SECTION_PROGRESS, &[0]),
        (canonical::SECTION_LOOPS, &[1, 0, 0]),
        (canonical::SECTION_CALLS, &[1; 67]),
        (canonical::SECTION_PASSED, &[3]),
    ] {
        let section = |steps: &[u8]| {
            let entries = steps.iter().flat_map(|step| [&[*step], rest].concat());
            [number, u8::try_from(steps.len()).expect("few steps")]
                .into_iter()
                .chain(entries)
                .collect::<Vec<u8>>()
        };
        check(&section(&[1, 8]), &[&section(&[]), &section(&[4, 4]), &section(&[4, 1])]);
        let other_steps = number == canonical::SECTION_PASSED;
        let beyond = with_section(&plan(), &run(&plan()), &section(&[1, 9]));
        assert_eq!(beyond.is_ok(), other_steps, "section {number}");
    }
}

#[test]
fn holds_are_in_order() {
    let number = canonical::SECTION_HOLDS;
    check(
        &[number, 1, 1, b'x', 2, 1, 4],
        &[
            &[number, 0, 0],
            &[number, 1, 1, b'x', 2, 4, 4],
            &[number, 1, 1, b'x', 2, 4, 1],
            &[number, 0, 1, 9],
        ],
    );
    check(&[number, 1, 1, b'x', 0], &[]);
    check(&[number, 0, 1, 4], &[]);
}

#[test]
fn accepted_updates_are_in_order() {
    let number = canonical::updates::SECTION_UPDATES;
    check(
        &[number, 2, 1, b'a', 1, 1, b'b', 2],
        &[&[number, 0], &[number, 2, 1, b'a', 1, 1, b'a', 2], &[number, 2, 1, b'b', 1, 1, b'a', 2]],
    );
}

#[test]
fn signals_are_in_order() {
    let kept = |signal: u8| [&[signal, 1, b's', 0, 1, b'n', 1, b'v'][..], &TIME, &[0]].concat();
    let section = |received: u8, signals: &[u8], ids: &[u8]| {
        let mut section = vec![canonical::SECTION_SIGNALS, received];
        section.push(u8::try_from(signals.len()).expect("few signals"));
        section.extend(signals.iter().flat_map(|signal| kept(*signal)));
        section.push(u8::try_from(ids.len()).expect("few ids"));
        section.extend(ids.iter().flat_map(|id| [1, *id]));
        section
    };
    check(
        &section(2, &[1, 2], b"ab"),
        &[
            &section(0, &[], b""),
            &section(0, &[1, 2], b"ab"),
            &section(2, &[1, 1], b"ab"),
            &section(2, &[2, 1], b"ab"),
            &section(2, &[1, 2], b"aa"),
            &section(2, &[1, 2], b"ba"),
        ],
    );
    check(&section(1, &[], b""), &[]);
}

#[test]
fn a_run_that_has_not_started_was_called_by_nobody() {
    let plan = plan();
    let called = [&[canonical::SECTION_PARENT, 1][..], &[3; 16], &[1, b'w', 7, 0]].concat();
    assert!(with_section(&plan, &run(&plan), &called).is_ok());
    let refused = Err(DecodeError::Snapshot);
    assert_eq!(with_section(&plan, &Run::new(&plan), &called), refused);
    let nothing = [canonical::SECTION_PARENT, 0, 0];
    assert_eq!(with_section(&plan, &run(&plan), &nothing), refused);
    let paused = with_section(&plan, &Run::new(&plan), &[canonical::SECTION_PARENT, 0, 1]);
    assert!(paused.expect("it is read").parent_paused);
}

/// A run that has not begun, but has timers: their bytes are put in place of a count of zero.
fn with_timers(timers: &[Vec<u8>]) -> Result<Run, DecodeError> {
    let plan = plan();
    let mut state = canonical::write(&plan, &Run::new(&plan), Payloads::Whole);
    // Version, definition, no start, its time, no end, status and pause come before.
    let at = 1 + 32 + 1 + 8 + 1 + 1 + 1;
    let count = u8::try_from(timers.len()).expect("few timers");
    assert_eq!(state[at], 0, "there is no timer yet");
    state.splice(at..=at, std::iter::once(count).chain(timers.concat()));
    read(&plan, state)
}

fn timer(id: u8, purpose: &[u8]) -> Vec<u8> {
    [&[id][..], &TIME, purpose].concat()
}

#[test]
fn timers_are_in_order() {
    let with = |ids: &[u8]| {
        let timers: Vec<Vec<u8>> = ids.iter().map(|id| timer(*id, &[0])).collect();
        with_timers(&timers)
    };
    assert!(with(&[1, 2]).is_ok());
    for ids in [[1, 1], [2, 1]] {
        assert_eq!(with(&ids), Err(DecodeError::Snapshot), "{ids:?}");
    }
}

#[test]
fn what_a_timer_is_for_comes_back() {
    let step = StepIndex(8);
    for (bytes, purpose) in [
        (&[0][..], TimerPurpose::RunTimeout),
        (&[1, 8], TimerPurpose::Sleep(step)),
        (&[2, 8], TimerPurpose::Retry(step)),
        (&[3, 8], TimerPurpose::Deadline(step)),
        (&[4, 8], TimerPurpose::Wait(step)),
        (&[37, 8, 0xac, 2], TimerPurpose::ItemRetry(step, ItemIndex(300))),
        (&[50, 8], TimerPurpose::Start(step)),
        (&[canonical::UNDO, 8], TimerPurpose::Undo(step)),
    ] {
        let run = with_timers(&[timer(7, bytes)]).expect("it is read");
        assert_eq!(run.timers, [(TimerId(7), Timer { due: NOW, purpose })].into());
        let beyond: Vec<u8> = bytes.iter().map(|byte| if *byte == 8 { 9 } else { *byte }).collect();
        let fits = with_timers(&[timer(7, &beyond)]).is_ok();
        assert_eq!(fits, purpose == TimerPurpose::RunTimeout, "{purpose:?} of step 9");
    }
    assert_eq!(with_timers(&[timer(7, &[5, 8])]), Err(DecodeError::Snapshot));
}

#[test]
fn a_number_is_read_as_it_is_written_and_in_no_other_form() {
    for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), 1 << 63, u64::MAX] {
        let mut writer = Writer::new(Payloads::Whole);
        writer.number(number);
        let mut reader = Reader::new(&writer.out);
        assert_eq!(reader.number(), Some(number), "{:?}", writer.out);
        assert!(reader.is_empty());
        for cut in 0..writer.out.len() {
            assert_eq!(Reader::new(&writer.out[..cut]).number(), None, "{number} cut at {cut}");
        }
    }
    let nine = [0xff; 9];
    for (bytes, what) in [
        (&[0x80, 0][..], "a zero in two bytes"),
        (&[0x87, 0], "a seven in two bytes"),
        (&[0x87, 0x80, 0], "a seven in three bytes"),
        (&[&nine[..], &[2]].concat(), "more than 64 bits"),
        (&[&nine[..], &[0x7f]].concat(), "many more than 64 bits"),
        (&[&nine[..], &[0x81, 0]].concat(), "more than ten bytes"),
    ] {
        assert_eq!(Reader::new(bytes).number(), None, "{what}");
    }
    assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f]).number32(), Some(u32::MAX));
    assert_eq!(Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x10]).number32(), None);
}

/// A function that has made so many calls, whose steps have these numbers.
fn calls(steps: &[u32]) -> Vec<Arc<CallMade>> {
    let call = |at: &u32| CallMade {
        step: StepIndex(*at),
        name: format!("call {at}"),
        does: r#"{"id":"","kind":{"action":{"uses":"charge"}}}"#.to_owned(),
        ..CallMade::default()
    };
    steps.iter().map(call).map(Arc::new).collect()
}

fn plan_of_code() -> Plan {
    let definition = Definition {
        name: "order".to_owned(),
        code: true,
        input_is_value: true,
        ..Definition::default()
    };
    Plan::compile(definition).expect("the definition is in order")
}

#[test]
fn the_steps_of_a_function_are_in_order() {
    let plan = plan_of_code().of_calls(&calls(&[0, 1, 2])).expect("they can be called");
    let mut run = Run::new(&plan);
    run.code = None;
    let section = |open: &[u8], settled: &[u8], free: &[u8]| {
        let mut section = vec![crate::codec::code::SECTION_CODE, 0, 0, 0, 0];
        for steps in [open, settled, free] {
            section.push(u8::try_from(steps.len()).expect("few steps"));
            section.extend_from_slice(steps);
        }
        section.extend([0, 0]);
        with_section(&plan, &run, &section)
    };
    let read = section(&[0, 1], &[2, 0], &[1, 2]).expect("it is read").code.expect("its function");
    assert!(read.settled.iter().eq([2, 0].map(StepIndex)), "as they came");
    for (open, free) in [([1, 1], [1, 2]), ([1, 0], [1, 2]), ([0, 1], [2, 2]), ([0, 1], [2, 1])] {
        let refused = Err(DecodeError::Snapshot);
        assert_eq!(section(&open, &[2, 0], &free), refused, "open {open:?}, free {free:?}");
    }
    assert_eq!(section(&[0, 3], &[], &[]), Err(DecodeError::Snapshot), "there is no step 3");
    assert_eq!(with_section(&plan, &run, &[]), Err(DecodeError::Snapshot), "nothing of it");
}

#[test]
fn the_calls_of_a_snapshot_are_the_steps_from_the_first_on() {
    let base = Arc::new(plan_of_code());
    let plan_of = |steps: &[u32]| base.of_calls(&calls(steps)).expect("they can be called");
    let plan = plan_of(&[0, 1]);
    let state = canonical::write(&plan, &Run::new(&plan), Payloads::Whole);
    let bytes_of = |plan: &Plan| {
        let mut calls = Vec::new();
        put_calls_of(&mut calls, plan);
        calls.truncate(calls.len() - 4);
        calls
    };
    let read = |calls: &[u8]| {
        let len = u32::try_from(calls.len()).expect("a few bytes").to_le_bytes();
        let mut bytes = [&state[..], calls, &len].concat();
        seal(&mut bytes);
        plan_of_snapshot(&base, &bytes).map(|plan| plan.step_count())
    };
    let refused = Err(DecodeError::Snapshot);
    let mut bytes = bytes_of(&plan);
    assert_eq!(read(&bytes), Ok(2));
    assert_eq!(read(&[&bytes[..], &[0]].concat()), refused, "a byte too many");
    assert_eq!(read(&bytes[..bytes.len() - 1]), refused, "a byte too few");
    // The second call stands where behind one call only an empty list of patches does.
    let second = bytes_of(&plan_of(&[0])).len() - 1;
    assert_eq!(std::mem::replace(&mut bytes[second], 0), 1);
    assert_eq!(read(&bytes), refused, "step 0 twice");
}
