//! Processes killed while they append, and what they had been promised.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::thread;
use std::time::Duration;

use nexus_log::{EventLog, Outcome, Revision, Transition};

use crate::chance::Chance;
use crate::children;
use crate::here::append_here;
use crate::stores::open;
use crate::transitions::{HERE, append, bodies, read_all, stream, transition};

const KILLS: usize = 20;

/// How the child appends.
type Append = fn(&dyn EventLog, Vec<Transition>) -> Vec<Outcome>;

/// The child: appends for ever, each thread to its own stream, and says so after each acknowledgement.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
fn append_for_ever(path: &Path, submitters: u32, append: Append) {
    let log = open(path).expect("opens");
    thread::scope(|scope| {
        for submitter in 0..submitters {
            let log = &log;
            scope.spawn(move || {
                let last = log
                    .read_stream(stream(submitter), Revision(0), usize::MAX)
                    .expect("readable")
                    .pop();
                let first = last.map_or(0, |frame| frame.next_revision().0);
                for revision in first.. {
                    let body = format!("{submitter} {revision}");
                    let transition = transition(submitter, revision, &[body.as_bytes()]);
                    let outcomes = append(log, vec![transition]);
                    let [Outcome::Appended(position)] = outcomes[..] else {
                        panic!("nobody else writes this stream: {outcomes:?}")
                    };
                    println!("acknowledged {submitter} {revision} {position}");
                }
            });
        }
    });
}

#[test]
fn a_killed_process_keeps_what_it_acknowledged() {
    if let Some(path) = children::told_where() {
        return append_for_ever(&path, 4, append);
    }
    keeps_what_it_acknowledged("kills::a_killed_process_keeps_what_it_acknowledged");
}

#[test]
fn a_killed_process_keeps_what_it_acknowledged_where_it_was_handed_over() {
    if let Some(path) = children::told_where() {
        return append_for_ever(&path, 1, append_here);
    }
    keeps_what_it_acknowledged(
        "kills::a_killed_process_keeps_what_it_acknowledged_where_it_was_handed_over",
    );
}

/// Kills a child of this test again and again.
fn keeps_what_it_acknowledged(this: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut chance = Chance::new(31);
    let mut acknowledged: Vec<(u64, String)> = Vec::new();
    drop(open(folder.path()).expect("is made"));
    for round in 0..KILLS {
        let mut child = children::command(this, folder.path()).spawn().expect("starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let pause = Duration::from_micros(100 * chance.below(3000) as u64 + 30_000);
        let killer = thread::spawn(move || {
            thread::sleep(pause);
            child.kill().expect("killed");
            child.wait().expect("ended")
        });
        for line in output.lines().map_while(Result::ok) {
            let words: Vec<_> = line.split(' ').collect();
            if let ["acknowledged", submitter, revision, position] = words[..] {
                acknowledged
                    .push((position.parse().expect("a number"), format!("{submitter} {revision}")));
            }
        }
        killer.join().expect("no panic");
        let log = open(folder.path()).unwrap_or_else(|error| panic!("round {round}: {error}"));
        let frames = read_all(&log);
        for (position, body) in &acknowledged {
            let frame = &frames[usize::try_from(*position).expect("small")];
            assert_eq!(bodies(frame), [body.as_bytes()], "round {round}, position {position}");
        }
        assert_eq!(log.verify(HERE).problems, [], "round {round}");
    }
    assert!(acknowledged.len() > KILLS, "the children got something done: {}", acknowledged.len());
}
