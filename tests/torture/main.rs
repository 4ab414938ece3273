//! Servers under load that are killed again and again, and a checker of what is left. A short torture by itself; `cargo xtask torture`
//! makes it as long as wanted.

mod faults;
mod planted;

use std::path::PathBuf;
use std::time::Duration;

use nexus_tests::Chance;
use nexus_tests::torture::{Plan, Played, run};

/// A short torture.
const KILLS: u64 = 40;
const KILLS_EACH: u64 = 20;
const SECONDS: u64 = 15;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_duplicated_stranded_or_reordered() {
    let asked = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let is_long = asked("NEXUS_TORTURE_SECONDS").is_some();
    let plan = Plan {
        seed: asked("NEXUS_SEED").unwrap_or_else(|| Chance::printed().draw() % 1_000_000),
        kills: asked("NEXUS_TORTURE_KILLS").unwrap_or(if is_long { u64::MAX } else { KILLS }),
        kills_each: if is_long { 100 } else { KILLS_EACH },
        time: Duration::from_secs(asked("NEXUS_TORTURE_SECONDS").unwrap_or(SECONDS)),
        beside: asked("NEXUS_TORTURE_SERVERS")
            .map_or(2, |servers| usize::try_from(servers).unwrap_or(2)),
        disks: is_long,
        program: program(),
    };
    let outcome = run(plan, show).await;
    let (lives, verdict) = (outcome.lives, &outcome.verdict);
    println!(
        "{} episodes, {} kills, {} stops, {} times no room ({} servers ended), {} rivals, {verdict}; {:.0} s",
        outcome.episodes,
        lives.kills,
        lives.stops,
        lives.full,
        lives.ended,
        lives.rivals,
        outcome.took.as_secs_f64()
    );
    assert!(verdict.findings.is_empty(), "{} findings", verdict.findings.len());
    assert!(verdict.is_decided(), "{} runs are undecided", verdict.undecided);
    assert!(lives.kills > 0 && verdict.executions > 0, "nothing happened: {lives:?}, {verdict}");
}

/// The server that has functions; cargo builds it with this test.
fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_nexus-torture-program"))
}

#[expect(clippy::print_stdout, reason = "a failure is repeated with the seed that is printed")]
fn show(played: &Played) {
    println!("seed {}: {} kills, {}", played.seed, played.lives.kills, played.verdict);
    for finding in played.verdict.findings.iter().take(20) {
        println!("  {} · {} · {}", finding.wrong, finding.run, finding.what);
    }
    if let Some(kept) = &played.kept {
        println!("  the store and the logs are kept in {}", kept.display());
    }
}
