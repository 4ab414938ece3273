//! What every log promises, one promise at a time.

use std::sync::Arc;

use nexus_log::{Change, EventLog, Frame, Outcome, Position, Revision, Submission, Table};

use crate::transitions::{
    HERE, NAMES, append, append_one, bodies, name, read_all, stream, transition, with_rows,
};

fn put_new(value: &str) -> Change {
    Change::PutNew(value.as_bytes().to_vec())
}

pub(crate) fn positions_are_dense(log: &dyn EventLog) {
    assert_eq!(log.durable(HERE), Position(0));
    assert_eq!(append_one(log, transition(1, 0, &[b"a", b"b"])), Outcome::Appended(Position(0)));
    let outcomes = append(
        log,
        vec![
            transition(2, 0, &[b"c"]),
            transition(1, 2, &[b"d"]),
            transition(2, 1, &[b"e", b"f", b"g"]),
        ],
    );
    assert_eq!(outcomes, [2, 3, 4].map(|position| Outcome::Appended(Position(position))));
    assert_eq!(log.durable(HERE), Position(7));
    let frames = read_all(log);
    assert_eq!(frames.iter().map(|frame| frame.position.0).collect::<Vec<_>>(), [0, 2, 3, 4]);
    assert_eq!(bodies(&frames[3]), [b"e", b"f", b"g"]);
    assert_eq!(
        (frames[3].stream, frames[3].revision, frames[3].time_us),
        (stream(2), Revision(1), 1_000_001)
    );
}

pub(crate) fn a_stream_that_moved_on_is_a_conflict(log: &dyn EventLog) {
    append(log, vec![transition(1, 0, &[b"a", b"b"])]);
    assert_eq!(
        append_one(log, transition(1, 0, &[b"other"])),
        Outcome::Conflict { actual: Revision(2) }
    );
    assert_eq!(
        append_one(log, transition(1, 1, &[b"b"])),
        Outcome::Conflict { actual: Revision(2) }
    );
    assert_eq!(
        append_one(log, transition(1, 3, &[b"c"])),
        Outcome::Conflict { actual: Revision(2) }
    );
    assert_eq!(
        append_one(log, transition(2, 1, &[b"c"])),
        Outcome::Conflict { actual: Revision(0) }
    );
    assert_eq!(log.durable(HERE), Position(2));
}

pub(crate) fn the_same_transition_again_answers_with_the_first_position(log: &dyn EventLog) {
    append(
        log,
        vec![
            transition(9, 0, &[b"before"]),
            transition(1, 0, &[b"a", b"b"]),
            transition(1, 2, &[b"c"]),
        ],
    );
    assert_eq!(append_one(log, transition(1, 0, &[b"a", b"b"])), Outcome::Repeated(Position(1)));
    assert_eq!(append_one(log, transition(1, 2, &[b"c"])), Outcome::Repeated(Position(3)));
    let mut later = transition(1, 2, &[b"c"]);
    later.time_us += 1;
    assert_eq!(
        append_one(log, later),
        Outcome::Conflict { actual: Revision(3) },
        "another time is another transition"
    );
    assert_eq!(log.durable(HERE), Position(4));
}

pub(crate) fn a_repeat_within_one_submission_is_recognised(log: &dyn EventLog) {
    let again = transition(1, 0, &[b"a"]);
    let outcomes = append(
        log,
        vec![again.clone(), again, transition(1, 0, &[b"b"]), transition(1, 1, &[b"c"])],
    );
    let expected = [
        Outcome::Appended(Position(0)),
        Outcome::Repeated(Position(0)),
        Outcome::Conflict { actual: Revision(1) },
        Outcome::Appended(Position(1)),
    ];
    assert_eq!(outcomes, expected);
}

pub(crate) fn a_row_that_had_to_be_new_is_taken(log: &dyn EventLog) {
    append(log, vec![with_rows(transition(1, 0, &[b"a"]), vec![name("wf-001", put_new("one"))])]);
    let rows = vec![name("wf-002", put_new("two")), name("wf-001", put_new("two"))];
    let taken = append_one(log, with_rows(transition(2, 0, &[b"a"]), rows));
    assert_eq!(taken, Outcome::Taken { row: 1, value: b"one".to_vec() });
    assert_eq!(
        log.row(NAMES, b"wf-002").expect("readable"),
        None,
        "nothing of a refused transition is kept"
    );
    assert_eq!(log.read_stream(stream(2), Revision(0), 10).expect("readable"), []);
}

pub(crate) fn a_row_that_had_to_be_new_is_taken_by_its_own_group(log: &dyn EventLog) {
    let outcomes = append(
        log,
        vec![
            with_rows(transition(1, 0, &[b"a"]), vec![name("x", put_new("one"))]),
            with_rows(transition(2, 0, &[b"a"]), vec![name("x", put_new("two"))]),
            with_rows(
                transition(3, 0, &[b"a"]),
                vec![name("y", put_new("three")), name("y", put_new("four"))],
            ),
            with_rows(
                transition(4, 0, &[b"a"]),
                vec![name("y", Change::Delete), name("y", put_new("five"))],
            ),
        ],
    );
    let expected = [
        Outcome::Appended(Position(0)),
        Outcome::Taken { row: 0, value: b"one".to_vec() },
        Outcome::Taken { row: 1, value: b"three".to_vec() },
        Outcome::Appended(Position(1)),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(log.row(NAMES, b"x").expect("readable").as_deref(), Some(&b"one"[..]));
    assert_eq!(log.row(NAMES, b"y").expect("readable").as_deref(), Some(&b"five"[..]));
}

pub(crate) fn a_refused_neighbour_leaves_no_trace(log: &dyn EventLog) {
    let refused = with_rows(
        transition(1, 5, &[b"never"]),
        vec![name("never", Change::Put(b"never".to_vec()))],
    );
    let outcomes = append(log, vec![transition(1, 0, &[b"a"]), refused, transition(1, 1, &[b"b"])]);
    let expected = [
        Outcome::Appended(Position(0)),
        Outcome::Conflict { actual: Revision(1) },
        Outcome::Appended(Position(1)),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(log.row(NAMES, b"never").expect("readable"), None);
    assert_eq!(read_all(log).len(), 2);
}

pub(crate) fn rows_are_seen_with_their_records(log: &dyn EventLog) {
    let mut followed = log.subscribe(HERE);
    append(
        log,
        vec![with_rows(transition(1, 0, &[b"a"]), vec![name("k", Change::Put(b"1".to_vec()))])],
    );
    assert_eq!(*followed.borrow_and_update(), Position(1));
    assert_eq!(log.row(NAMES, b"k").expect("readable").as_deref(), Some(&b"1"[..]));
    append(
        log,
        vec![with_rows(transition(1, 1, &[b"b"]), vec![name("k", Change::Put(b"2".to_vec()))])],
    );
    assert_eq!(log.row(NAMES, b"k").expect("readable").as_deref(), Some(&b"2"[..]));
    append(
        log,
        vec![with_rows(
            transition(1, 2, &[b"c"]),
            vec![name("k", Change::Delete), name("gone", Change::Delete)],
        )],
    );
    assert_eq!(log.row(NAMES, b"k").expect("readable"), None);
    assert_eq!(log.row(Table(1), b"k").expect("readable"), None, "tables are apart");
}

pub(crate) fn a_row_that_goes_and_comes_again_is_new(log: &dyn EventLog) {
    append(log, vec![with_rows(transition(1, 0, &[b"a"]), vec![name("k", put_new("1"))])]);
    append(log, vec![with_rows(transition(1, 1, &[b"b"]), vec![name("k", Change::Delete)])]);
    let again =
        append_one(log, with_rows(transition(1, 2, &[b"c"]), vec![name("k", put_new("2"))]));
    assert_eq!(again, Outcome::Appended(Position(2)));
}

pub(crate) fn rows_are_read_in_order_of_their_keys(log: &dyn EventLog) {
    let rows = ["b", "a", "d", "c", "ab"].map(|key| name(key, put_new(key)));
    append(log, vec![with_rows(transition(1, 0, &[b"a"]), rows.to_vec())]);
    let keys = |from: &str, to: &str, max| -> Vec<String> {
        let rows = log.rows(NAMES, from.as_bytes(), to.as_bytes(), max).expect("readable");
        rows.into_iter().map(|(key, _)| String::from_utf8(key).expect("text")).collect()
    };
    assert_eq!(keys("", "", 10), ["a", "ab", "b", "c", "d"]);
    assert_eq!(keys("ab", "c", 10), ["ab", "b"]);
    assert_eq!(keys("aa", "", 2), ["ab", "b"]);
    assert_eq!(keys("x", "", 2), Vec::<String>::new());
}

pub(crate) fn payloads_are_found_by_their_hash(log: &dyn EventLog) {
    let payload: Arc<[u8]> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let hash = *blake3::hash(&payload).as_bytes();
    for number in 0..2 {
        let mut with_payload = transition(number, 0, &[b"a"]);
        with_payload.payloads.push((hash, Arc::clone(&payload)));
        assert!(matches!(append_one(log, with_payload), Outcome::Appended(_)));
    }
    assert_eq!(log.payload(&hash).expect("readable").as_deref(), Some(&*payload));
    assert_eq!(log.payload(&[0; 32]).expect("readable"), None);
}

pub(crate) fn a_read_from_the_middle_of_a_frame_starts_with_that_frame(log: &dyn EventLog) {
    append(log, vec![transition(1, 0, &[b"a", b"b", b"c"]), transition(2, 0, &[b"d", b"e"])]);
    for (from, first) in [(0, 0), (1, 0), (2, 0), (3, 3), (4, 3)] {
        let frames = log.read(HERE, Position(from), usize::MAX).expect("readable");
        assert_eq!(frames[0].position, Position(first), "from {from}");
        assert_eq!(frames.last().expect("frames").next_position(), Position(5));
    }
    for from in [5, 6, u64::MAX] {
        assert_eq!(log.read(HERE, Position(from), usize::MAX).expect("readable"), []);
    }
}

pub(crate) fn a_read_stops_after_enough_bytes(log: &dyn EventLog) {
    let body = [7; 100];
    append(log, (0..10).map(|number| transition(number, 0, &[&body])).collect());
    assert_eq!(log.read(HERE, Position(0), 0).expect("readable").len(), 1, "at least one");
    assert_eq!(log.read(HERE, Position(0), 108).expect("readable").len(), 1);
    assert_eq!(log.read(HERE, Position(0), 109).expect("readable").len(), 2);
    assert_eq!(log.read(HERE, Position(4), usize::MAX).expect("readable").len(), 6);
}

pub(crate) fn a_stream_is_read_from_the_middle_of_a_frame(log: &dyn EventLog) {
    append(
        log,
        vec![transition(1, 0, &[b"a", b"b"]), transition(2, 0, &[b"x"]), transition(1, 2, &[b"c"])],
    );
    append(log, vec![transition(2, 1, &[b"y"]), transition(1, 3, &[b"d", b"e"])]);
    let revisions = |from, max| -> Vec<u32> {
        let frames = log.read_stream(stream(1), Revision(from), max).expect("readable");
        frames.iter().map(|frame| frame.revision.0).collect()
    };
    assert_eq!(revisions(0, 10), [0, 2, 3]);
    assert_eq!(revisions(1, 10), [0, 2, 3]);
    assert_eq!(revisions(2, 10), [2, 3]);
    assert_eq!(revisions(4, 10), [3]);
    assert_eq!(revisions(5, 10), [0_u32; 0]);
    assert_eq!(revisions(0, 2), [0, 2]);
    assert_eq!(revisions(1, 1), [0]);
    assert_eq!(log.read_stream(stream(3), Revision(0), 10).expect("readable"), []);
}

/// Fewer frames than were asked for are all there are: who reads on knows by that when to end.
pub(crate) fn a_stream_is_read_in_pieces_of_any_size(log: &dyn EventLog) {
    let mut next = Revision(0);
    for number in 0..100 {
        let records: &[&[u8]] = if number % 3 == 0 { &[b"a", b"b"] } else { &[b"c"] };
        let of_others = (0..number % 4).map(|other| transition(number * 4 + other + 2, 0, &[b"x"]));
        let group = of_others.chain([transition(1, next.0, records)]).collect();
        next = Revision(next.0 + u32::try_from(records.len()).expect("two"));
        append(log, group);
    }
    let all = log.read_stream(stream(1), Revision(0), usize::MAX).expect("readable");
    assert_eq!(all.len(), 100);
    for piece in [1, 3, 50, 64, 99, 100, 101] {
        let (mut read, mut from) = (Vec::new(), Revision(0));
        loop {
            let frames = log.read_stream(stream(1), from, piece).expect("readable");
            let is_all = frames.len() < piece;
            assert!(frames.len() <= piece, "{piece}");
            from = frames.last().map_or(from, Frame::next_revision);
            read.extend(frames);
            if is_all {
                break;
            }
        }
        assert_eq!(read, all, "in pieces of {piece}");
    }
}

pub(crate) fn followers_hear_of_every_group(log: &dyn EventLog) {
    let mut follower = log.subscribe(HERE);
    assert!(!follower.has_changed().expect("open"));
    append(log, vec![transition(1, 0, &[b"a"]), transition(1, 1, &[b"b"])]);
    assert!(follower.has_changed().expect("open"));
    assert_eq!(*follower.borrow_and_update(), Position(2));
    append(log, vec![transition(1, 2, &[b"c"])]);
    assert_eq!(*follower.borrow_and_update(), Position(3));
}

pub(crate) fn what_cannot_be_stored_is_unacceptable(log: &dyn EventLog) {
    let large = vec![0; 8 * 1024 * 1024];
    let row = |table, key: Vec<u8>| nexus_log::Row { table, key, change: Change::Delete };
    let outcomes = append(
        log,
        vec![
            transition(1, 0, &[&large]),
            transition(1, 0, &[]),
            with_rows(transition(1, 0, &[b"a"]), vec![row(Table(7), b"key".to_vec())]),
            with_rows(transition(1, 0, &[b"a"]), vec![row(NAMES, Vec::new())]),
            transition(1, 0, &[&large[..8 * 1024 * 1024 - 8]]),
        ],
    );
    assert_eq!(outcomes[..4], [const { Outcome::Unacceptable }; 4]);
    assert_eq!(outcomes[4], Outcome::Appended(Position(0)), "the largest that is allowed");
    assert_eq!(read_all(log)[0].records.as_bytes().len(), 8 * 1024 * 1024);
}

pub(crate) fn chains_do_not_depend_on_positions(log: &dyn EventLog) {
    append(log, vec![transition(1, 0, &[b"a"]), transition(1, 1, &[b"b"])]);
    let ours: Vec<_> = log
        .read_stream(stream(1), Revision(0), 10)
        .expect("readable")
        .iter()
        .map(|frame| frame.chain)
        .collect();
    let elsewhere = nexus_log::MemoryLog::new(crate::transitions::TABLES);
    append(&elsewhere, vec![transition(5, 0, &[b"x", b"y"]), transition(1, 0, &[b"a"])]);
    append(&elsewhere, vec![transition(5, 2, &[b"z"]), transition(1, 1, &[b"b"])]);
    let theirs: Vec<_> = elsewhere
        .read_stream(stream(1), Revision(0), 10)
        .expect("readable")
        .iter()
        .map(|frame| frame.chain)
        .collect();
    assert_eq!(ours, theirs);
    assert_ne!(ours[0], ours[1]);
}

pub(crate) fn the_last_frame_of_a_group_is_marked(log: &dyn EventLog) {
    append(log, vec![transition(1, 0, &[b"a"]), transition(2, 0, &[b"b"])]);
    append(log, vec![transition(1, 1, &[b"c"])]);
    let ends: Vec<_> = read_all(log).iter().map(|frame| frame.ends_group).collect();
    assert_eq!(ends, [false, true, true]);
}

pub(crate) fn after_closing_a_ticket_says_closed(log: &dyn EventLog) {
    append(log, vec![transition(1, 0, &[b"a"])]);
    log.close();
    log.close();
    let permit = log.permits().try_acquire(0).expect("nothing is always free");
    let ticket = log.append(Submission {
        partition: HERE,
        transitions: vec![transition(1, 1, &[b"b"])],
        permit,
    });
    assert!(ticket.wait().is_err());
    assert_eq!(read_all(log).len(), 1, "a closed log can still be read");
}
