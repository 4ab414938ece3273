//! What a store has to hold: every submission up to some number, whole, and nothing of the next.

use std::collections::BTreeMap;
use std::path::Path;

use nexus_log::{EventLog, FjallLog, Frame, OpenError, Outcome, Position, Table};

use crate::script::{KEYS, append_one, body, filling, payload, transitions_of};
use crate::stores::options;
use crate::transitions::{HERE, NAMES, bodies, stream};
use crate::until::until;

/// How a store comes out.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It opens with this many submissions, and works.
    Holds(u32),
    /// It does not open, and says why.
    Refuses(OpenError),
}

/// Opens the store, looks at everything in it, appends to it and opens it again.
///
/// # Errors
/// What is wrong: more than a refusal.
pub(crate) fn examine(store: &Path) -> Result<Verdict, String> {
    let log = match open(store) {
        Ok(log) => log,
        Err(refusal) => return Ok(Verdict::Refuses(refusal)),
    };
    let found = count(&log)?;
    let problems = log.verify(HERE).problems;
    if !problems.is_empty() {
        return Err(format!("it opens with {found} submissions and {problems:?}"));
    }
    let outcomes = append_one(&log, found);
    if !outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))) {
        return Err(format!("it takes no more: {outcomes:?}"));
    }
    drop(log);
    let log = open(store).map_err(|error| format!("opens once: {error:?}"))?;
    match count(&log)? {
        more if more == found + 1 => Ok(Verdict::Holds(found)),
        more => Err(format!("held {found} submissions, was given one, and holds {more}")),
    }
}

/// Opens the store. A process that another thread is about to start holds the lock until it has begun.
fn open(store: &Path) -> Result<FjallLog, OpenError> {
    until("nobody holds the lock of the store", || match FjallLog::open(store, options()) {
        Err(OpenError::Locked { .. }) => None,
        opened => Some(opened),
    })
}

/// How many submissions the log holds.
///
/// # Errors
/// If one is there in part, or anything is not as it was handed over.
pub(crate) fn count(log: &FjallLog) -> Result<u32, String> {
    let mut frames = read_all(log)?.into_iter();
    let mut rows = BTreeMap::new();
    let mut keys = BTreeMap::new();
    for number in 0_u32.. {
        let Some(first) = frames.next() else {
            same(log, NAMES, rows, number)?;
            same(log, KEYS, keys, number)?;
            return Ok(number);
        };
        let size = check_frame(&first, number, 0)?;
        for other in 1..transitions_of(number) {
            let frame = frames.next().ok_or_else(|| format!("submission {number} is torn"))?;
            check_frame(&frame, number, other)?;
        }
        rows.insert(format!("row-{number}").into_bytes(), body(number, 0, size));
        rows.remove(format!("row-{}", i64::from(number) - 5).as_bytes());
        rows.insert(b"latest".to_vec(), number.to_string().into_bytes());
        if number % 4 == 3 {
            keys.insert(number.to_be_bytes().to_vec(), vec![filling(number); 32]);
        }
        if let Some(payload) = payload(number) {
            let found = log.payload(blake3::hash(&payload).as_bytes());
            if found.as_ref().ok().and_then(Option::as_ref) != Some(&payload) {
                return Err(format!("the payload of submission {number} is not there"));
            }
        }
    }
    unreachable!("there are fewer submissions than numbers")
}

/// Checks a frame and returns the size of its body.
fn check_frame(frame: &Frame, number: u32, of: u32) -> Result<usize, String> {
    let bodies = bodies(frame);
    let found = bodies.first().cloned().unwrap_or_default();
    let words = String::from_utf8_lossy(found.get(..40).unwrap_or(&found)).into_owned();
    let size = words.split(' ').nth(2).and_then(|size| size.parse().ok()).unwrap_or(0);
    if bodies.len() != 1 || frame.stream != stream(of) || found != body(number, of, size) {
        return Err(format!("at {} stands {words:?} and not {number} {of}", frame.position.0));
    }
    Ok(size)
}

fn same(
    log: &FjallLog,
    table: Table,
    mut expected: BTreeMap<Vec<u8>, Vec<u8>>,
    number: u32,
) -> Result<(), String> {
    let rows = log.rows(table, b"", b"", usize::MAX).map_err(|error| error.to_string())?;
    let found: BTreeMap<_, _> = rows.into_iter().collect();
    // A purge takes this one away.
    if table == NAMES && !found.contains_key(&b"latest"[..]) {
        expected.remove(&b"latest"[..]);
    }
    if found == expected {
        return Ok(());
    }
    let names = |rows: &BTreeMap<Vec<u8>, Vec<u8>>| {
        let names: Vec<_> =
            rows.keys().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
        names.join(" ")
    };
    let (found, expected) = (names(&found), names(&expected));
    Err(format!("with {number} submissions, table {} has {found}, expected {expected}", table.0))
}

fn read_all(log: &FjallLog) -> Result<Vec<Frame>, String> {
    let mut frames: Vec<Frame> = Vec::new();
    let end = log.durable(HERE);
    loop {
        let from = frames.last().map_or(Position(0), Frame::next_position);
        if from == end {
            return Ok(frames);
        }
        let more = log.read(HERE, from, 1_000_000).map_err(|error| error.to_string())?;
        if more.is_empty() {
            return Err(format!("nothing stands at {}, before {}", from.0, end.0));
        }
        frames.extend(more);
    }
}
