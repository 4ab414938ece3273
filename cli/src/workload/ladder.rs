//! The ladder: chains that come at a rising rate, whether the engine is ready or not, up to twice what it can do.
//!
//! Invariants:
//! * A latency begins when the run should have come, not when there was time to ask for it.
//! * What is refused must say when to try again; what was accepted must complete.

mod climb;

use std::sync::Arc;

use nexus_definitions::shapes::Shape;
use nexus_engine::{Config, Engine};
use serde_json::{Value, json};

use self::climb::{Climber, Rung};
use super::chain::{Nothing, at_least_256};
use super::definitions::made;
use super::lanes::runs_of;
use super::latencies::Spread;
use super::meter::Meter;
use super::{Failure, Options, Report};

/// Offered load of the rungs, as parts of the peak.
const RUNGS: [f64; 9] = [0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25];
/// The rung whose tail is looked at.
const HALF: f64 = 0.5;
/// Up to the knee this part of what is offered completes in the time in which it was offered.
const KEPT_UP: f64 = 0.95;

/// Chains of `steps` steps, of which `concurrency` may be open. First the peak, with half as many at a time, then the rungs, in
/// each round; at last twice the load of the knee, again in each round.
///
/// # Errors
/// If the store cannot be opened, an accepted run is lost, or a refusal has no hint.
pub async fn ladder(options: &Options) -> Result<Report, Failure> {
    let plan = made(Shape::Chain, options.steps)?;
    let mut meter = Meter::new(options)?;
    let engine = meter.open(|| open(options))?;
    let half = Options { concurrency: options.concurrency.div_ceil(2), ..options.clone() };
    meter.warm(runs_of(engine.handle(), &plan, &half, options.time / 4)).await?;
    for _ in 0..options.rounds {
        meter.round(runs_of(engine.handle(), &plan, &half, options.time)).await?;
    }
    let peak = meter.median_per_second() / f64::from(options.steps);
    if peak <= 0.0 {
        return Err("no run completed, so there is no peak".into());
    }
    let mut climber = Climber::new(engine.handle().clone(), Arc::clone(&plan), options.time);
    let mut climbed: Vec<(f64, Vec<Rung>)> = RUNGS.map(|part| (part, Vec::new())).into();
    for _ in 0..options.rounds {
        for (part, rungs) in &mut climbed {
            rungs.push(climber.rung(peak * *part).await?);
        }
    }
    let rungs: Vec<Middle> = climbed.iter().map(|(part, rungs)| Middle::of(*part, rungs)).collect();
    let knee = rungs.iter().rev().find(|rung| rung.keeps_up()).or_else(|| rungs.first());
    let knee = *knee.ok_or("there are no rungs")?;
    let mut over = Vec::new();
    for _ in 0..options.rounds {
        over.push(climber.rung(2.0 * knee.offered).await?);
    }
    let over = Middle::of(2.0 * knee.part, &over);
    climber.nothing_is_lost(engine.handle(), meter.completed_runs(options.steps)).await?;
    meter.besides(climber.accepted() * u64::from(options.steps));
    // It has a handle, and a store is closed when nobody has one.
    drop(climber);
    engine.shutdown().await;
    let mut report = meter.report("ladder", "steps")?;
    report.latency_of = "peak";
    tell(&mut report, &rungs, &knee, &over);
    Ok(report)
}

fn open(options: &Options) -> Result<Engine, Failure> {
    let config = Config {
        concurrency: at_least_256(options.concurrency),
        open_runs_max: Some(options.concurrency as u64),
        ..Config::default()
    };
    Ok(Engine::builder()
        .config(config)
        .handler("simulate", Arc::new(Nothing))
        .open(options.folder.join("store"))?)
}

/// The medians of a rung.
#[derive(Clone, Copy, Debug)]
struct Middle {
    part: f64,
    offered: f64,
    accepted: f64,
    completed: f64,
    refused: f64,
    p50: f64,
    p99: f64,
    p99_max: f64,
    p999: f64,
    refusal_p99: f64,
}

impl Middle {
    fn of(part: f64, rungs: &[Rung]) -> Self {
        let of = |of: fn(&Rung) -> f64| Spread::of(rungs.iter().map(of));
        Self {
            part,
            offered: of(|rung| rung.offered).median,
            accepted: of(|rung| rung.accepted).median,
            completed: of(|rung| rung.completed).median,
            refused: of(|rung| rung.refused).median,
            p50: of(|rung| rung.p50_us).median,
            p99: of(|rung| rung.p99_us).median,
            p99_max: of(|rung| rung.p99_us).max,
            p999: of(|rung| rung.p999_us).median,
            refusal_p99: of(|rung| rung.refusal_p99_us).median,
        }
    }

    fn keeps_up(&self) -> bool {
        self.completed >= KEPT_UP * self.offered && self.refused <= (1.0 - KEPT_UP) * self.offered
    }

    fn json(&self) -> Value {
        json!({
            "part_of_peak": self.part,
            "offered_runs_per_second": self.offered,
            "accepted_runs_per_second": self.accepted,
            "completed_runs_per_second": self.completed,
            "refused_runs_per_second": self.refused,
            "p50_us": self.p50, "p99_us": self.p99, "p99_max_us": self.p99_max, "p999_us": self.p999,
            "refusal_p99_us": self.refusal_p99,
        })
    }

    fn line(&self, name: &str) -> String {
        format!(
            "{name:<8} {:.2} of the peak: {:.0} runs/s come, {:.0} accepted, {:.0} refused, {:.0} completed; p50 {:.1} ms, p99 {:.1} ms (at most {:.1}), p99.9 {:.1} ms; a refusal takes {:.1} ms at p99",
            self.part,
            self.offered,
            self.accepted,
            self.refused,
            self.completed,
            self.p50 / 1e3,
            self.p99 / 1e3,
            self.p99_max / 1e3,
            self.p999 / 1e3,
            self.refusal_p99 / 1e3,
        )
    }
}

fn tell(report: &mut Report, rungs: &[Middle], knee: &Middle, over: &Middle) {
    report.also("rungs", rungs.iter().map(Middle::json).collect::<Vec<_>>());
    report.also("knee", knee.json());
    report.also("twice_the_knee", over.json());
    report.also("over_p99_to_knee_p99", over.p99 / knee.p99);
    report.said.extend(rungs.iter().map(|rung| rung.line("rung")));
    report.said.push(knee.line("knee"));
    report.said.push(over.line("over"));
    report.said.push(format!("over     p99 is {:.2} times that of the knee", over.p99 / knee.p99));
    if let Some(half) = rungs.iter().find(|rung| (rung.part - HALF).abs() < 1e-9) {
        report.also("half", half.json());
        report.also("half_p999_to_p50", half.p999 / half.p50);
        report.said.push(format!(
            "half     p99.9 at half of the peak is {:.1} times p50",
            half.p999 / half.p50
        ));
    }
}
