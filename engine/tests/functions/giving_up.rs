//! Waits that are given up: what comes for them meanwhile is not lost.

use std::time::Duration;

use nexus_engine::prelude::*;

use crate::life::{Life, calls, within};
use crate::log::memory;

const GO: Signal<u64> = Signal::new("go");

/// Takes longer than the sleep before it, so that signals come while it is at work too.
async fn work(_: StepCx, n: u64) -> StepResult<u64> {
    tokio::time::sleep(Duration::from_millis(3)).await;
    Ok(n)
}

/// Gives up waiting again and again, and does something else when signals come.
async fn sums(cx: Cx, wanted: u64) -> Result<u64> {
    let (mut sum, mut heard) = (0, 0);
    while heard < wanted {
        tokio::select! {
            came = cx.wait(&GO) => {
                sum += came?;
                heard += 1;
            }
            slept = cx.sleep(Duration::from_millis(2)) => {
                slept?;
                cx.step("work", work, sum).await?;
            }
        }
    }
    Ok(sum)
}

#[tokio::test]
async fn signals_that_come_while_nobody_listens_are_heard_also_after_a_crash() {
    let workflow = Workflow::code("sums", sums).unwrap();
    let memory = memory();
    let mut life = Life::begin(&memory, &workflow);
    life.engine.start(&workflow, 20).id("run").await.unwrap();
    for n in 1..=20 {
        if n % 7 == 0 {
            life.crash();
            life = Life::begin(&memory, &workflow);
        }
        let run = life.engine.run::<u64>("run");
        within(run.signal(&GO, &n)).await.unwrap();
        // The signals are spread over all that the function does, and come two at a time too.
        tokio::time::sleep(Duration::from_millis(n % 5)).await;
    }
    let run = life.engine.run::<u64>("run");
    assert_eq!(within(run.result()).await.unwrap(), 210);
    let made = calls(&life.events("run").await);
    let waits = made.iter().flat_map(|(_, names)| names).filter(|name| name.starts_with("go"));
    assert_eq!(waits.count(), 20, "a wait that is given up is taken up by the next");
}
