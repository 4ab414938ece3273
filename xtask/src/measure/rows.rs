//! The measurements, and what of them stands in the table.

use serde_json::Value;

use super::figures::{figure, number, spread, spread_of};

/// The head of the table.
pub(super) const HEAD: &str = "\
| What | Target | Measured: median (spread) | Baseline | Ratio | Command |
|---|---|---|---|---|---|";

/// A measurement: one command.
pub(super) struct Measurement {
    pub(super) name: &'static str,
    /// What follows `nexus-engine bench`; empty: what `startup` measures.
    pub(super) arguments: &'static [&'static str],
    /// Whether it is measured with the binary that counts allocations.
    pub(super) counts_allocations: bool,
    pub(super) rows: fn(&Value) -> Vec<Row>,
}

/// A row, but for the command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    what: &'static str,
    target: &'static str,
    measured: String,
    baseline: String,
    ratio: String,
}

impl Row {
    /// A row that is compared with nothing but its target.
    fn of(what: &'static str, target: &'static str, measured: String) -> Self {
        Self { what, target, measured, ..Self::default() }
    }

    pub(super) fn line(&self, measurement: &Measurement) -> String {
        let Self { what, target, measured, baseline, ratio } = self;
        let command = match measurement.arguments {
            [] => format!("`cargo xtask measure {}`", measurement.name),
            arguments => format!("`bench {}`", arguments.join(" ")),
        };
        format!("| {what} | {target} | {measured} | {baseline} | {ratio} | {command} |")
    }
}

const fn of(
    name: &'static str,
    arguments: &'static [&'static str],
    rows: fn(&Value) -> Vec<Row>,
) -> Measurement {
    Measurement { name, arguments, counts_allocations: false, rows }
}

/// Every measurement, in the order of the table.
pub(super) const MEASUREMENTS: [Measurement; 21] = [
    of("append 64", &["append", "--concurrency", "64"], |report| {
        append(report, "append, groups of 64")
    }),
    of("append 512", &["append", "--concurrency", "512"], |report| {
        append(report, "append, groups of 512")
    }),
    of("chain 1", &["chain", "--concurrency", "1"], chain_alone),
    of("chain 64", &["chain", "--concurrency", "64"], |report| {
        chain(report, "chain of 10, 64 at a time", "70,000 steps/s")
    }),
    of("chain 256", &["chain", "--concurrency", "256"], chain_256),
    of("chain 1024", &["chain", "--concurrency", "1024"], |report| {
        chain(report, "chain of 10, 1,024 at a time", "130,000 steps/s")
    }),
    Measurement {
        name: "allocations",
        arguments: &["chain", "--concurrency", "256"],
        counts_allocations: true,
        rows: allocations,
    },
    of("fanout", &["fanout", "--steps", "1000"], fanout),
    of("dag", &["dag", "--steps", "100000"], dag),
    of("dag half", &["dag", "--steps", "50000"], memory),
    of("deep", &["deep", "--steps", "25000"], deep),
    of("signals", &["signals", "--concurrency", "64"], |report| {
        vec![rate(report, "signals to waiting runs, 64 at a time", "–")]
    }),
    of("mixed", &["mixed", "--concurrency", "64"], |report| {
        vec![rate(report, "runs of many kinds, 64 at a time", "–")]
    }),
    of("history", &["history"], history),
    of("replay", &["replay"], replay),
    of("recovery", &["recovery", "--runs", "100000"], recovery),
    of("sleepers", &["sleepers", "--runs", "100000"], |report| {
        sleepers(report, "100,000 sleepers", "at most 30 MB over an empty store")
    }),
    of("sleepers million", &["sleepers", "--runs", "1000000"], |report| {
        sleepers(report, "1,000,000 sleepers", "at most 60 MB over an empty store")
    }),
    of("startup", &[], startup),
    of("ladder", &["ladder"], ladder),
    of("ladder narrow", &["ladder", "--concurrency", "256"], ladder),
];

/// Work a second, beside bare fjall and the raw disk.
fn rate(report: &Value, what: &'static str, target: &'static str) -> Row {
    let bare = spread_of(report, "ratio_to_bare", "ratio_to_bare_min", "ratio_to_bare_max");
    let raw = spread_of(report, "ratio_to_raw", "ratio_to_raw_min", "ratio_to_raw_max");
    Row {
        what,
        target,
        measured: format!(
            "{} {}/s; p50 {} ms, p99 {} ms, p99.9 {} ms; groups of {}",
            spread_of(report, "steps_per_second", "steps_per_second_min", "steps_per_second_max"),
            report["unit"].as_str().unwrap_or("steps"),
            millis(report, "p50_us"),
            millis(report, "p99_us"),
            millis(report, "p999_us"),
            figure(number(report, "group_mean")),
        ),
        baseline: format!(
            "bare fjall {}/s, raw {}/s",
            figure(number(report, "bare_per_second")),
            figure(number(report, "raw_per_second"))
        ),
        ratio: format!("{bare} of bare, {raw} of raw"),
    }
}

/// Microseconds as milliseconds.
fn millis(report: &Value, name: &str) -> String {
    figure(number(report, name) / 1e3)
}

fn append(report: &Value, what: &'static str) -> Vec<Row> {
    vec![rate(report, what, "0.90 of bare fjall")]
}

fn chain(report: &Value, what: &'static str, target: &'static str) -> Vec<Row> {
    let cpu = Row::of(
        "its processor time, load included",
        "15 us a step",
        format!("{} us a step", figure(number(report, "cpu_us_per_step"))),
    );
    vec![rate(report, what, target), cpu]
}

fn chain_256(report: &Value) -> Vec<Row> {
    let mut rows = chain(report, "chain of 10, 256 at a time", "100,000 steps/s");
    rows.push(Row {
        what: "its disk, after compaction",
        target: "150 B a step",
        measured: format!("{} B a step", figure(number(report, "disk_bytes_per_step"))),
        baseline: format!("{} B of events", figure(number(report, "event_bytes_per_step"))),
        ..Row::default()
    });
    rows.push(Row {
        what: "bytes written for a byte of events",
        target: "2.0",
        measured: figure(number(report, "written_per_event_byte")),
        baseline: format!("{} B written a step", figure(number(report, "written_bytes_per_step"))),
        ..Row::default()
    });
    rows
}

fn chain_alone(report: &Value) -> Vec<Row> {
    let alone = Row {
        what: "chain of 10, one at a time: p50",
        target: "1.3 × 11 raw syncs",
        measured: format!(
            "{} ms; p99 {} ms, p99.9 {} ms",
            millis(report, "p50_us"),
            millis(report, "p99_us"),
            millis(report, "p999_us")
        ),
        baseline: format!("11 × {} us", figure(number(report, "raw_sync_us"))),
        ratio: figure(number(report, "p50_to_raw_syncs")),
    };
    let pure = Row {
        what: "syncs of a run; with a pure step after each",
        target: "the same",
        measured: figure(number(report, "syncs_per_run_alone")),
        ratio: figure(number(report, "syncs_per_run_alone_with_sets")),
        ..Row::default()
    };
    vec![alone, pure]
}

fn allocations(report: &Value) -> Vec<Row> {
    vec![Row::of(
        "allocations, with a binary that counts them",
        "–",
        format!("{} a step", figure(number(report, "allocations_per_step"))),
    )]
}

fn fanout(report: &Value) -> Vec<Row> {
    let (p50, sync) = (number(report, "p50_us") / 1e3, number(report, "raw_sync_us") / 1e3);
    let most = 10.0 * sync + 10.0;
    vec![Row {
        what: "fan-out of 1,000 and join",
        target: "10 raw syncs and 10 ms",
        measured: format!("{} ms", figure(p50)),
        baseline: format!("10 × {} ms + 10 ms", figure(sync)),
        ratio: figure(p50 / most),
    }]
}

/// A single large run.
fn single(report: &Value, what: &'static str, target: &'static str) -> Row {
    Row {
        what,
        target,
        measured: format!(
            "{} s; {} steps/s",
            figure(number(report, "p50_us") / 1e6),
            spread_of(report, "steps_per_second", "steps_per_second_min", "steps_per_second_max")
        ),
        baseline: format!("bare fjall {}/s", figure(number(report, "bare_per_second"))),
        ratio: figure(number(report, "ratio_to_bare")),
    }
}

fn dag(report: &Value) -> Vec<Row> {
    let mut rows = vec![single(report, "random graph of 100,000 steps", "2 s")];
    rows.extend(memory(report));
    rows
}

fn memory(report: &Value) -> Vec<Row> {
    let measured = format!(
        "{} B a step of {}",
        figure(number(report, "rss_peak_bytes_per_step")),
        figure(number(report, "steps"))
    );
    vec![Row::of("most memory of a graph", "linear", measured)]
}

fn deep(report: &Value) -> Vec<Row> {
    vec![single(report, "deep graph of 25,000 steps", "completes")]
}

fn history(report: &Value) -> Vec<Row> {
    let flat = Row {
        what: "one run of a million events: a step in the last tenth",
        target: "1.2 × the first tenth",
        measured: format!(
            "{} us ({} events)",
            figure(number(report, "last_tenth_us")),
            figure(number(report, "events"))
        ),
        baseline: format!("{} us in the first", figure(number(report, "first_tenth_us"))),
        ratio: format!(
            "{} (at most {})",
            figure(number(report, "last_to_first")),
            figure(number(report, "last_to_first_max"))
        ),
    };
    let get = format!(
        "{} ms ended, {} ms open (at most {}), {} ms after opening again",
        figure(number(report, "get_ms")),
        figure(number(report, "get_open_ms")),
        figure(number(report, "get_open_max_ms")),
        figure(number(report, "get_reopened_ms"))
    );
    vec![flat, Row::of("`get` of it", "100 ms", get)]
}

fn replay(report: &Value) -> Vec<Row> {
    let row = |what, target, median: &str, unit: &str| {
        let rate = spread_of(report, median, &format!("{median}_min"), &format!("{median}_max"));
        Row::of(what, target, format!("{rate} {unit}/s"))
    };
    vec![
        row("fold of decoded events", "1,500,000 events/s", "fold_events_per_second", "events"),
        row("replay of one deep run, all checks", "400,000 events/s", "steps_per_second", "events"),
        row("replay of short runs", "20,000 runs/s", "short_runs_per_second", "runs"),
    ]
}

fn recovery(report: &Value) -> Vec<Row> {
    let row = |ending: &str, what| {
        let of = |name: &str| number(report, &format!("{ending}.{name}"));
        let measured = format!(
            "first step {} ms (at most {}), all {} ms (at most {})",
            figure(of("first_step_ms")),
            figure(of("first_step_max_ms")),
            figure(of("all_resumed_ms")),
            figure(of("all_resumed_max_ms"))
        );
        Row::of(what, "first step 1 s, all 5 s", measured)
    };
    vec![
        row("clean", "restart with 100,000 open runs, clean end"),
        row("killed", "restart with 100,000 open runs, `kill -9`"),
    ]
}

fn sleepers(report: &Value, what: &'static str, target: &'static str) -> Vec<Row> {
    let of = |name: &str| number(report, name);
    let memory = Row {
        what,
        target,
        measured: format!(
            "{} MB over it a minute after opening",
            figure(of("clean.rss_over_empty_bytes") / 1e6)
        ),
        baseline: format!("{} MB empty", figure(of("empty.rss_bytes") / 1e6)),
        ..Row::default()
    };
    let opening = Row {
        what: "opening that store",
        target: "1 s after a clean end",
        measured: format!(
            "{} ms; {} ms after `kill -9`",
            spread(of("clean.ready_ms"), of("clean.ready_min_ms"), of("clean.ready_max_ms")),
            spread(of("killed.ready_ms"), of("killed.ready_min_ms"), of("killed.ready_max_ms"))
        ),
        baseline: format!("{} ms empty", figure(of("empty.ready_ms"))),
        ..Row::default()
    };
    vec![memory, opening]
}

fn startup(report: &Value) -> Vec<Row> {
    let row = |what, target, name: &str, unit: &str| {
        let of = |end: &str| format!("{name}.{end}");
        let spread = spread_of(report, &of("median"), &of("min"), &of("max"));
        Row::of(what, target, format!("{spread} {unit}"))
    };
    vec![
        row(
            "`serve` until its socket answers, in a store that is there",
            "30 ms",
            "serve_ms",
            "ms",
        ),
        row("`run` of a workflow of one step, in a store that is there", "60 ms", "run_ms", "ms"),
        row("the same in a new store", "–", "run_new_ms", "ms"),
        row("memory of an idle server", "20 MB", "idle_mb", "MB"),
    ]
}

fn ladder(report: &Value) -> Vec<Row> {
    let of = |name: &str| number(report, name);
    let tail = Row {
        what: "p99.9 at half of the peak",
        target: "10 × p50",
        measured: format!("{} ms", figure(of("half.p999_us") / 1e3)),
        baseline: format!("p50 {} ms", figure(of("half.p50_us") / 1e3)),
        ratio: figure(of("half_p999_to_p50")),
    };
    let over = Row {
        what: "twice the load of the knee: p99 of accepted runs",
        target: "2 × the knee; the rest refused with a hint, nothing lost",
        measured: format!(
            "{} ms; {} of {} runs/s refused",
            figure(of("twice_the_knee.p99_us") / 1e3),
            figure(of("twice_the_knee.refused_runs_per_second")),
            figure(of("twice_the_knee.offered_runs_per_second"))
        ),
        baseline: format!(
            "{} ms at {} runs/s",
            figure(of("knee.p99_us") / 1e3),
            figure(of("knee.offered_runs_per_second"))
        ),
        ratio: figure(of("over_p99_to_knee_p99")),
    };
    vec![tail, over]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_different_and_every_measurement_has_rows() {
        let mut names: Vec<_> = MEASUREMENTS.iter().map(|measurement| measurement.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MEASUREMENTS.len());
        for measurement in &MEASUREMENTS {
            assert!(!(measurement.rows)(&json!({})).is_empty(), "{}", measurement.name);
        }
    }

    #[test]
    fn a_row_has_measured_baseline_ratio_and_command() {
        let report = json!({ "p50_us": 8_000.0, "raw_sync_us": 100.0 });
        let measurement = MEASUREMENTS.iter().find(|it| it.name == "fanout").expect("it is there");
        let lines: Vec<_> = fanout(&report).iter().map(|row| row.line(measurement)).collect();
        assert_eq!(
            lines,
            [
                "| fan-out of 1,000 and join | 10 raw syncs and 10 ms | 8.00 ms | 10 × 0.10 ms + 10 ms | 0.73 | `bench fanout --steps 1000` |"
            ]
        );
    }

    /// The page has a row for everything that is measured, filled or not.
    #[test]
    fn the_page_has_every_row() {
        let page = crate::process::workspace().join("docs/performance.md");
        let page = std::fs::read_to_string(page).expect("the page is there");
        for measurement in &MEASUREMENTS {
            for row in (measurement.rows)(&json!({})) {
                let begin = format!("| {} | {} |", row.what, row.target);
                assert!(page.contains(&begin), "docs/performance.md lacks {begin}");
            }
        }
    }
}
