//! A hundred thousand steps: how much memory they take, and how long it takes to go on. Not run by default, because it takes
//! minutes; `NEXUS_STEPS` says how many steps.

use std::time::{Duration, Instant};

use nexus_engine::prelude::*;

use crate::life::within_hours;
use crate::stores::crash;

async fn same(_: StepCx, n: u64) -> StepResult<u64> {
    Ok(n)
}

async fn sum(cx: Cx, n: u64) -> Result<u64> {
    let mut sum = 0;
    for at in 0..n {
        sum += cx.step("one", same, at).await?;
    }
    Ok(sum)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes minutes and prints"]
async fn a_hundred_thousand_steps_with_twenty_kills() {
    let steps: u64 = std::env::var("NEXUS_STEPS").map_or(100_000, |text| text.parse().unwrap());
    let workflow = Workflow::code("sum", sum).unwrap();
    let mut store = tempfile::tempdir().unwrap();
    let mut kills = 0;
    loop {
        let began = Instant::now();
        let engine = Engine::builder().workflow(&workflow).open(store.path()).unwrap();
        let opened = began.elapsed();
        let run = engine.start(&workflow, steps).id("run").await.unwrap();
        let id = run.run_id().await.unwrap();
        let revision =
            || async { engine.handle().load(id).await.unwrap().map_or(0, |(_, run)| run.revision) };
        // The first event that the function makes in this life says that it has gone through its history.
        let before = revision().await;
        let mut after = before;
        while after < before + 4 && !run.status().await.unwrap().is_terminal() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            after = revision().await;
        }
        eprintln!(
            "{before:>7} events: opened in {opened:.0?}, went on after {:.0?}, {} MiB of memory",
            began.elapsed().saturating_sub(opened),
            resident_mib(),
        );
        let goal = u32::try_from((steps * 3).min(u64::from(u32::MAX)) * (kills + 1) / 21).unwrap();
        if kills < 20 {
            while revision().await < goal && !run.status().await.unwrap().is_terminal() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let left = crash(store.path());
            drop((run, engine));
            store = left;
            kills += 1;
        } else {
            let expected = steps * (steps - 1) / 2;
            assert_eq!(within_hours(run.result()).await.unwrap(), expected);
            return;
        }
    }
}

/// Memory of this process that is in use, in MiB.
fn resident_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096 / (1024 * 1024)
}
