//! A store that is appended to until its process is gone, through everything that a store does: segments, flushes, rotations, purges.
//! Whoever starts it next looks at what is there first.
//!
//! Here the process is killed. `cargo xtask power` cuts the power of the whole system below it, with the same process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::thread;
use std::time::Duration;

use nexus_log::{EventLog, FjallLog, Options};

use crate::chance::Chance;
use crate::content::{self, Verdict};
use crate::stores::options;
use crate::{children, script};

const THIS: &str = "power::what_was_acknowledged_outlives_the_end";
/// Set: the child looks at the store, and ends.
const LOOK_ONLY: &str = "NEXUS_POWER_LOOK_ONLY";
const SEGMENT_BYTES: u64 = 300_000;
const SIZES: [usize; 16] =
    [100, 0, 9_000, 70, 4_000, 1, 20_000, 300, 50, 7_000, 10, 200_000, 0, 600, 12_000, 30];
/// So many times all sizes are appended before the next purge.
const TIMES_BEFORE_PURGE: u32 = 20;
const KILLS: usize = 6;

/// The child's part: says what the store holds, then appends, and says so after each acknowledgement.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
fn live(store: &Path) {
    // The test runner has begun a line.
    println!();
    match content::examine(store) {
        Ok(Verdict::Holds(found)) => println!("holds {found}"),
        Ok(Verdict::Refuses(refusal)) => return println!("refused {refusal}"),
        Err(problem) => return println!("broken {problem}"),
    }
    if std::env::var_os(LOOK_ONLY).is_some() {
        return;
    }
    let log = FjallLog::open(store, Options { segment_bytes: SEGMENT_BYTES, ..options() })
        .expect("it was open a moment ago");
    let mut first = content::count(&log).expect("it was whole a moment ago");
    for time in 1_u32.. {
        script::append_all(&log, first, &SIZES);
        first += u32::try_from(SIZES.len()).expect("few");
        if time % TIMES_BEFORE_PURGE == 0 {
            log.purge(script::KEYS, vec![(crate::transitions::NAMES, b"latest".to_vec())])
                .expect("nothing keeps it from being purged");
        }
    }
}

/// What one process said.
#[derive(Debug, Default)]
struct Said {
    held: Option<u32>,
    acknowledged: u32,
    complaint: Option<String>,
}

fn listen(output: impl std::io::Read) -> Said {
    let mut said = Said::default();
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        match line.split_once(' ') {
            Some(("holds", found)) => said.held = found.parse().ok(),
            Some(("acknowledged", number)) => {
                said.acknowledged = number.parse().expect("a number");
            }
            Some(("refused" | "broken", _)) => said.complaint = Some(line),
            _ => {}
        }
    }
    said
}

#[test]
fn what_was_acknowledged_outlives_the_end() {
    if let Some(store) = children::told_where() {
        return live(&store);
    }
    let folder = crate::scratch::folder();
    let store = folder.path().join("store");
    let mut chance = Chance::new(77);
    let mut acknowledged = 0;
    for kill in 0..=KILLS {
        let mut child = children::command(THIS, &store);
        if kill == KILLS {
            child.env(LOOK_ONLY, "1");
        }
        let mut child = child.spawn().expect("starts");
        let output = child.stdout.take().expect("piped");
        let pause = Duration::from_millis(chance.below(700) as u64 + 100);
        let killer = thread::spawn(move || {
            if kill < KILLS {
                thread::sleep(pause);
                child.kill().expect("killed");
            }
            child.wait().expect("ended")
        });
        let said = listen(output);
        killer.join().expect("no panic");
        assert_eq!(said.complaint, None, "kill {kill}");
        assert!(said.held.is_none_or(|held| held >= acknowledged), "{acknowledged}: {said:?}");
        assert!(kill < KILLS || said.held.is_some(), "the last one looked: {said:?}");
        acknowledged = acknowledged.max(said.acknowledged);
    }
    assert!(acknowledged > 0, "something was acknowledged");
}
