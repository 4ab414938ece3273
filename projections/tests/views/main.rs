//! The views of generated histories, in memory and in a folder.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../../log/tests/support/chance.rs"]
#[expect(dead_code, reason = "of the tests of the log")]
mod chance;
#[path = "../../../log/tests/support/children.rs"]
#[expect(dead_code, reason = "of the tests of the log")]
mod children;
mod damage;
#[path = "../../../log/tests/support/disk.rs"]
mod disk;
#[path = "../../../log/tests/support/failures.rs"]
mod failures;
mod fold;
#[path = "../../../log/tests/support/folders.rs"]
mod folders;
mod history;
mod images;
mod kill;
mod moments;
mod queries;
#[path = "../../../log/tests/support/recording.rs"]
mod recording;
mod reopening;
#[path = "../../../log/tests/support/scratch.rs"]
mod scratch;
mod site;
mod snapshots;
#[path = "../../../log/tests/support/trace.rs"]
#[expect(dead_code, reason = "of the tests of the log")]
mod trace;
#[path = "../support/transitions.rs"]
mod transitions;
#[path = "../../../log/tests/support/until.rs"]
#[expect(dead_code, reason = "of the tests of the log")]
mod until;
mod wide;
