//! Sleepers: runs that wait for a day, and what they cost while they do.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_engine::model::definition::Definition;
use nexus_engine::model::plan::Plan;
use nexus_engine::{Engine, StartRequest};
use serde::Serialize;
use serde_json::json;

use super::measure::{disk_bytes, rss_bytes};
use super::{Failure, Latencies};

/// Starts under way at one time.
const LANES: usize = 64;

/// What sleeping runs cost.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Asleep {
    /// How many sleep.
    pub runs: usize,
    /// How long it took to start them, or to open the store with them, in milliseconds.
    pub took_ms: u64,
    /// Resident memory of the process after `rest`, in bytes.
    pub rss_bytes: u64,
    /// Size of the store, in bytes.
    pub disk_bytes: u64,
    /// How long it takes to start one more, 99 of 100, in microseconds.
    pub start_p99_us: f64,
}

/// Starts `count` runs that sleep for a day, rests, and looks at the process.
///
/// # Errors
/// If the store cannot be opened or a start is refused.
pub async fn put_to_sleep(folder: &Path, count: usize, rest: Duration) -> Result<Asleep, Failure> {
    let plan = sleeper()?;
    let store = folder.join("store");
    let engine = Engine::builder().open(&store)?;
    let began = Instant::now();
    let lane = |handle: nexus_engine::Handle, plan: Arc<Plan>, count: usize| async move {
        let mut latencies = Latencies::default();
        for _ in 0..count {
            let began = Instant::now();
            handle.start(StartRequest::new(Arc::clone(&plan))).await?;
            latencies.add(began.elapsed());
        }
        Ok::<_, Failure>(latencies)
    };
    let shares = (0..LANES).map(|at| count / LANES + usize::from(at < count % LANES));
    let lanes: Vec<_> = shares
        .map(|share| tokio::spawn(lane(engine.handle().clone(), Arc::clone(&plan), share)))
        .collect();
    let mut latencies = Latencies::default();
    for lane in lanes {
        latencies.extend(&lane.await??);
    }
    let took_ms = millis(began);
    tokio::time::sleep(rest).await;
    let (rss_bytes, start_p99_us) = (rss_bytes(), latencies.at_us(990));
    engine.shutdown().await;
    Ok(Asleep { runs: count, took_ms, rss_bytes, disk_bytes: disk_bytes(&store), start_p99_us })
}

/// Opens the store with them, rests, and looks at the process. To be called in a new process.
///
/// # Errors
/// If the store cannot be opened.
pub async fn reopen(folder: &Path, count: usize, rest: Duration) -> Result<Asleep, Failure> {
    let store = folder.join("store");
    let began = Instant::now();
    let engine = Engine::builder().open(&store)?;
    let took_ms = millis(began);
    tokio::time::sleep(rest).await;
    let rss_bytes = rss_bytes();
    engine.shutdown().await;
    Ok(Asleep {
        runs: count,
        took_ms,
        rss_bytes,
        disk_bytes: disk_bytes(&store),
        start_p99_us: 0.0,
    })
}

fn sleeper() -> Result<Arc<Plan>, Failure> {
    let json = json!({
        "name": "sleeper",
        "steps": [{ "id": "nap", "kind": { "sleep": { "duration": "1d" } } }],
    });
    let definition = Definition::from_json(json.to_string().as_bytes())?;
    Ok(Arc::new(Plan::compile(definition).map_err(|errors| format!("{errors:?}"))?))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
