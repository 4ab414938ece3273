//! Processes that are killed before any call to the system, and calls that fail: what was acknowledged is there when the store
//! opens again, and it does open.
//!
//! `NEXUS_SYSCALLS=all` tries every call, not some.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::children;
use crate::content::{self, Verdict};
use crate::disk::{Disk, Image};
use crate::script;
use crate::trace::{self, Call};

/// Calls that change something on the disk, or make it durable.
const CHANGES: &str =
    "openat,mkdir,write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,unlink,unlinkat,rmdir";
const SIGABRT: i32 = 6;
const LOSSES_SHOWN: usize = 5;
const AT_A_TIME: usize = 3;

/// A call: the n-th of its name in some thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    call: String,
    number: usize,
}

/// What happens at a point.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Error(&'static str),
}

impl Fault {
    fn inject(self, point: &Point) -> String {
        let Point { call, number } = point;
        match self {
            Self::Kill => format!("inject={call}:signal=KILL:when={number}"),
            Self::Error(error) => format!("inject={call}:error={error}:when={number}"),
        }
    }
}

/// A child and what it begins with.
struct Life<'a> {
    test: &'a str,
    parts: &'a str,
    before: Image,
}

/// The calls with which the child touches the store.
fn points(life: &Life<'_>) -> Vec<Point> {
    let folder = crate::scratch::folder();
    let (store, trace) = (folder.path().join("store"), folder.path().join("trace"));
    life.before.write(&store);
    let child = script::command(life.test, &store, life.parts);
    let status = trace::traced(&child, &trace, CHANGES, &[]).stdout(Stdio::null()).status();
    assert!(status.expect("strace starts").success(), "{} is played", life.parts);
    let mut counts: BTreeMap<(u32, String), usize> = BTreeMap::new();
    let mut found = BTreeSet::new();
    let mut calls = trace::read(&trace);
    calls.sort_by_key(|call| call.began);
    for call in calls {
        let count = counts.entry((call.thread, call.name.clone())).or_default();
        *count += 1;
        if call.path().starts_with(&store) {
            found.insert(Point { call: call.name, number: *count });
        }
    }
    found.into_iter().collect()
}

/// Lets the child do its part until the fault, and looks at what is left. Says whether the fault happened, and what is wrong.
fn strike(life: &Life<'_>, point: &Point, fault: Fault) -> (bool, Option<String>) {
    let folder = crate::scratch::folder();
    let (store, trace) = (folder.path().join("store"), folder.path().join("trace"));
    life.before.write(&store);
    let child = script::command(life.test, &store, life.parts);
    let calls = format!("{},write,pwrite64,ftruncate,fsync,fdatasync", point.call);
    let mut traced = trace::traced(&child, &trace, &calls, &[fault.inject(point)]);
    let (status, said) = match run(&mut traced) {
        Ok(ended) => ended,
        Err(said) => return (true, Some(format!("it does not end; it said {said}"))),
    };
    let calls = trace::read(&trace);
    let happened = status.signal() == Some(9) || calls.iter().any(|call| call.injected);
    let problem = ended_badly(status, fault, &calls)
        .or_else(|| went_on(status, &calls, &store))
        .or_else(|| is_not_whole(&store, acknowledged(&said)));
    (happened, problem.map(|problem| format!("{status}, {problem}; it said:\n{said}")))
}

fn run(command: &mut Command) -> Result<(ExitStatus, String), String> {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("strace starts");
    let mut output = child.stdout.take().expect("piped");
    let reader = thread::spawn(move || {
        let mut said = Vec::new();
        let _ = output.read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    });
    let status = children::ends_in_time(&mut child);
    let said = reader.join().expect("no panic");
    match status {
        Some(status) => Ok((status, said)),
        None => Err(said),
    }
}

/// After an error a process goes on, refuses, or ends itself; it does not panic, unless what it says did not get out.
fn ended_badly(status: ExitStatus, fault: Fault, calls: &[Call]) -> Option<String> {
    let mut injected = calls.iter().filter(|call| call.injected).peekable();
    let is_mute = injected.peek().is_some() && injected.all(|call| says(call, b""));
    let well = match fault {
        Fault::Kill => status.signal() == Some(9) || status.success(),
        Fault::Error(_) => {
            status.success()
                || status.signal() == Some(SIGABRT)
                || status.code() == Some(script::REFUSED)
                || status.code() == Some(101) && is_mute
        }
    };
    (!well).then(|| "that is no way to end".to_owned())
}

/// Whether the process went on after a write or sync of the journal or of the high-water file had failed, or ended as if it had
/// not. What was answered before may be said after.
fn went_on(status: ExitStatus, calls: &[Call], store: &Path) -> Option<String> {
    let is_journal = |path: &Path| path.extension().is_some_and(|extension| extension == "jnl");
    let matters = |path: &Path| is_journal(path) || *path == store.join("high-water");
    let writes = ["write", "pwrite64", "ftruncate", "fsync", "fdatasync"];
    let failed = calls.iter().find(|call| {
        let is_write = call.injected && writes.contains(&call.name.as_str());
        is_write && matters(&call.path()) && !is_needless(calls, call)
    })?;
    let later = |call: &&Call| call.began > failed.ended && says(call, b"acknowledged");
    let went_on = status.success() || calls.iter().filter(later).count() > script::UNDER_WAY;
    went_on.then(|| format!("it went on after {} of {}", failed.name, failed.path().display()))
}

/// Whether this syncs a file that has not changed since it was synced, as closing a database does.
fn is_needless(calls: &[Call], of: &Call) -> bool {
    let is_sync = |call: &Call| matches!(call.name.as_str(), "fsync" | "fdatasync");
    let of_file = |call: &&Call| call.ended < of.began && call.path() == of.path();
    let before = calls.iter().filter(of_file).max_by_key(|call| call.ended);
    is_sync(of) && before.is_some_and(|before| is_sync(before) && before.result.is_some())
}

/// Whether it writes to its output, and what begins so.
fn says(call: &Call, what: &[u8]) -> bool {
    let is_said = call.name == "write" && call.argument(0).number() == 1;
    is_said && call.argument(1).bytes.starts_with(what)
}

fn acknowledged(said: &str) -> u32 {
    let lines = said.lines().filter_map(|line| line.strip_prefix("acknowledged "));
    lines.filter_map(|number| number.parse().ok()).max().unwrap_or(0)
}

fn is_not_whole(store: &Path, acknowledged: u32) -> Option<String> {
    match content::examine(store) {
        Ok(Verdict::Holds(found)) if found >= acknowledged => None,
        other => Some(format!("{acknowledged} submissions were acknowledged: {other:?}")),
    }
}

/// Strikes at `few` points, or at all of them.
#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn sweep(test: &str, before: &str, parts: &str, faults: &[Fault], few: usize) {
    if let Some(store) = children::told_where() {
        return script::play(&store);
    }
    if !trace::is_installed() {
        return;
    }
    let began = Instant::now();
    let folder = crate::scratch::folder();
    let store = folder.path().join("store");
    if !before.is_empty() {
        let status = script::command(test, &store, before).stdout(Stdio::null()).status();
        assert!(status.expect("starts").success(), "{before} is played");
    }
    let life = Life { test, parts, before: Disk::of(&store).everything() };
    let points = points(&life);
    let all: Vec<_> =
        points.iter().flat_map(|point| faults.iter().map(move |fault| (point, *fault))).collect();
    let everything = std::env::var("NEXUS_SYSCALLS").is_ok_and(|which| which == "all");
    let step = if everything { 1 } else { all.len().div_ceil(few) };
    let strikes = Mutex::new(all.iter().skip(step / 2).step_by(step));
    let (tried, happened, losses) = (Mutex::new(0), Mutex::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let next = strikes.lock().expect("no panic").next();
                    let Some((point, fault)) = next else { return };
                    let (struck, problem) = strike(&life, point, *fault);
                    *tried.lock().expect("no panic") += 1;
                    *happened.lock().expect("no panic") += usize::from(struck);
                    let loss = problem.map(|problem| format!("{fault:?} at {point:?}: {problem}"));
                    losses.lock().expect("no panic").extend(loss);
                }
            });
        }
    });
    let (tried, happened) =
        (tried.into_inner().expect("no panic"), happened.into_inner().expect("no panic"));
    let mut losses = losses.into_inner().expect("no panic");
    let lost = losses.len();
    let seconds = began.elapsed().as_secs();
    println!(
        "{test} {faults:?}: {} calls, {tried} points, {happened} struck, {lost} losses, {seconds} s",
        points.len()
    );
    losses.truncate(LOSSES_SHOWN);
    assert!(lost == 0, "{lost} of {tried} points lost something:\n{}", losses.join("\n"));
    assert!(2 * happened > tried, "most points are struck");
    let _ = fs::remove_dir_all(store);
}

const KILL: &[Fault] = &[Fault::Kill];
const ERRORS: &[Fault] = &[Fault::Error("EIO"), Fault::Error("ENOSPC")];

#[test]
fn killed_while_a_store_is_made() {
    sweep("syscalls::killed_while_a_store_is_made", "", "open", KILL, 60);
}

#[test]
fn killed_while_a_store_is_appended_to() {
    sweep("syscalls::killed_while_a_store_is_appended_to", "open", "small small", KILL, 60);
}

#[test]
fn killed_while_it_appends_where_it_is() {
    sweep("syscalls::killed_while_it_appends_where_it_is", "small", "alone small alone", KILL, 60);
}

#[test]
fn killed_while_segments_begin() {
    sweep("syscalls::killed_while_segments_begin", "small", "segments open", KILL, 60);
}

#[test]
fn killed_while_memtables_are_flushed() {
    sweep("syscalls::killed_while_memtables_are_flushed", "small", "flush small", KILL, 40);
}

#[test]
fn killed_while_a_journal_is_rotated() {
    sweep("syscalls::killed_while_a_journal_is_rotated", "small flush", "purge small", KILL, 20);
}

#[test]
fn an_error_while_a_store_is_made() {
    sweep("syscalls::an_error_while_a_store_is_made", "", "open", ERRORS, 60);
}

#[test]
fn an_error_while_a_store_is_appended_to() {
    sweep("syscalls::an_error_while_a_store_is_appended_to", "open", "small small", ERRORS, 60);
}

#[test]
fn an_error_while_it_appends_where_it_is() {
    let this = "syscalls::an_error_while_it_appends_where_it_is";
    sweep(this, "small", "alone small alone", ERRORS, 60);
}

#[test]
fn an_error_while_segments_begin() {
    sweep("syscalls::an_error_while_segments_begin", "small", "segments open", ERRORS, 60);
}

#[test]
fn an_error_while_memtables_are_flushed() {
    sweep("syscalls::an_error_while_memtables_are_flushed", "small", "flush small", ERRORS, 40);
}

#[test]
fn an_error_while_a_journal_is_rotated() {
    sweep(
        "syscalls::an_error_while_a_journal_is_rotated",
        "small flush",
        "purge small",
        ERRORS,
        20,
    );
}
