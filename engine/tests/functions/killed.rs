//! A function on a real store, whose process ends again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nexus_engine::prelude::*;
use tokio::sync::Notify;

use crate::life::within;
use crate::stores::crash;

const STEPS: u64 = 210;
const LIVES: u64 = 7;

/// Counts its calls, and tells when a life has done its share.
#[derive(Clone, Default)]
struct Share {
    done: Arc<AtomicU64>,
    told: Arc<Notify>,
    /// It does all that is left.
    is_last: bool,
}

async fn one(cx: StepCx, n: u64) -> StepResult<u64> {
    let share = cx.state::<Share>()?;
    if share.done.fetch_add(1, Ordering::SeqCst) + 1 >= STEPS / LIVES && !share.is_last {
        share.told.notify_one();
        cx.cancelled().await;
        return Err(StepError::retry("it is cut off"));
    }
    Ok(n)
}

async fn sum(cx: Cx, of: u64) -> Result<u64> {
    let mut sum = 0;
    for at in 0..of {
        sum += cx.step("one", one, at).await?;
    }
    Ok(sum)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_goes_on_where_it_was_in_each_of_its_lives() {
    let workflow = Workflow::code("sum", sum).unwrap();
    let mut store = tempfile::tempdir().unwrap();
    let mut calls = 0;
    for life in 1..=LIVES {
        let share = Share { is_last: life == LIVES, ..Share::default() };
        let engine = Engine::builder().state(share.clone()).workflow(&workflow);
        let engine = engine.open(store.path()).unwrap();
        let run = within(async { engine.start(&workflow, STEPS).id("run").await }).await.unwrap();
        if life == LIVES {
            assert_eq!(within(run.result()).await.unwrap(), STEPS * (STEPS - 1) / 2);
            let replay = engine.handle().replay(run.run_id().await.unwrap(), None).await.unwrap();
            assert!(replay.agrees(), "{:?}", replay.differences);
            calls += share.done.load(Ordering::SeqCst);
        } else {
            within(share.told.notified()).await;
            // What it does from here on is lost with it.
            let left = crash(store.path());
            calls += STEPS / LIVES;
            engine.shutdown().await;
            store = left;
        }
    }
    assert!(calls <= STEPS + LIVES, "only the step that is cut off is done again: {calls} calls");
}
