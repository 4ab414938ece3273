//! What the child process does to a store: parts of a life, each of which opens the store and closes it again.
//!
//! What is appended follows from numbers alone, so that everybody can tell what a store has to hold.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nexus_log::{
    Change, EventLog, FjallLog, Options, Outcome, Row, Submission, Table, Ticket, Transition,
};

use crate::content;
use crate::here::append_here;
use crate::stores::options;
use crate::transitions::{HERE, NAMES, name, transition};
use crate::until::answer_within;

const PARTS: &str = "NEXUS_LOG_TEST_PARTS";
/// The table apart, which can be purged.
pub(crate) const KEYS: Table = Table(2);
/// How many submissions are under way at a time.
pub(crate) const UNDER_WAY: usize = 3;
/// How the child ends when the store does not open.
pub(crate) const REFUSED: i32 = 3;

/// Parts of a life, as in `small flush purge`.
pub(crate) fn command(test: &str, store: &Path, parts: &str) -> std::process::Command {
    let mut command = crate::children::command(test, store);
    command.env(PARTS, parts);
    command
}

/// The child's part.
#[expect(
    clippy::print_stdout,
    clippy::exit,
    reason = "the process that started this one reads both"
)]
pub(crate) fn play(store: &Path) {
    let parts = std::env::var(PARTS).expect("it was told what to do");
    for part in parts.split(' ') {
        let segment_bytes = if part == "segments" { 30_000 } else { u64::MAX };
        let log = match FjallLog::open(store, Options { segment_bytes, ..options() }) {
            Ok(log) => log,
            Err(refusal) => {
                println!("refused {refusal:?}");
                std::process::exit(REFUSED);
            }
        };
        let first = content::count(&log).unwrap_or_else(|problem| {
            println!("unreadable {problem}");
            std::process::exit(REFUSED);
        });
        println!("opened with {first}");
        match part {
            "open" => {}
            "small" => append_all(&log, first, &[100, 0, 9_000, 70, 4_000, 1, 20_000, 300]),
            "alone" => append_alone(&log, first, &[100, 9_000, 0, 70, 4_000, 20_000]),
            "segments" => append_all(&log, first, &[20_000, 16_000, 10, 40_000]),
            "flush" => {
                let tables = tables(store);
                append_all(&log, first, &[700_000; 8]);
                let flushed = || (tables != self::tables(store)).then_some(());
                let _ = answer_within(Duration::from_secs(10), flushed);
            }
            "blind" => {
                lose_tables(store);
                // More than a memtable holds.
                append_all(&log, first, &[5_000_000]);
                // It ends itself as soon as it sees what is missing, and has a minute for that.
                std::thread::sleep(Duration::from_mins(1));
                println!("went on");
            }
            "purge" => match log.purge(KEYS, vec![(NAMES, b"latest".to_vec())]) {
                Ok(()) => println!("purged"),
                Err(error) => println!("not purged: {error}"),
            },
            _ => panic!("no part: {part}"),
        }
        println!("closing");
        drop(log);
        println!("closed");
    }
}

/// Takes away the folders in which tables are made.
fn lose_tables(store: &Path) {
    for keyspace in fs::read_dir(store.join("log/keyspaces")).expect("readable").flatten() {
        fs::remove_dir_all(keyspace.path().join("tables")).expect("removed");
    }
}

/// How many tables there are on the disk. Of the calls that are made to fail this may be one; the same again is not.
fn tables(store: &Path) -> usize {
    let look = || fs::read_dir(store.join("log/keyspaces"));
    let keyspaces = look().or_else(|_| look()).expect("readable").flatten();
    let tables = keyspaces.map(|keyspace| fs::read_dir(keyspace.path().join("tables")));
    tables.flatten().map(Iterator::count).sum()
}

/// Appends submissions from `first` on, of these sizes, and says so after each answer.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
pub(crate) fn append_all(log: &FjallLog, first: u32, sizes: &[usize]) {
    let mut under_way: Vec<(u32, Ticket)> = Vec::new();
    let mut answer = |(number, ticket): (u32, Ticket)| {
        for outcome in ticket.wait().expect("the log is open") {
            assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
        }
        println!("acknowledged {}", number + 1);
    };
    for (number, size) in (first..).zip(sizes) {
        under_way.push((number, hand_over(log, number, *size)));
        if under_way.len() == UNDER_WAY {
            under_way.drain(..).for_each(&mut answer);
        }
    }
    under_way.into_iter().for_each(answer);
}

/// Appends submissions from `first` on, of these sizes, one after the other and, if the disk is quick, in this thread.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
fn append_alone(log: &FjallLog, first: u32, sizes: &[usize]) {
    for (number, size) in (first..).zip(sizes) {
        for outcome in append_here(log, submission(number, *size)) {
            assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
        }
        println!("acknowledged {}", number + 1);
    }
}

/// Appends submission `number` and waits for it.
pub(crate) fn append_one(log: &FjallLog, number: u32) -> Vec<Outcome> {
    hand_over(log, number, 50).wait().expect("the log is open")
}

fn hand_over(log: &FjallLog, number: u32, size: usize) -> Ticket {
    let permit = log.permits().try_acquire(0).expect("nothing is always free");
    log.append(Submission { partition: HERE, transitions: submission(number, size), permit })
}

/// How many transitions a submission has: one for each of the first streams.
pub(crate) fn transitions_of(number: u32) -> u32 {
    number % 3 + 1
}

/// How many of the submissions before `number` have a transition of this stream.
fn transitions_before(number: u32, stream: u32) -> u32 {
    number / 3 * (3 - stream) + (number % 3).saturating_sub(stream)
}

/// The body of a transition; it says how long it is.
pub(crate) fn body(number: u32, stream: u32, size: usize) -> Vec<u8> {
    let mut body = format!("{number} {stream} {size} ").into_bytes();
    body.resize(body.len() + size, filling(number));
    body
}

/// What fills up what submission `number` writes; never zero, which is what a lost page holds.
pub(crate) fn filling(number: u32) -> u8 {
    u8::try_from(number % 250 + 1).expect("small")
}

/// The payload of submission `number`, if it has one.
pub(crate) fn payload(number: u32) -> Option<Vec<u8>> {
    (number % 5 == 4).then(|| [&number.to_be_bytes()[..], &[filling(number); 3_000]].concat())
}

/// Submission `number`, whose transitions have bodies of this size.
fn submission(number: u32, size: usize) -> Vec<Transition> {
    let mut transitions = Vec::new();
    for stream in 0..transitions_of(number) {
        let revision = transitions_before(number, stream);
        transitions.push(transition(stream, revision, &[&body(number, stream, size)]));
    }
    let first = transitions.first_mut().expect("there is one");
    first.rows.push(name(&format!("row-{number}"), Change::PutNew(body(number, 0, size))));
    first.rows.push(name("latest", Change::Put(number.to_string().into_bytes())));
    if number >= 5 {
        first.rows.push(name(&format!("row-{}", number - 5), Change::Delete));
    }
    if number % 4 == 3 {
        let change = Change::Put(vec![filling(number); 32]);
        first.rows.push(Row { table: KEYS, key: number.to_be_bytes().to_vec(), change });
    }
    if let Some(payload) = payload(number) {
        first.payloads.push((*blake3::hash(&payload).as_bytes(), payload.into()));
    }
    transitions
}
