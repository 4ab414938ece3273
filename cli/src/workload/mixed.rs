//! Runs of many kinds at once, in a fixed order: chains, fan-outs, graphs, signals, sleeps, and steps that fail at first.

use std::path::Path;
use std::sync::Arc;

use nexus_definitions::shapes::Shape;
use nexus_engine::handler::{Data, Handler, HandlerFuture};
use nexus_engine::model::plan::Plan;
use nexus_engine::{Config, Engine, Handle, StepCx, StepError};
use serde_json::json;

use super::chain::{Nothing, at_least_256, complete};
use super::definitions::{FLAKY, flaky, made, sleeper, told};
use super::lanes::{lanes, operation};
use super::meter::Meter;
use super::signals::tell;
use super::{Failure, Options, Report};

/// Signals of a run that waits for some.
const SIGNALS: u32 = 3;

/// The first attempt of each step fails.
struct FailsFirst;

impl Handler for FailsFirst {
    fn call(&self, cx: StepCx, _input: Data) -> HandlerFuture {
        let outcome =
            if cx.attempt() == 1 { Err(StepError::retry("not yet")) } else { Ok(Data::null()) };
        Box::pin(std::future::ready(outcome))
    }
}

/// What there is to run.
struct Kinds {
    chain: Arc<Plan>,
    fanout: Arc<Plan>,
    graph: Arc<Plan>,
    told: Arc<Plan>,
    sleeper: Arc<Plan>,
    flaky: Arc<Plan>,
}

impl Kinds {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            chain: made(Shape::Chain, 10)?,
            fanout: made(Shape::ForkJoin, 20)?,
            graph: made(Shape::RandomDag, 50)?,
            told: told(SIGNALS)?,
            sleeper: sleeper("10ms")?,
            flaky: flaky()?,
        })
    }

    /// Of twenty runs ten are chains, three fan out, two are graphs, two are told something, two fail at first and one sleeps.
    async fn carry_out(&self, handle: &Handle, number: usize) -> Result<u64, Failure> {
        let plan = match number % 20 {
            0 | 2 | 4 | 6 | 8 | 10 | 12 | 14 | 16 | 18 => &self.chain,
            1 | 7 | 13 => &self.fanout,
            3 | 11 => &self.graph,
            5 | 15 => {
                return Ok(tell(handle, &self.told, SIGNALS).await?.units);
            }
            9 | 17 => &self.flaky,
            _ => &self.sleeper,
        };
        complete(handle, plan).await?;
        Ok(u64::from(plan.step_count()))
    }
}

/// Runs of many kinds, `concurrency` of them at a time.
///
/// # Errors
/// If the store cannot be opened or a run does not complete.
pub async fn mixed(options: &Options) -> Result<Report, Failure> {
    let kinds = Arc::new(Kinds::new()?);
    let mut meter = Meter::new(options)?;
    let engine = meter.open(|| open(&options.folder, options.concurrency))?;
    let lane = |at: usize| {
        let (handle, kinds) = (engine.handle().clone(), Arc::clone(&kinds));
        // Lanes begin at different places, as seven and twenty have no divisor.
        move |count: usize| {
            let (handle, kinds) = (handle.clone(), Arc::clone(&kinds));
            operation(async move { kinds.carry_out(&handle, 7 * at + count).await })
        }
    };
    meter.warm(lanes(options, options.time / 4, lane)).await?;
    for _ in 0..options.rounds {
        meter.round(lanes(options, options.time, lane)).await?;
    }
    engine.shutdown().await;
    let mut report = meter.report("mixed", "steps")?;
    report.latency_of = "run";
    report.also(
        "kinds_of_twenty",
        json!({ "chain": 10, "fanout": 3, "dag": 2, "signals": 2, "retried": 2, "sleep": 1 }),
    );
    Ok(report)
}

fn open(folder: &Path, concurrency: usize) -> Result<Engine, Failure> {
    let config = Config { concurrency: at_least_256(concurrency), ..Config::default() };
    Ok(Engine::builder()
        .config(config)
        .handler("simulate", Arc::new(Nothing))
        .handler(FLAKY, Arc::new(FailsFirst))
        .open(folder.join("store"))?)
}
