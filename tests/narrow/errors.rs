//! Random errors of calls to the system.

use std::process::Command;

use nexus_tests::{binary, is_missing};

use crate::{Ended, Place, ended};

const ROUNDS: usize = 12;

/// What fails, how it is called, and whether the process may break off: nobody else could say that it cannot wake its own threads.
const FAULTS: [(&str, bool); 6] = [
    ("posix/io/sync/*,probability=0.02,failinfo=5", false),
    ("posix/io/oc/*,probability=0.01,failinfo=5", false),
    ("posix/io/rw/*,probability=0.004,failinfo=5", true),
    ("posix/io/sync/*,probability=0.05,failinfo=28", false),
    ("posix/io/rw/*,probability=0.004,failinfo=28", true),
    ("posix/io/dir/*,probability=0.05,failinfo=5", true),
];

#[test]
fn calls_that_fail_by_chance_lose_nothing() {
    if is_missing("fiu-run") || Command::new("fiu-run").arg("-h").output().is_err() {
        return println!("skipped: fiu-run is not installed");
    }
    let place = Place::new();
    let mut completed = Vec::new();
    assert_eq!(place.run("", "first").status.code(), Some(0));
    for round in 0..ROUNDS {
        let (fault, may_break_off) = FAULTS[round % FAULTS.len()];
        let id = format!("random-{round}");
        let run = with_faults(&place, fault, &id);
        if may_break_off {
            place.forget_reports();
        } else {
            place.no_bug(&run);
        }
        if run.status.code() == Some(0) {
            completed.push(id);
        }
    }
    println!("{ROUNDS} runs with random errors, {} completed", completed.len());
    place.goes_on(&completed, "after");
}

fn with_faults(place: &Place, fault: &str, id: &str) -> Ended {
    let mut command = Command::new("fiu-run");
    command.args(["-x", "-c", &format!("enable_random name={fault}")]).arg(binary());
    command.arg("--store").arg(place.store());
    command.arg("run").arg(place.workflow()).args(["--id", id]);
    command.env("NO_COLOR", "1").env("TMPDIR", place.folder.path());
    ended(&mut command)
}
