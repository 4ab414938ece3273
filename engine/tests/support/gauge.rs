//! Work under limits: how much of it there is at one time, and what the log says afterwards.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nexus_engine::log::{EventLog, FjallLog, Frame, Options, Partition, Position};
use nexus_engine::tables::TABLES;
use nexus_engine::{Config, Engine, Handle, StepCx, StepResult, handler_fn};
use serde_json::Value;
use tokio::sync::watch;

use crate::until::until;

/// How many are at work, and how many were at most.
#[derive(Default)]
pub(crate) struct Gauge {
    pub(crate) now: AtomicU64,
    pub(crate) most: AtomicU64,
    done: watch::Sender<u64>,
}

impl Gauge {
    /// Waits until so much work is done.
    pub(crate) async fn reaches(&self, work: u64) {
        let mut done = self.done.subscribe();
        done.wait_for(|done| *done >= work).await.expect("the sender is in the gauge");
    }
}

/// An engine whose handler `work` is seen by the gauge.
pub(crate) fn open(store: &Path, gauge: &Arc<Gauge>, concurrency: u32) -> Engine {
    let grace = Duration::from_millis(50);
    let config = Config { concurrency, grace, ..Config::default() };
    let builder = Engine::builder().config(config).state(Arc::clone(gauge));
    let opened = builder.handler("work", handler_fn(work)).open(store);
    opened.unwrap_or_else(|error| panic!("{error:?}"))
}

async fn work(cx: StepCx, _: Value) -> StepResult<()> {
    let gauge = cx.state::<Arc<Gauge>>()?;
    let now = gauge.now.fetch_add(1, Ordering::SeqCst) + 1;
    gauge.most.fetch_max(now, Ordering::SeqCst);
    // Work that takes a while: what is let in meanwhile is at work at the same time.
    tokio::time::sleep(Duration::from_millis(3)).await;
    gauge.now.fetch_sub(1, Ordering::SeqCst);
    gauge.done.send_modify(|done| *done += 1);
    Ok(())
}

/// Waits until nobody has the store open: an engine that was dropped lets go of it a little later.
pub(crate) async fn is_free(store: &Path) {
    let open = async || FjallLog::open(store, Options::new(TABLES)).ok();
    until("nobody keeps the store open", open).await.close();
}

/// Waits until nobody holds or wants a slot: slots are given back after the runs have ended.
pub(crate) async fn is_idle(handle: &Handle, limit: &str) {
    let idle = async || {
        let limit = handle.limit(limit).await.expect("a log").expect("a limit");
        limit.is_idle().then_some(())
    };
    until("all slots are given back", idle).await;
}

/// The whole log.
pub(crate) fn all(handle: &Handle) -> Vec<Frame> {
    let log = handle.log();
    let mut frames: Vec<Frame> = Vec::new();
    loop {
        let from = frames.last().map_or(Position(0), Frame::next_position);
        let more = log.read(Partition(0), from, 1 << 20).expect("a log");
        if more.is_empty() {
            return frames;
        }
        frames.extend(more);
    }
}
