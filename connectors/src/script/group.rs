//! Process groups: who is in one, and how it is ended.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How long the kernel may take to end killed processes.
const KILL: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// The group of a script. Dropping it kills the group.
pub(super) struct Group {
    id: i32,
    is_over: bool,
}

/// One process, as `/proc/<pid>/stat` shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) group: i32,
    /// Whether it runs, or only waits for its parent to notice its end.
    pub(super) is_alive: bool,
    /// When it started, in clock ticks since the machine did.
    pub(super) start: u64,
}

impl Group {
    pub(super) fn new(id: i32) -> Self {
        Self { id, is_over: false }
    }

    pub(super) fn id(&self) -> i32 {
        self.id
    }

    /// Ends what is left of the group; false if something withstood.
    pub(super) async fn end(&mut self, grace: Duration) -> bool {
        let id = self.id;
        if !is_alive(id) {
            self.is_over = true;
            return true;
        }
        self.is_over = tokio::task::spawn_blocking(move || end(id, grace)).await.unwrap_or(false);
        self.is_over
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_over {
            signal(self.id, Signal::KILL);
        }
    }
}

/// Tells group `id` to end, kills it when `grace` is over, and waits until it is gone; false if it withstood.
pub(super) fn end(id: i32, grace: Duration) -> bool {
    signal(id, Signal::TERM);
    if is_gone_within(id, grace) {
        return true;
    }
    signal(id, Signal::KILL);
    is_gone_within(id, KILL)
}

fn is_gone_within(id: i32, limit: Duration) -> bool {
    let start = Instant::now();
    while is_alive(id) {
        if start.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(POLL);
    }
    true
}

/// A group that is gone needs no signal.
fn signal(id: i32, signal: Signal) {
    if let Some(group) = group(id) {
        let _ = kill_process_group(group, signal);
    }
}

/// Whether a process of group `id` runs. Processes that ended and were not waited for do not count: where nobody waits
/// for orphans, they stay for ever.
fn is_alive(id: i32) -> bool {
    let Some(group) = group(id) else { return false };
    if test_kill_process_group(group) == Err(rustix::io::Errno::SRCH) {
        return false;
    }
    members(id).map_or(true, |members| !members.is_empty())
}

/// 1 is no group of ours, and as an argument of `kill` it means every process there is.
fn group(id: i32) -> Option<Pid> {
    (id > 1).then(|| Pid::from_raw(id)).flatten()
}

/// The running processes of group `id`.
pub(super) fn members(id: i32) -> io::Result<Vec<Process>> {
    let pids = std::fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let processes = pids.filter_map(|pid| process(pid).ok());
    Ok(processes.filter(|process| process.group == id && process.is_alive).collect())
}

/// What the kernel knows of process `pid`.
pub(super) fn process(pid: i32) -> io::Result<Process> {
    let stat = std::fs::read(Path::new("/proc").join(pid.to_string()).join("stat"))?;
    parse(pid, &String::from_utf8_lossy(&stat))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/<pid>/stat is strange"))
}

/// Source: proc(5). The name of the program, in brackets, may hold anything; state, parent and group follow it, and the
/// start time is the 22nd field of all.
fn parse(pid: i32, stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let is_alive = !matches!(*fields.first()?, "Z" | "X" | "x");
    Some(Process {
        pid,
        group: fields.get(2)?.parse().ok()?,
        is_alive,
        start: fields.get(19)?.parse().ok()?,
    })
}

/// `signal 9 (SIGKILL)`.
pub(super) fn signal_name(number: i32) -> String {
    let names = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
    ];
    names
        .iter()
        .find(|(signal, _)| signal.as_raw() == number)
        .map_or_else(|| format!("signal {number}"), |(_, name)| format!("signal {number} ({name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let stat = "42 (a) S 1 (b) Z 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 9 9";
        let expected = Process { pid: 42, group: 7, is_alive: false, start: 12345 };
        assert_eq!(parse(42, stat), Some(expected));
        assert_eq!(parse(42, "42 (a) S 1"), None);
    }

    #[test]
    fn the_kernel_knows_this_process() {
        let id = i32::try_from(std::process::id()).expect("a small number");
        let this = process(id).expect("it is there");
        assert!(this.is_alive);
        assert!(members(this.group).expect("it is read").contains(&this));
    }

    #[test]
    fn numbers_that_mean_more_than_a_group_are_none() {
        for id in [i32::MIN, -1, 0, 1] {
            assert!(group(id).is_none(), "{id}");
            assert!(!is_alive(id), "{id}");
        }
    }

    #[test]
    fn signals_have_names() {
        assert_eq!(signal_name(9), "signal 9 (SIGKILL)");
        assert_eq!(signal_name(64), "signal 64");
    }
}
