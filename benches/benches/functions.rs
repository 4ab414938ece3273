//! Functions with very many steps on a real store, killed twenty times on the way: how long it takes until they go on, and how
//! much memory they have by then. Once as a function that is run again from its beginning, once as one that is repeated.
//!
//! Each life is a process of its own, this program again, and is ended with `SIGKILL`. `NEXUS_LONG_RUN` sets the number of steps.
//!
//! Printed are the time to open the store, which is that of reading what the journal holds since it was rotated last, and the time
//! from there until the function goes on: it grows in step with the history, and for a repeated function not at all. Source of the
//! bound: docs/how-to/write-a-workflow-as-a-function.md, "What it costs".

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use nexus_benches::{folder, memory_mib, runtime};
use nexus_engine::prelude::*;

/// How often a function is killed.
const KILLS: u64 = 20;
/// Where a life finds its store.
const STORE: &str = "NEXUS_FUNCTION_STORE";
/// Whether a life stays where it is once it has done its share, until it is killed.
const STAYS: &str = "NEXUS_FUNCTION_STAYS";
/// Which function a life carries out.
const FORM: &str = "NEXUS_FUNCTION_FORM";

/// Steps that are carried out in this life.
static STEPS: AtomicU64 = AtomicU64::new(0);
/// When this life had opened its store.
static OPENED: OnceLock<Instant> = OnceLock::new();

fn main() {
    // Cargo asks benchmarks for their tests too.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let steps = std::env::var("NEXUS_LONG_RUN").ok().and_then(|text| text.parse().ok());
    let steps: u64 = steps.unwrap_or(20_000);
    if let Some(store) = std::env::var_os(STORE).map(PathBuf::from) {
        let form = std::env::var(FORM).unwrap_or_default();
        return runtime().block_on(live(&form, &store, steps));
    }
    for form in ["code", "repeat"] {
        let folder = folder();
        let began = Instant::now();
        for kill in 0..=KILLS {
            begin(form, folder.path(), kill, steps);
        }
        say(&format!("{form} {steps}: {KILLS} kills, {:.1?} in all", began.elapsed()));
    }
}

/// A life that is killed when it has done its share, but for the last.
fn begin(form: &str, store: &Path, kill: u64, steps: u64) {
    let mut child = Command::new(std::env::current_exe().expect("the path of this program"))
        .env(STORE, store)
        .env(FORM, form)
        .env(STAYS, u8::from(kill < KILLS).to_string())
        .env("NEXUS_LONG_RUN", steps.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (mut killed, mut opened) = (false, String::new());
    for line in lines.map_while(std::io::Result::ok) {
        if line == "share" {
            killed = true;
            child.kill().expect("it is there");
            break;
        }
        if let Some(took) = line.strip_prefix("opened ") {
            took.clone_into(&mut opened);
        }
        if line.starts_with("went on ") {
            say(&format!("{form} {steps}, life {}: opened after {opened}, {line}", kill + 1));
        }
    }
    let ended = child.wait().expect("it ends");
    assert_eq!((killed, ended.success()), (kill < KILLS, kill == KILLS), "life {}", kill + 1);
}

/// Carries out the function until it ends, or somebody ends the process.
async fn live(form: &str, store: &Path, steps: u64) {
    let began = Instant::now();
    let (code, rounds) = (Workflow::code("sum", sum), Workflow::repeat("rounds", round));
    let (code, rounds) = (code.expect("a workflow"), rounds.expect("a workflow"));
    let engine = Engine::builder().workflow(&code).workflow(&rounds).open(store);
    let engine = engine.expect("the store opens");
    say(&format!("opened {:.0?}", OPENED.get_or_init(Instant::now).duration_since(began)));
    let sum = if form == "repeat" {
        let first = Round { at: 0, of: steps, sum: 0 };
        let run = engine.start(&rounds, first).id("run").await.expect("it starts");
        run.result().await.expect("it ends")
    } else {
        let run = engine.start(&code, steps).id("run").await.expect("it starts");
        run.result().await.expect("it ends")
    };
    assert_eq!(sum, steps * (steps - 1) / 2);
    engine.shutdown().await;
}

/// What is carried over from round to round.
#[derive(serde::Serialize, serde::Deserialize)]
struct Round {
    at: u64,
    of: u64,
    sum: u64,
}

async fn sum(cx: Cx, of: u64) -> Result<u64> {
    let mut sum = 0;
    for at in 0..of {
        sum += cx.step("one", one, (at, of)).await?;
    }
    Ok(sum)
}

async fn round(cx: Cx, round: Round) -> Result<Next<Round, u64>> {
    let Round { at, of, sum } = round;
    let sum = sum + cx.step("one", one, (at, of)).await?;
    Ok(if at + 1 == of { Next::Done(sum) } else { Next::Again(Round { at: at + 1, of, sum }) })
}

/// A step. The first of a life says that the function has gone through its history.
async fn one(_: StepCx, (at, of): (u64, u64)) -> StepResult<u64> {
    let done = STEPS.fetch_add(1, Ordering::SeqCst);
    if done == 0 {
        let took = OPENED.get().expect("the store is open").elapsed();
        let memory = memory_mib("VmRSS");
        say(&format!("went on {took:.1?} later, at step {at}, with {memory} MiB of memory"));
    }
    let stays = std::env::var(STAYS).is_ok_and(|stays| stays == "1");
    if stays && done == (of / (KILLS + 1)).max(1) {
        say("share");
        std::future::pending::<()>().await;
    }
    Ok(at)
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("somebody reads it");
}
