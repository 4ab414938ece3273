//! What holds for aggregates of every kind.

use super::*;
use crate::codec;
use crate::schedule::{CatchUp, Created, Overlap, Pause, Schedule, ScheduleEvent, Spec, Timing};

fn created() -> Event {
    let spec = Spec {
        timing: Timing::Every { ms: 1000 },
        workflow: "w".into(),
        definition: crate::id::DefinitionHash([7; 32]),
        follows: false,
        input: "{}".into(),
        folder: String::new(),
        catch_up: CatchUp::default(),
        overlap: Overlap::default(),
    };
    Event::Schedule(ScheduleEvent::Created(Created {
        spec,
        next: Some(Timestamp(5)),
        by: Actor::default(),
    }))
}

#[test]
fn an_id_follows_from_kind_and_name_and_is_no_run() {
    let id = Kind::Schedule.id("nightly");
    assert_eq!(id, Kind::Schedule.id("nightly"));
    assert_ne!(id, Kind::Schedule.id("nightl"));
    assert_eq!(AggregateId::of(id.bytes()), Some(id));
    assert_eq!(id.kind(), Kind::Schedule);
    assert_eq!(id.to_string().get(12..16), Some("8002"), "version 8, kind 2");
    let mut version_7 = id.bytes();
    version_7[6] = 0x72;
    assert_eq!(AggregateId::of(version_7), None);
    let mut unknown_kind = id.bytes();
    unknown_kind[7] = 0xff;
    assert_eq!(AggregateId::of(unknown_kind), None);
}

#[test]
fn kinds_of_events_are_nobody_elses() {
    let mut seen: std::collections::BTreeSet<u16> = codec::kinds().map(|(kind, _)| kind).collect();
    for (kind, name) in event_names() {
        assert!(seen.insert(kind), "{name} has a number that is taken");
    }
}

#[test]
fn an_event_comes_back_and_nothing_else_does() {
    for name in [None, Some("nightly")] {
        let mut body = Vec::new();
        let header = encode(&created(), name, &mut body);
        let read = |body: &[u8]| decode(header, body, name.is_some());
        assert_eq!(read(&body), Ok((created(), name.map(str::to_owned))));
        let damaged = Err(codec::DecodeError::Body { kind: header.kind });
        assert_eq!(read(&body[..body.len() - 1]), damaged);
        body.push(0);
        assert_eq!(read(&body), damaged);
    }
    let unknown = codec::Header { kind: 999, version: 1, flags: 0 };
    let error = codec::DecodeError::Unknown { kind: 999, version: 1 };
    assert_eq!(decode(unknown, &[], false), Err(error));
}

#[test]
fn a_state_comes_back_and_a_damaged_one_does_not() {
    let mut entity = Entity::new(Kind::Schedule, "nightly");
    assert!(entity.evolve(&created(), Timestamp(1)));
    let State::Schedule(schedule) = &mut entity.state else { panic!("a schedule") };
    schedule.paused =
        Some(Pause { by: Actor::default(), reason: "holidays".into(), at: Timestamp(2) });
    let bytes = encode_entity(&entity);
    assert_eq!(decode_entity(&bytes).as_ref(), Some(&entity));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert_eq!(decode_entity(&damaged), None, "byte {at}");
    }
    let mut other = entity.clone();
    other.revision += 1;
    assert_ne!(entity_hash(&entity), entity_hash(&other));
    assert_ne!(entity.state, State::Schedule(Schedule::new("nightly")));
}

#[test]
fn every_event_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events-of-aggregates.md");
    let text = std::fs::read_to_string(path).expect("the page is there");
    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let expected: Vec<String> =
        event_names().map(|(kind, name)| format!("`{name}` ({kind})")).collect();
    assert_eq!(headings, expected);
}
