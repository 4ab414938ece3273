//! The meter: measures rounds of work, each followed by the disk's own with the same bytes in groups of the same size.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bare::{Bare, compact};
use super::gauges::{Usage, disk_bytes, rss_bytes, rss_peak_bytes};
use super::groups::{Counted, GroupShape, Groups};
use super::latencies::{Latencies, Spread};
use super::raw::Raw;
use super::report::Report;
use super::{Failure, Options, float};

/// How long each part of a baseline is measured after a round, at least.
const BASELINE: Duration = Duration::from_millis(400);
/// Bare fjall is measured for as long as the round took, so that its flushes and compactions weigh as much, but no longer than this.
const BARE_MAX: Duration = Duration::from_secs(10);
/// What a step that completes alone and has the next one begin puts into a journal.
const STEP_ALONE: GroupShape = GroupShape { transitions: 1, frame_bytes: 340 };

/// What a round has done.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Units of work that were completed and checked.
    pub(super) units: u64,
    /// What the operations took.
    pub(super) latencies: Latencies,
    /// How long it took, if not all of the time that passed counts.
    pub(super) took: Option<Duration>,
}

impl Done {
    /// Adds what was done at the same time, or after it; all of the time that passed counts.
    pub(super) fn add(&mut self, other: &Self) {
        self.units += other.units;
        self.latencies.extend(&other.latencies);
    }
}

/// The disk with the same bytes, in the units of a round.
#[derive(Clone, Copy, Debug)]
struct Disk {
    sparse: f64,
    appended: f64,
    bare: f64,
}

/// A round that was measured.
struct Round {
    units: u64,
    per_second: f64,
    usage: Usage,
    groups: Counted,
    disk: Option<Disk>,
    sync_us: f64,
}

/// Measures rounds.
pub(super) struct Meter {
    groups: Arc<Groups>,
    raw_folder: std::path::PathBuf,
    bare: Bare,
    store: std::path::PathBuf,
    options: Options,
    rounds: Vec<Round>,
    latencies: Latencies,
    began: Usage,
    /// What baselines used.
    apart: Usage,
    /// Units of all that was done, also of what does not count.
    units: u64,
    /// Units that the store holds, if rounds write none.
    held: Option<u64>,
    /// Resident memory after the first round, before a baseline took any, and the most until then.
    resident: Option<(u64, u64)>,
}

impl Meter {
    /// Makes a meter for a store in the folder of `options`.
    pub(super) fn new(options: &Options) -> Result<Self, Failure> {
        Ok(Self {
            groups: Arc::default(),
            raw_folder: options.folder.clone(),
            bare: Bare::new(&options.folder)?,
            store: options.folder.join("store"),
            options: options.clone(),
            rounds: Vec::new(),
            latencies: Latencies::default(),
            began: Usage::now(),
            apart: Usage::default(),
            units: 0,
            held: None,
            resident: None,
        })
    }

    /// Opens what is measured; the log in it is watched.
    pub(super) fn open<T>(&self, open: impl FnOnce() -> T) -> T {
        self.groups.watch(open)
    }

    /// The groups that the log has committed.
    pub(super) fn groups(&self) -> Counted {
        self.groups.now()
    }

    /// Units completed a second: the median of the rounds so far.
    pub(super) fn median_per_second(&self) -> f64 {
        Spread::of(self.rounds.iter().map(|round| round.per_second)).median
    }

    /// How many runs of so many steps were completed, in rounds that count or not.
    pub(super) fn completed_runs(&self, steps: u32) -> u64 {
        self.units / u64::from(steps)
    }

    /// Carries out a round that does not count, so that what is made at the first time is there.
    pub(super) async fn warm(
        &mut self,
        work: impl Future<Output = Result<Done, Failure>>,
    ) -> Result<(), Failure> {
        self.units += work.await?.units;
        Ok(())
    }

    /// Takes note of work that was done outside of rounds: its bytes are among those that are written.
    pub(super) fn besides(&mut self, units: u64) {
        self.units += units;
    }

    /// What was written until now is there to be read in rounds, which write nothing: it is no work of theirs. The store holds so
    /// many units, however often they are read.
    pub(super) fn only_reads(&mut self, held: u64) {
        (self.began, self.apart) = (Usage::now(), Usage::default());
        self.held = Some(held);
    }

    /// Carries out and measures a round, then has the disk do the same.
    pub(super) async fn round(
        &mut self,
        work: impl Future<Output = Result<Done, Failure>>,
    ) -> Result<(), Failure> {
        let (groups, usage, began) = (self.groups.now(), Usage::now(), Instant::now());
        let done = work.await?;
        let took = done.took.unwrap_or_else(|| began.elapsed());
        let usage = Usage::now().since(&usage);
        let groups = self.groups.now().since(&groups);
        self.resident.get_or_insert_with(|| (rss_bytes(), rss_peak_bytes()));
        let before = Usage::now();
        let (disk, sync_us) = self.disk(&groups, done.units, took)?;
        self.apart.add(&Usage::now().since(&before));
        self.latencies.extend(&done.latencies);
        self.units += done.units;
        self.rounds.push(Round {
            units: done.units,
            per_second: float(done.units) / took.as_secs_f64(),
            usage,
            groups,
            disk,
            sync_us,
        });
        Ok(())
    }

    /// What the disk does with groups of the same size as in a round, in units a second; and how long it takes for one step, in
    /// microseconds.
    fn disk(
        &mut self,
        groups: &Counted,
        units: u64,
        round: Duration,
    ) -> Result<(Option<Disk>, f64), Failure> {
        let mut raw = Raw::new(&self.raw_folder)?;
        let alone = raw.groups_per_second(STEP_ALONE.journal_bytes(), BASELINE / 2)?;
        let Some(shape) = groups.shape() else { return Ok((None, 1e6 / alone)) };
        let units_per_group = float(units) / float(groups.groups());
        let bytes = shape.journal_bytes();
        let sparse = raw.groups_per_second(bytes, BASELINE)?;
        raw.append_only()?;
        let appended = raw.groups_per_second(bytes, BASELINE)?;
        let bare = self.bare.groups_per_second(shape, round.clamp(BASELINE, BARE_MAX))?;
        let disk = Disk {
            sparse: sparse * units_per_group,
            appended: appended * units_per_group,
            bare: bare * units_per_group,
        };
        Ok((Some(disk), 1e6 / alone))
    }

    /// What was measured. The store has to be closed: it is compacted.
    pub(super) fn report(mut self, workload: &str, unit: &'static str) -> Result<Report, Failure> {
        let used = Usage::now().since(&self.began).since(&self.apart);
        let now = || (rss_bytes(), rss_peak_bytes());
        let (rss_bytes, rss_peak_bytes) = self.resident.unwrap_or_else(now);
        let disk_bytes_closed = disk_bytes(&self.store, |_| true);
        for database in ["log", "views"] {
            let folder = self.store.join(database);
            if folder.exists() {
                compact(&folder)?;
            }
        }
        let tables = disk_bytes(&self.store, is_no_journal);
        let (groups, usage, units) = self.sums();
        let (counted, all) = (float(units.max(1)), float(self.units.max(1)));
        let per_second = Spread::of(self.rounds.iter().map(|round| round.per_second));
        let mut report = Report {
            kind: "bench/v1",
            workload: workload.to_owned(),
            concurrency: self.options.concurrency,
            rounds: self.rounds.len(),
            unit,
            units: units / self.rounds.len().max(1) as u64,
            steps_per_second: per_second.median,
            steps_per_second_min: per_second.min,
            steps_per_second_max: per_second.max,
            p50_us: self.latencies.at_us(500),
            p99_us: self.latencies.at_us(990),
            p999_us: self.latencies.at_us(999),
            latencies: self.latencies.len(),
            cpu_us_per_step: usage.cpu.as_secs_f64() * 1e6 / counted,
            allocations_per_step: usage.allocations.map(|count| float(count) / counted),
            rss_bytes,
            rss_peak_bytes,
            event_bytes_per_step: float(groups.bytes) / counted,
            written_bytes_per_step: float(used.written) / all,
            device_bytes_per_step: float(used.device) / all,
            disk_bytes: disk_bytes_closed,
            disk_bytes_per_step: float(tables) / self.held.map_or(all, |held| float(held.max(1))),
            groups: groups.groups(),
            group_mean: groups.mean(),
            group_p50: groups.at(500),
            group_max: groups.at(1000),
            syncs_per_step: float(groups.groups()) / counted,
            raw_sync_us: Spread::of(self.rounds.iter().map(|round| round.sync_us)).median,
            ..Report::default()
        };
        if groups.bytes > 0 {
            report.written_per_event_byte =
                report.written_bytes_per_step / report.event_bytes_per_step;
        }
        self.compare(&mut report);
        Ok(report)
    }

    fn sums(&self) -> (Counted, Usage, u64) {
        let (mut groups, mut usage) = (Counted::default(), Usage::default());
        for round in &self.rounds {
            groups.add(&round.groups);
            usage.add(&round.usage);
        }
        (groups, usage, self.rounds.iter().map(|round| round.units).sum())
    }

    /// Each round beside the disk right after it.
    fn compare(&self, report: &mut Report) {
        let pairs: Vec<(f64, Disk)> =
            self.rounds.iter().filter_map(|round| Some((round.per_second, round.disk?))).collect();
        if pairs.is_empty() {
            return;
        }
        let disks = |of: fn(&Disk) -> f64| Spread::of(pairs.iter().map(|(_, disk)| of(disk)));
        let ratios =
            |of: fn(&Disk) -> f64| Spread::of(pairs.iter().map(|(ours, disk)| ours / of(disk)));
        report.raw_per_second = Some(disks(|disk| disk.sparse).median);
        report.raw_appended_per_second = Some(disks(|disk| disk.appended).median);
        report.bare_per_second = Some(disks(|disk| disk.bare).median);
        let (raw, bare) = (ratios(|disk| disk.sparse), ratios(|disk| disk.bare));
        report.ratio_to_raw = Some(raw.median);
        (report.ratio_to_raw_min, report.ratio_to_raw_max) = (Some(raw.min), Some(raw.max));
        report.ratio_to_raw_appended = Some(ratios(|disk| disk.appended).median);
        report.ratio_to_bare = Some(bare.median);
        (report.ratio_to_bare_min, report.ratio_to_bare_max) = (Some(bare.min), Some(bare.max));
    }
}

/// Whether a file counts once everything is in tables.
fn is_no_journal(path: &Path) -> bool {
    path.extension().is_none_or(|extension| extension != "jnl")
}
