//! The log alone: transitions handed over in groups of a fixed size, beside the raw disk with the same bytes.

use std::path::Path;
use std::time::{Duration, Instant};

use nexus_engine::log::{
    EventLog, FjallLog, Options as LogOptions, Outcome, Partition, Record, Records, Revision,
    StreamId, Submission, Transition,
};
use nexus_engine::tables::TABLES;

use super::measure::{Latencies, Round, cpu_time, disk_bytes, spread};
use super::raw::Raw;
use super::{Failure, Options, Report};

/// Bytes of the records of a transition.
const RECORD_BYTES: usize = 240;

/// Appends `count` groups of `concurrency` transitions each, one group at a time; raw rounds of the same bytes alternate.
///
/// # Errors
/// If the store cannot be opened or refuses.
pub fn append(options: &Options) -> Result<Report, Failure> {
    let log = open_log(&options.folder)?;
    let mut raw_file = Raw::new(&options.folder)?;
    let group = vec![0x5a; group_bytes(options.concurrency)];
    let (mut rounds, mut raw) = (Vec::new(), Vec::new());
    for at in 0..options.rounds {
        raw.push(raw_round(&mut raw_file, &group, options)?);
        rounds.push(round(&log, options, at)?);
    }
    let mut report = Round::report(&rounds, "append".into(), "transitions");
    report.concurrency = options.concurrency;
    report.raw_per_second = spread(&raw).1;
    report.ratio_to_raw = report.per_second / report.raw_per_second;
    report.ratio_means = "transitions a second over the same bytes written and synced raw";
    log.close();
    report.disk_bytes = disk_bytes(&options.folder.join("store"));
    Ok(report)
}

/// Opens a log in `folder`.
///
/// # Errors
/// If it cannot be opened.
pub fn open_log(folder: &Path) -> Result<FjallLog, Failure> {
    Ok(FjallLog::open(&folder.join("store"), LogOptions::new(TABLES))?)
}

/// Bytes of a group of `count` transitions.
pub fn group_bytes(count: usize) -> usize {
    transitions(count, 0).iter().map(Transition::bytes).sum()
}

/// Appends one group of `count` transitions of new streams, told apart by `group`; returns how long it took.
///
/// # Errors
/// If the log refuses.
pub fn append_group(log: &FjallLog, count: usize, group: usize) -> Result<Duration, Failure> {
    let transitions = transitions(count, group);
    let bytes = transitions.iter().map(Transition::bytes).sum();
    let permit = log.permits().try_acquire(bytes).ok_or("no permit")?;
    let began = Instant::now();
    let outcomes =
        log.append(Submission { partition: Partition(0), transitions, permit }).wait()?;
    let took = began.elapsed();
    if !outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))) {
        return Err(format!("refused: {outcomes:?}").into());
    }
    Ok(took)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn raw_round(raw: &mut Raw, group: &[u8], options: &Options) -> Result<f64, Failure> {
    let began = Instant::now();
    for _ in 0..options.count {
        raw.group(group)?;
    }
    Ok((options.count * options.concurrency) as f64 / began.elapsed().as_secs_f64())
}

fn round(log: &FjallLog, options: &Options, round: usize) -> Result<Round, Failure> {
    let (mut latencies, mut took, cpu) = (Latencies::default(), Duration::ZERO, cpu_time());
    for at in 0..options.count {
        let transitions = transitions(options.concurrency, round * options.count + at);
        let bytes = transitions.iter().map(Transition::bytes).sum();
        let permit = log.permits().try_acquire(bytes).ok_or("no permit")?;
        let began = Instant::now();
        let outcomes =
            log.append(Submission { partition: Partition(0), transitions, permit }).wait()?;
        latencies.add(began.elapsed());
        took += began.elapsed();
        if !outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))) {
            return Err(format!("refused: {outcomes:?}").into());
        }
    }
    let units = (options.count * options.concurrency) as u64;
    Ok(Round { units, took, cpu: cpu_time().saturating_sub(cpu), latencies })
}

fn transitions(count: usize, group: usize) -> Vec<Transition> {
    let one = |at: usize| {
        let mut records = Records::new();
        let body = [0x33; RECORD_BYTES];
        records.push(Record { kind: 1, version: 1, flags: 0, body: &body });
        let mut stream = [0; 16];
        let (high, low) = stream.split_at_mut(8);
        high.copy_from_slice(&(group as u64).to_be_bytes());
        low.copy_from_slice(&(at as u64).to_be_bytes());
        Transition {
            stream: StreamId(stream),
            expected: Revision(0),
            time_us: 0,
            records,
            rows: Vec::new(),
            payloads: Vec::new(),
        }
    };
    (0..count).map(one).collect()
}
