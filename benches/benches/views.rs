//! What following the log costs the views: time for an event, memory for sleeping runs, and time to open.
//!
//! The time is printed beside that of a fold of the same events in memory, which is the least that following can cost.

#[path = "../../projections/tests/support/transitions.rs"]
mod transitions;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_benches::memory_mib;
use nexus_engine::log::{EventLog, MemoryLog, Position, StreamId, Transition};
use nexus_engine::model::event::{Event, Given, RunStarted};
use nexus_engine::model::id::{Attempt, RunId, StateHash, StepIndex, TimerId};
use nexus_engine::model::payload::{ContentType, Payload};
use nexus_engine::model::time::Timestamp;
use nexus_engine::projections::Views;
use transitions::{HERE, append};

const NOW: i64 = 1_763_719_200_000_000;
/// Runs that are open at the same time.
const WIDTH: u64 = 500;
const ROUNDS: usize = 5;
const SLEEPERS: u64 = 100_000;

fn main() {
    // Cargo asks benchmarks for their tests too.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    for (runs, steps) in [(200_000, 1), (60_000, 5), (10_000, 50)] {
        say(&cost_of_an_event(runs, steps));
    }
    say(&memory_of_sleepers());
    say(&time_to_open());
}

/// Follows `runs` runs of `steps` steps each, in memory and in a folder by turns.
fn cost_of_an_event(runs: u64, steps: u32) -> String {
    let log = log_of(runs, steps);
    let events = end(&*log).0;
    let each = |views: &Views| {
        let began = Instant::now();
        views.catch_up(end(&*log)).expect("it can be read");
        nanos(began.elapsed() / u32::try_from(events).expect("few events"))
    };
    let (mut memory, mut folder) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        memory.push(each(&Views::in_memory(Arc::clone(&log)).expect("there is room")));
        let place = nexus_benches::folder();
        folder.push(each(&open(place.path(), &log)));
    }
    let ((memory, memory_spread), (folder, folder_spread)) = (middle(memory), middle(folder));
    let ratio = folder / memory;
    format!(
        "{steps} steps, {events} events: {memory:.0} ns each in memory ({memory_spread}), {folder:.0} ns in a folder \
         ({folder_spread}), ratio {ratio:.2}"
    )
}

/// What the views of sleeping runs hold, while they follow and when they are opened again.
fn memory_of_sleepers() -> String {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::new(&[]));
    for first in (0..SLEEPERS).step_by(1000) {
        let sleep = |run| transition(run, 0, &[started(run), slept(run)], true);
        append(&*log, (first..first + 1000).map(sleep).collect());
    }
    let before = memory_mib("VmRSS");
    let more = || memory_mib("VmRSS").saturating_sub(before);
    let place = nexus_benches::folder();
    let views = open(place.path(), &log);
    views.catch_up(end(&*log)).expect("it can be read");
    let followed = more();
    drop(views);
    let closed = more();
    let began = Instant::now();
    let views = open(place.path(), &log);
    let (again, took) = (more(), began.elapsed());
    assert!(views.resume().expect("it can be read").is_empty());
    format!(
        "{SLEEPERS} sleepers: {followed} MiB after following, {closed} MiB closed, {again} MiB opened again, after {took:.1?}"
    )
}

fn time_to_open() -> String {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::new(&[]));
    append(&*log, vec![transition(0, 0, &[started(0), slept(0)], true)]);
    let place = nexus_benches::folder();
    drop(open(place.path(), &log));
    let round = |_| {
        let began = Instant::now();
        let views = open(place.path(), &log);
        views.catch_up(end(&*log)).expect("it can be read");
        nanos(began.elapsed()) / 1_000_000.0
    };
    let (median, spread) = middle((0..ROUNDS).map(round).collect());
    format!("opening views of one run: {median:.1} ms ({spread})")
}

fn open(folder: &Path, log: &Arc<dyn EventLog>) -> Views {
    Views::open(&folder.join("views"), Arc::clone(log)).expect("a folder to write into")
}

fn log_of(runs: u64, steps: u32) -> Arc<dyn EventLog> {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::new(&[]));
    for first in (0..runs).step_by(usize::try_from(WIDTH).expect("small")) {
        let members = first..runs.min(first + WIDTH);
        let start = |run| transition(run, 0, &[started(run), begun(0)], false);
        append(&*log, members.clone().map(start).collect());
        for step in 0..steps {
            let is_last = step + 1 == steps;
            let events = [completed(step), if is_last { ended() } else { begun(step + 1) }];
            let go_on = |run| transition(run, 2 + 2 * step, &events, is_last);
            append(&*log, members.clone().map(go_on).collect());
        }
    }
    log
}

fn end(log: &dyn EventLog) -> Position {
    log.durable(HERE)
}

fn transition(number: u64, expected: u32, events: &[Event], is_parked: bool) -> Transition {
    let given = Given { now: Timestamp(NOW + number.cast_signed() * 20), slots: 9 };
    transitions::transition(StreamId(id(number)), expected, events, given, is_parked)
}

/// Ids as the engine makes them: those of the same time are neighbours.
fn id(number: u64) -> [u8; 16] {
    let mut id = [0x77; 16];
    let milliseconds = NOW.cast_unsigned() / 1000 + number / 50;
    id[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
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
    let text = br#"{"order":"A-1234567","amount":4200,"currency":"EUR"}"#;
    Payload::new(ContentType::Json, text.to_vec()).0
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

/// The median, and the least and the greatest.
fn middle(mut of: Vec<f64>) -> (f64, String) {
    of.sort_by(f64::total_cmp);
    let spread = format!("{:.1} to {:.1}", of[0], of[of.len() - 1]);
    (of[of.len() / 2], spread)
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("somebody reads it");
}
