//! What following costs. The measurements are run by hand, in release.

use std::time::{Duration, Instant};

use nexus_log::{Revision, StreamId, Transition};
use nexus_model::event::{Event, Given, RunStarted};
use nexus_model::id::{Attempt, RunId, StateHash, StepIndex, TimerId};
use nexus_model::payload::{ContentType, Payload};
use nexus_model::time::Timestamp;

use crate::history::{append, end, memory_log, records};
use crate::site::Site;

const NOW: i64 = 1_763_719_200_000_000;

fn id(number: u64) -> [u8; 16] {
    let mut id = [0x77; 16];
    id[..6].copy_from_slice(&((NOW as u64 / 1000 + number / 50).to_be_bytes()[2..]));
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

fn transition(number: u64, expected: u32, events: &[Event], is_parked: bool) -> Transition {
    let given = Given { now: Timestamp(NOW + number.cast_signed() * 20), slots: 9 };
    Transition {
        stream: StreamId(id(number)),
        expected: Revision(expected),
        time_us: given.now.0,
        records: records(events, given, is_parked),
        rows: Vec::new(),
        payloads: Vec::new(),
    }
}

fn started(number: u64) -> Event {
    Event::RunStarted(Box::new(RunStarted {
        run: RunId(id(number)),
        name: format!("wf-{number:07}"),
        workflow: "order-fulfilment".to_owned(),
        input: json(),
        labels: vec![("team".to_owned(), "payments".to_owned())],
        ..RunStarted::default()
    }))
}

fn json() -> Payload {
    Payload::new(
        ContentType::Json,
        br#"{"order":"A-1234567","amount":4200,"currency":"EUR"}"#.to_vec(),
    )
    .0
}

fn begun(step: u32) -> Event {
    let input = Some(json());
    Event::StepStarted { step: StepIndex(step), attempt: Attempt(1), input, deadline: None }
}

fn completed(step: u32) -> Event {
    let (step, attempt) = (StepIndex(step), Attempt(1));
    Event::StepCompleted { step, attempt, output: json(), may_repeat: false }
}

fn ended() -> Event {
    Event::RunCompleted { output: json(), state: StateHash([7; 32]) }
}

fn slept(number: u64) -> Event {
    let until = Timestamp(NOW + 3_600_000_000 + number.cast_signed());
    Event::StepSlept { step: StepIndex(0), timer: TimerId(1), until }
}

/// Runs of workflows with long names, of which there is a row for each.
pub(crate) fn wide_runs(count: u64, name_bytes: usize) -> Vec<Transition> {
    let mut chance = crate::history::Chance::new(9);
    let mut noise = || {
        let letter = |_| char::from(b'a' + u8::try_from(chance.below(26)).unwrap());
        (0..name_bytes).map(letter).collect::<String>()
    };
    let wide = |number: u64| {
        let mut event = started(1_000_000 + number);
        if let Event::RunStarted(started) = &mut event {
            started.workflow = noise();
        }
        transition(1_000_000 + number, 0, &[event], false)
    };
    (0..count).map(wide).collect()
}

/// Follows `steps` steps of each of `runs` runs, `width` runs at a time.
fn measure(name: &str, runs: u64, steps: u32, width: u64) -> String {
    let log = memory_log();
    for first in (0..runs).step_by(usize::try_from(width).unwrap()) {
        let members = first..runs.min(first + width);
        let starts =
            members.clone().map(|run| transition(run, 0, &[started(run), begun(0)], false));
        append(&*log, starts.collect());
        for step in 0..steps {
            let next = if step + 1 == steps { ended() } else { begun(step + 1) };
            let events = [completed(step), next];
            let is_last = step + 1 == steps;
            let transitions =
                members.clone().map(|run| transition(run, 2 + 2 * step, &events, is_last));
            append(&*log, transitions.collect());
        }
    }
    let mut lines = Vec::new();
    for site in [Site::Memory, Site::folder()] {
        let cpu = cpu_time();
        let begun = Instant::now();
        let views = site.open(&log);
        views.catch_up(end(&*log)).unwrap();
        let (wall, cpu) = (begun.elapsed(), cpu_time().saturating_sub(cpu));
        let events = end(&*log).0;
        let each = |time: Duration| time.as_nanos() / u128::from(events);
        let place = if matches!(site, Site::Memory) { "memory" } else { "folder" };
        let (wall, cpu) = (each(wall), each(cpu));
        let line = format!("{name}, {place}: {events} events, {wall} ns each, {cpu} ns of CPU");
        lines.push(line);
    }
    lines.join("\n")
}

#[test]
#[ignore = "a measurement"]
fn the_cost_of_an_event() {
    println!("{}", measure("1 step", 200_000, 1, 500));
    println!("{}", measure("5 steps", 60_000, 5, 500));
    println!("{}", measure("50 steps", 10_000, 50, 500));
}

#[test]
#[ignore = "a measurement"]
fn the_memory_of_sleepers() {
    let log = memory_log();
    for first in (0..100_000).step_by(1000) {
        let sleep = |run| transition(run, 0, &[started(run), slept(run)], true);
        append(&*log, (first..first + 1000).map(sleep).collect());
    }
    let before = resident_mib();
    let site = Site::folder();
    let views = site.open(&log);
    views.catch_up(end(&*log)).unwrap();
    println!("{} MiB for the views of 100,000 sleepers", resident_mib() - before);
    drop(views);
    println!("{} MiB when they are closed", resident_mib() - before);
    let begun = Instant::now();
    let views = site.open(&log);
    println!(
        "{} MiB when they are opened again, after {:?}",
        resident_mib() - before,
        begun.elapsed()
    );
    assert!(views.resume().unwrap().is_empty());
}

#[test]
#[ignore = "a measurement"]
fn the_time_to_open() {
    let log = memory_log();
    append(&*log, vec![transition(0, 0, &[started(0), slept(0)], true)]);
    let site = Site::folder();
    for what in ["made", "opened", "opened", "opened"] {
        let begun = Instant::now();
        let views = site.open(&log);
        let opened = begun.elapsed();
        views.catch_up(end(&*log)).unwrap();
        let caught_up = begun.elapsed();
        drop(views);
        println!(
            "{what} in {opened:?}, caught up in {caught_up:?}, closed in {:?}",
            begun.elapsed()
        );
    }
}

fn resident_mib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap() / 1024
}

/// CPU time of this process, from clock ticks of 10 ms.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
