//! Single runs of large graphs: one that fans out and joins, a random one, a deep one.

use std::time::Instant;

use nexus_definitions::shapes::Shape;

use super::chain::{complete, open_engine};
use super::definitions::made;
use super::gauges::rss_bytes;
use super::latencies::Latencies;
use super::meter::{Done, Meter};
use super::{Failure, Options, Report, float};

/// A graph that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graph {
    /// One step, all but two at once, and one that needs them all.
    Fanout,
    /// Up to three needs each.
    Dag,
    /// A long chain that side branches leave and join again.
    Deep,
}

impl Graph {
    fn name(self) -> &'static str {
        match self {
            Self::Fanout => "fanout",
            Self::Dag => "dag",
            Self::Deep => "deep",
        }
    }

    /// Runs in a round, unless it is said how many.
    fn runs(self) -> usize {
        match self {
            Self::Fanout => 20,
            Self::Dag | Self::Deep => 1,
        }
    }

    fn shape(self) -> Shape {
        match self {
            Self::Fanout => Shape::ForkJoin,
            Self::Dag => Shape::RandomDag,
            Self::Deep => Shape::Deep,
        }
    }
}

/// Runs of a graph, one after the other, with `concurrency` steps under way at a time, 256 at least.
///
/// # Errors
/// If the store cannot be opened or a run does not complete.
pub async fn graph(options: &Options, graph: Graph) -> Result<Report, Failure> {
    let before = rss_bytes();
    let plan = made(graph.shape(), options.steps)?;
    let plan_bytes = rss_bytes().saturating_sub(before);
    let mut meter = Meter::new(options)?;
    let engine = meter.open(|| open_engine(&options.folder, options.concurrency))?;
    let runs = options.runs.unwrap_or_else(|| graph.runs());
    let run = async || {
        let mut latencies = Latencies::default();
        let began = Instant::now();
        for _ in 0..runs {
            let began = Instant::now();
            complete(engine.handle(), &plan).await?;
            latencies.add(began.elapsed());
        }
        let units = u64::from(plan.step_count()) * runs as u64;
        Ok(Done { units, latencies, took: Some(began.elapsed()) })
    };
    meter.warm(run()).await?;
    for _ in 0..options.rounds {
        meter.round(run()).await?;
    }
    engine.shutdown().await;
    let mut report = meter.report(graph.name(), "steps")?;
    report.latency_of = "run";
    let in_syncs = report.p50_us / report.raw_sync_us;
    let peak = report.rss_peak_bytes.saturating_sub(before);
    let per_step = float(peak) / f64::from(options.steps);
    report.also("steps", options.steps);
    report.also("plan_bytes", plan_bytes);
    report.also("rss_peak_bytes_per_step", per_step);
    report.also("p50_in_raw_syncs", in_syncs);
    report.said.push(format!(
        "run      p50 {:.1} ms of {} steps, as long as {in_syncs:.0} raw syncs; {per_step:.0} B of memory a step at most",
        report.p50_us / 1e3,
        options.steps,
    ));
    Ok(report)
}
