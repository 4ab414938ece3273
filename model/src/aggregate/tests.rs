//! What holds for aggregates of every kind.

mod audit;

use super::*;
use crate::codec;
use crate::schedule::{
    CatchUp, Created, Overlap, Pause, Paused, Schedule, ScheduleEvent, Spec, Timing,
};
use crate::topic::TopicCommand;

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
fn an_event_is_read_with_the_flags_and_the_version_that_are_known() {
    let mut body = Vec::new();
    let plain = encode(&created(), None, &mut body);
    let read = |header| decode(header, &body, false);
    for header in [plain, plain.outside(), plain.parked(), plain.outside().parked()] {
        assert_eq!(read(header), Ok((created(), None)), "{header:?}");
    }
    let codec::Header { kind, version, .. } = plain;
    for flags in [4, 4 | codec::FLAG_OUTSIDE, 0x80] {
        let unknown = Err(codec::DecodeError::Unknown { kind, version });
        assert_eq!(read(codec::Header { flags, ..plain }), unknown);
    }
    let unknown = Err(codec::DecodeError::Unknown { kind, version: version + 1 });
    assert_eq!(read(codec::Header { version: version + 1, ..plain }), unknown);
}

#[test]
fn an_event_has_a_largest_size() {
    let paused = |bytes: usize| {
        let reason = "x".repeat(bytes);
        Event::Schedule(ScheduleEvent::Paused(Paused { by: Actor::default(), reason }))
    };
    let mut body = Vec::new();
    encode(&paused(codec::BODY_BYTES_MAX), None, &mut body);
    let largest = codec::BODY_BYTES_MAX - (body.len() - codec::BODY_BYTES_MAX);
    for (bytes, fits) in [(largest, true), (largest + 1, false)] {
        let mut body = Vec::new();
        let header = encode(&paused(bytes), None, &mut body);
        assert_eq!(decode(header, &body, false).is_ok(), fits, "{} bytes", body.len());
    }
}

#[test]
fn events_have_names_and_belong_to_aggregates() {
    assert_eq!((created().kind(), event_name(&created())), (120, "schedule.created"));
    for (kind, name) in event_names() {
        assert!(kind_of(kind), "{name}");
    }
    for (kind, name) in codec::kinds() {
        assert!(!kind_of(kind), "{name} is of a run");
    }
}

#[test]
fn an_aggregate_counts_what_happened_to_it_and_takes_nothing_of_another() {
    let mut topic = Entity::new(Kind::Topic, "paid");
    let emit = |id: &str| {
        let (id, data, by) = (id.to_owned(), "{}".to_owned(), Actor::default());
        Command::Topic(TopicCommand::Emit { id, data, by })
    };
    assert!(topic.is_parked());
    for (revision, id) in [(1, "a"), (2, "b"), (3, "c")] {
        let mut folded = topic.clone();
        let events = topic.decide(emit(id), Timestamp(1)).expect("it is new");
        assert!(events.iter().all(|event| folded.evolve(event, Timestamp(1))));
        assert_eq!((topic.revision, &folded), (revision, &topic));
    }
    assert!(!topic.is_parked(), "events are to be delivered");
    let before = topic.clone();
    assert!(!topic.evolve(&created(), Timestamp(1)));
    assert_eq!(
        Entity::new(Kind::Limit, "l").decide(emit("d"), Timestamp(1)),
        Err(Rejection::OtherKind("limit"))
    );
    assert_eq!(topic, before);
}

#[test]
fn of_an_aggregate_that_is_new_nothing_is_under_way_and_no_timer_is_set() {
    for kind in Kind::ALL {
        let state = State::new(*kind, "order");
        assert_eq!((state.pending(), state.timers()), (Vec::new(), Vec::new()), "{kind:?}");
    }
}

#[test]
fn a_calendar_without_days_is_never_due() {
    let (expression, zone) = ("0 6 * * *".to_owned(), "Europe/Berlin".to_owned());
    let timing = Timing::Cron { expression, zone };
    assert_eq!(timing.next(Timestamp(-5), &NoCalendar), None);
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
