//! Who appends alone and makes durable itself what it appends.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use nexus_log::{EventLog, Outcome, Position, Submission};

use crate::transitions::{HERE, append_one, read_all, transition};
use crate::until::answer_within;

#[test]
fn the_answer_is_there_when_the_disk_is_quick() {
    // In memory, where a sync takes no time.
    let folder = crate::scratch::folder();
    let log = crate::open(folder.path());
    // How long a sync takes is known after the first.
    append_one(&log, transition(1, 0, &[b"first"]));
    let mut revision = 0;
    let here = answer_within(Duration::from_secs(10), || {
        revision += 1;
        let permit = log.permits().try_acquire(0).expect("nothing is always free");
        let transitions = vec![transition(1, revision, &[b"here"])];
        let mut ticket = pin!(log.append_here(Submission { partition: HERE, transitions, permit }));
        let answer = match ticket.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer.expect("the log is open")),
            Poll::Pending => None,
        };
        // It is durable for everybody, and the file of the high-water mark knows it in the end.
        answer.inspect(|_| assert_eq!(log.durable(HERE).0, u64::from(revision) + 1))
    });
    let here = here.expect("it is not handed over");
    assert_eq!(here, [Outcome::Appended(Position(u64::from(revision)))]);
    log.close();
    let report = log.verify(HERE);
    assert_eq!(report.problems, []);
    drop(log);
    let log = crate::open(folder.path());
    assert_eq!(read_all(&log).len(), revision as usize + 1);
}

#[test]
fn after_closing_a_ticket_says_closed() {
    let folder = crate::scratch::folder();
    let log = crate::open(folder.path());
    append_one(&log, transition(1, 0, &[b"first"]));
    log.close();
    let permit = log.permits().try_acquire(0).expect("nothing is always free");
    let transitions = vec![transition(1, 1, &[b"late"])];
    let ticket = log.append_here(Submission { partition: HERE, transitions, permit });
    assert!(ticket.wait().is_err());
    assert_eq!(log.durable(HERE), Position(1));
}
