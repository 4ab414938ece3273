//! Live measurements, through the `metrics` facade: times and sizes that begin anew with each process.
//!
//! Counts of runs and steps come from the `metrics` view instead, which is exact over restarts.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use nexus_model::run::RunStatus;

/// Handles, looked up once.
pub(crate) struct Metrics {
    attempt_seconds: Histogram,
    failed_attempt_seconds: Histogram,
    queue_seconds: Histogram,
    working: Gauge,
    resident: Gauge,
    ended: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            attempt_seconds: histogram!("nexus_attempt_seconds", "outcome" => "ok"),
            failed_attempt_seconds: histogram!("nexus_attempt_seconds", "outcome" => "failed"),
            queue_seconds: histogram!("nexus_attempt_queue_seconds"),
            working: gauge!("nexus_attempts_running"),
            resident: gauge!("nexus_runs_resident"),
            ended: counter!("nexus_runs_ended_here_total"),
        }
    }

    pub(crate) fn attempted(&self, took: Duration, ok: bool) {
        let histogram = if ok { &self.attempt_seconds } else { &self.failed_attempt_seconds };
        histogram.record(took.as_secs_f64());
    }

    pub(crate) fn queued(&self, took: Duration) {
        self.queue_seconds.record(took.as_secs_f64());
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats; counts stay far below 2^52")]
    pub(crate) fn working(&self, count: usize) {
        self.working.set(count as f64);
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats; counts stay far below 2^52")]
    pub(crate) fn resident(&self, count: usize) {
        self.resident.set(count as f64);
    }

    pub(crate) fn ended(&self, status: &RunStatus) {
        if status.is_terminal() {
            self.ended.increment(1);
        }
    }
}
