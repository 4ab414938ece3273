//! Questions about runs.

use std::iter::Peekable;
use std::ops::Bound;

use nexus_log::StreamId;
use nexus_model::id::RunId;
use nexus_model::time::Timestamp;

use super::record::{Doing, RunRecord};
use super::row::{RunRow, RunWord, word};
use super::waiting_items::WaitsFor;
use super::{Ending, Standing, mark, mark_key};
use crate::ViewsError;
use crate::store::{Rows, RowsIter, Table};

/// Which runs to list. The default asks for the newest hundred.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a filter of its own")]
pub struct RunFilter {
    /// Only of this workflow.
    pub workflow: Option<String>,
    /// Only in one of these; empty: in any.
    pub statuses: Vec<RunWord>,
    /// Only with all of these labels.
    pub labels: Vec<(String, String)>,
    /// Only started at this time or later.
    pub started_after: Option<Timestamp>,
    /// Only started before this time.
    pub started_before: Option<Timestamp>,
    /// Only waiting or retrying.
    pub waiting_only: bool,
    /// Only with a step that waits for a signal.
    pub awaits_signal: bool,
    /// Only with a step that waits for an update.
    pub awaits_update: bool,
    /// Only those that wait for a slot of a limit, or with a step or an item that does.
    pub awaits_slot: bool,
    /// Only with a step or an item that waits for its circuit breaker.
    pub awaits_breaker: bool,
    /// Only with a step that waits for the decision of a person.
    pub awaits_approval: bool,
    /// Only with a name that begins so.
    pub name_prefix: Option<String>,
    /// How many at most.
    pub limit: usize,
    /// Only older than this run: [`RunPage::next`] of the page before.
    pub after_cursor: Option<RunId>,
}

impl Default for RunFilter {
    fn default() -> Self {
        Self {
            workflow: None,
            statuses: Vec::new(),
            labels: Vec::new(),
            started_after: None,
            started_before: None,
            waiting_only: false,
            awaits_signal: false,
            awaits_update: false,
            awaits_slot: false,
            awaits_breaker: false,
            awaits_approval: false,
            name_prefix: None,
            limit: 100,
            after_cursor: None,
        }
    }
}

/// A page of runs, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunPage {
    /// The runs.
    pub rows: Vec<RunRow>,
    /// The cursor of the next page; `None`: there is none.
    pub next: Option<RunId>,
}

/// A run, by id.
pub(crate) fn find(rows: &dyn Rows, stream: StreamId) -> Result<Option<RunRow>, ViewsError> {
    let Some(value) = rows.get(Table::Runs, &stream.0)? else { return Ok(None) };
    Ok(Some(RunRow::new(stream, decode(&value)?)))
}

/// A run, by name.
pub(crate) fn find_by_name(rows: &dyn Rows, name: &str) -> Result<Option<RunRow>, ViewsError> {
    let Some(value) = rows.get(Table::Names, name.as_bytes())? else { return Ok(None) };
    find(rows, stream(&value)?)
}

/// A page of runs.
pub(crate) fn list(rows: &dyn Rows, filter: &RunFilter) -> Result<RunPage, ViewsError> {
    let mut page = RunPage::default();
    for candidate in candidates(rows, filter) {
        let (stream, record) = candidate?;
        if filter.is_past(stream) {
            break;
        }
        if !filter.admits(&record) {
            continue;
        }
        if page.rows.len() >= filter.limit {
            page.next = page.rows.last().map(|row| row.run);
            break;
        }
        page.rows.push(RunRow::new(stream, record));
    }
    Ok(page)
}

impl RunFilter {
    /// Runs that stand so, with the same status for all that matters here.
    fn wants(&self, status: RunWord) -> bool {
        let is_waiting = matches!(status, RunWord::Waiting | RunWord::Retrying | RunWord::Queued);
        (self.statuses.is_empty() || self.statuses.contains(&status))
            && (!self.waiting_only || is_waiting)
    }

    fn admits(&self, record: &RunRecord) -> bool {
        let started_at = Timestamp(record.started_at);
        self.workflow.as_ref().is_none_or(|workflow| *workflow == record.workflow)
            && self.name_prefix.as_ref().is_none_or(|prefix| record.name.starts_with(prefix))
            && self.started_after.is_none_or(|after| started_at >= after)
            && self.started_before.is_none_or(|before| started_at < before)
            && self.wants(word(record))
            && (!self.awaits_signal || record.does(Doing::AwaitingSignal))
            && (!self.awaits_update || record.does(Doing::AwaitingUpdate))
            && (!self.awaits_slot || awaits_slot(record))
            && (!self.awaits_breaker || awaits_breaker(record))
            && (!self.awaits_approval || record.does(Doing::AwaitingApproval))
            && self.labels.iter().all(|label| record.labels.contains(label))
    }

    /// Whether all runs from `stream` on are too old: ids are made when a run starts, give or take a clock's error.
    fn is_past(&self, stream: StreamId) -> bool {
        const ERROR_MS: u64 = 24 * 60 * 60 * 1000;
        match (self.started_after, id_ms(stream)) {
            (Some(after), Some(ms)) => ms.saturating_add(ERROR_MS) < after.as_ms(),
            (Some(_) | None, None) | (None, Some(_)) => false,
        }
    }
}

fn awaits_slot(record: &RunRecord) -> bool {
    record.is_queued || record.does(Doing::Queued) || record.items.wait_for(WaitsFor::Slot)
}

fn awaits_breaker(record: &RunRecord) -> bool {
    record.does(Doing::AwaitingBreaker) || record.items.wait_for(WaitsFor::Breaker)
}

/// When an id was made, in milliseconds since the Unix epoch, if it is a `UUIDv7`.
fn id_ms(stream: StreamId) -> Option<u64> {
    let [m0, m1, m2, m3, m4, m5, version, ..] = stream.0;
    (version >> 4 == 7).then(|| u64::from_be_bytes([0, 0, m0, m1, m2, m3, m4, m5]))
}

type Candidate = Result<(StreamId, RunRecord), ViewsError>;

/// The runs that could be wanted, newest first.
fn candidates<'a>(
    rows: &'a dyn Rows,
    filter: &RunFilter,
) -> Box<dyn Iterator<Item = Candidate> + 'a> {
    if filter.wants(RunWord::Completed) {
        let cursor = filter.after_cursor.map(|run| run.0);
        let to = cursor.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_slice()));
        let runs = rows.range(Table::Runs, Bound::Unbounded, to).rev();
        return Box::new(runs.map(|row| {
            let (key, value) = row?;
            Ok((stream(&key)?, decode(&value)?))
        }));
    }
    Box::new(Marked::new(rows, filter).map(move |stream| {
        let stream = stream?;
        let value = rows.get(Table::Runs, &stream.0)?.ok_or(ViewsError::Row { view: "runs" })?;
        Ok((stream, decode(&value)?))
    }))
}

/// Runs with certain marks, newest first.
struct Marked<'a>(Vec<Peekable<std::iter::Rev<RowsIter<'a>>>>);

impl<'a> Marked<'a> {
    fn new(rows: &'a dyn Rows, filter: &RunFilter) -> Self {
        let end = filter.after_cursor.map(|run| StreamId(run.0));
        let ranges = marks(filter).into_iter().map(|mark| {
            let from = mark_key(mark, StreamId([0; 16]));
            let to = end.map_or_else(|| vec![mark + 1], |end| mark_key(mark, end));
            rows.range(Table::Marks, Bound::Included(&from), Bound::Excluded(&to)).rev().peekable()
        });
        Self(ranges.collect())
    }
}

impl Iterator for Marked<'_> {
    type Item = Result<StreamId, ViewsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut newest: Option<(usize, Option<StreamId>)> = None;
        for (at, range) in self.0.iter_mut().enumerate() {
            let Some(row) = range.peek() else { continue };
            let stream = row.as_ref().ok().and_then(|(key, _)| marked_stream(key));
            // A row that cannot be read comes first, so that it is not overlooked.
            if stream.is_none() || newest.is_none_or(|(_, best)| best.is_some() && stream > best) {
                newest = Some((at, stream));
            }
        }
        let row = self.0.get_mut(newest?.0)?.next()?;
        Some(row.and_then(|(key, _)| marked_stream(&key).ok_or(ViewsError::Row { view: "runs" })))
    }
}

fn marks(filter: &RunFilter) -> Vec<u8> {
    let is_open = |status: &RunWord| !status.is_terminal();
    let open = RunWord::ALL.iter().filter(|status| is_open(status)).any(|word| filter.wants(*word));
    let failed = filter.wants(RunWord::Failed).then_some(Some(Ending::Failed));
    let cancelled = filter.wants(RunWord::Cancelled).then_some(Some(Ending::Cancelled));
    let endings = [open.then_some(None), failed, cancelled];
    let standing = |ending| Standing { ending, is_parked: false };
    endings.into_iter().flatten().filter_map(|ending| mark(standing(ending))).collect()
}

fn marked_stream(key: &[u8]) -> Option<StreamId> {
    Some(StreamId(key.get(1..)?.try_into().ok()?))
}

fn stream(key: &[u8]) -> Result<StreamId, ViewsError> {
    key.try_into().map(StreamId).map_err(|_| ViewsError::Row { view: "runs" })
}

fn decode(value: &[u8]) -> Result<RunRecord, ViewsError> {
    RunRecord::decode(value).ok_or(ViewsError::Row { view: "runs" })
}
