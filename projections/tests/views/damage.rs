//! Damaged files: views are never wrong, they are rebuilt.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use nexus_log::EventLog;
use nexus_projections::{Views, resume};

use crate::folders::{copy, files};
use crate::history::{History, end, memory_log};
use crate::scratch;
use crate::site::{Site, checksums, fresh};
use crate::transitions::append;

/// A history whose views are large enough to stand in tables as well as in the journal.
fn large(seed: u64) -> History {
    let mut history = History::new(memory_log(), seed);
    history.go_on(200);
    append(&*history.log, crate::wide::wide_runs(120, 20_000));
    history.go_on(200);
    history
}

#[test]
fn damaged_files_are_deleted_and_rebuilt() {
    let site = Site::folder();
    let history = large(41);
    drop({
        let views = site.open(&history.log);
        checksums(&views, &*history.log);
        views
    });
    let expected = fresh(&history.log);
    let files = files(&site.path());
    assert!(files.len() > 10, "{files:?}");
    assert!(files.iter().any(|file| is_table(file)), "{files:?}");
    let mut rebuilt = 0;
    for (at, file) in files.iter().enumerate() {
        let holds_rows = file.extension().is_some_and(|end| end == "jnl") || is_table(file);
        let damages = [garbage, flipped, cut];
        let damages = if holds_rows { &damages[..] } else { &damages[at % 3..=at % 3] };
        for damage in damages {
            let copied = scratch::folder();
            copy(&site.path(), copied.path());
            let damaged = copied.path().join(file.strip_prefix(site.path()).unwrap());
            let bytes = fs::read(&damaged).unwrap();
            fs::write(&damaged, damage(bytes)).unwrap();
            let views = Views::open(copied.path(), Arc::clone(&history.log)).unwrap();
            rebuilt += usize::from(views.applied() < end(&*history.log));
            let found = patient_checksums(&views, &*history.log);
            assert_eq!(found, expected, "{} damaged", damaged.display());
        }
    }
    println!("{rebuilt} of {} were rebuilt", files.len());
    assert!(rebuilt > 0);
}

fn is_table(file: &Path) -> bool {
    file.parent().is_some_and(|folder| folder.ends_with("tables"))
}

fn garbage(mut bytes: Vec<u8>) -> Vec<u8> {
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = at.to_le_bytes()[0].wrapping_mul(7) ^ 0x5A;
    }
    bytes
}

fn flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 0xFF;
    }
    bytes
}

fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// As [`checksums`], but a reader may be the first to come upon the damage.
fn patient_checksums(
    views: &Views,
    log: &dyn EventLog,
) -> Vec<(&'static str, nexus_projections::Checksum)> {
    for _ in 0..500 {
        views.catch_up(end(log)).unwrap();
        if let Ok(streams) = views.resume() {
            assert_eq!(streams, resume::scan(log).unwrap(), "no run is forgotten meanwhile");
        }
        let checksum = |name| Ok((name, views.checksum(name)?));
        let checksums: Result<Vec<_>, nexus_projections::ViewsError> =
            Views::names().into_iter().map(checksum).collect();
        match checksums {
            Ok(checksums) if checksums.iter().all(|(_, sum)| sum.position == end(log)) => {
                return checksums;
            }
            Ok(_) | Err(_) => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
    }
    panic!("the views do not recover");
}
