//! Events round-trip, and nothing else passes for one.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{NOW, run_started, samples, stored, strategies};
use crate::codec::{
    BODY_BYTES_MAX, DecodeError, FLAG_OUTSIDE, FLAG_PARKED, Header, decode, encode, event_name,
    header, kind_name, kinds,
};
use crate::event::{Event, Given, LABELS_MAX, RunStarted};
use crate::id::StepIndex;
use crate::payload::Payload;

fn encoded(event: &Event, given: Option<Given>) -> (Header, Vec<u8>) {
    let mut body = Vec::new();
    let header = encode(event, given, &mut body);
    (header, body)
}

#[test]
fn the_samples_cover_every_kind() {
    let sampled: BTreeSet<u16> = samples().map(|(event, _)| header(&event).kind).collect();
    let all: Vec<u16> = kinds().map(|(kind, _)| kind).collect();
    assert!(all.is_sorted(), "{all:?}");
    assert_eq!(sampled.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn every_event_comes_back() {
    for (event, given) in samples() {
        let (header, body) = encoded(&event, given);
        assert_eq!(header.is_outside(), given.is_some());
        assert_eq!(decode(header, &body, NOW.0), Ok((event.clone(), given)));
        assert_eq!(decode(header.parked(), &body, NOW.0), Ok((event, given)));
    }
}

#[test]
fn a_body_is_appended() {
    for (event, given) in samples() {
        let (_, alone) = encoded(&event, given);
        let mut out = b"before".to_vec();
        encode(&event, given, &mut out);
        assert_eq!(out, [b"before", alone.as_slice()].concat());
    }
}

#[test]
fn small_events_are_small() {
    let size = |event: &Event, given| encoded(event, given).1.len();
    let (step, attempt) = (StepIndex(2), crate::id::Attempt(1));
    let started = Event::StepStarted { step, attempt, input: None, deadline: None };
    assert_eq!(size(&started, None), 4);
    let completed =
        Event::StepCompleted { step, attempt, output: Payload::Null, may_repeat: false };
    assert_eq!(size(&completed, Some(Given { now: NOW, slots: 8 })), 9);
}

#[test]
fn kinds_have_names() {
    for (event, _) in samples() {
        assert_eq!(kind_name(header(&event).kind), Some(event_name(&event)));
    }
    let names: BTreeSet<&str> = kinds().map(|(_, name)| name).collect();
    assert_eq!(names.len(), kinds().count(), "names are different");
    assert_eq!(kind_name(0), None);
    assert_eq!(kind_name(999), None);
}

#[test]
fn what_a_newer_program_wrote_is_unknown() {
    for (event, given) in samples() {
        let (header, body) = encoded(&event, given);
        let Header { kind, version, flags } = header;
        let other_kind = Header { kind: 999, ..header };
        let newer = Header { version: 200, ..header };
        let flagged = Header { flags: flags | 4, ..header };
        assert_eq!(decode(other_kind, &body, 0), Err(DecodeError::Unknown { kind: 999, version }));
        assert_eq!(decode(newer, &body, 0), Err(DecodeError::Unknown { kind, version: 200 }));
        assert_eq!(decode(flagged, &body, 0), Err(DecodeError::Unknown { kind, version }));
    }
}

#[test]
fn a_body_with_a_byte_more_or_less_is_damaged() {
    for (event, given) in samples() {
        let (header, mut body) = encoded(&event, given);
        let damaged = Err(DecodeError::Body { kind: header.kind });
        for len in 0..body.len() {
            assert_eq!(decode(header, &body[..len], 0), damaged, "{} cut", event_name(&event));
        }
        body.push(0);
        assert_eq!(decode(header, &body, 0), damaged, "{} longer", event_name(&event));
    }
}

#[test]
fn a_promise_of_endless_bytes_is_refused() {
    let mut endless = vec![253];
    endless.extend(u64::MAX.to_le_bytes());
    endless.extend([1; 64]);
    for (kind, _) in kinds() {
        for prefix in 0..4 {
            let body = [&[0, 0, 0, 0][..prefix], &endless].concat();
            let refused = decode(Header { kind, version: 1, flags: 0 }, &body, 0);
            assert_eq!(refused, Err(DecodeError::Body { kind }));
        }
    }
}

#[test]
fn a_list_as_long_as_a_frame_is_read_and_a_longer_one_is_not() {
    let check = |count: usize, fits: bool| {
        let event = Event::StopRequested { steps: vec![StepIndex(7); count] };
        let (header, body) = encoded(&event, None);
        assert_eq!(body.len(), count + 5);
        assert_eq!(decode(header, &body, 0).is_ok(), fits, "{count} steps");
    };
    check(BODY_BYTES_MAX - 5, true);
    check(BODY_BYTES_MAX - 4, false);
}

/// Empty labels take two bytes each: a body full of them would take a hundred times its size in memory.
#[test]
fn more_labels_than_a_run_can_have_are_damage() {
    let check = |count: usize, fits: bool| {
        let labels = vec![(String::new(), String::new()); count];
        let started = RunStarted { labels, ..run_started() };
        let (header, body) = encoded(&Event::RunStarted(Box::new(started)), None);
        let decoded = decode(header, &body, 0).map(|_| ());
        let damaged = Err(DecodeError::Body { kind: header.kind });
        assert_eq!(decoded, if fits { Ok(()) } else { damaged }, "{count} labels");
    };
    check(LABELS_MAX, true);
    check(LABELS_MAX + 1, false);
    check(BODY_BYTES_MAX / 2 - 200, false);
}

#[test]
fn a_number_that_stands_for_nothing_is_damage() {
    let event = Event::OutputMapped { step: StepIndex(0), output: Payload::Null };
    let (header, body) = encoded(&event, None);
    let damaged = Err(DecodeError::Body { kind: header.kind });
    assert_eq!(body, [0, 0, 0, 0, 0, 0]);
    for (at, value) in [(1, 2), (1, 3), (2, 1), (2, 2), (5, 1)] {
        let mut body = body.clone();
        body[at] = value;
        assert_eq!(decode(header, &body, 0), damaged, "byte {at} is {value}");
    }
}

#[test]
fn a_payload_that_is_stored_elsewhere_has_no_bytes() {
    let event = Event::OutputMapped { step: StepIndex(0), output: stored() };
    let (header, mut body) = encoded(&event, None);
    assert_eq!(decode(header, &body, 0), Ok((event, None)));
    assert_eq!(body[..5], [0, 2, 1, 0, 1], "step, tag, content type, no bytes, a hash");
    body.splice(3..4, [1, b'x']);
    assert_eq!(decode(header, &body, 0), Err(DecodeError::Body { kind: header.kind }));
}

#[test]
fn wire_structs_are_plain() {
    let source = include_str!("../wire.rs");
    let code: Vec<&str> = source.lines().filter(|line| !line.trim().starts_with("//")).collect();
    for line in &code {
        let attribute = line.trim().strip_prefix("#[").and_then(|rest| rest.strip_suffix(']'));
        let allowed = ["serde(borrow)", "derive(Serialize, Deserialize)"];
        assert!(attribute.is_none_or(|attribute| allowed.contains(&attribute)), "{line}");
        let types = ["HashMap", "BTreeMap", "enum ", "f32", "f64", "usize", "Value", "Vec<u8>"];
        assert!(!types.iter().any(|word| line.contains(word)), "{line}");
        assert_eq!(line.contains("serde("), line.trim() == "#[serde(borrow)]", "{line}");
    }
}

#[test]
fn every_event_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events.md");
    let text = std::fs::read_to_string(path).expect("docs/events.md is there");
    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let expected: Vec<String> = kinds().map(|(kind, name)| format!("`{name}` ({kind})")).collect();
    assert_eq!(headings, expected);
}

proptest! {
    #[test]
    fn any_event_comes_back(event in strategies::event(), given in strategies::given()) {
        let (header, body) = encoded(&event, given);
        let time = given.map_or(0, |given| given.now.0);
        prop_assert_eq!(decode(header, &body, time), Ok((event, given)));
    }

    #[test]
    fn random_bytes_never_panic(
        kind in prop_oneof![9 => strategies::kind(), 1 => any::<u16>()],
        version in prop_oneof![9 => Just(1), 1 => any::<u8>()],
        flags in prop_oneof![9 => 0..=3_u8, 1 => any::<u8>()],
        body in proptest::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..200),
    ) {
        holds_nothing_more(Header { kind, version, flags }, body)?;
    }

    #[test]
    fn mutated_bodies_never_panic(
        event in strategies::event(),
        given in strategies::given(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of((any::<prop::sample::Index>(), 0..9_usize)),
    ) {
        let (header, mut body) = encoded(&event, given);
        for (at, value) in changes {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = value;
            }
        }
        if let Some((at, len)) = cut {
            let at = at.index(body.len() + 1);
            body.drain(at..(at + len).min(body.len()));
        }
        holds_nothing_more(header, body)?;
    }
}

#[test]
fn flags_of_a_header_are_told_apart() {
    let plain = Header { flags: 0, ..header(&Event::RunReleased) };
    assert!(!plain.is_outside() && !plain.is_parked());
    assert!(plain.outside().is_outside() && !plain.outside().is_parked());
    assert!(!plain.parked().is_outside() && plain.parked().is_parked());
    let both = plain.outside().parked();
    assert_eq!((both.outside(), both.parked()), (both, both));
    assert!(both.is_outside() && both.is_parked());
}

/// If the bytes are an event, they are that event from the first to the last byte.
fn holds_nothing_more(header: Header, mut body: Vec<u8>) -> Result<(), TestCaseError> {
    let Ok((event, given)) = decode(header, &body, NOW.0) else { return Ok(()) };
    prop_assert_eq!(header.flags & !(FLAG_OUTSIDE | FLAG_PARKED), 0);
    let (again, written) = encoded(&event, given);
    prop_assert_eq!(decode(again, &written, NOW.0), Ok((event, given)));
    body.push(0);
    prop_assert_eq!(decode(header, &body, NOW.0), Err(DecodeError::Body { kind: header.kind }));
    Ok(())
}
