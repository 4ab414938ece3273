//! Transitions for tests, short to write.

use nexus_log::{
    Change, EventLog, Frame, Outcome, Partition, Position, Record, Records, Revision, Row,
    StreamId, Submission, Table, TableSpec, Transition,
};

/// The one partition.
pub(crate) const HERE: Partition = Partition(0);

/// The tables of the tests.
pub(crate) const TABLES: &[TableSpec] =
    &[TableSpec::new("names"), TableSpec::new("timers"), TableSpec::apart("keys")];

/// The table with number 0.
pub(crate) const NAMES: Table = Table(0);

/// Makes the name of a stream from a number.
pub(crate) fn stream(number: u32) -> StreamId {
    let mut id = [0xAB; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    StreamId(id)
}

/// Makes records with these bodies.
pub(crate) fn records(bodies: &[&[u8]]) -> Records {
    let mut records = Records::new();
    for body in bodies {
        records.push(Record { kind: 1, version: 1, flags: 0, body });
    }
    records
}

/// Makes a transition of stream `number` at revision `expected`.
pub(crate) fn transition(number: u32, expected: u32, bodies: &[&[u8]]) -> Transition {
    Transition {
        stream: stream(number),
        expected: Revision(expected),
        time_us: 1_000_000 + i64::from(expected),
        records: records(bodies),
        rows: Vec::new(),
        payloads: Vec::new(),
    }
}

/// Makes a change of a row in the table of names.
pub(crate) fn name(key: &str, change: Change) -> Row {
    Row { table: NAMES, key: key.as_bytes().to_vec(), change }
}

/// Adds rows to a transition.
pub(crate) fn with_rows(mut transition: Transition, rows: Vec<Row>) -> Transition {
    transition.rows = rows;
    transition
}

/// Hands transitions over and waits for the answers.
pub(crate) fn append(log: &dyn EventLog, transitions: Vec<Transition>) -> Vec<Outcome> {
    let permit = log.permits().try_acquire(0).expect("nothing is always free");
    log.append(Submission { partition: HERE, transitions, permit }).wait().expect("the log is open")
}

/// As [`append`], for one.
pub(crate) fn append_one(log: &dyn EventLog, transition: Transition) -> Outcome {
    append(log, vec![transition]).pop().expect("one answer")
}

/// Reads the whole log and checks that positions are dense.
pub(crate) fn read_all(log: &dyn EventLog) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    loop {
        let from = frames.last().map_or(Position(0), Frame::next_position);
        let more = log.read(HERE, from, 100).expect("readable");
        if more.is_empty() {
            assert_eq!(from, log.durable(HERE), "the log is read to its durable end");
            return frames;
        }
        for frame in more {
            assert_eq!(
                frame.position,
                frames.last().map_or(Position(0), Frame::next_position),
                "positions are dense"
            );
            frames.push(frame);
        }
    }
}

/// The bodies of a frame.
pub(crate) fn bodies(frame: &Frame) -> Vec<Vec<u8>> {
    frame.records.iter().map(|record| record.body.to_vec()).collect()
}
