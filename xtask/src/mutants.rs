//! `cargo xtask mutants`: a share of all small changes to the pure core and to the way of an append, and which of them no test
//! notices. All of them take days, so a share is drawn at random, or given.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::{flags, process};

/// Into how many shares the changes are divided, if nobody says.
const SHARES: u64 = 50;
/// How long it goes on, in minutes, if nobody says.
const MINUTES: u64 = 60;
/// How much memory a process may ask for, in GiB, if nobody says: what compiles needs two or three.
const MEMORY_GIB: u64 = 4;
/// Where the outcomes are, below the target folder.
const FOLDER: &str = "target/mutants";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// Which share, from 0; `None`: one at random.
    share: Option<u64>,
    shares: u64,
    minutes: u64,
    /// How much memory each process may ask for, in GiB.
    memory_gib: u64,
}

/// How many of the changes that were tried ended how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    caught: usize,
    missed: Vec<String>,
    timeout: usize,
    unviable: usize,
}

/// Tries a share of the changes, and prints those that no test notices.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let Asked { share, shares, minutes, memory_gib } = parse(arguments)?;
    if !process::succeeds(&mut process::cargo(&["mutants", "--version"])) {
        bail!("cargo-mutants is not installed: `cargo install cargo-mutants --locked`");
    }
    let share = share.unwrap_or_else(|| chance(shares));
    println!("share {share} of {shares}, for {minutes} minutes at most");
    let folder = process::workspace().join(FOLDER);
    fs::create_dir_all(&folder)?;
    let mut mutants = process::cargo(&["mutants", "-p", "nexus-model", "-p", "nexus-log"]);
    mutants.args(["--no-shuffle", "--sharding", "round-robin"]);
    mutants.args(["--shard", &format!("{share}/{shares}"), "--output"]).arg(&folder);
    // A change may make a test ask for more and more; then it is told that there is no more, and fails.
    let mut mutants = limited(&mutants, memory_gib);
    mutants.env("PROPTEST_CASES", "64").current_dir(process::workspace());
    let begun = Instant::now();
    let mut child = mutants.spawn().context("cannot start cargo mutants")?;
    let ended = wait(&mut child, begun + Duration::from_secs(60 * minutes))?;
    let score = Score::read(&folder.join("mutants.out"));
    println!("{}", score.words());
    score.missed.iter().for_each(|missed| println!("  {missed}"));
    match ended {
        None => println!("the time was over before all of the share were tried"),
        // 2: some were missed; 3: some took too long.
        Some(status) if !matches!(status.code(), Some(0 | 2 | 3)) => {
            bail!("cargo mutants: {status}")
        }
        Some(_) => {}
    }
    Ok(if score.missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same program and arguments, where no process has more than `gib` GiB of addresses, which what it starts inherits.
fn limited(command: &Command, gib: u64) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -v \"$1\" && shift && exec \"$@\"", "sh"]);
    shell.arg((gib << 20).to_string()).arg(command.get_program()).args(command.get_args());
    shell
}

/// Waits for the child, but not for longer than until `end`; then it is ended with all that it has started, and there is no status.
fn wait(child: &mut Child, end: Instant) -> Result<Option<ExitStatus>> {
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(500));
    }
    process::end_with_all_below(child)?;
    Ok(None)
}

impl Score {
    /// Reads what was tried so far: a file for each outcome, a line for each change.
    fn read(folder: &Path) -> Self {
        let lines = |name: &str| -> Vec<String> {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            text.lines().map(str::to_owned).collect()
        };
        Self {
            caught: lines("caught.txt").len(),
            missed: lines("missed.txt"),
            timeout: lines("timeout.txt").len(),
            unviable: lines("unviable.txt").len(),
        }
    }

    /// A change that does not compile says nothing; one that makes a test run for ever was noticed.
    fn words(&self) -> String {
        let noticed = self.caught + self.timeout;
        let tried = noticed + self.missed.len();
        let percent = (100 * noticed).checked_div(tried).unwrap_or(0);
        format!(
            "{tried} tried, {noticed} noticed ({percent} %), {} missed; {} did not compile",
            self.missed.len(),
            self.unviable
        )
    }
}

/// A number below `end`.
fn chance(end: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_micros()) % end
}

fn parse(arguments: &[String]) -> Result<Asked> {
    let mut asked = Asked { share: None, shares: SHARES, minutes: MINUTES, memory_gib: MEMORY_GIB };
    for (name, value) in flags::values(arguments)? {
        match name {
            "--share" => {
                let (share, shares) = value.split_once('/').context("--share is K/N")?;
                asked.share = Some(share.parse().context("--share is K/N")?);
                asked.shares = shares.parse().context("--share is K/N")?;
            }
            "--minutes" => asked.minutes = value.parse().context("--minutes needs a number")?,
            "--memory" => {
                let gib = value.parse().ok().filter(|gib| (1..=1 << 20).contains(gib));
                asked.memory_gib = gib.context("--memory needs a number of GiB, 1 at least")?;
            }
            other => bail!("{other} is not known: --share, --minutes or --memory"),
        }
    }
    if asked.share.is_some_and(|share| share >= asked.shares) {
        bail!("shares are counted from 0");
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Asked> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_share_and_minutes_are_taken() {
        let given = asked("--share 3/40 --minutes 5 --memory 2").expect("it is understood");
        assert_eq!(given, Asked { share: Some(3), shares: 40, minutes: 5, memory_gib: 2 });
        let nothing = asked("").expect("it is understood");
        let usual = Asked { share: None, shares: SHARES, minutes: MINUTES, memory_gib: MEMORY_GIB };
        assert_eq!(nothing, usual);
        let wrong =
            ["--share 3", "--share 4/4", "--share 0/0", "--minutes", "--speed 1", "--memory 0"];
        for wrong in wrong {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
        assert!(chance(SHARES) < SHARES);
    }

    /// What a limited process starts has the limit too.
    #[test]
    fn memory_is_limited() {
        let mut asks = Command::new("sh");
        asks.args(["-c", "sh -c 'ulimit -v'"]);
        let told = process::capture(&mut limited(&asks, 3)).expect("a shell");
        assert_eq!(told.trim(), "3145728");
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
        assert!(wait(&mut child, Instant::now()).expect("it can be ended").is_none());
        let ended = Instant::now() + Duration::from_secs(30);
        // Whoever adopts it may take its time to bury it.
        let is_dead = || fs::read_to_string(&place).map_or(true, |stat| stat.contains(") Z "));
        while !is_dead() {
            assert!(Instant::now() < ended, "{below} still runs");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_does_not_compile_does_not_count() {
        let missed = vec!["model/src/a.rs:1:1: replace + with -".to_owned()];
        let score = Score { caught: 8, missed, timeout: 1, unviable: 4 };
        assert_eq!(score.words(), "10 tried, 9 noticed (90 %), 1 missed; 4 did not compile");
        assert_eq!(
            Score::default().words(),
            "0 tried, 0 noticed (0 %), 0 missed; 0 did not compile"
        );
    }
}
