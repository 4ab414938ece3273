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
    rested: Counter,
    unread: Counter,
    clock_jumps: Counter,
    worker_polls: Counter,
    worker_tasks: Counter,
    worker_leases_lost: Counter,
    worker_reports_stale: Counter,
    worker_tasks_waiting: Gauge,
}

/// A start whose key was seen lately started nothing. Nothing is recorded of it.
pub(crate) fn duplicate_start(workflow: &str) {
    counter!("nexus_starts_duplicate_total", "workflow" => workflow.to_owned()).increment(1);
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
            rested: counter!("nexus_runs_rested_total"),
            unread: counter!("nexus_reads_failed_total"),
            clock_jumps: counter!("nexus_clock_jumps_total"),
            worker_polls: counter!("nexus_worker_polls_total"),
            worker_tasks: counter!("nexus_worker_tasks_total"),
            worker_leases_lost: counter!("nexus_worker_leases_lost_total"),
            worker_reports_stale: counter!("nexus_worker_reports_stale_total"),
            worker_tasks_waiting: gauge!("nexus_worker_tasks_waiting"),
        }
    }

    pub(crate) fn attempted(&self, took: Duration, ok: bool) {
        let histogram = if ok { &self.attempt_seconds } else { &self.failed_attempt_seconds };
        histogram.record(took.as_secs_f64());
    }

    pub(crate) fn queued(&self, took: Duration) {
        self.queue_seconds.record(took.as_secs_f64());
    }

    /// A handler was called. Drivers and engines of one process add up.
    pub(crate) fn begun(&self) {
        self.working.increment(1.0);
    }

    pub(crate) fn done(&self, handlers: usize) {
        self.working.decrement(float(handlers));
    }

    pub(crate) fn resident(&self, before: usize, now: usize) {
        if now > before {
            self.resident.increment(float(now - before));
        } else if now < before {
            self.resident.decrement(float(before - now));
        }
    }

    pub(crate) fn rested(&self) {
        self.rested.increment(1);
    }

    pub(crate) fn unread(&self) {
        self.unread.increment(1);
    }

    pub(crate) fn clock_jumped(&self) {
        self.clock_jumps.increment(1);
    }

    /// A worker has asked for a task.
    pub(crate) fn polled(&self) {
        self.worker_polls.increment(1);
    }

    /// A worker was handed a task.
    pub(crate) fn handed_out(&self) {
        self.worker_tasks.increment(1);
    }

    /// A worker that held a task was silent for too long.
    pub(crate) fn lease_lost(&self) {
        self.worker_leases_lost.increment(1);
    }

    /// A worker's word came under a token that does not count.
    pub(crate) fn stale(&self) {
        self.worker_reports_stale.increment(1);
    }

    /// A task waits for a worker, or does not any more.
    pub(crate) fn offered(&self, is_waiting: bool) {
        if is_waiting {
            self.worker_tasks_waiting.increment(1.0);
        } else {
            self.worker_tasks_waiting.decrement(1.0);
        }
    }

    pub(crate) fn ended(&self, status: &RunStatus) {
        if status.is_terminal() {
            self.ended.increment(1);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats; counts stay far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}
