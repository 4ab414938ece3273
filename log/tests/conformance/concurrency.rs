//! Many submitters at once.

use std::collections::HashMap;
use std::thread;

use nexus_log::{EventLog, Frame, Outcome, Position, Submission};

use crate::here::append_here;
use crate::transitions::{HERE, append, bodies, read_all, stream, transition};

const SUBMITTERS: u32 = 8;
const TRANSITIONS_EACH: u32 = 100;

/// Each submitter grows a stream of its own and fights for one with the others.
fn submit(log: &dyn EventLog, submitter: u32) -> Vec<(Position, Vec<u8>)> {
    let mut acknowledged = Vec::new();
    for round in 0..TRANSITIONS_EACH {
        let body = [submitter.to_le_bytes(), round.to_le_bytes()].concat();
        let own = transition(submitter, round, &[&body]);
        let contested = transition(1000, submitter + round, &[b"contested"]);
        let appends = if (submitter + round).is_multiple_of(3) { append_here } else { append };
        let outcomes = appends(log, vec![own, contested]);
        let Outcome::Appended(position) = outcomes[0] else {
            panic!("nobody else writes this stream: {outcomes:?}")
        };
        acknowledged.push((position, body));
    }
    acknowledged
}

pub(crate) fn eight_submitters_lose_and_double_nothing(log: &dyn EventLog) {
    let acknowledged: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..SUBMITTERS).map(|submitter| scope.spawn(move || submit(log, submitter))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let frames: HashMap<Position, Frame> =
        read_all(log).into_iter().map(|frame| (frame.position, frame)).collect();
    for (position, body) in &acknowledged {
        assert_eq!(bodies(&frames[position]), std::slice::from_ref(body));
    }
    for submitter in 0..SUBMITTERS {
        let own = frames.values().filter(|frame| frame.stream == stream(submitter)).count();
        assert_eq!(own, TRANSITIONS_EACH as usize);
    }
}

pub(crate) fn one_who_appends_here_and_there_keeps_its_order(log: &dyn EventLog) {
    let mut next = Position(0);
    for revision in 0..50 {
        let appends = if revision % 5 == 0 { append } else { append_here };
        let outcomes = appends(log, vec![transition(1, revision, &[b"a"])]);
        assert_eq!(outcomes, [Outcome::Appended(next)]);
        next = Position(next.0 + 1);
        assert_eq!(log.durable(HERE), next);
    }
    // What is refused is refused here as well.
    let late = append_here(log, vec![transition(1, 7, &[b"late"])]);
    assert_eq!(late, append(log, vec![transition(1, 7, &[b"late"])]));
    assert_eq!(read_all(log).len(), 50);
}

pub(crate) fn permits_come_back(log: &dyn EventLog) {
    let half = log.permits().submission_bytes_max();
    for round in 0..20 {
        let permit = log.permits().try_acquire(half).expect("half of the budget is free again");
        let submission = Submission {
            partition: HERE,
            transitions: vec![transition(1, round, &[b"a"])],
            permit,
        };
        log.append(submission).wait().expect("answered");
        // The answer comes first and the permit right after it.
        while log.permits().used_percent() > 0 {
            thread::yield_now();
        }
    }
}
