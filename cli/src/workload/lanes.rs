//! Lanes: something that is done again and again, some of it at a time.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_engine::model::plan::Plan;
use nexus_engine::{Handle, StartRequest};
use tokio::task::JoinSet;

use super::chain::complete;
use super::latencies::Latencies;
use super::meter::Done;
use super::{Failure, Options};

/// Starts under way at one time when a store is filled.
const STARTS: usize = 64;

/// Does something again and again in `concurrency` lanes: `runs` times in all, or until the time is over; what was begun is
/// completed. `lane` makes what a lane does, which is told how often it has done it and says what that was.
pub(super) async fn lanes<L, W, F>(
    options: &Options,
    time: Duration,
    lane: L,
) -> Result<Done, Failure>
where
    L: Fn(usize) -> W,
    W: FnMut(usize) -> F + Send + 'static,
    F: Future<Output = Result<Done, Failure>> + Send,
{
    let until = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for at in 0..options.concurrency {
        let runs = options.runs.map(|runs| share(runs, at, options.concurrency));
        let mut work = lane(at);
        tasks.spawn(async move {
            let (mut all, mut count) = (Done::default(), 0);
            while runs.map_or_else(|| Instant::now() < until, |runs| count < runs) {
                all.add(&work(count).await?);
                count += 1;
            }
            Ok::<_, Failure>(all)
        });
    }
    let mut all = Done::default();
    while let Some(done) = tasks.join_next().await {
        all.add(&done??);
    }
    Ok(all)
}

/// Work whose time is one latency; it says how many units it was.
pub(super) async fn operation(
    work: impl Future<Output = Result<u64, Failure>>,
) -> Result<Done, Failure> {
    let began = Instant::now();
    let units = work.await?;
    let mut latencies = Latencies::default();
    latencies.add(began.elapsed());
    Ok(Done { units, latencies, took: None })
}

/// Runs of `plan`, `concurrency` of them at a time; each is an operation, its steps are the units.
pub(super) async fn runs_of(
    handle: &Handle,
    plan: &Arc<Plan>,
    options: &Options,
    time: Duration,
) -> Result<Done, Failure> {
    let lane = |_| {
        let (handle, plan) = (handle.clone(), Arc::clone(plan));
        move |_| {
            let (handle, plan) = (handle.clone(), Arc::clone(&plan));
            operation(async move {
                complete(&handle, &plan).await?;
                Ok(u64::from(plan.step_count()))
            })
        }
    };
    lanes(options, time, lane).await
}

/// Starts `runs` runs of `plan`, and does not wait for their end; says how long each start took.
pub(super) async fn start_runs(
    handle: &Handle,
    plan: &Arc<Plan>,
    runs: usize,
    options: &Options,
) -> Result<Latencies, Failure> {
    let options = Options { concurrency: STARTS, runs: Some(runs), ..options.clone() };
    let lane = |_| {
        let (handle, plan) = (handle.clone(), Arc::clone(plan));
        move |_| {
            let (handle, plan) = (handle.clone(), Arc::clone(&plan));
            operation(async move {
                handle.start(StartRequest::new(plan)).await?;
                Ok(1)
            })
        }
    };
    Ok(lanes(&options, Duration::ZERO, lane).await?.latencies)
}

/// How many of `count` things are for the one of `among` with number `at`.
fn share(count: usize, at: usize, among: usize) -> usize {
    count / among + usize::from(at < count % among)
}
