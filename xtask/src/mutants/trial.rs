//! Which tests reach a change, and whether one of them fails with it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::build::{Built, CHOSEN, Program, REACHED};
use super::limit;
use crate::process;

/// How many tests run at first, and how many times as many each time after that: mostly one of the quickest notices.
const FIRST: usize = 12;
const MORE: usize = 5;
/// How much longer than without a change its tests may work, and how many seconds more.
const SLOWER: u32 = 10;
const SECONDS_MORE: u64 = 10;
/// How many seconds a test may work without any change.
const SECONDS_ALONE: u64 = 120;
/// How many times as long they may take by the clock as they may work.
const WAITS: u64 = 4;
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;
/// How many cases of a property are tried, always the same.
const CASES: &str = "32";

/// A test, and how long it takes.
#[derive(Clone, Debug)]
struct Test {
    /// Which of the programs it is in.
    program: usize,
    name: String,
    takes: Duration,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// A test failed.
    Noticed,
    /// The tests did not end in time.
    Endless,
    /// All tests passed that reach it.
    Missed,
    /// No test reaches it.
    Unreached,
}

/// The tests, and which of them reach which change.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    built: &'a Built,
    memory_gib: u64,
    reaching: BTreeMap<usize, Vec<Test>>,
}

impl<'a> Trial<'a> {
    /// Runs every test by itself, without any change.
    pub(super) fn prepare(built: &'a Built, memory_gib: u64) -> Result<Self> {
        let mut all = Vec::new();
        for (program, of) in built.programs.iter().enumerate() {
            let mut list = Command::new(&of.path);
            let listed = process::capture(list.args(["--list", "--format=terse"]))?;
            let names = listed.lines().filter_map(|line| line.strip_suffix(": test"));
            all.extend(names.map(|name| (program, name.to_owned())));
        }
        ensure!(!all.is_empty(), "there are no tests");
        let mut trial = Self { built, memory_gib, reaching: BTreeMap::new() };
        let reached = in_parallel(&all, |(program, name)| trial.reached(*program, name));
        for ((program, name), reached) in all.into_iter().zip(reached) {
            let (takes, numbers) = reached?;
            for number in numbers {
                let test = Test { program, name: name.clone(), takes };
                trial.reaching.entry(number).or_default().push(test);
            }
        }
        trial.reaching.values_mut().for_each(|tests| tests.sort_by_key(|test| test.takes));
        Ok(trial)
    }

    /// How long a test takes, and which changes it reaches.
    fn reached(&self, program: usize, name: &str) -> Result<(Duration, Vec<usize>)> {
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let file =
            std::env::temp_dir().join(format!("nexus-reached-{}-{number}", std::process::id()));
        let begun = Instant::now();
        let mut command = self.run(&self.built.programs[program], &[name], SECONDS_ALONE);
        ensure!(process::succeeds(command.env(REACHED, &file)), "without any change {name} fails");
        let takes = begun.elapsed();
        let bytes = fs::read(&file).unwrap_or_default();
        let _ = fs::remove_file(&file);
        let numbers = bytes.chunks_exact(4).filter_map(|bytes| bytes.try_into().ok());
        let numbers = numbers.filter_map(|bytes| usize::try_from(u32::from_le_bytes(bytes)).ok());
        Ok((takes, numbers.collect()))
    }

    /// Tries these changes, and says of each at once what became of it.
    pub(super) fn outcomes(
        &self,
        numbers: &[usize],
        said: impl Fn(usize, Outcome) -> Result<()> + Sync,
    ) -> Result<BTreeMap<usize, Outcome>> {
        let tried = in_parallel(numbers, |number| {
            let outcome = self.outcome(*number)?;
            said(*number, outcome)?;
            Ok((*number, outcome))
        });
        tried.into_iter().collect()
    }

    fn outcome(&self, number: usize) -> Result<Outcome> {
        let Some(tests) = self.reaching.get(&number) else { return Ok(Outcome::Unreached) };
        let (mut rest, mut many) = (tests.as_slice(), FIRST);
        while !rest.is_empty() {
            let tests;
            (tests, rest) = rest.split_at(many.min(rest.len()));
            many *= MORE;
            for (program, of) in self.built.programs.iter().enumerate() {
                let tests: Vec<&Test> =
                    tests.iter().filter(|test| test.program == program).collect();
                if let Some(outcome) = self.outcome_of(number, of, &tests)? {
                    return Ok(outcome);
                }
            }
        }
        Ok(Outcome::Missed)
    }

    /// What these tests of one program say, if they notice something.
    fn outcome_of(
        &self,
        number: usize,
        program: &Program,
        tests: &[&Test],
    ) -> Result<Option<Outcome>> {
        if tests.is_empty() {
            return Ok(None);
        }
        let names: Vec<_> = tests.iter().map(|test| test.name.as_str()).collect();
        let takes: Duration = tests.iter().map(|test| test.takes).sum();
        let works = (SLOWER * takes).as_secs() + SECONDS_MORE;
        let mut command = self.run(program, &names, works);
        command.env(CHOSEN, number.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().context("the tests start")?;
        // Who waits for nothing does not work, and many may share the processors.
        let end = Instant::now() + Duration::from_secs(WAITS * works);
        let status = limit::time(&mut child, end)?;
        let is_at_limit = |status: ExitStatus| matches!(status.signal(), Some(SIGXCPU | SIGKILL));
        Ok(match status {
            Some(status) if status.success() => None,
            Some(status) if !is_at_limit(status) => Some(Outcome::Noticed),
            Some(_) | None => Some(Outcome::Endless),
        })
    }

    /// These tests, that may work for so many seconds.
    fn run(&self, program: &Program, names: &[&str], seconds: u64) -> Command {
        let mut command = Command::new(&program.path);
        command.args(["--exact", "--test-threads=1"]).args(names);
        let mut command = limit::work(&limit::memory(&command, self.memory_gib), seconds);
        command.current_dir(&program.folder).env("PROPTEST_CASES", CASES);
        // What fails with one change is nothing that the next should be tried with.
        command.env("PROPTEST_RNG_SEED", "1").env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
        command.env("PROPTEST_MAX_SHRINK_ITERS", "0");
        command
    }
}

/// Does something with each, as many at a time as there are processors.
fn in_parallel<T: Sync, R: Send>(all: &[T], does: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = all.get(number) else { return };
                    let result = does(one);
                    done.lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .insert(number, result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_values().collect()
}
