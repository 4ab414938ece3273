//! The log alone: transitions handed over in groups of a fixed size.

use std::path::Path;
use std::time::{Duration, Instant};

use nexus_engine::log::{
    EventLog, FjallLog, Options as LogOptions, Outcome, Partition, Record, Records, Revision,
    StreamId, Submission, Transition,
};
use nexus_engine::tables::TABLES;

use tokio::task::block_in_place;

use super::latencies::Latencies;
use super::meter::{Done, Meter};
use super::{Failure, Options, Report};

/// Bytes of the records of a transition.
const RECORD_BYTES: usize = 240;

/// Appends groups of `concurrency` transitions each, one group at a time. Needs a runtime of several threads, as it blocks its own.
///
/// # Errors
/// If the store cannot be opened or refuses.
pub async fn append(options: &Options) -> Result<Report, Failure> {
    let mut meter = Meter::new(options)?;
    let log = meter.open(|| open_log(&options.folder))?;
    let mut next = 0;
    let mut groups = |time| block_in_place(|| round(&log, options, &mut next, time));
    meter.warm(async { groups(options.time / 4) }).await?;
    for _ in 0..options.rounds {
        meter.round(async { groups(options.time) }).await?;
    }
    log.close();
    drop(log);
    let mut report = meter.report("append", "transitions")?;
    report.latency_of = "group";
    Ok(report)
}

fn round(
    log: &FjallLog,
    options: &Options,
    next: &mut usize,
    time: Duration,
) -> Result<Done, Failure> {
    let (mut latencies, mut took) = (Latencies::default(), Duration::ZERO);
    while options.runs.map_or_else(|| took < time, |runs| latencies.len() < runs) {
        *next += 1;
        let spent = append_group(log, options.concurrency, *next)?;
        latencies.add(spent);
        took += spent;
    }
    let units = (latencies.len() * options.concurrency) as u64;
    // What making the transitions took is the load's, not the log's.
    Ok(Done { units, latencies, took: Some(took) })
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
    if outcomes.len() != count
        || !outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_)))
    {
        return Err(format!("refused: {outcomes:?}").into());
    }
    Ok(took)
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
