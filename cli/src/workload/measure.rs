//! Counting and timing.

use std::time::Duration;

use super::Report;

/// Latencies of many operations.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, took: Duration) {
        self.0.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    /// The value that `permille` of 1000 operations stay below, in microseconds.
    #[expect(
        clippy::cast_precision_loss,
        reason = "nanoseconds of an operation stay far below 2^52"
    )]
    pub fn at_us(&mut self, permille: usize) -> f64 {
        self.0.sort_unstable();
        let at = (self.0.len() * permille / 1000).min(self.0.len().saturating_sub(1));
        self.0.get(at).map_or(0.0, |nanos| *nanos as f64 / 1000.0)
    }
}

/// Smallest, median and largest of some values.
pub(super) fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    (at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1)))
}

/// One round of a workload.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    pub(super) units: u64,
    pub(super) took: Duration,
    pub(super) cpu: Duration,
    pub(super) latencies: Latencies,
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
impl Round {
    pub(super) fn per_second(&self) -> f64 {
        self.units as f64 / self.took.as_secs_f64()
    }

    /// Puts rounds together.
    pub(super) fn report(rounds: &[Self], workload: String, unit: &'static str) -> Report {
        let (min, median, max) = spread(&rounds.iter().map(Self::per_second).collect::<Vec<_>>());
        let mut all = Latencies::default();
        for round in rounds {
            all.extend(&round.latencies);
        }
        let units: u64 = rounds.iter().map(|round| round.units).sum();
        let cpu: Duration = rounds.iter().map(|round| round.cpu).sum();
        Report {
            kind: "bench/v1",
            workload,
            rounds: rounds.len(),
            units: units / rounds.len().max(1) as u64,
            unit,
            per_second: median,
            per_second_min: min,
            per_second_max: max,
            p50_us: all.at_us(500),
            p99_us: all.at_us(990),
            p999_us: all.at_us(999),
            rss_bytes: rss_bytes(),
            cpu_us_per_unit: cpu.as_secs_f64() * 1e6 / units.max(1) as f64,
            ..Report::default()
        }
    }
}

/// Processor time of this process, user and system.
pub(super) fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: u64 =
        after_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Resident memory of this process, in bytes.
pub fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Size of a folder with everything in it, in bytes as allocated on disk.
pub(super) fn disk_bytes(folder: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => disk_bytes(&entry.path()),
        Ok(data) => data.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
