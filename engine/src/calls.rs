//! Runs that wait for others: which they are, and which of them have news to hear of when an engine is opened.
//!
//! A run that waits for one it has called is parked, and a row says so. What happened to the called run while no engine
//! was there to tell is found by comparing the two, so that the many whose called runs simply go on are not read.

use nexus_log::{EventLog, ReadError, StreamId};
use nexus_model::id::RunId;
use nexus_projections::{RunRow, RunWord, Views};

use crate::engine::OpenError;
use crate::tables::{CALL, CALL_END, META, NAMES, read_call_row, read_name_row};

/// Rows read at a time.
const ROWS_MAX: usize = 1_000;

/// The parked runs that have to look at the runs they have called.
pub(crate) fn parents_to_drive(log: &dyn EventLog, views: &Views) -> Result<Vec<RunId>, OpenError> {
    parents(log, |parent, child| has_news(log, views, parent, child))
}

/// The runs that wait for others they have called, and of which that is true.
pub(crate) fn parents<E: From<ReadError>>(
    log: &dyn EventLog,
    is_meant: impl Fn(RunId, &str) -> Result<bool, E>,
) -> Result<Vec<RunId>, E> {
    let (mut found, mut next) = (Vec::new(), CALL.to_vec());
    loop {
        let rows = log.rows(META, &next, CALL_END, ROWS_MAX)?;
        let Some((last, _)) = rows.last() else { return Ok(found) };
        next = [last, &[0][..]].concat();
        for (parent, child) in rows.iter().filter_map(|(key, value)| read_call_row(key, value)) {
            if found.last() != Some(&parent) && is_meant(parent, &child)? {
                found.push(parent);
            }
        }
    }
}

/// Whether the called run is not there, has ended, or is paused when it should not be, or not when it should.
fn has_news(
    log: &dyn EventLog,
    views: &Views,
    parent: RunId,
    child: &str,
) -> Result<bool, OpenError> {
    let row = log.row(NAMES, child.as_bytes())?;
    let Some((child, _)) = row.and_then(|value| read_name_row(&value)) else { return Ok(true) };
    let (parent, child) = (views.run(StreamId(parent.0))?, views.run(StreamId(child.0))?);
    let is_paused = |row: &RunRow| row.status == RunWord::Paused;
    Ok(match (parent, child) {
        (Some(parent), Some(child)) => {
            child.status.is_terminal() || is_paused(&parent) || is_paused(&child)
        }
        _ => true,
    })
}
