//! Writes that the system refuses: the process ends at once, and what was acknowledged is there.

use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nexus_log::{EventLog, FjallLog, Options, Outcome};

use crate::children;
use crate::stores::{Store, open, options};
use crate::transitions::{HERE, append_one, read_all, transition};

const SIGABRT: i32 = 6;

static LAST_WORDS: OnceLock<PathBuf> = OnceLock::new();

fn say_last_words() {
    let path = LAST_WORDS.get().expect("known");
    fs::write(path, "farewell").expect("written");
}

/// The child: appends until its files may not grow.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
fn append_for_ever(path: &Path) {
    LAST_WORDS.set(path.join("last-words")).expect("once");
    let log = FjallLog::open(path, Options { on_failure: Some(say_last_words), ..options() })
        .expect("opens");
    for revision in 1.. {
        let outcome = append_one(&log, transition(1, revision, &[&[7; 5000]]));
        assert!(matches!(outcome, Outcome::Appended(_)));
        println!("acknowledged {revision}");
    }
}

#[test]
fn a_failed_write_ends_the_process_after_its_last_words() {
    if let Some(path) = children::told_where() {
        return append_for_ever(&path);
    }
    let store = Store::with_groups(&[b"first"]);
    let this = "failing_writes::a_failed_write_ends_the_process_after_its_last_words";
    let inner = children::command(this, store.path());
    // A file size limit with its signal ignored makes writes fail, as a full disk does.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""])
        .arg(inner.get_program())
        .args(inner.get_args());
    limited.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let output = limited.output().expect("runs");
    assert_eq!(
        output.status.signal(),
        Some(SIGABRT),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("nexus-log: cannot write"),
        "it says why"
    );

    let mut words = String::new();
    fs::File::open(store.path().join("last-words"))
        .expect("spoken")
        .read_to_string(&mut words)
        .expect("readable");
    assert_eq!(words, "farewell");
    fs::remove_file(store.path().join("last-words")).expect("removed");

    let acknowledged = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.starts_with("acknowledged"))
        .count();
    assert!(acknowledged > 5, "{acknowledged}");
    let log = open(store.path()).expect("opens");
    assert!(
        read_all(&log).len() > acknowledged,
        "every acknowledged frame and the first are there"
    );
    assert_eq!(log.verify(HERE).problems, []);
    assert_eq!(log.status().layout, 2);
}
