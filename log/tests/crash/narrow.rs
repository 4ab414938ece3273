//! Processes with little room: few file descriptors, little memory, a full disk, calls that fail by chance. They end in time, in a way
//! that is meant, and what they acknowledged is there when there is room again.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use tempfile::TempDir;

use crate::content::{self, Verdict};
use crate::script;

const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;
/// What a process says that ends itself because it does not know what became of a write.
const LAST_WORDS: &str = "ending the process";
/// What a test runner says whose own output fails.
const MUTE: [&str; 2] = ["io error when ", "failed printing to stdout"];
/// The loader found no room.
const NOT_LOADED: i32 = 127;

/// The command after what a shell does before it becomes the command.
fn after(before: &str, inner: &Command) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before}\nexec \"$0\" \"$@\"")]);
    with(command, inner)
}

/// The command as arguments of another.
fn with(mut outer: Command, inner: &Command) -> Command {
    outer.arg(inner.get_program()).args(inner.get_args());
    outer.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    outer.stdin(Stdio::null());
    outer
}

/// How it ended, and how many submissions were acknowledged; it does end.
fn ended(mut command: Command) -> (ExitStatus, u32, String) {
    let file = tempfile::tempfile().expect("a file");
    let said = || file.try_clone().expect("the same file");
    let mut child = command.stdout(said()).stderr(said()).spawn().expect("it starts");
    let status = crate::children::ends_in_time(&mut child);
    let status = status.unwrap_or_else(|| panic!("{command:?} does not end"));
    let said = text(file);
    let numbers = said.lines().filter_map(|line| line.strip_prefix("acknowledged "));
    let acknowledged = numbers.filter_map(|number| number.parse().ok()).max().unwrap_or(0);
    (status, acknowledged, said)
}

fn text(mut file: std::fs::File) -> String {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    file.rewind().expect("it can be read again");
    file.read_to_end(&mut bytes).expect("readable");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What was acknowledged is there, and the store takes more.
fn holds(store: &Path, acknowledged: u32, why: &str) -> u32 {
    match content::examine(store) {
        Ok(Verdict::Holds(found)) if found >= acknowledged => found + 1,
        other => panic!("{why}: {acknowledged} were acknowledged: {other:?}"),
    }
}

/// A store, and those who live on it one after the other.
struct Lives {
    _folder: TempDir,
    store: PathBuf,
    held: u32,
}

impl Lives {
    fn new() -> Self {
        let folder = crate::scratch::folder();
        let store = folder.path().join("store");
        Self { _folder: folder, store, held: 0 }
    }

    /// One more: it ends, and what all of them acknowledged is there. Says how it ended, in words too.
    fn live(&mut self, command: Command, under: &str) -> (ExitStatus, String) {
        let (status, acknowledged, said) = ended(command);
        let how = format!("{under}: {status}: {said}");
        self.held = holds(&self.store, self.held.max(acknowledged), &how);
        (status, how)
    }
}

#[test]
fn few_descriptors() {
    if let Some(store) = crate::children::told_where() {
        return script::play(&store);
    }
    let mut lives = Lives::new();
    let this = "narrow::few_descriptors";
    let (mut refused, mut played, mut loads) = (0, 0, false);
    for files in (4..40).step_by(2) {
        let child = script::command(this, &lives.store, "small segments small");
        let limit = format!("ulimit -n {files}");
        let (status, how) = lives.live(after(&limit, &child), &limit);
        // Nothing is learned from so few that the program is not even loaded.
        if status.code() == Some(NOT_LOADED) {
            assert!(!loads, "fewer were enough to load it: {how}");
            continue;
        }
        loads = true;
        match (status.code(), status.signal()) {
            (Some(0), _) => played += 1,
            (Some(script::REFUSED), _) => refused += 1,
            // It was not said what became of the last group.
            (_, Some(SIGABRT)) if how.contains(LAST_WORDS) => {}
            _ => panic!("{how}"),
        }
    }
    assert!(refused > 0 && played > 0, "{refused} refused, {played} played");
}

#[test]
fn little_memory() {
    if let Some(store) = crate::children::told_where() {
        return script::play(&store);
    }
    let mut lives = Lives::new();
    let this = "narrow::little_memory";
    let (mut failed, mut played) = (0, 0);
    for kib in (10_000..400_000).step_by(12_000) {
        let child = script::command(this, &lives.store, "small flush");
        let limit = format!("ulimit -v {kib}");
        let (status, how) = lives.live(after(&limit, &child), &limit);
        match (status.code(), status.signal()) {
            (Some(0), _) => played += 1,
            // Nothing can be said by who has no memory; the test runner of the child may have had none for its thread.
            (Some(script::REFUSED | NOT_LOADED | 101), _) | (_, Some(SIGABRT | SIGSEGV)) => {
                failed += 1;
            }
            _ => panic!("{how}"),
        }
        if played == 2 {
            break;
        }
    }
    assert!(failed > 0 && played > 0, "{failed} failed, {played} played");
}

#[test]
fn a_full_disk() {
    if let Some(store) = crate::children::told_where() {
        return script::play(&store);
    }
    let folder = crate::scratch::folder();
    let Some(disk) = Disk::mount(folder.path()) else {
        return println!("skipped: a disk of its own can be mounted by root only");
    };
    let store = folder.path().join("store");
    let this = "narrow::a_full_disk";
    let mut held = 0;
    for round in 0..3 {
        disk.leave(3 * 1024);
        let child = script::command(this, &store, "small flush");
        let (status, acknowledged, said) = ended(after("", &child));
        assert_eq!(status.signal(), Some(SIGABRT), "round {round}: {status}: {said}");
        assert!(acknowledged > held, "round {round}: something had room: {said}");
        disk.leave(200 * 1024);
        held = holds(&store, acknowledged, &said);
    }
}

/// A disk in memory, as long as this lives.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// `None`: who is not root mounts nothing.
    fn mount(path: &'a Path) -> Option<Self> {
        let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "tmpfs"]).arg(path);
        (root && mount.status().is_ok_and(|status| status.success())).then_some(Self(path))
    }

    /// Leaves so much room beside what is on it.
    fn leave(&self, kibibytes: u64) {
        let mut df = Command::new("df");
        let said = df.args(["-k", "--output=used"]).arg(self.0).output().expect("df starts").stdout;
        let said = String::from_utf8_lossy(&said).into_owned();
        let used: u64 =
            said.lines().last().and_then(|line| line.trim().parse().ok()).expect("used");
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={}k", used + kibibytes)]).arg(self.0);
        assert!(mount.status().expect("mount starts").success(), "it is resized");
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

/// What fails by chance: EIO of syncs, of opening and closing, of reads and writes; ENOSPC of writes.
const FAULTS: [&str; 4] = [
    "posix/io/sync/*,probability=0.05,failinfo=5",
    "posix/io/oc/*,probability=0.02,failinfo=5",
    "posix/io/rw/*,probability=0.01,failinfo=5",
    "posix/io/rw/pwrite,probability=0.05,failinfo=28",
];
const ROUNDS: usize = 16;

#[test]
fn calls_that_fail_by_chance() {
    if let Some(store) = crate::children::told_where() {
        return script::play(&store);
    }
    if Command::new("fiu-run").arg("-h").stdout(Stdio::null()).status().is_err() {
        return println!("skipped: fiu-run is not installed");
    }
    let mut lives = Lives::new();
    let this = "narrow::calls_that_fail_by_chance";
    let mut ways = std::collections::BTreeMap::new();
    for fault in FAULTS.iter().cycle().take(ROUNDS) {
        let mut fiu = Command::new("fiu-run");
        fiu.args(["-x", "-c", &format!("enable_random name={fault}")]);
        let child = script::command(this, &lives.store, "open small segments");
        let (status, how) = lives.live(with(fiu, &child), fault);
        let way = match (status.code(), status.signal()) {
            (Some(0), _) => "played",
            (Some(script::REFUSED), _) => "refused",
            (_, Some(SIGABRT)) if how.contains(LAST_WORDS) => "ended itself",
            // It is the test runner of the child that could not write what it says.
            (Some(101), _) if MUTE.iter().any(|words| how.contains(words)) => "mute",
            _ => panic!("{how}"),
        };
        *ways.entry(way).or_insert(0) += 1;
    }
    println!("{ROUNDS} lives with random errors: {ways:?}");
}
