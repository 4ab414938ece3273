//! How things stand at the moment they are asked for.

use nexus_engine::log::StreamId;
use nexus_engine::model::time::Timestamp;
use nexus_engine::projections::RunWord;
use nexus_engine::tables::{TIMERS, read_timer_key};

use super::counts::number;
use super::text::{Kind, Text};
use crate::Service;
use crate::service::PARTITION;

/// Timers are counted up to this number.
const TIMERS_MAX: usize = 10_000;
/// How many runs are looked at for the one that has waited longest; they are in order of their beginning.
const PENDING_MAX: usize = 1_000;

/// Writes the gauges.
pub(super) fn write(service: &Service, text: &mut Text) {
    let mut gauge = |name: &str, help: &str, value: Option<f64>| {
        text.metric(Kind::Gauge, name, help, value.map(|value| (Vec::new(), value)));
    };
    let now = service.handle().clock().now();
    let (due, overdue_ms) = timers(service, now).unzip();
    gauge(
        "nexus_timers_due",
        "Timers that are due, are kept by no pause and have not fired, at most 10000.",
        due.map(number),
    );
    let pending_ms = pending_ms(service, now).max(overdue_ms);
    gauge(
        "nexus_oldest_pending_seconds",
        "Longest time that a run which could go on, or a timer that is due, has waited; those that a pause keeps do not count.",
        pending_ms.map(|ms| number(ms) / 1_000.0),
    );
    gauge(
        "nexus_log_durable_position",
        "Records of the log that are durable.",
        Some(number(service.handle().log().durable(PARTITION).0)),
    );
    let status = service.handle().log().status();
    gauge("nexus_log_disk_bytes", "Bytes of the log on disk.", Some(number(status.disk_bytes)));
    gauge(
        "nexus_disk_free_bytes",
        "Bytes free on the disk of the store.",
        Some(number(status.free_bytes)),
    );
    gauge(
        "nexus_log_permits_used_ratio",
        "Share of the bytes that may wait for the disk; from 0.75 on, starts are refused.",
        Some(f64::from(service.handle().log().permits().used_percent()) / 100.0),
    );
    let drift_ms = service.handle().clock().wall_drift_ms();
    #[expect(clippy::cast_precision_loss, reason = "a difference of clocks is not exact")]
    gauge(
        "nexus_clock_drift_seconds",
        "How far the wall clock has moved away from the engine's clock.",
        Some(drift_ms as f64 / 1_000.0),
    );
    gauge(
        "process_resident_memory_bytes",
        "Resident memory of the process.",
        resident_bytes().map(number),
    );
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    text.metric(
        Kind::Gauge,
        "nexus_build_info",
        "Always 1; the version is the label.",
        [(version, 1.0)],
    );
}

/// How many timers are due, and for how long the oldest of them has been.
fn timers(service: &Service, now: Timestamp) -> Option<(u64, u64)> {
    // Rows are in order of their time, which is the first 8 bytes of the key.
    let now_ms = u64::try_from(now.0).unwrap_or(0) / 1_000;
    let to = now_ms.saturating_add(1).to_be_bytes();
    let rows = service.handle().log().rows(TIMERS, &[], &to, TIMERS_MAX).ok()?;
    let timers = rows.iter().filter_map(|(key, _)| read_timer_key(key));
    // Those that a pause keeps are not late.
    let late = timers.filter(|(_, run, _)| !is_kept(service, StreamId(run.0)));
    let late: Vec<u64> = late.map(|(due_ms, ..)| due_ms).collect();
    let overdue_ms = late.first().map_or(0, |due_ms| now_ms.saturating_sub(*due_ms));
    Some((late.len() as u64, overdue_ms))
}

/// Whether a pause keeps a run from going on.
fn is_kept(service: &Service, stream: StreamId) -> bool {
    let Some(Ok(Some(run))) = service.views().map(|views| views.run(stream)) else { return false };
    let pauses = service.handle().pauses();
    run.status == RunWord::Paused || !pauses.of_workflow(&run.workflow, &run.labels).is_empty()
}

/// For how long nothing was recorded of the run that needs an engine and has waited longest.
fn pending_ms(service: &Service, now: Timestamp) -> Option<u64> {
    let views = service.views()?;
    let pending: Vec<StreamId> = views.resume().ok()?;
    let pending = pending.into_iter().take(PENDING_MAX);
    let waited = pending.filter(|stream| !is_kept(service, *stream)).filter_map(|stream| {
        let run = views.run(stream).ok()??;
        Some(now.ms_since(run.updated_at))
    });
    Some(waited.max().unwrap_or(0))
}

/// Resident memory, from the second field of `/proc/self/statm`, in pages.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
