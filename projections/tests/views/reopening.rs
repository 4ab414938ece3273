//! Views that are closed, deleted, or opened with another log.

use std::fs;
use std::sync::Arc;

use nexus_projections::{Renewed, RunFilter, Views, ViewsError};

use crate::history::{History, end, memory_log};
use crate::site::{Site, checksums, fresh, on_each};

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
fn live_views_are_renewed_in_place() {
    on_each(|site| {
        let mut history = History::new(memory_log(), 38);
        history.go_on(1000);
        let views = site.open(&history.log);
        let before = checksums(&views, &*history.log);
        let renewed = views.renew().unwrap();
        let is = |view: &Renewed| (view.view, view.after);
        assert_eq!(renewed.iter().map(is).collect::<Vec<_>>(), before);
        assert!(renewed.iter().all(Renewed::is_same), "{renewed:?}");
        assert_eq!(checksums(&views, &*history.log), before);
        history.go_on(200);
        assert_eq!(checksums(&views, &*history.log), fresh(&history.log));
        views.close();
        assert!(matches!(views.renew(), Err(ViewsError::Closed)));
    });
}

/// Both checksums are of one position, however much is appended meanwhile; nobody sees a half-made view.
#[test]
fn views_are_renewed_while_the_log_grows() {
    let site = Site::folder();
    let mut history = History::new(memory_log(), 39);
    history.go_on(2000);
    let views = site.open(&history.log);
    checksums(&views, &*history.log);
    let asked = std::thread::scope(|scope| {
        let renewals: Vec<_> = (0..3).map(|_| scope.spawn(|| views.renew().unwrap())).collect();
        while !renewals.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            history.go_on(20);
            let rows = views.runs(&RunFilter { limit: 1, ..RunFilter::default() }).unwrap().rows;
            assert_eq!(rows.len(), 1);
        }
        renewals.into_iter().map(|renewal| renewal.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(asked.iter().flat_map(|renewed| renewed.iter()).all(Renewed::is_same), "{asked:?}");
    assert_eq!(checksums(&views, &*history.log), fresh(&history.log));
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

/// As a process leaves it that ends before it has written the first row.
#[test]
fn views_that_were_only_just_made_are_used() {
    let site = Site::folder();
    let database = fjall::Database::builder(site.path().join("db")).open().unwrap();
    for name in ["rows", "snapshots"] {
        database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
    }
    drop(database);
    let mut history = History::new(memory_log(), 40);
    history.go_on(200);
    let witness = site.path().join("db/witness");
    fs::write(&witness, b"").unwrap();
    assert_eq!(checksums(&site.open(&history.log), &*history.log), fresh(&history.log));
    assert!(witness.exists(), "they were deleted and made again");
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
