//! Views that are closed, deleted, or opened with another log.

use std::fs;
use std::sync::Arc;

use nexus_projections::Views;

use crate::history::{History, end, memory_log};
use crate::site::{Site, checksums, fresh};

#[test]
fn views_go_on_where_they_were() {
    let site = Site::folder();
    let mut history = History::new(memory_log(), 31);
    for _ in 0..10 {
        history.go_on(100);
        let views = site.open(&history.log);
        views.catch_up(end(&*history.log)).unwrap();
        drop(views);
        let views = site.open(&history.log);
        assert_eq!(views.applied(), end(&*history.log), "nothing is folded again");
        assert_eq!(checksums(&views, &*history.log), fresh(&history.log));
    }
}

#[test]
fn a_rebuild_gives_the_same_checksums() {
    let site = Site::folder();
    let mut history = History::new(memory_log(), 32);
    history.go_on(1000);
    let before = checksums(&site.open(&history.log), &*history.log);
    let views = Views::rebuild(&site.path(), Arc::clone(&history.log)).unwrap();
    assert_eq!(checksums(&views, &*history.log), before);
}

#[test]
fn a_deleted_folder_is_made_again() {
    let site = Site::folder();
    let mut history = History::new(memory_log(), 33);
    history.go_on(500);
    let before = checksums(&site.open(&history.log), &*history.log);
    fs::remove_dir_all(site.path()).unwrap();
    assert_eq!(checksums(&site.open(&history.log), &*history.log), before);
}

#[test]
fn views_of_another_log_are_made_anew() {
    let site = Site::folder();
    for (seed, length) in [(34, 400), (35, 600), (36, 200)] {
        let mut history = History::new(memory_log(), seed);
        history.go_on(length);
        let views = site.open(&history.log);
        assert_eq!(checksums(&views, &*history.log), fresh(&history.log));
    }
}

#[test]
fn files_of_others_in_the_folder_stay() {
    let site = Site::folder();
    let mut history = History::new(memory_log(), 37);
    history.go_on(50);
    fs::create_dir_all(site.path()).unwrap();
    let letter = site.path().join("letter.txt");
    fs::write(&letter, "dear").unwrap();
    drop(Views::rebuild(&site.path(), Arc::clone(&history.log)).unwrap());
    assert_eq!(fs::read_to_string(letter).unwrap(), "dear");
}
