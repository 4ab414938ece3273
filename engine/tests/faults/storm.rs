//! A storm: chance starts, pauses, cancels and retries runs, handlers fail and dawdle, the log delays and refuses, engines
//! end without notice. After it, every run that was acknowledged ends, its replay agrees, and all room is free again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nexus_engine::log::MemoryLog;
use nexus_engine::model::definition::{OnError, Retry};
use nexus_engine::model::id::RunId;
use nexus_engine::model::plan::Plan;
use nexus_engine::testkit::{action, plan, sleep};
use nexus_engine::{Config, Registry, StartRequest, StepCx, StepError, handler_fn};
use serde_json::Value;

use crate::life::{Life, by, config, within};
use crate::log::{Chance, FaultyLog, memory};

const ROOM: u32 = 6;
const LIVES: u64 = 8;
const TIME: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_ends_whatever_happens() {
    let given = std::env::var("NEXUS_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = given.unwrap_or_else(|| clock.subsec_nanos().into());
    eprintln!("NEXUS_SEED={seed}");
    let mut chance = Chance(seed);
    let memory = memory();
    let plans = plans();
    let mut runs = Vec::new();
    let began = Instant::now();
    for life in 0..LIVES {
        if began.elapsed() > TIME {
            break;
        }
        live(&memory, &plans, &mut chance, &mut runs, life).await;
    }
    calm(&memory, &runs, &mut chance).await;
}

/// One life of an engine, in bad weather, up to its sudden or orderly end.
async fn live(
    memory: &Arc<MemoryLog>,
    plans: &[Arc<Plan>],
    chance: &mut Chance,
    runs: &mut Vec<RunId>,
    life: u64,
) {
    let log = FaultyLog::over(memory, chance.next());
    log.faults.delay_us_max.store(u32::try_from(chance.below(3_000)).unwrap(), Ordering::SeqCst);
    let refused = u32::try_from(chance.below(25)).unwrap();
    log.faults.refused_percent.store(refused, Ordering::SeqCst);
    log.faults.rows_failing.store(u32::try_from(chance.below(3)).unwrap(), Ordering::SeqCst);
    let config = weather(chance);
    let engine = Life::on(log, config, registry(chance.next()));
    for _ in 0..60 {
        act(&engine, plans, chance, runs).await;
        if chance.below(4) == 0 {
            tokio::time::sleep(Duration::from_micros(chance.below(4_000))).await;
        }
    }
    if life % 3 == 2 {
        within(engine.engine.shutdown()).await;
    } else {
        engine.crash();
    }
}

fn weather(chance: &mut Chance) -> Config {
    Config {
        concurrency: ROOM,
        interruptions_max: 1_000,
        rest: Duration::from_millis(5),
        resident_bytes_max: if chance.below(2) == 0 { 0 } else { 1 << 20 },
        drivers: 1 + usize::try_from(chance.below(2)).unwrap(),
        ..config()
    }
}

async fn act(life: &Life, plans: &[Arc<Plan>], chance: &mut Chance, runs: &mut Vec<RunId>) {
    let handle = life.handle();
    let any = |chance: &mut Chance, runs: &[RunId]| {
        runs.get(usize::try_from(chance.below(runs.len() as u64)).unwrap()).copied()
    };
    let what = chance.below(10);
    if what < 5 {
        let plan = &plans[usize::try_from(chance.below(plans.len() as u64)).unwrap()];
        if let Ok(started) = within(handle.start(StartRequest::new(Arc::clone(plan)))).await {
            runs.push(started.run);
        }
        return;
    }
    let Some(run) = any(chance, runs) else { return };
    let handle = handle.clone();
    let answer = tokio::spawn(async move {
        let _ = match what {
            5 => handle.cancel(run, by(), "chance".into()).await,
            6 => handle.pause(run, by(), "chance".into()).await,
            7 | 8 => handle.resume(run, by()).await,
            _ => handle.retry(run, by()).await,
        };
    });
    if chance.below(2) == 0 {
        let _ = tokio::time::timeout(Duration::from_millis(5), answer).await;
    }
}

/// Fair weather: everything ends.
async fn calm(memory: &Arc<MemoryLog>, runs: &[RunId], chance: &mut Chance) {
    let config = Config { concurrency: ROOM, interruptions_max: 1_000, ..config() };
    let life = Life::begin(memory, config, registry(chance.next()));
    for run in runs {
        let _ = within(life.handle().resume(*run, by())).await;
    }
    for run in runs {
        let end = life.end_of(*run).await;
        assert!(end.is_terminal());
    }
    eprintln!("{} runs ended", runs.len());
    // All room is free: as many handlers as ever work at one time.
    let ids: Vec<String> = (0..ROOM * 3).map(|at| format!("s{at}")).collect();
    let wide = plan(ids.iter().map(|id| action(id, "together", &[])).collect());
    let run = life.start(&wide).await;
    life.end_of(run).await;
    assert_eq!(MOST.load(Ordering::SeqCst), ROOM as usize);
    within(life.engine.shutdown()).await;
}

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn registry(seed: u64) -> Registry {
    let state = Arc::new(AtomicU64::new(seed));
    let mut registry = Registry::new();
    let work = move |cx: StepCx, _: Value| {
        let mut chance = Chance(state.fetch_add(1, Ordering::SeqCst));
        let (dice, pause) = (chance.below(20), chance.below(3_000));
        async move {
            let work = tokio::time::sleep(Duration::from_micros(pause));
            if dice > 3 {
                cx.or_cancelled(work).await?;
            }
            match dice {
                0 => Err(StepError::fatal("chance")),
                1 | 2 => Err(StepError::retry("chance")),
                // A panic without a word on the error output.
                3 => std::panic::resume_unwind(Box::new("chance")),
                4 => Ok("x".repeat(100_000)),
                _ => Ok("x".to_owned()),
            }
        }
    };
    registry.insert("work", handler_fn(work));
    let together = |_: StepCx, _: Value| async move {
        let now = NOW.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(now, Ordering::SeqCst);
        // It takes a while, so that those who are let in meanwhile are counted with it.
        tokio::time::sleep(Duration::from_millis(30)).await;
        NOW.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    };
    registry.insert("together", handler_fn(together));
    registry
}

fn plans() -> Vec<Arc<Plan>> {
    let work = |id: &str, needs: &[&str]| {
        let mut step = action(id, "work", needs);
        step.retry =
            Retry { max_attempts: 3, initial_ms: 2, max_ms: 10, jitter: true, ..Retry::default() };
        step
    };
    let mut lenient = work("c", &["a"]);
    lenient.on_error = OnError::Continue;
    let mut late = work("d", &["b", "c"]);
    late.deadline_ms = Some(5);
    let wide: Vec<_> = (0..12).map(|at| work(&format!("w{at}"), &[])).collect();
    vec![
        plan(vec![work("a", &[]), work("b", &["a"]), lenient, late, work("e", &["d"])]),
        plan(vec![sleep("z", "5ms", &[]), work("a", &["z"]), sleep("y", "3ms", &["a"])]),
        plan(wide),
    ]
}
