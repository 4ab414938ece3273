//! Too little room: file descriptors, memory, disk.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use crate::{Place, ended};

const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

#[test]
fn with_few_descriptors_it_refuses_and_with_just_enough_it_works() {
    let place = Place::new();
    for files in [4, 6, 8, 12, 16, 20, 24, 32, 63] {
        let refused = place.run(&format!("ulimit -n {files}"), "refused");
        place.no_bug(&refused);
        assert_eq!(refused.status.code(), Some(6), "{files}: {refused:?}");
        assert!(refused.err.contains("error[NX6009]"), "{files}: {refused:?}");
        assert!(refused.err.contains(&format!("{files} files")), "{files}: {refused:?}");
        assert!(!place.store().exists(), "nothing was begun");
    }
    let just_enough = place.run("ulimit -n 64", "enough");
    assert_eq!(just_enough.status.code(), Some(0), "{just_enough:?}");
    place.goes_on(&["enough".to_owned()], "after");
    let told = ended(place.shell("ulimit -n 4", &place.store()).args(["explain", "NX6009"]));
    assert_eq!(told.status.code(), Some(0), "what it said can be looked up: {told:?}");
}

#[test]
fn with_little_memory_it_says_so_or_the_system_ends_it_and_nothing_is_lost() {
    let place = Place::new();
    let first = place.run("", "first");
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    let mut completed = Vec::new();
    let mut too_little = 0;
    for kib in (20_000..400_000).step_by(7_000) {
        let id = format!("memory-{kib}");
        let run = place.run(&format!("ulimit -v {kib}"), &id);
        place.no_bug(&run);
        assert!(!run.err.contains("rebuilt"), "the views are whole, and stay: {run:?}");
        match (run.status.code(), run.status.signal()) {
            (Some(0), _) => completed.push(id),
            // The loader, or an allocation that is not possible: there is nobody to say anything.
            (Some(127), _) | (None, Some(SIGABRT | SIGSEGV)) => too_little += 1,
            (Some(1), _) => assert!(run.err.contains("NX3"), "a step failed: {run:?}"),
            (Some(6), _) => {
                assert!(run.err.contains("error[NX") && !run.err.contains("NX6011"), "{run:?}");
            }
            _ => panic!("with {kib} KiB: {run:?}"),
        }
        if completed.len() > 2 {
            break;
        }
    }
    assert!(too_little > 0 && !completed.is_empty(), "{too_little}, {completed:?}");
    completed.push("first".to_owned());
    place.goes_on(&completed, "after");
}

#[test]
fn a_disk_that_is_full_refuses_and_goes_on_when_there_is_room() {
    let place = Place::new();
    let disk = place.folder.path().join("disk");
    std::fs::create_dir(&disk).expect("made");
    let Some(_mounted) = Mounted::new(&disk, "400m") else { return };
    let store = disk.join("store");
    let run = |id: &str| {
        let mut command = place.shell("", &store);
        ended(command.arg("run").arg(place.workflow()).args(["--id", id]))
    };
    let first = run("first");
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    let full = std::fs::File::create(disk.join("full")).expect("made");
    fill(&full, 250 << 20);
    let refused = run("refused");
    place.no_bug(&refused);
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    assert!(refused.err.contains("error[NX6007]"), "{refused:?}");
    drop(full);
    std::fs::remove_file(disk.join("full")).expect("removed");
    assert_eq!(run("second").status.code(), Some(0));
    let list = ended(place.shell("", &store).args(["list", "-o", "json"]));
    assert!(list.out.contains("\"first\"") && !list.out.contains("\"refused\""), "{list:?}");
    let verified = ended(place.shell("", &store).arg("verify"));
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}

#[test]
fn a_file_that_may_not_grow_is_named_before_anything_is_begun() {
    let place = Place::new();
    let refused = place.run("trap '' XFSZ; ulimit -f 2000", "refused");
    place.no_bug(&refused);
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    assert!(
        refused.err.contains("error[NX6009]") && refused.err.contains("too large"),
        "{refused:?}"
    );
    let ended = place.run("ulimit -f 2000", "ended");
    assert!(ended.status.signal().is_some(), "the system ends who does not expect it: {ended:?}");
    place.goes_on(&[], "after");
}

/// Makes a file that takes so many bytes.
fn fill(mut file: &std::fs::File, bytes: usize) {
    use std::io::Write;
    let mebibyte = vec![1_u8; 1 << 20];
    for _ in 0..bytes >> 20 {
        file.write_all(&mebibyte).expect("there is room");
    }
}

/// A disk in memory, as long as this lives.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// `None`: who is not root mounts nothing.
    #[expect(clippy::print_stdout, reason = "who reads the tests is told what was left out")]
    fn new(path: &'a Path, size: &str) -> Option<Self> {
        let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(path);
        if root && mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(path));
        }
        println!("skipped: a disk of its own can be mounted by root only");
        None
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
