//! Appending for who does nothing else before the answer.

use nexus_log::{EventLog, Outcome, Submission, Transition};

use crate::transitions::HERE;

/// Makes transitions durable where it is, if nobody else is at it and the disk is quick, and waits for the answers.
pub(crate) fn append_here(log: &dyn EventLog, transitions: Vec<Transition>) -> Vec<Outcome> {
    let permit = log.permits().try_acquire(0).expect("nothing is always free");
    let ticket = log.append_here(Submission { partition: HERE, transitions, permit });
    ticket.wait().expect("the log is open")
}
