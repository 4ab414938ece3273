//! A program with the engine inside: how long it takes from its beginning until its first step is done, and how much memory it has
//! after five seconds of rest. Once with an empty store, once with one that holds some runs. The issue is to start in under 50 ms, and to rest in
//! under 20 MB.
//!
//! The program is `examples/embed.rs`; each time it is a process of its own, this program again. The time is taken outside of it, so it
//! has the beginning of the process, the opening of the store, and the syncs of the start and of the first step. Printed are the median
//! and, in brackets, the least and the most. `NEXUS_EMBEDDED_ROUNDS` sets how often, `NEXUS_BENCH_FOLDER` the disk.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nexus_benches::{folder, runtime};
use nexus_engine::prelude::*;

#[expect(dead_code, reason = "the program is started with a store of its own")]
#[path = "../../examples/embed.rs"]
mod embed;

/// How often the program is started on a store.
const ROUNDS: usize = 9;
/// How many runs a store with some runs has.
const RUNS: u64 = 500;
/// How long the program rests before its memory is looked at.
const REST: Duration = Duration::from_secs(5);
/// Where a program finds its store.
const STORE: &str = "NEXUS_EMBEDDED_STORE";

/// What was measured of a program.
struct Measured {
    first_step: Duration,
    /// All of its memory, and the part that is not its files, in KiB.
    resident: u64,
    anonymous: u64,
}

fn main() {
    // Cargo asks benchmarks for their tests too.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    if let Some(store) = std::env::var_os(STORE).map(PathBuf::from) {
        return runtime().block_on(live(&store)).expect("the program ends well");
    }
    let rounds = std::env::var("NEXUS_EMBEDDED_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS).max(1);
    let measured: Vec<Measured> = (0..rounds).map(|_| measure(folder().path())).collect();
    tell("empty store", &measured);
    let full = folder();
    runtime().block_on(fill(full.path())).expect("a store with runs");
    let measured: Vec<Measured> = (0..rounds).map(|_| measure(full.path())).collect();
    tell(&format!("store with {RUNS} runs"), &measured);
}

/// The program: as `main` of the example, but for the store, and that it stays until it is told to end.
async fn live(store: &Path) -> Result<()> {
    let order = embed::order()?;
    let engine = Engine::builder().workflow(&order).open(store)?;
    let run = engine.start(&order, 2500).await?;
    let mut events = run.events();
    while let Some(event) = events.next().await? {
        if event.kind() == "step.completed" {
            say("first step");
            break;
        }
    }
    drop(events);
    run.result().await?;
    say("rests");
    let told = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    told.await.expect("somebody tells it").expect("it can be read");
    engine.shutdown().await;
    Ok(())
}

/// Runs of the past.
async fn fill(store: &Path) -> Result<()> {
    let order = embed::order()?;
    let engine = Engine::builder().workflow(&order).open(store)?;
    let mut runs = Vec::new();
    for cents in 1..=RUNS {
        runs.push(engine.start(&order, cents).await?);
    }
    for run in runs {
        run.result().await?;
    }
    engine.shutdown().await;
    Ok(())
}

fn measure(store: &Path) -> Measured {
    let began = Instant::now();
    let mut child = Command::new(std::env::current_exe().expect("the path of this program"))
        .env(STORE, store)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut next = || lines.next().expect("it says something").expect("it is text");
    assert_eq!(next(), "first step");
    let first_step = began.elapsed();
    assert_eq!(next(), "rests");
    std::thread::sleep(REST);
    let (resident, anonymous) =
        (memory_kib(child.id(), "VmRSS"), memory_kib(child.id(), "RssAnon"));
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
    Measured { first_step, resident, anonymous }
}

/// Memory of a process as Linux counts it. 0 elsewhere.
fn memory_kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn tell(store: &str, measured: &[Measured]) {
    let ms = measured.iter().map(|one| one.first_step.as_secs_f64() * 1e3);
    let mb = |kib: u64| u32::try_from(kib).map_or(f64::MAX, |kib| f64::from(kib) * 1.024e-3);
    let resident = measured.iter().map(|one| mb(one.resident));
    let anonymous = measured.iter().map(|one| mb(one.anonymous));
    say(&format!(
        "{store}: first step done after {} ms; at rest {} MB of memory, {} MB of it not from files; {} rounds",
        spread(ms.collect()),
        spread(resident.collect()),
        spread(anonymous.collect()),
        measured.len(),
    ));
}

/// The median, the least and the most.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (least, most) = (values[0], values[values.len() - 1]);
    format!("{:.1} ({least:.1} to {most:.1})", values[values.len() / 2])
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("somebody reads it");
}
