//! What was measured, as numbers with names and as lines for people.

use serde::Serialize;
use serde_json::{Map, Value};

/// What was measured. Rates are medians over the rounds; what is spent is spent over all rounds; latencies are of all of them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// `bench/v1`.
    pub kind: &'static str,
    /// The workload.
    pub workload: String,
    /// Runs under way at one time, transitions in a group, or runs that may be open.
    pub concurrency: usize,
    /// Rounds measured.
    pub rounds: usize,
    /// What a step stands for in the names below.
    pub unit: &'static str,
    /// Units completed in a round, on average.
    pub units: u64,
    /// Units completed a second: median.
    pub steps_per_second: f64,
    /// Units completed a second: slowest round.
    pub steps_per_second_min: f64,
    /// Units completed a second: fastest round.
    pub steps_per_second_max: f64,
    /// What the latencies are of.
    pub latency_of: &'static str,
    /// How many latencies there are.
    pub latencies: usize,
    /// Half were faster, microseconds.
    pub p50_us: f64,
    /// 99 of 100 were faster.
    pub p99_us: f64,
    /// 999 of 1000 were faster.
    pub p999_us: f64,
    /// Processor time of the whole process, load included.
    pub cpu_us_per_step: f64,
    /// Allocations, if this build counts them.
    pub allocations_per_step: Option<f64>,
    /// Resident memory after the first round, before a baseline took any.
    pub rss_bytes: u64,
    /// The most resident memory until then.
    pub rss_peak_bytes: u64,
    /// Bytes of events, in their frames.
    pub event_bytes_per_step: f64,
    /// Bytes handed to the system to be written, by everything: journal, tables, views.
    pub written_bytes_per_step: f64,
    /// The same as a ratio to the bytes of events.
    pub written_per_event_byte: f64,
    /// Bytes that went to the device, in whole pages.
    pub device_bytes_per_step: f64,
    /// Size of the store when it was closed.
    pub disk_bytes: u64,
    /// Size of the tables after compaction.
    pub disk_bytes_per_step: f64,
    /// Groups committed, in all rounds.
    pub groups: u64,
    /// Transitions of a group, on average.
    pub group_mean: f64,
    /// Transitions of a group: half have at most so many.
    pub group_p50: u64,
    /// Transitions of the largest group.
    pub group_max: u64,
    /// Groups, each synced once, for a unit.
    pub syncs_per_step: f64,
    /// One `write` and one `fdatasync` of the journal's bytes of one step.
    pub raw_sync_us: f64,
    /// What the raw disk does with the same bytes and groups, in a sparse file as a new journal is.
    pub raw_per_second: Option<f64>,
    /// The same in a file that grows, as the journal of a store that was opened again does.
    pub raw_appended_per_second: Option<f64>,
    /// What bare fjall does with the same bytes and groups.
    pub bare_per_second: Option<f64>,
    /// Each round over the raw disk right after it: median.
    pub ratio_to_raw: Option<f64>,
    /// The least.
    pub ratio_to_raw_min: Option<f64>,
    /// The greatest.
    pub ratio_to_raw_max: Option<f64>,
    /// Each round over the raw disk in a file that grows: median.
    pub ratio_to_raw_appended: Option<f64>,
    /// Each round over bare fjall right after it: median.
    pub ratio_to_bare: Option<f64>,
    /// The least.
    pub ratio_to_bare_min: Option<f64>,
    /// The greatest.
    pub ratio_to_bare_max: Option<f64>,
    /// What only this workload measures.
    #[serde(flatten)]
    pub more: Map<String, Value>,
    /// The same for people.
    #[serde(skip)]
    pub said: Vec<String>,
}

impl Report {
    /// A report of a workload that has only values of its own.
    pub(super) fn apart(workload: &str, more: Value) -> Value {
        let mut all = Map::new();
        all.insert("kind".into(), "bench/v1".into());
        all.insert("workload".into(), workload.into());
        if let Value::Object(more) = more {
            all.extend(more);
        }
        Value::Object(all)
    }

    /// Adds a value that only this workload measures.
    pub(super) fn also(&mut self, name: &str, value: impl Into<Value>) {
        self.more.insert(name.to_owned(), value.into());
    }

    /// The report for people.
    pub fn lines(&self) -> Vec<String> {
        let Self { workload, concurrency, unit, rounds, .. } = self;
        let mut lines = vec![format!(
            "{workload} at {concurrency}: {:.0} {unit}/s (median of {rounds}, {:.0} to {:.0})",
            self.steps_per_second, self.steps_per_second_min, self.steps_per_second_max,
        )];
        if self.latencies > 0 {
            lines.push(format!(
                "  {:<8} p50 {:.0} us, p99 {:.0} us, p99.9 {:.0} us",
                self.latency_of, self.p50_us, self.p99_us, self.p999_us
            ));
        }
        lines.extend(self.compared());
        let allocations = self.allocations_per_step.map_or_else(
            || "allocations not counted".to_owned(),
            |count| format!("{count:.1} allocations"),
        );
        lines.push(format!(
            "  spent    {:.1} us of processor time and {allocations} a step; {:.1} MB resident, {:.1} MB at most",
            self.cpu_us_per_step,
            megabytes(self.rss_bytes),
            megabytes(self.rss_peak_bytes),
        ));
        if self.groups > 0 {
            lines.push(format!(
                "  groups   {} of {:.1} transitions (half at most {}, the largest {}); {:.4} syncs a step",
                self.groups, self.group_mean, self.group_p50, self.group_max, self.syncs_per_step,
            ));
        }
        lines.push(format!(
            "  disk     {:.0} B of events a step, {:.0} B written ({:.2} of it), {:.0} B to the device; {:.0} B in tables; {:.1} MB in all",
            self.event_bytes_per_step,
            self.written_bytes_per_step,
            self.written_per_event_byte,
            self.device_bytes_per_step,
            self.disk_bytes_per_step,
            megabytes(self.disk_bytes),
        ));
        lines.extend(self.said.iter().map(|line| format!("  {line}")));
        lines
    }

    fn compared(&self) -> Vec<String> {
        let mut lines =
            vec![format!("  one sync {:.0} us raw, of the bytes of one step", self.raw_sync_us)];
        if let (Some(raw), Some(appended), Some(bare)) =
            (self.raw_per_second, self.raw_appended_per_second, self.bare_per_second)
        {
            let ratio = |ratio: Option<f64>| ratio.unwrap_or(0.0);
            lines.push(format!(
                "  raw      {raw:.0}/s with the same bytes and groups ({appended:.0}/s appended): ratio {:.3} ({:.3} to {:.3}; {:.3} appended)",
                ratio(self.ratio_to_raw),
                ratio(self.ratio_to_raw_min),
                ratio(self.ratio_to_raw_max),
                ratio(self.ratio_to_raw_appended),
            ));
            lines.push(format!(
                "  fjall    {bare:.0}/s bare: ratio {:.3} ({:.3} to {:.3})",
                ratio(self.ratio_to_bare),
                ratio(self.ratio_to_bare_min),
                ratio(self.ratio_to_bare_max),
            ));
        }
        lines
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes are shown with one digit")]
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
