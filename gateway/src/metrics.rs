//! Metrics, as Prometheus reads them.
//!
//! Counts of runs, steps and attempts come from the view of metrics: exact, monotone over restarts, equal to a count over the
//! log. Times, sizes and lags come from live handles, which begin anew with each process. Described in
//! docs/reference/metrics.md.

mod counts;
mod describe;
mod gauges;
mod shared;
mod text;

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::Service;
use text::Text;

/// Seconds, from a tenth of a millisecond to an hour.
const SECONDS: [f64; 16] = [
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0,
    600.0, 3_600.0,
];
/// Bytes, from 1 KiB to 64 MiB.
const BYTES: [f64; 9] = [
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Numbers of things in a group.
const COUNTS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0, 1_024.0, 4_096.0];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder for live measurements; without it, they are not taken.
///
/// To be called once, before the store is opened; answers whether the recorder is ours.
pub fn install() -> bool {
    if HANDLE.get().is_some() {
        return true;
    }
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS);
    let builder = builder
        .and_then(|it| it.set_buckets_for_metric(Matcher::Suffix("_bytes".into()), &BYTES))
        .and_then(|it| it.set_buckets_for_metric(Matcher::Suffix("_transitions".into()), &COUNTS));
    let Ok(builder) = builder else { return false };
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        return false;
    }
    describe::all();
    HANDLE.set(handle).is_ok()
}

/// Takes measurements out of their queues. To be called every few seconds.
pub(crate) fn upkeep() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}

/// Everything, as text. Blocks.
pub(crate) fn render(service: &Service) -> String {
    let mut text = Text::default();
    counts::write(service, &mut text);
    gauges::write(service, &mut text);
    shared::write(service, &mut text);
    let live = HANDLE.get().map(PrometheusHandle::render).unwrap_or_default();
    text.finish() + &live
}
