//! Views whose process ends without a word.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;

use nexus_log::{EventLog, FjallLog, Options};
use nexus_projections::Views;

use crate::children;
use crate::folders::copy;
use crate::history::{History, TABLES, end, memory_log};
use crate::scratch;
use crate::site::{Site, checksums, fresh};

#[test]
fn what_was_committed_without_closing_is_there() {
    let site = Site::folder();
    let mut history = History::new(memory_log(), 51);
    let views = site.open(&history.log);
    for _ in 0..20 {
        history.go_on(50);
        views.catch_up(end(&*history.log)).unwrap();
        let left = scratch::folder();
        copy(&site.path(), left.path());
        let again = Views::open(left.path(), Arc::clone(&history.log)).unwrap();
        assert_eq!(again.applied(), end(&*history.log));
        assert_eq!(checksums(&again, &*history.log), fresh(&history.log));
    }
}

fn log(folder: &Path) -> Arc<dyn EventLog> {
    let options = Options { free_bytes_min: 0, ..Options::new(TABLES) };
    Arc::new(FjallLog::open(&folder.join("log"), options).unwrap())
}

#[test]
fn a_killed_process_leaves_views_that_go_on() {
    if let Some(folder) = children::told_where() {
        follow_for_ever(&folder);
    }
    let folder = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let this = "kill::a_killed_process_leaves_views_that_go_on";
        let mut child = children::command(this, folder.path()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = lines.map_while(Result::ok);
        let followed = said.by_ref().filter(|line| line.ends_with("followed"));
        // Each is killed after more than the one before, somewhere in the next.
        let turns = 4 + 9 * round;
        assert_eq!(followed.take(turns).count(), turns, "it should still be at work");
        child.kill().unwrap();
        child.wait().unwrap();
        drop(said);
        let log = log(folder.path());
        let views = Views::open(&folder.path().join("views"), Arc::clone(&log)).unwrap();
        println!("round {round}: {} of {} applied", views.applied(), end(&*log));
        assert_eq!(checksums(&views, &*log), fresh(&log));
        views.close();
        log.close();
    }
}

/// The child: appends and follows until it is killed, and says so after each turn.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
fn follow_for_ever(folder: &Path) -> ! {
    let log = log(folder);
    let views = Views::open(&folder.join("views"), Arc::clone(&log)).unwrap();
    let mut history = History::new(log, u64::from(std::process::id()));
    history.now = history.now.plus_ms(u64::from(std::process::id()) * 100_000);
    loop {
        history.go_on(30);
        if history.members.len() > 200 {
            history.members.drain(..100);
        }
        assert!(views.resume().is_ok());
        println!("followed");
    }
}
