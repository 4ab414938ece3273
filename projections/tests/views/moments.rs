//! Whoever asks while the views follow the log sees the rows and the position of one moment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nexus_projections::{Checksum, Views};

use crate::history::{History, end, memory_log};
use crate::site::on_each;

/// Asks again and again, until it is over.
fn asked(views: &Views, is_over: &AtomicBool) -> Vec<Checksum> {
    let mut seen = Vec::new();
    loop {
        let is_last = is_over.load(Ordering::SeqCst);
        seen.push(views.checksum("runs").unwrap());
        if is_last {
            return seen;
        }
    }
}

#[test]
fn rows_and_their_position_are_of_one_moment() {
    on_each(|site| {
        let mut history = History::new(memory_log(), 53);
        let views = site.open(&history.log);
        let is_over = AtomicBool::new(false);
        let mut hashes = BTreeMap::new();
        let seen = thread::scope(|scope| {
            let asking = scope.spawn(|| asked(&views, &is_over));
            for _ in 0..150 {
                history.go_on(10);
                views.catch_up(end(&*history.log)).unwrap();
                let Checksum { position, hash } = views.checksum("runs").unwrap();
                hashes.insert(position, hash);
            }
            is_over.store(true, Ordering::SeqCst);
            asking.join().unwrap()
        });
        assert!(seen.iter().any(|seen| hashes.contains_key(&seen.position)), "nothing was seen");
        for Checksum { position, hash } in seen {
            let is_same = hashes.get(&position).is_none_or(|known| *known == hash);
            assert!(is_same, "at {position} there were rows of another position");
        }
    });
}
