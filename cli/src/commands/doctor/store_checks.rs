//! The store: whether it opens, who holds it, what it holds, and the disk and clock it lives with.

use std::collections::BTreeMap;
use std::path::Path;

use nexus_gateway::Control;
use nexus_gateway::api::{Problem, RunsFilter};
use serde_json::json;

use super::finding::{Finding, Level};
use super::open_runs;
use crate::context::Context;
use crate::exit::Code;
use crate::store::{Access, Purpose};
use crate::text::{count, now_ms, time_ms, took};

const MIB: f64 = 1024.0 * 1024.0;
/// Free space below which the engine takes no more runs.
const FREE_MIB_MIN: f64 = 256.0;
/// Free space below which it is time to do something.
const FREE_MIB_LOW: f64 = 1024.0;
/// How far the clock may be off before it is worth a word.
const DRIFT_S_MAX: f64 = 60.0;

/// Looks at the store; without one there is nothing to say but that.
pub(super) async fn all(context: &Context) -> Vec<Finding> {
    let store = context.store();
    let access = match Access::get(context, &Purpose::Look).await {
        Ok(access) => access,
        Err(problem) if problem.code == "NX6013" => {
            return vec![Finding::new(
                Level::Absent,
                "store",
                format!("none at {}", store.display()),
            )];
        }
        Err(problem) => return vec![Finding::broken("store", &problem)],
    };
    let control = access.control();
    let numbers = control.metrics().await.map(|text| numbers(&text)).unwrap_or_default();
    let mut findings =
        vec![holder(control, &store).await, log(control, &numbers), tail(control, &store)];
    findings.extend(runs(control).await);
    findings.push(disk(&numbers));
    findings.push(clock(control, &numbers).await);
    findings.extend(open_runs::all(control, &numbers).await);
    access.close().await;
    findings
}

/// Who holds the store.
async fn holder(control: &Control, store: &Path) -> Finding {
    if matches!(control, Control::Here(_)) {
        let text = format!("{}, held by nobody", store.display());
        return Finding::new(Level::Fine, "store", text)
            .data(json!({ "path": store, "held_by": null }));
    }
    match control.status().await {
        Ok(status) => {
            let address = status
                .listening
                .first()
                .map(|address| format!(" on {address}"))
                .unwrap_or_default();
            let text = format!(
                "{}, held by pid {} ({}{address})",
                store.display(),
                status.pid,
                status.role
            );
            let finding = Finding::new(Level::Fine, "store", text)
                .data(json!({ "path": store, "held_by": status }));
            if status.version == env!("CARGO_PKG_VERSION") {
                return finding;
            }
            let text = format!("{}, which is version {}", finding.text, status.version);
            Finding { level: Level::Warning, text, ..finding }
                .hint("use one version for all processes of a store")
        }
        Err(problem) => Finding::broken("store", &problem),
    }
}

/// The log: opening it has compared its end with the high-water mark and checked what stands behind that.
fn log(control: &Control, numbers: &BTreeMap<String, f64>) -> Finding {
    let layout = match control {
        Control::Here(service) => Some(service.handle().log().status().layout),
        Control::There(_) => None,
    };
    let events = numbers.get("nexus_log_durable_position").copied().unwrap_or_default();
    let bytes = numbers.get("nexus_log_disk_bytes").copied().unwrap_or_default();
    let shown = layout.map(|layout| format!("layout {layout}, ")).unwrap_or_default();
    let text =
        format!("{shown}{events} events, {:.1} MiB, ends where it was acknowledged", bytes / MIB);
    Finding::new(Level::Fine, "log", text)
        .data(json!({ "layout": layout, "events": events, "disk_bytes": bytes }))
}

/// Whether an unfinished write was cut off, now or earlier.
fn tail(control: &Control, store: &Path) -> Finding {
    let cut = match control {
        Control::Here(service) => service.handle().log().status().torn_tail,
        Control::There(_) => None,
    };
    let copies = std::fs::read_dir(store.join("torn")).map_or(0, Iterator::count);
    let data = json!({ "copies": copies, "cut_now": cut.as_ref().map(|tail| tail.bytes) });
    let finding = match cut {
        Some(tail) => {
            let text = format!(
                "{} bytes of an unfinished write cut off, kept in {}",
                tail.bytes,
                tail.copy.display()
            );
            Finding::new(Level::Warning, "tail", text)
                .hint("nothing that was acknowledged was in it; the copy may be deleted")
        }
        None if copies > 0 => Finding::new(
            Level::Fine,
            "tail",
            format!(
                "whole; {} of earlier ones in torn/",
                count(copies, "copy").replace("copys", "copies")
            ),
        ),
        None => Finding::new(Level::Fine, "tail", "whole"),
    };
    finding.data(data)
}

/// The views, asked for what they know.
async fn runs(control: &Control) -> Option<Finding> {
    let filter = RunsFilter { limit: 1, ..RunsFilter::default() };
    Some(match control.list(filter).await {
        Ok(page) => {
            let text = format!(
                "{} in the views",
                count(usize::try_from(page.total).unwrap_or(usize::MAX), "run")
            );
            Finding::new(Level::Fine, "runs", text).data(json!({ "runs": page.total }))
        }
        Err(problem) => Finding::broken("runs", &problem),
    })
}

fn disk(numbers: &BTreeMap<String, f64>) -> Finding {
    let Some(free) = numbers.get("nexus_disk_free_bytes").copied() else {
        return Finding::new(Level::Absent, "disk", "the free space is not known");
    };
    let mib = free / MIB;
    let text = format!("{mib:.0} MiB free");
    let finding = if mib < FREE_MIB_MIN {
        let problem = Problem::new(
            "NX6007",
            Code::Unreachable as u8,
            format!("{text}: no new runs are taken"),
        );
        Finding::broken("disk", &problem.hint("free some space"))
    } else if mib < FREE_MIB_LOW {
        Finding::new(
            Level::Warning,
            "disk",
            format!("{text}: below {FREE_MIB_MIN} MiB no new runs are taken"),
        )
    } else {
        Finding::new(Level::Fine, "disk", text)
    };
    finding.data(json!({ "free_bytes": free }))
}

/// Whether the clock has moved since the holder began, or stands before what is recorded.
async fn clock(control: &Control, numbers: &BTreeMap<String, f64>) -> Finding {
    let drift = numbers.get("nexus_clock_drift_seconds").copied().unwrap_or_default();
    let filter = RunsFilter { limit: 1, ..RunsFilter::default() };
    let newest =
        control.list(filter).await.ok().and_then(|page| time_ms(&page.runs.first()?.started_at));
    let ahead_ms = newest.map_or(0, |newest| newest.saturating_sub(now_ms()));
    let data = json!({ "drift_s": drift, "newest_run_ahead_ms": ahead_ms });
    let finding = if drift.abs() > DRIFT_S_MAX {
        Finding::new(Level::Warning, "clock", format!("moved by {drift:.0}s since the engine began"))
            .hint("sleeps and retries under way keep their length; restart the engine to follow the clock")
    } else if ahead_ms > 1_000 {
        Finding::new(
            Level::Warning,
            "clock",
            format!("the newest run began {} after now", took(ahead_ms)),
        )
        .hint("the clock was put back; times in lists are out of order, runs are not")
    } else {
        Finding::new(Level::Fine, "clock", format!("drift {drift:.3}s"))
    };
    finding.data(data)
}

/// The plain numbers of a Prometheus text: those without labels.
fn numbers(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_are_read() {
        let read = numbers("# HELP a b\na 1.5\nb{c=\"d\"} 2\ne +Inf\n");
        assert_eq!(read.get("a"), Some(&1.5));
        assert_eq!(read.get("b{c=\"d\"}"), Some(&2.0));
    }
}
