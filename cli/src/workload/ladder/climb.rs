//! One rung: runs that come at a fixed rate, at random times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_engine::model::plan::Plan;
use nexus_engine::{Handle, StartError, StartRequest};
use tokio::task::JoinSet;

use super::super::chain::completed;
use super::super::latencies::Latencies;
use super::super::{Failure, float};

/// How often it is looked whether somebody should have come.
const TICK: Duration = Duration::from_millis(1);

/// Offers runs.
pub(super) struct Climber {
    handle: Handle,
    plan: Arc<Plan>,
    time: Duration,
    chance: u64,
    accepted: u64,
}

/// What a rung was like; runs a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rung {
    pub(super) offered: f64,
    pub(super) accepted: f64,
    /// Those that completed before the last one came.
    pub(super) completed: f64,
    pub(super) refused: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    pub(super) refusal_p99_us: f64,
}

/// What became of a run that was offered.
enum Fate {
    Completed(Instant),
    Refused(Instant),
}

impl Climber {
    pub(super) fn new(handle: Handle, plan: Arc<Plan>, time: Duration) -> Self {
        Self { handle, plan, time, chance: 1, accepted: 0 }
    }

    /// Offers `per_second` runs a second, and waits until all that were accepted have completed.
    pub(super) async fn rung(&mut self, per_second: f64) -> Result<Rung, Failure> {
        let mut tasks = JoinSet::new();
        let (began, mut due, mut offered) = (Instant::now(), Duration::ZERO, 0_u64);
        while due < self.time {
            let now = began.elapsed();
            while due <= now && due < self.time {
                let (handle, plan) = (self.handle.clone(), Arc::clone(&self.plan));
                let came = began + due;
                tasks.spawn(async move { Ok::<_, Failure>((came, offer(&handle, plan).await?)) });
                offered += 1;
                due += self.gap(per_second);
            }
            tokio::time::sleep(TICK).await;
        }
        let end = began + self.time;
        let (mut latencies, mut refusals) = (Latencies::default(), Latencies::default());
        let mut in_time = 0_u64;
        while let Some(fate) = tasks.join_next().await {
            match fate?? {
                (came, Fate::Completed(at)) => {
                    latencies.add(at.saturating_duration_since(came));
                    in_time += u64::from(at <= end);
                }
                (came, Fate::Refused(at)) => refusals.add(at.saturating_duration_since(came)),
            }
        }
        self.accepted += latencies.len() as u64;
        let per_second = |count: u64| float(count) / self.time.as_secs_f64();
        Ok(Rung {
            offered: per_second(offered),
            accepted: per_second(latencies.len() as u64),
            completed: per_second(in_time),
            refused: per_second(refusals.len() as u64),
            p50_us: latencies.at_us(500),
            p99_us: latencies.at_us(990),
            p999_us: latencies.at_us(999),
            refusal_p99_us: refusals.at_us(990),
        })
    }

    /// How many runs were taken.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// The time until the next run comes: runs come independently of each other.
    ///
    /// Source: the exponential distribution by inversion; numbers from `SplitMix64`, as in `nexus_definitions::shapes`.
    fn gap(&mut self, per_second: f64) -> Duration {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let uniform = (float((mixed ^ (mixed >> 31)) >> 12) + 0.5) / float(1 << 52);
        Duration::from_secs_f64(-uniform.ln() / per_second)
    }

    /// Checks that the log knows as many runs as were accepted here, and `others`, and that all have completed.
    pub(super) async fn nothing_is_lost(
        &self,
        handle: &Handle,
        others: u64,
    ) -> Result<(), Failure> {
        let views = handle.views().ok_or("there are no views")?.clone();
        let durable = handle.log().durable(nexus_engine::log::Partition(0));
        let seen = tokio::task::spawn_blocking(move || {
            views.catch_up(durable)?;
            views.metrics()
        });
        let seen = seen.await??.total;
        let expected = self.accepted + others;
        if seen.runs_started != expected || seen.runs_completed != expected {
            return Err(format!(
                "{expected} runs were accepted, {} are in the log, {} of them have completed",
                seen.runs_started, seen.runs_completed
            )
            .into());
        }
        Ok(())
    }
}

async fn offer(handle: &Handle, plan: Arc<Plan>) -> Result<Fate, Failure> {
    match handle.start(StartRequest::new(plan)).await {
        Ok(started) => {
            completed(&started.name, &handle.wait(started.run).await?)?;
            Ok(Fate::Completed(Instant::now()))
        }
        Err(StartError::Full { retry_ms, .. } | StartError::Busy { retry_ms }) if retry_ms > 0 => {
            Ok(Fate::Refused(Instant::now()))
        }
        Err(other) => Err(other.into()),
    }
}
