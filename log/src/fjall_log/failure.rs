//! The end: what happens when it is unknown whether something became durable.
//!
//! A sync that failed may be followed by one that succeeds although the data is not on the disk, and dropping the database would sync again.
//! So the process ends at once, and the next one looks at what is really there.
//! Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.

use std::fmt::Display;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

/// Says why, gives the embedding program one second for last words, and ends the process.
pub(super) fn end_process(what: &str, reason: &dyn Display, last_words: Option<fn()>) -> ! {
    // The line is written in one piece and without a lock that another thread could hold.
    let line = format!(
        "nexus-log: {what}: {reason}; whether the last transitions are durable is unknown, ending the process\n"
    );
    let _ = rustix::io::write(rustix::stdio::stderr(), line.as_bytes());
    if let Some(last_words) = last_words {
        let (done, finished) = mpsc::channel();
        let speaker =
            thread::Builder::new().name("nexus-log-last-words".to_owned()).spawn(move || {
                last_words();
                let _ = done.send(());
            });
        if speaker.is_ok() {
            let _ = finished.recv_timeout(LAST_WORDS_MAX);
        }
    }
    std::process::abort()
}
