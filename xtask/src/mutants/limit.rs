//! Limits for what a change may make out of a test: memory, and time.

use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process;

/// How much memory a process may ask for, in GiB, if nobody says: what compiles needs two or three.
pub(super) const MEMORY_GIB: u64 = 4;
/// The longest time between two looks whether a child has ended.
const LOOK: Duration = Duration::from_millis(50);

/// How much memory a process may ask for, as it is written.
pub(super) fn gib(text: &str) -> Result<u64> {
    let gib = text.parse().ok().filter(|gib| (1..=1 << 20).contains(gib));
    gib.context("--memory needs a number of GiB, 1 at least")
}

/// The same program and arguments, where no process has more than `gib` GiB of addresses, which what it starts inherits.
pub(super) fn memory(command: &Command, gib: u64) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -v \"$1\" && shift && exec \"$@\"", "sh"]);
    shell.arg((gib << 20).to_string()).arg(command.get_program()).args(command.get_args());
    shell
}

/// The same program and arguments, where no process works longer than so many seconds, which it does also when nobody waits for
/// it any more.
pub(super) fn work(command: &Command, seconds: u64) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -t \"$1\" && shift && exec \"$@\"", "sh", &seconds.to_string()]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
}

/// Waits for the child, but not for longer than until `end`; then it is ended with all that it has started, and there is no status.
pub(super) fn time(child: &mut Child, end: Instant) -> Result<Option<ExitStatus>> {
    let mut pause = Duration::from_millis(1);
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(pause);
        pause = LOOK.min(2 * pause);
    }
    // It may have ended since the last look.
    if let Some(status) = child.try_wait()? {
        return Ok(Some(status));
    }
    process::end_with_all_below(child)?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What a limited process starts has the limit too.
    #[test]
    fn memory_is_limited() {
        let mut asks = Command::new("sh");
        asks.args(["-c", "sh -c 'ulimit -v'"]);
        let told = process::capture(&mut memory(&asks, 3)).expect("a shell");
        assert_eq!(told.trim(), "3145728");
    }

    #[test]
    fn work_is_limited() {
        let mut works = Command::new("sh");
        works.args(["-c", "ulimit -t"]);
        assert_eq!(process::capture(&mut work(&works, 7)).expect("a shell").trim(), "7");
    }

    #[test]
    fn at_the_limit_what_the_child_has_started_ends_too() {
        let folder = std::env::temp_dir().join(format!("nexus-mutants-{}", std::process::id()));
        let name = folder.display();
        // Its own child is in a group of its own, and writes down who it is.
        let inner = format!("echo $$ > {name}.new; mv {name}.new {name}; exec sleep 600");
        let script = format!("setsid sh -c '{inner}' & exec sleep 600");
        let mut child = Command::new("sh").args(["-c", &script]).spawn().expect("a shell");
        while !folder.exists() {
            thread::sleep(Duration::from_millis(5));
        }
        let below = fs::read_to_string(&folder).expect("it was written");
        fs::remove_file(&folder).expect("it is there");
        let place = Path::new("/proc").join(below.trim()).join("stat");
        assert!(place.exists(), "it runs");
        assert!(time(&mut child, Instant::now()).expect("it can be ended").is_none());
        let ended = Instant::now() + Duration::from_secs(30);
        // Whoever adopts it may take its time to bury it.
        let is_dead = || fs::read_to_string(&place).map_or(true, |stat| stat.contains(") Z "));
        while !is_dead() {
            assert!(Instant::now() < ended, "{below} still runs");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
