//! What a simulated log does while somebody else is its disk.

use nexus_log::{
    EventLog, Outcome, Position, Revision, SimulatedLog, Submission, Ticket, Transition,
};

use crate::transitions::{HERE, TABLES, read_all, transition};

fn write(log: &SimulatedLog, transition: Transition) -> Ticket {
    let permit = log.permits().try_acquire(transition.bytes()).expect("room");
    log.append(Submission { partition: HERE, transitions: vec![transition], permit })
}

fn holding() -> SimulatedLog {
    let log = SimulatedLog::new(TABLES);
    log.hold();
    log
}

#[test]
fn what_is_written_is_read_once_it_is_synced() {
    let log = holding();
    let ticket = write(&log, transition(1, 0, &[b"a"]));
    assert_eq!((log.written(), log.durable(HERE)), (1, Position(0)));
    assert!(read_all(&log).is_empty());
    let answers = log.sync();
    assert_eq!(answers, [vec![Outcome::Appended(Position(0))]]);
    assert_eq!(ticket.wait().expect("an answer"), answers[0]);
    assert_eq!((log.written(), log.durable(HERE)), (0, Position(1)));
}

#[test]
fn a_crash_keeps_a_beginning_and_answers_nobody() {
    let log = holding();
    let tickets: Vec<Ticket> = (0..3).map(|at| write(&log, transition(1, at, &[b"a"]))).collect();
    let kept = log.crash(2);
    assert_eq!(kept.concat(), [Outcome::Appended(Position(0)), Outcome::Appended(Position(1))]);
    assert!(tickets.into_iter().all(|ticket| ticket.wait().is_err()));
    assert_eq!(read_all(&log).len(), 2);
    let ticket = write(&log, transition(1, 3, &[b"b"]));
    log.sync();
    let conflict = Outcome::Conflict { actual: Revision(2) };
    assert_eq!(ticket.wait().expect("an answer"), [conflict]);
}
