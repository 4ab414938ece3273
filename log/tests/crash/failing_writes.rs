//! Writes that the system refuses: the process ends at once, and what was acknowledged is there.

use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nexus_log::{EventLog, FjallLog, Options, Outcome, Transition};

use crate::here::append_here;
use crate::stores::{Store, open, options};
use crate::transitions::{HERE, append, read_all, transition};
use crate::{children, content, script};

const SIGABRT: i32 = 6;

static LAST_WORDS: OnceLock<PathBuf> = OnceLock::new();

fn say_last_words() {
    let path = LAST_WORDS.get().expect("known");
    fs::write(path, "farewell").expect("written");
}

/// The child: appends until its files may not grow.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
fn append_for_ever(path: &Path, appends: fn(&dyn EventLog, Vec<Transition>) -> Vec<Outcome>) {
    LAST_WORDS.set(path.join("last-words")).expect("once");
    let log = FjallLog::open(path, Options { on_failure: Some(say_last_words), ..options() })
        .expect("opens");
    for revision in 1.. {
        let outcomes = appends(&log, vec![transition(1, revision, &[&[7; 5000]])]);
        assert!(matches!(outcomes[..], [Outcome::Appended(_)]));
        println!("acknowledged {revision}");
    }
}

/// The command with files of at most so many blocks of 512 bytes: then writes fail, as they do on a full disk.
fn limited(inner: &Command, blocks: u32) -> Command {
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")])
        .arg(inner.get_program())
        .args(inner.get_args());
    limited.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    limited
}

#[test]
fn a_failed_write_ends_the_process_after_its_last_words() {
    if let Some(path) = children::told_where() {
        return append_for_ever(&path, append);
    }
    ends_the_process_after_its_last_words(
        "failing_writes::a_failed_write_ends_the_process_after_its_last_words",
    );
}

#[test]
fn a_write_that_fails_where_it_is_appended_ends_the_process_after_its_last_words() {
    if let Some(path) = children::told_where() {
        return append_for_ever(&path, append_here);
    }
    ends_the_process_after_its_last_words(
        "failing_writes::a_write_that_fails_where_it_is_appended_ends_the_process_after_its_last_words",
    );
}

fn ends_the_process_after_its_last_words(this: &str) {
    let store = Store::with_groups(&[b"first"]);
    let output = limited(&children::command(this, store.path()), 600).output().expect("runs");
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

#[test]
fn a_write_that_fails_in_a_purge_ends_the_process() {
    if let Some(path) = children::told_where() {
        return script::play(&path);
    }
    let folder = crate::scratch::folder();
    let this = "failing_writes::a_write_that_fails_in_a_purge_ends_the_process";
    let whole = script::command(this, folder.path(), "small").output().expect("runs");
    assert!(whole.status.success());
    // A purge fills up the journal with more than this.
    let purge = script::command(this, folder.path(), "purge");
    let output = limited(&purge, 20_000).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.signal(), Some(SIGABRT), "{said}");
    let log = open(folder.path()).expect("opens");
    assert_eq!(content::count(&log), Ok(8));
}

#[test]
fn a_table_that_cannot_be_written_ends_the_process_though_nobody_appends() {
    if let Some(path) = children::told_where() {
        return script::play(&path);
    }
    let folder = crate::scratch::folder();
    let this =
        "failing_writes::a_table_that_cannot_be_written_ends_the_process_though_nobody_appends";
    let output = script::command(this, folder.path(), "blind").output().expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.signal(), Some(SIGABRT), "{said}");
    assert!(said.contains("acknowledged 1") && !said.contains("went on"), "{said}");
}
