//! Stores whose creation did not come to its end.

use std::fs;
use std::thread;
use std::time::Duration;

use nexus_log::{EventLog, Outcome, Position};

use crate::chance::Chance;
use crate::children;
use crate::folders::copy;
use crate::stores::{Store, open};
use crate::transitions::{HERE, append_one, transition};

fn opens_empty_and_works(path: &std::path::Path) {
    let log = open(path).expect("opens");
    assert_eq!(log.durable(HERE), Position(0));
    assert_eq!(append_one(&log, transition(1, 0, &[b"a"])), Outcome::Appended(Position(0)));
    assert!(!path.join("log.creating").exists());
}

#[test]
fn leftovers_of_a_half_made_store_are_removed() {
    let made = Store::with_groups(&[]);
    for missing in ["version", "0.jnl", "lock", "keyspaces/0", "keyspaces/1"] {
        let folder = crate::scratch::folder();
        let aside = folder.path().join("log.creating");
        copy(&made.path().join("log"), &aside);
        let path = aside.join(missing);
        if path.is_dir() {
            fs::remove_dir_all(path).expect("removed");
        } else {
            fs::remove_file(path).expect("removed");
        }
        opens_empty_and_works(folder.path());
    }
}

#[test]
fn a_store_without_its_database_is_made_if_nothing_was_acknowledged() {
    for (layout, mark) in [
        (false, None),
        (false, Some(0)),
        (false, Some(100)),
        (false, Some(8192)),
        (true, Some(8192)),
    ] {
        let made = Store::with_groups(&[]);
        fs::remove_dir_all(made.path().join("log")).expect("removed");
        if !layout {
            fs::remove_file(made.path().join("layout")).expect("removed");
        }
        match mark {
            None => fs::remove_file(made.mark()).expect("removed"),
            Some(length) => {
                let bytes = fs::read(made.mark()).expect("readable");
                fs::write(made.mark(), &bytes[..length]).expect("cut");
            }
        }
        opens_empty_and_works(made.path());
    }
}

#[test]
fn leftovers_beside_a_whole_store_are_removed() {
    let store = Store::with_groups(&[b"one"]);
    copy(&store.path().join("log"), &store.path().join("log.creating"));
    let log = open(store.path()).expect("opens");
    assert_eq!(log.durable(HERE), Position(1));
    assert!(!store.path().join("log.creating").exists());
}

#[test]
fn a_process_killed_while_it_makes_a_store_leaves_one_that_can_be_made() {
    if let Some(path) = children::told_where() {
        return drop(open(&path).expect("is made"));
    }
    let this = "creation::a_process_killed_while_it_makes_a_store_leaves_one_that_can_be_made";
    let mut chance = Chance::new(41);
    for _ in 0..20 {
        let folder = crate::scratch::folder();
        let store = folder.path().join("store");
        let mut child = children::command(this, &store).spawn().expect("starts");
        thread::sleep(Duration::from_micros(100 * chance.below(1500) as u64));
        child.kill().expect("killed");
        child.wait().expect("ended");
        opens_empty_and_works(&store);
    }
}
