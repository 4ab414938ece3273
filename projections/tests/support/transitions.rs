//! Events as transitions of a log, for the tests of views and their benchmark.

use nexus_log::{
    EventLog, Outcome, Partition, Record, Records, Revision, StreamId, Submission, Transition,
};
use nexus_model::codec::{self, Header};
use nexus_model::event::{Event, Given};

/// The one partition.
pub(crate) const HERE: Partition = Partition(0);

/// A transition of `events`, the first of which came from outside.
pub(crate) fn transition(
    stream: StreamId,
    expected: u32,
    events: &[Event],
    given: Given,
    is_parked: bool,
) -> Transition {
    Transition {
        stream,
        expected: Revision(expected),
        time_us: given.now.0,
        records: records(events, given, is_parked),
        rows: Vec::new(),
        payloads: Vec::new(),
    }
}

/// Events as the log takes them.
pub(crate) fn records(events: &[Event], given: Given, is_parked: bool) -> Records {
    let mut records = Records::new();
    for (at, event) in events.iter().enumerate() {
        let mut body = Vec::new();
        let header = codec::encode(event, (at == 0).then_some(given), &mut body);
        let is_last = at + 1 == events.len();
        let header = if is_last && is_parked { header.parked() } else { header };
        let Header { kind, version, flags } = header;
        records.push(Record { kind, version, flags, body: &body });
    }
    records
}

/// Appends transitions, all of which must fit.
pub(crate) fn append(log: &dyn EventLog, transitions: Vec<Transition>) {
    let permit = log.permits().try_acquire(0).expect("nobody else appends");
    let ticket = log.append(Submission { partition: HERE, transitions, permit });
    let outcomes = ticket.wait().expect("it is open");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))), "{outcomes:?}");
}
